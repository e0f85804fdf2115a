//! Members, their balances and histories.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::{Data, Path, Query};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::transactions::balance_of;
use super::{answered, found};
use crate::domain::ids::{MemberId, PartyId, ProgrammeId};
use crate::domain::ledger::{Ledger, NamedBy};
use crate::domain::member::MemberName;
use crate::domain::terms::{Coalition, PartyKind};
use crate::domain::time::Instant;
use crate::domain::transaction::Transaction;
use crate::engine::{Answer, Submission, Work};
use crate::http::app::{App, read};
use crate::http::caller::{Either, Signed, must_have_key};
use crate::http::present::TransactionAnswer;
use crate::http::problem::Problem;
use crate::http::wire::members::{card_token_of, enroll_of};
use crate::http::wire::{fingerprint, member_name, read_object};
use crate::people::{codes, view as people_view};
use crate::store::names::key_hash;
use crate::store::views::{self, HistoryPlace};
use crate::store::{Database, StoreError, members};

/// Reads a new member of a party into what the engine takes; the confirmed codes that it names are
/// given back to be looked at.
pub fn enrolment_of(
    app: &App,
    call: &Signed,
    key: &str,
    value: &Value,
) -> Result<(Submission, Vec<String>), Problem> {
    let (enroll, codes) = enroll_of(&app.people_reader(), value)?;
    let claims = enroll.joining.as_ref().is_some_and(|joining| !joining.verified.is_empty());
    let coalition = app.coalition();
    let kind = coalition.parties.get(&call.party).map(|party| party.kind);
    let is_trusted =
        matches!(kind, Some(PartyKind::Wallet | PartyKind::Bank | PartyKind::Operator));
    if claims && !is_trusted {
        return Err(Problem::verification_not_trusted());
    }
    let submission = Submission {
        party: call.party.clone(),
        signed_by: Some(call.signed_by.clone()),
        key: key_hash(call.party.as_str(), key),
        fingerprint: fingerprint("member", value),
        work: Work::Enroll(enroll),
    };
    Ok((submission, codes))
}

/// Creates a member, or finds one again.
pub async fn create(call: Either, app: Data<App>) -> Result<HttpResponse, Problem> {
    let operated = match call {
        Either::Party(signed) => {
            let key = must_have_key(signed.idempotency_key.as_ref())?;
            let value = read_object(&signed.body)?;
            return Ok(answered(&enrol(&app, &signed, key, &value).await?));
        }
        Either::Operator(operated) => operated,
    };
    operated.must_operate()?;
    let key = must_have_key(operated.idempotency_key.as_ref())?;
    let value = read_object(&operated.body)?;
    let party = app.coalition().operator.clone();
    let key = key_hash(party.as_str(), key);
    let (enroll, codes) = enroll_of(&app.people_reader(), &value)?;
    let work = Work::Enroll(enroll);
    let fingerprint = fingerprint("member", &value);
    let submission = Submission { party, signed_by: None, key, fingerprint, work };
    Ok(answered(&proven(&app, submission, codes).await?))
}

/// A party's new member, or one who is found again.
pub(super) async fn enrol(
    app: &Data<App>,
    call: &Signed,
    key: &str,
    value: &Value,
) -> Result<Answer, Problem> {
    let (submission, codes) = enrolment_of(app, call, key, value)?;
    proven(app, submission, codes).await
}

/// Enrols, with what confirmed codes show.
async fn proven(
    app: &Data<App>,
    mut submission: Submission,
    codes: Vec<String>,
) -> Result<Answer, Problem> {
    for code in codes {
        prove(app, &mut submission, code).await?;
    }
    Ok(app.engine.submit(submission).await?)
}

/// A code that was confirmed shows that the phone is theirs.
async fn prove(app: &Data<App>, submission: &mut Submission, code: String) -> Result<(), Problem> {
    let Work::Enroll(enroll) = &mut submission.work else { return Ok(()) };
    let phone = enroll.names.iter().find(|name| matches!(name, MemberName::Phone(_))).cloned();
    let phone = phone.ok_or_else(|| Problem::invalid("/codes", "give the phone as well"))?;
    let (party, asked, now) = (submission.party.clone(), phone.clone(), app.now());
    let vault = Arc::clone(app.engine.vault());
    let proves =
        read(app, move |database| codes::proves(database, &vault, (&party, &code), &asked, now));
    if !proves.await? {
        return Err(Problem::code_proves_nothing());
    }
    if let Some(joining) = &mut enroll.joining {
        joining.verified.insert(phone);
    }
    Ok(())
}

/// Links a card token to a member.
pub async fn link_card(
    call: Signed,
    app: Data<App>,
    member: Path<String>,
) -> Result<HttpResponse, Problem> {
    let key = must_have_key(call.idempotency_key.as_ref())?;
    let member = member_name("/member", &member)?;
    let value = read_object(&call.body)?;
    let name = card_token_of(&value)?;
    let kind = format!("card_token\0{member}");
    let submission = Submission {
        key: key_hash(call.party.as_str(), key),
        fingerprint: fingerprint(&kind, &value),
        work: Work::Name { member, name },
        signed_by: Some(call.signed_by),
        party: call.party,
    };
    Ok(answered(&app.engine.submit(submission).await?))
}

/// The member that a caller means.
pub(super) fn named_by(
    call: &Either,
    coalition: &Coalition,
    member: &str,
) -> Result<NamedBy, Problem> {
    let name = member_name("/member", member)?;
    Ok(NamedBy::new(call.party().unwrap_or(&coalition.operator), &name))
}

/// Looks a member up and reads something of it.
pub(super) async fn of_member<T: Send + 'static>(
    app: &Data<App>,
    named: NamedBy,
    ask: impl FnOnce(&mut Database, MemberId) -> Result<T, StoreError> + Send + 'static,
) -> Result<(MemberId, T), Problem> {
    let vault = Arc::clone(app.engine.vault());
    let found = read(app, move |database| {
        views::at_one_moment(database, |database| {
            let found = members::resolve(database, vault.names(), std::slice::from_ref(&named))?;
            let member = found.get(&named).copied();
            member.map(|member| Ok((member, ask(database, member)?))).transpose()
        })
    });
    found.await?.ok_or_else(|| Problem::from(&crate::domain::rejection::Rejection::UnknownMember))
}

/// A member's names, as far as the caller may see them.
pub async fn look_up(
    call: Either,
    app: Data<App>,
    member: Path<String>,
) -> Result<HttpResponse, Problem> {
    let named = named_by(&call, &app.coalition(), &member)?;
    let vault = Arc::clone(app.engine.vault());
    let opened = move |database: &mut Database, one| people_view::names(database, &vault, one);
    let (member, known) = of_member(&app, named, opened).await?;
    let (mut external, mut cards) = (Vec::new(), Vec::new());
    let mut view = Map::new();
    view.insert("member".into(), member.to_string().into());
    for one in known {
        let owner = one.party.as_deref();
        let is_own = call.party().is_none_or(|party| owner == Some(party.as_str()));
        match one.name {
            MemberName::Phone(phone) if call.party().is_none() => {
                view.entry("phone").or_insert(phone.into());
            }
            MemberName::Email(email) if call.party().is_none() => {
                view.entry("email").or_insert(email.into());
            }
            MemberName::External(id) if is_own => external.push(id),
            MemberName::Card(token) if call.party().is_none() => cards.push(token),
            _ => {}
        }
    }
    view.insert("external_ids".into(), json!(external));
    view.insert("card_tokens".into(), json!(cards));
    Ok(found(&view))
}

/// Which programmes are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfProgramme {
    programme: Option<ProgrammeId>,
}

/// A member's balances.
pub async fn balances(
    call: Either,
    app: Data<App>,
    member: Path<String>,
    query: Query<OfProgramme>,
) -> Result<HttpResponse, Problem> {
    let (now, coalition) = (app.now(), app.coalition());
    let named = named_by(&call, &coalition, &member)?;
    let (member, ledger) = of_member(&app, named, views::accounts_of).await?;
    let asked = query.into_inner().programme;
    let sees =
        |programme: &ProgrammeId| call.party().is_none_or(|party| coalition.sees(party, programme));
    let programmes: Vec<ProgrammeId> = match asked {
        Some(programme) if !sees(&programme) => return Err(Problem::not_found()),
        Some(programme) => vec![programme],
        None => {
            let keys = ledger.accounts_of(member).into_iter().map(|key| key.programme);
            keys.filter(sees).collect()
        }
    };
    let balances =
        programmes.iter().map(|one| balance_view(&ledger, member, one, (&coalition, now)));
    let balances: Vec<Value> = balances.collect();
    Ok(found(&json!({"member": member, "as_of": now, "balances": balances})))
}

pub(super) fn balance_view(
    ledger: &Ledger,
    member: MemberId,
    programme: &ProgrammeId,
    (coalition, now): (&Coalition, Instant),
) -> Value {
    let key = crate::domain::account::AccountKey { member, programme: programme.clone() };
    let (account, balance) = balance_of(ledger, &key, now);
    let terms = coalition.programmes.get(programme);
    let scale = terms.map_or(0, |one| one.scales.points);
    let tier = terms.and_then(|one| {
        let tiers = one.tiers.as_ref()?;
        tiers.level_of(&account.metric, one.zone.day_of(now)).map(|level| level.id.clone())
    });
    let pending = balance
        .pending_lots
        .iter()
        .map(|(at, points)| json!({"points": points.text(scale), "available_at": at}));
    let expiring = balance
        .expiring
        .iter()
        .map(|(at, points)| json!({"points": points.text(scale), "expires_at": at}));
    json!({
        "programme": programme,
        "available": balance.available.text(scale),
        "pending": balance.pending.text(scale),
        "held": balance.held.text(scale),
        "debt": balance.debt.text(scale),
        "tier": tier,
        "pending_lots": pending.collect::<Vec<_>>(),
        "expiring": expiring.collect::<Vec<_>>(),
    })
}

/// Which part of a history is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    programme: Option<ProgrammeId>,
    limit: Option<i64>,
    cursor: Option<String>,
}

/// A member's transactions, newest first.
pub async fn history(
    call: Either,
    app: Data<App>,
    member: Path<String>,
    query: Query<Page>,
) -> Result<HttpResponse, Problem> {
    let coalition = app.coalition();
    let named = named_by(&call, &coalition, &member)?;
    let Page { programme, limit, cursor } = query.into_inner();
    let limit = limit.unwrap_or(50);
    if !(1..=app.limits.page_max).contains(&limit) {
        let detail = format!("ask for 1 to {} entries", app.limits.page_max);
        return Err(Problem::invalid("/limit", &detail));
    }
    let after = cursor.as_deref().map(place_of).transpose()?;
    let party = call.party().cloned();
    let visible = Visible { party, programme, coalition: app.coalition() };
    let (_, (entries, next)) = of_member(&app, named, move |database, member| {
        visible_page(database, member, &visible, (after, limit))
    })
    .await?;
    let data: Vec<TransactionAnswer<'_>> =
        entries.iter().map(|one| TransactionAnswer::of(one, &coalition)).collect();
    let next = next.map(|(at, seq, shard)| format!("{at}_{seq}_{shard}"));
    Ok(found(&json!({"data": data, "page": {"next": next, "limit": limit}})))
}

fn place_of(cursor: &str) -> Result<HistoryPlace, Problem> {
    let parts: Option<Vec<i64>> = cursor.split('_').map(|part| part.parse().ok()).collect();
    match parts.as_deref() {
        Some(&[at, seq, shard]) => Ok((at, seq, shard)),
        _ => Err(Problem::invalid("/cursor", "use the cursor of the page before")),
    }
}

/// What of a history a caller sees: its own postings, and all of its own programmes.
struct Visible {
    party: Option<PartyId>,
    programme: Option<ProgrammeId>,
    coalition: Arc<Coalition>,
}

impl Visible {
    fn shows(&self, transaction: &Transaction) -> bool {
        let programmes = transaction.programmes();
        let fits = self.programme.as_ref().is_none_or(|asked| programmes.contains(&asked));
        let is_brand = |id: &&ProgrammeId, party: &PartyId| {
            self.coalition.programmes.get(*id).is_some_and(|one| &one.brand == party)
        };
        let own = self.party.as_ref().is_none_or(|party| {
            transaction.party == *party
                || (!programmes.is_empty() && programmes.iter().all(|id| is_brand(id, party)))
        });
        fits && own
    }
}

/// Pages that are looked through for one answer.
const PAGES_READ_MAX: usize = 20;

fn visible_page(
    database: &mut Database,
    member: MemberId,
    visible: &Visible,
    (after, limit): (Option<HistoryPlace>, i64),
) -> Result<(Vec<Transaction>, Option<HistoryPlace>), StoreError> {
    let most = usize::try_from(limit).unwrap_or(1);
    let (mut shown, mut place) = (Vec::new(), after);
    for _ in 0..PAGES_READ_MAX {
        let page = views::history(database, member, place, limit)?;
        let is_last = page.len() < most;
        for transaction in page {
            let id = transaction.id;
            place = Some((transaction.recorded_at.0, id.number(), id.shard().0));
            if visible.shows(&transaction) {
                shown.push(transaction);
            }
            if shown.len() == most {
                return Ok((shown, place));
            }
        }
        if is_last {
            return Ok((shown, None));
        }
    }
    Ok((shown, place))
}
