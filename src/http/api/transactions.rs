//! Transactions and quotes.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use serde::Deserialize;
use serde_json::json;

use super::{answered, explain, found};
use crate::domain::account::{AccountKey, Balance};
use crate::domain::command::{Action, Command, Kind};
use crate::domain::decide::{Context, decide_quote};
use crate::domain::ids::{PartyId, Reference, ShardId, TransactionId};
use crate::domain::ledger::{Ledger, NamedBy, ReferenceKey};
use crate::domain::rejection::Rejection;
use crate::domain::terms::{Coalition, PartyKind};
use crate::engine::{Submission, Work};
use crate::http::app::{App, read};
use crate::http::caller::{Either, Signed, must_have_key};
use crate::http::problem::Problem;
use crate::http::wire::transactions::{command_of, receipt_of};
use crate::http::wire::{Reader, fingerprint, no_card_number, read_object};
use crate::store::names::key_hash;
use crate::store::{members, views};

/// Posts one transaction.
pub async fn post(call: Signed, app: Data<App>) -> Result<HttpResponse, Problem> {
    let key = must_have_key(call.idempotency_key.as_ref())?;
    let value = read_object(&call.body)?;
    let submission = submission_of(&app, &call, key, &value)?;
    Ok(answered(&app.engine.submit(submission).await?))
}

/// Reads a transaction of a party into what the engine takes.
pub fn submission_of(
    app: &App,
    call: &Signed,
    key: &str,
    value: &serde_json::Value,
) -> Result<Submission, Problem> {
    let timeline = app.engine.timeline();
    let reader = Reader { coalition: timeline.latest(), now: app.now() };
    let command = command_of(reader, &call.party, value, app.engine.clock().follows())?;
    must_fit_role(reader.coalition, &command)?;
    Ok(Submission {
        party: call.party.clone(),
        signed_by: Some(call.signed_by.clone()),
        key: key_hash(call.party.as_str(), key),
        fingerprint: fingerprint("transaction", value),
        work: Work::Post(Box::new(command)),
    })
}

/// Refuses what a service centre does not post: receipts, and grants beside the limits under which it
/// compensates.
fn must_fit_role(coalition: &Coalition, command: &Command) -> Result<(), Problem> {
    let kind = coalition.parties.get(&command.party).map(|party| party.kind);
    if kind != Some(PartyKind::ServiceCentre) {
        return Ok(());
    }
    let limited = |programme| {
        let agreement = coalition.agreement(programme, &command.party);
        agreement.is_some_and(|agreement| agreement.compensation.is_some())
    };
    match &command.action {
        Action::Purchase { .. } | Action::CardPayment { .. } => {
            let detail = "a service centre compensates, and sells nothing here";
            Err(Problem::not_for_service_centres(detail))
        }
        Action::Grant { programme, .. } if limited(programme) => {
            let detail = "your agreement limits compensation; post it to /v1/compensations";
            Err(Problem::not_for_service_centres(detail))
        }
        _ => Ok(()),
    }
}

/// Answers a quote.
pub async fn quote(call: Signed, app: Data<App>) -> Result<HttpResponse, Problem> {
    must_have_key(call.idempotency_key.as_ref())?;
    let value = read_object(&call.body)?;
    let (now, coalition) = (app.now(), app.coalition());
    let receipt = receipt_of(Reader { coalition: &coalition, now }, &value)?;
    let named = NamedBy::new(&call.party, &receipt.member);
    let vault = std::sync::Arc::clone(app.engine.vault());
    let ledger = read(&app, move |database| {
        views::at_one_moment(database, |database| {
            let found = members::resolve(database, vault.names(), std::slice::from_ref(&named))?;
            let member = found.get(&named).copied();
            member.map(|member| Ok((member, views::accounts_of(database, member)?))).transpose()
        })
    });
    let (member, ledger) = ledger.await?.ok_or_else(|| Problem::from(&Rejection::UnknownMember))?;
    let key = AccountKey { member, programme: receipt.programme.clone() };
    let (account, balance) = balance_of(&ledger, &key, now);
    let id = TransactionId::new(ShardId(0), 0);
    let context = Context { coalition, now, id };
    let quote = decide_quote(&context, &call.party, &receipt, &account, &balance);
    let mut quote = quote.map_err(|rejection| Problem::from(&rejection))?;
    if ledger.unconfirmed.contains(&member) {
        quote = quote.without_burning();
    }
    let programme = &context.coalition.programmes[&receipt.programme];
    let (points, money) = (programme.scales.points, programme.scales.money);
    Ok(found(&json!({
        "programme": receipt.programme,
        "member": member,
        "max_burn": quote.max_burn.text(points),
        "max_burn_value": quote.max_burn_value.text(money),
        "discount": quote.discount.text(money),
        "to_pay_at_least": quote.to_pay_at_least.text(money),
        "would_earn": quote.would_earn.text(points),
        "tier": quote.tier,
        "available": balance.available.text(points),
        "pending": balance.pending.text(points),
        "debt": balance.debt.text(points),
    })))
}

/// An account of a ledger that was read, and its balance at an instant.
pub fn balance_of(
    ledger: &Ledger,
    key: &AccountKey,
    now: crate::domain::time::Instant,
) -> (crate::domain::account::Account, Balance) {
    let account = ledger.account(key);
    let holds: Vec<_> = ledger.holds_of(&account).collect();
    let balance = Balance::of(&account, &holds, now);
    (account, balance)
}

/// A transaction by id, in full.
pub async fn by_id(
    call: Either,
    app: Data<App>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id: TransactionId = id.parse().map_err(|_| Problem::not_found())?;
    view(&call, &app, id).await
}

/// Which transaction is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByReference {
    kind: Option<String>,
    r#ref: Option<Reference>,
    party: Option<PartyId>,
}

/// A transaction by the party's own reference, in full.
pub async fn by_reference(
    call: Either,
    app: Data<App>,
    query: Query<ByReference>,
) -> Result<HttpResponse, Problem> {
    let ByReference { kind, r#ref, party } = query.into_inner();
    let kind = kind.as_deref().and_then(Kind::named);
    let kind = kind.ok_or_else(|| Problem::invalid("/kind", "name a kind, such as purchase"))?;
    let reference = r#ref.ok_or_else(|| Problem::invalid("/ref", "name the reference"))?;
    no_card_number("/ref", reference.as_str())?;
    let party = match (&call, party) {
        (Either::Party(signed), None) => signed.party.clone(),
        (Either::Party(signed), Some(party)) if party == signed.party => party,
        (Either::Operator(_), Some(party)) => party,
        (Either::Operator(_), None) => {
            return Err(Problem::invalid("/party", "name the party whose reference it is"));
        }
        _ => return Err(Problem::not_found()),
    };
    let key = ReferenceKey { party, kind, reference };
    let id = read(&app, move |database| {
        let found = members::find_references(database, std::slice::from_ref(&key))?;
        Ok(found.get(&key).map(|(id, _)| *id))
    });
    let id = id.await?.ok_or_else(Problem::not_found)?;
    view(&call, &app, id).await
}

async fn view(call: &Either, app: &Data<App>, id: TransactionId) -> Result<HttpResponse, Problem> {
    let stored = read(app, move |database| views::transaction(database, id)).await?;
    let stored = stored.ok_or_else(Problem::not_found)?;
    let coalition = app.coalition();
    let viewer = explain::Viewer::of(call.party(), &coalition, &stored.transaction);
    if !viewer.may_see() {
        return Err(Problem::not_found());
    }
    Ok(found(&explain::full_view(&stored, &coalition, &viewer)))
}
