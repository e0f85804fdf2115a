//! What a till is told of a card that it scanned: all of it in one call.

use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde_json::{Value, json};

use super::cards::unknown_card;
use super::offers::perks::perks_of;
use super::{answered, found};
use crate::cards::face::{figures, offers, tier_of};
use crate::cards::rotates;
use crate::domain::card::code::{Shown, accepts};
use crate::domain::card::{Card, CardState};
use crate::domain::decide::{Context, decide_quote};
use crate::domain::ids::{PartyId, ProgrammeId, ShardId, TransactionId};
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::engine::{EngineError, Keyed};
use crate::http::app::App;
use crate::http::caller::{Signed, must_have_key};
use crate::http::present::json_text;
use crate::http::problem::Problem;
use crate::http::wire::cards::{Asked, asked_of};
use crate::http::wire::{Reader, fingerprint, read_object};
use crate::store::card_views::{account_of, live_promos};
use crate::store::names::key_hash;
use crate::store::{Database, StoreError, cards, members, persons, views};

/// Wrong codes that a card bears within [`WRONG_WITHIN`].
const WRONG_MAX: i64 = 10;

/// Microseconds after which wrong codes are forgotten: ten minutes.
const WRONG_WITHIN: i64 = 600_000_000;

/// Why there is no answer about a card.
enum Failed {
    Problem(Problem),
    Store(StoreError),
}

impl From<StoreError> for Failed {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<EngineError> for Failed {
    fn from(error: EngineError) -> Self {
        Self::Problem(error.into())
    }
}

impl From<Problem> for Failed {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// A question of a till.
struct Question {
    party: PartyId,
    asked: Asked,
    now: Instant,
    coalition: Arc<Coalition>,
}

/// Answers what a till asks about what it scanned. A rotating code is taken once; the same request
/// under the same key gets the same answer again.
pub async fn resolve(call: Signed, app: Data<App>) -> Result<HttpResponse, Problem> {
    let key = must_have_key(call.idempotency_key.as_ref())?.to_owned();
    let value = read_object(&call.body)?;
    let asked = asked_of(&value)?;
    let keyed = Keyed {
        key: key_hash(call.party.as_str(), &key),
        fingerprint: fingerprint("resolve", &value),
    };
    let is_code = matches!(asked.shown, Shown::Code { .. });
    let question =
        Question { party: call.party, asked, now: app.now(), coalition: app.coalition() };
    let shared = app.clone();
    if is_code {
        let write = move || {
            shared.engine.write_once::<Failed>(&keyed, question.now, |connection| {
                question.with_code(connection)
            })
        };
        return actix_web::web::block(write).await?.map(|one| answered(&one)).map_err(problem_of);
    }
    let read = move || -> Result<Value, Failed> {
        shared.engine.read(|database| {
            views::at_one_moment(database, |database| Ok(question.answer(database, false)))
        })?
    };
    actix_web::web::block(read).await?.map(|body| found(&body)).map_err(problem_of)
}

fn problem_of(failed: Failed) -> Problem {
    match failed {
        Failed::Problem(problem) => problem,
        Failed::Store(error) => error.into(),
    }
}

impl Question {
    /// The card that was shown, if its programme is one that the party sees.
    fn card(&self, connection: &mut Database) -> Result<Card, Failed> {
        let card = cards::find(connection, self.asked.shown.number().id())?;
        let seen = card.filter(|card| self.coalition.sees(&self.party, &card.programme));
        seen.ok_or_else(|| unknown_card().into())
    }

    /// Takes a rotating code, or refuses it, and answers; either is remembered under the key.
    fn with_code(&self, connection: &mut Database) -> Result<(u16, String), Failed> {
        let Shown::Code { code, .. } = self.asked.shown else { return Err(unknown_card().into()) };
        let card = self.card(connection)?;
        let id = card.number.id();
        let mut record = cards::lock_codes(connection, id)?;
        if record.wrong_since.plus_micros(WRONG_WITHIN) <= self.now {
            (record.wrong, record.wrong_since) = (0, self.now);
        }
        if WRONG_MAX <= record.wrong {
            return Ok(refusal(&Problem::card_code_locked()));
        }
        let Some(step) = accepts(&card.secret.code_key(), code, self.now, record.step) else {
            record.wrong += 1;
            cards::save_codes(connection, id, record)?;
            return Ok(refusal(&Problem::code_refused()));
        };
        record.step = Some(step);
        cards::save_codes(connection, id, record)?;
        let body = self.answer(connection, true)?;
        Ok((200, json_text(&body)))
    }

    /// All that the till is told; `verified`: a rotating code was taken.
    fn answer(&self, database: &mut Database, verified: bool) -> Result<Value, Failed> {
        let card = self.card(database)?;
        let current = members::current(database, &[card.member.0])?;
        // Who was erased has no card.
        let member = *current.get(&card.member).ok_or_else(unknown_card)?;
        let id = self.asked.programme.as_ref().unwrap_or(&card.programme);
        let programme = self.coalition.programmes.get(id);
        let programme = programme.filter(|_| self.coalition.sees(&self.party, id));
        let programme = programme.ok_or_else(|| {
            Problem::invalid("/programme", "there is no such programme that you may see")
        })?;
        let (account, balance) = account_of(database, member, id, self.now)?;
        let promos = live_promos(database, member, id, self.now)?;
        let terms = self.coalition.programmes.get(&card.programme);
        let terms = terms.and_then(|one| one.card.as_ref());
        let expected = rotates(&card.number, terms) && !verified;
        let warnings = card.state.warning().into_iter().chain(expected.then_some("code_expected"));
        let is_unconfirmed = !persons::unconfirmed(database, &[member.0])?.is_empty();
        let warnings = warnings.chain(is_unconfirmed.then_some("member_unconfirmed"));
        let may_burn = card.state == CardState::Active && !expected && !is_unconfirmed;
        let scale = programme.scales.points;
        let mut body = json!({
            "card": {
                "number": card.number.as_str(),
                "state": card.state,
                "wallet": card.wallet,
                "programme": card.programme,
            },
            "verified": verified,
            "warnings": warnings.collect::<Vec<_>>(),
            "member": member,
            "programme": id,
            "unit": programme.unit,
            "balance": figures(&balance, scale),
            "tier": tier_of(programme, &account, self.now),
            "offers": offers(&promos, scale),
            "perks": perks_of(&account, programme, self.now),
        });
        let successor = card.replaced_by.map(|key| cards::find(database, key)).transpose()?;
        if let Some(successor) = successor.flatten() {
            // The new number is not told: whoever holds the old one may be a stranger.
            body["card"]["successor"] = json!({"state": successor.state});
        }
        if let Some(quote) = self.quote(id, (&account, &balance), may_burn)? {
            body["quote"] = quote;
        }
        Ok(body)
    }

    /// What the receipt would come to, where there is one.
    fn quote(
        &self,
        programme: &ProgrammeId,
        (account, balance): (&crate::domain::account::Account, &crate::domain::account::Balance),
        may_burn: bool,
    ) -> Result<Option<Value>, Failed> {
        let reader = Reader { coalition: &self.coalition, now: self.now };
        let Some(receipt) = self.asked.receipt(reader, programme)? else { return Ok(None) };
        let id = TransactionId::new(ShardId(0), 0);
        let context = Context { coalition: Arc::clone(&self.coalition), now: self.now, id };
        let quote = decide_quote(&context, &self.party, &receipt, account, balance);
        let mut quote = quote.map_err(|rejection| Problem::from(&rejection))?;
        if !may_burn {
            quote = quote.without_burning();
        }
        let scales = self.coalition.programmes[programme].scales;
        Ok(Some(json!({
            "max_burn": quote.max_burn.text(scales.points),
            "max_burn_value": quote.max_burn_value.text(scales.money),
            "discount": quote.discount.text(scales.money),
            "to_pay_at_least": quote.to_pay_at_least.text(scales.money),
            "would_earn": quote.would_earn.text(scales.points),
        })))
    }
}

fn refusal(problem: &Problem) -> (u16, String) {
    (problem.status(), problem.document().to_string())
}
