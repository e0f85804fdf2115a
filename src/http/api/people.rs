//! Profiles, consents, erasure and export of members.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{self, Data, Path};
use serde_json::{Value, json};

use super::acting::body_of;
use super::configuration::operator_owner;
use super::members::{named_by, of_member};
use super::people_views::{export_view, profile_view};
use super::{answered, found};
use crate::domain::ids::{MemberId, PartyId};
use crate::domain::member::MemberName;
use crate::domain::person::{Source, Stage};
use crate::domain::rejection::Rejection;
use crate::engine::{Answer, Keyed, Submission, Work};
use crate::http::app::App;
use crate::http::caller::{Either, must_have_key};
use crate::http::problem::Problem;
use crate::http::wire::{fingerprint, member_name, read_object};
use crate::people::profile::{Changing, change};
use crate::people::view::{Person, Sight, person};
use crate::store::consents::{self, ConsentRow};
use crate::store::names::key_hash;
use crate::store::persons::PersonRow;
use crate::store::{Database, StoreError, members, persons, ties};

/// Somebody who writes: the operator, or a party.
pub(super) struct Writing {
    /// The party; the operator's own where one of its people calls.
    pub party: PartyId,
    /// Under whose name keys are remembered.
    pub owner: String,
    /// The idempotency key.
    key: String,
}

impl Writing {
    /// Who calls; of the operator's people only operators.
    pub fn of(call: &Either, app: &App) -> Result<Self, Problem> {
        let (party, owner, key) = match call {
            Either::Operator(operated) => {
                operated.must_operate()?;
                let key = must_have_key(operated.idempotency_key.as_ref())?;
                (app.coalition().operator.clone(), operator_owner(operated), key)
            }
            Either::Party(signed) => {
                let key = must_have_key(signed.idempotency_key.as_ref())?;
                (signed.party.clone(), signed.party.to_string(), key)
            }
        };
        Ok(Self { party, owner, key: key.to_owned() })
    }

    /// The request, which is done once for its key.
    pub fn keyed(&self, what: &str, value: &Value) -> Keyed {
        Keyed { key: key_hash(&self.owner, &self.key), fingerprint: fingerprint(what, value) }
    }
}

/// How much a caller sees of a person: operators all, parties what is theirs.
fn sight(call: &Either, app: &App, person: &Person) -> Result<Sight, Problem> {
    match call.party() {
        None => Ok(Sight::All),
        Some(party) => person.sight_of(party, &app.coalition()).ok_or_else(Problem::not_found),
    }
}

fn must_operate(call: &Either) -> Result<(), Problem> {
    match call {
        Either::Operator(operated) => operated.must_operate(),
        Either::Party(_) => Ok(()),
    }
}

/// The person that a caller means, read on a thread that may block.
async fn person_meant(
    call: &Either,
    app: &Data<App>,
    member: &str,
) -> Result<(MemberId, Person), Problem> {
    let named = named_by(call, &app.coalition(), member)?;
    let vault = Arc::clone(app.engine.vault());
    of_member(app, named, move |database, member| person(database, &vault, member)).await
}

/// A profile, as far as the caller may see it.
pub async fn view(
    call: Either,
    app: Data<App>,
    member: Path<String>,
) -> Result<HttpResponse, Problem> {
    must_operate(&call)?;
    let (_, person) = person_meant(&call, &app, &member).await?;
    let sight = sight(&call, &app, &person)?;
    Ok(found(&profile_view(&person, &sight)))
}

/// Runs something for a person within one transaction, once for its key.
async fn for_person(
    call: Either,
    app: &Data<App>,
    (member, what, value): (String, &str, Value),
    run: impl FnOnce(&mut Database, &Person, &Sight) -> Result<(u16, Value), Problem> + Send + 'static,
) -> Result<HttpResponse, Problem> {
    let writing = Writing::of(&call, app)?;
    let named = named_by(&call, &app.coalition(), &member)?;
    let keyed = writing.keyed(&format!("{what}\0{}", named.name), &value);
    let shared = app.clone();
    let write = move || {
        let now = shared.now();
        shared.engine.write_once(&keyed, now, |database| {
            let vault = shared.engine.vault();
            let found = members::resolve(database, vault.names(), std::slice::from_ref(&named))?;
            let member = found.get(&named).copied();
            let member = member.ok_or_else(|| Problem::from(&Rejection::UnknownMember))?;
            let person = person(database, vault, member)?;
            let sight = sight(&call, &shared, &person)?;
            let (status, body) = run(database, &person, &sight)?;
            Ok::<_, Problem>((status, body.to_string()))
        })
    };
    Ok(answered(&web::block(write).await??))
}

/// Changes a profile. The answer names the fields and repeats no value.
pub async fn patch(
    call: Either,
    app: Data<App>,
    member: Path<String>,
) -> Result<HttpResponse, Problem> {
    let value = read_object(body_of(&call))?;
    let (source, fields) = app.people_reader().changes_of(&value)?;
    let party = Writing::of(&call, &app)?.party;
    let (vault, at) = (Arc::clone(app.engine.vault()), app.now());
    let run = move |database: &mut Database, person: &Person, sight: &Sight| {
        let changing = Changing { party, source, at, fields, sight: sight.clone() };
        let changed = change(database, &vault, person.member, &changing)?;
        Ok((200, json!({"member": person.member, "changed": changed})))
    };
    for_person(call, &app, (member.into_inner(), "profile", value), run).await
}

/// Writes down what somebody agreed to, or took back.
pub async fn consent(
    call: Either,
    app: Data<App>,
    member: Path<String>,
) -> Result<HttpResponse, Problem> {
    let value = read_object(body_of(&call))?;
    let consent = app.people_reader().consent_of(&value)?;
    let party = Writing::of(&call, &app)?.party;
    let at = app.now();
    let run = move |database: &mut Database, person: &Person, _: &Sight| {
        let new = PersonRow::new(person.member, (Source::Other, &party), Stage::Member, at);
        // Whoever waited for an erasure finds the member erased.
        if persons::lock_or_make(database, &new)?.erased_at.is_some() {
            return Err(Problem::from(&Rejection::UnknownMember));
        }
        let row = ConsentRow {
            member: person.member.0,
            purpose: consent.purpose.name().to_owned(),
            channel: consent.channel.name().to_owned(),
            at: consent.at.0,
            given: consent.given,
            version: consent.version.clone(),
            party: party.to_string(),
        };
        // Of one instant there is one row: who comes later says so a microsecond later.
        let mut row = row;
        while consents::add(database, std::slice::from_ref(&row))? == 0 {
            row.at += 1;
        }
        let at = crate::domain::time::Instant(row.at);
        let body = json!({"member": person.member, "purpose": row.purpose,
            "channel": row.channel, "given": row.given, "version": row.version, "at": at});
        Ok((201, body))
    };
    for_person(call, &app, (member.into_inner(), "consent", value), run).await
}

/// Forgets a member. A brand may only where all accounts are in its own programmes.
pub async fn erase(
    call: Either,
    app: Data<App>,
    member: Path<String>,
) -> Result<HttpResponse, Problem> {
    let value = read_object(body_of(&call))?;
    if value.as_object().is_some_and(|fields| !fields.is_empty()) {
        return Err(Problem::invalid("", "send an empty object"));
    }
    let writing = Writing::of(&call, &app)?;
    let name = member_name("/member", &member)?;
    let keyed = writing.keyed(&format!("erase\0{name}"), &value);
    let (shared, again) = (app.clone(), keyed.clone());
    let before = web::block(move || shared.engine.answer_under::<Problem>(&again)).await??;
    if let Some(answer) = before {
        return Ok(answered(&answer));
    }
    let (_, person) = person_meant(&call, &app, &member).await?;
    if let Some(party) = call.party() {
        let coalition = app.coalition();
        person.sight_of(party, &coalition).ok_or_else(Problem::not_found)?;
        if !person.is_only_of(party, &coalition) {
            return Err(Problem::member_of_others());
        }
    }
    let submission = Submission {
        party: writing.party,
        signed_by: match &call {
            Either::Party(signed) => Some(signed.signed_by.clone()),
            Either::Operator(_) => None,
        },
        key: keyed.key,
        fingerprint: keyed.fingerprint,
        work: Work::Erase(MemberName::Id(person.member)),
    };
    let answer: Answer = app.engine.submit(submission).await?;
    Ok(answered(&answer))
}

/// The most transactions that an export names.
const TRANSACTIONS_MAX: i64 = 10_000;

/// The most cards that an export names.
const CARDS_MAX: i64 = 1_000;

/// All that is kept of a person.
pub async fn export(
    call: Either,
    app: Data<App>,
    member: Path<String>,
) -> Result<HttpResponse, Problem> {
    must_operate(&call)?;
    let named = named_by(&call, &app.coalition(), &member)?;
    let vault = Arc::clone(app.engine.vault());
    let all = of_member(&app, named, move |database, member| {
        let known = person(database, &vault, member)?;
        let merged = members::with_merged(database, member)?;
        let cards = ties::cards_of(database, &merged, CARDS_MAX)?;
        let transactions = ties::transactions_of(database, &merged, TRANSACTIONS_MAX)?;
        let ledger = crate::store::views::accounts_of(database, member)?;
        Ok::<_, StoreError>((known, cards, transactions, ledger))
    });
    let (_, (person, cards, transactions, ledger)) = all.await?;
    let coalition = app.coalition();
    if let Some(party) = call.party() {
        person.sight_of(party, &coalition).ok_or_else(Problem::not_found)?;
        if !person.is_only_of(party, &coalition) {
            return Err(Problem::member_of_others());
        }
    }
    let truncated = i64::try_from(transactions.len()).is_ok_and(|count| count == TRANSACTIONS_MAX);
    let mut view = export_view(&person, &ledger, (&coalition, app.now()));
    view.insert("cards".into(), super::people_views::cards_view(&cards));
    view.insert("transactions".into(), json!(transactions));
    view.insert("transactions_truncated".into(), truncated.into());
    Ok(found(&view))
}
