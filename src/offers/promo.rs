//! Promo codes: made, redeemed, finished.

use super::grant::{Gift, Posted, post};
use super::{AT_ONCE, OfferError, member_of, note};
use crate::auth::secrets::random_bytes;
use crate::auth::vault::NamesKey;
use crate::domain::amount::Points;
use crate::domain::ids::{PartyId, ProgrammeId};
use crate::domain::ledger::NamedBy;
use crate::domain::member::MemberName;
use crate::domain::offer::code;
use crate::domain::offer::promo::{CodeRefusal, Codes, PromoDocument};
use crate::domain::rejection::Rejection;
use crate::domain::terms::{Coalition, Invalid};
use crate::domain::time::Instant;
use crate::engine::{Answer, Engine};
use crate::store::names::NameHash;
use crate::store::offers::promo_codes::{self, Batch, Code};
use crate::store::offers::promo_uses::{self, CodeUse};
use crate::store::outbox::{self, Fact};
use crate::store::{Database, StoreError, members};

/// How often codes are drawn anew where some are there already.
const DRAWS: usize = 8;

/// Random bytes for one code; a sixteenth of them is left out.
const BYTES_PER_CODE: usize = 24;

/// Makes the codes that a batch is to have, each with the party that alone can redeem it.
///
/// # Errors
/// If the database fails, or the system has no randomness to give.
pub fn make_codes(
    database: &mut Database,
    codes: &Codes,
) -> Result<Vec<(String, Option<PartyId>)>, StoreError> {
    let parties: Vec<Option<PartyId>> = match codes {
        Codes::Chosen(code) => return Ok(vec![(code.clone(), None)]),
        Codes::Made(count) => (0..*count).map(|_| None).collect(),
        Codes::ForEach(parties) => parties.iter().cloned().map(Some).collect(),
    };
    for _ in 0..DRAWS {
        let mut drawn: Vec<String> = Vec::with_capacity(parties.len());
        while drawn.len() < parties.len() {
            drawn.extend(draw()?);
        }
        let mut unique = drawn.clone();
        unique.sort();
        unique.dedup();
        if unique.len() == drawn.len() && promo_codes::known(database, &drawn)?.is_empty() {
            return Ok(drawn.into_iter().zip(parties).collect());
        }
    }
    Err(StoreError::SetUp("no new promo codes can be drawn".to_owned()))
}

fn draw() -> Result<Option<String>, StoreError> {
    let bytes = random_bytes::<BYTES_PER_CODE>()
        .map_err(|error| StoreError::SetUp(format!("no randomness: {error}")))?;
    Ok(code::of_random(&bytes))
}

/// A wish to redeem a code.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Where.
    pub party: PartyId,
    /// The code as it was typed.
    pub code: String,
    /// Who gets the points.
    pub member: MemberName,
    /// In which programme; none: the only one of the code.
    pub programme: Option<ProgrammeId>,
    /// The hash of the request's key.
    pub request: NameHash,
}

/// What became of a code that was taken.
#[derive(Clone, Debug)]
pub enum Redeemed {
    /// The points are given.
    Done(CodeUse),
    /// The ledger refused them, and the code has its use back: status and problem document.
    Refused(Answer),
}

/// Why a code was not redeemed.
#[derive(Debug, thiserror::Error)]
pub enum NotRedeemed {
    /// The code is not taken.
    #[error(transparent)]
    Code(#[from] CodeRefusal),
    /// The rules of the ledger are against it.
    #[error(transparent)]
    Rules(#[from] Rejection),
    /// The request can't be read.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// It was not done, and may be done yet.
    #[error(transparent)]
    Failed(#[from] OfferError),
}

impl From<StoreError> for NotRedeemed {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// Redeems a code: takes it within its limits, and posts the grant. The same request goes on where a
/// server left it.
///
/// # Errors
/// If the code is refused, or the database fails.
pub fn redeem(engine: &Engine, wish: &Wish, now: Instant) -> Result<Redeemed, NotRedeemed> {
    let timeline = engine.timeline();
    let coalition = timeline.at(now);
    let taken = engine.write(|database| {
        if let Some(taken) = promo_uses::of_request(database, &wish.request)? {
            return Ok(taken);
        }
        take(database, engine.vault().names(), coalition, wish, now)
    })?;
    match finish(engine, &taken)? {
        Posted::Done(posted) => Ok(Redeemed::Done(CodeUse { posted: Some(posted), ..taken })),
        Posted::Refused(answer) => Ok(Redeemed::Refused(answer)),
    }
}

fn take(
    database: &mut Database,
    key: &NamesKey,
    coalition: &Coalition,
    wish: &Wish,
    now: Instant,
) -> Result<CodeUse, NotRedeemed> {
    let code = code::normal(&wish.code).ok_or(CodeRefusal::Unknown)?;
    let (batch, code) = promo_codes::lock(database, &code)?.ok_or(CodeRefusal::Unknown)?;
    // The same request may have come twice, and have waited for itself.
    if let Some(taken) = promo_uses::of_request(database, &wish.request)? {
        return Ok(taken);
    }
    let (programme, points) = gift_of(coalition, (&batch, &code), wish, now)?;
    let named = NamedBy::new(&wish.party, &wish.member);
    let member = member_of(database, key, &named)?.ok_or(Rejection::UnknownMember)?;
    let day = coalition.programmes.get(&programme).map(|one| one.zone.day_of(now));
    let day = day.ok_or(CodeRefusal::Unknown)?;
    let same = members::with_merged(database, member)?;
    let uses = promo_uses::uses(database, (&batch, &code), &same, day)?;
    batch.document.limits_in_force().must_allow(uses)?;
    let taken = CodeUse {
        batch: batch.number,
        number: promo_uses::number_of_use(database, batch.number)?,
        code: code.code,
        member,
        party: wish.party.clone(),
        programme,
        used_at: now,
        day,
        points,
        posted: None,
        request: wish.request,
    };
    promo_uses::take(database, &taken)?;
    Ok(taken)
}

/// In which programme a code gives how much, if this party may redeem it now.
fn gift_of(
    coalition: &Coalition,
    (batch, code): (&Batch, &Code),
    wish: &Wish,
    now: Instant,
) -> Result<(ProgrammeId, Points), NotRedeemed> {
    let document = &batch.document;
    let may_know = |id: &&ProgrammeId| coalition.sees(&wish.party, id);
    let mut known = document.programmes.iter().filter(may_know);
    let programme = match (&wish.programme, known.next(), known.next()) {
        (_, None, _) => return Err(CodeRefusal::Unknown.into()),
        (None, Some(only), None) => only,
        (None, Some(_), Some(_)) => {
            let detail = "this code is good in several programmes; name one";
            return Err(Invalid::at("/programme", detail).into());
        }
        (Some(named), ..) => {
            let named = document.programmes.iter().filter(may_know).find(|one| *one == named);
            named.ok_or(CodeRefusal::NotForParty)?
        }
    };
    if !document.takes(&wish.party, code.party.as_ref()) {
        return Err(CodeRefusal::NotForParty.into());
    }
    let terms = coalition.programmes.get(programme).ok_or(CodeRefusal::Unknown)?;
    document.must_be_valid(terms, now)?;
    if batch.stopped_at.is_some_and(|stopped| stopped <= now) {
        return Err(CodeRefusal::Expired.into());
    }
    Ok((programme.clone(), document.points_in(terms)?))
}

fn gift(engine: &Engine, taken: &CodeUse, batch: &Batch) -> Result<Gift, StoreError> {
    let document: &PromoDocument = &batch.document;
    let damaged = |invalid: Invalid| StoreError::Damaged(format!("a promo batch: {invalid}"));
    let money = document.paid.as_ref().map(|paid| paid.check("/paid")).transpose();
    let money = money.map_err(damaged)?.flatten();
    let timeline = engine.timeline();
    let programme = timeline.at(taken.used_at).programmes.get(&taken.programme).cloned();
    let valid = document.points_valid.zip(programme);
    let reference = format!("promo-code:{}:{}", batch.number, taken.number);
    Ok(Gift {
        party: batch.party.clone(),
        reference: reference.parse().expect("a reference of visible ASCII"),
        attempt: 1,
        programme: taken.programme.clone(),
        member: taken.member,
        points: taken.points,
        valid_through: valid.map(|(valid, terms)| valid.last_day(&terms, taken.used_at)),
        money,
        promo: Some(document.campaign.clone()),
    })
}

/// Posts the grant of a use and notes it, or gives the use back.
fn finish(engine: &Engine, taken: &CodeUse) -> Result<Posted, OfferError> {
    if let Some(posted) = taken.posted {
        return Ok(Posted::Done(posted));
    }
    let batch = engine.read(|database| promo_codes::find(database, taken.batch))?;
    let batch = batch.ok_or_else(|| StoreError::Damaged("a use without its batch".into()))?;
    let gift = gift(engine, taken, &batch)?;
    let valid_through = gift.valid_through;
    let done = post(engine, gift.submission())?;
    match &done {
        Posted::Done(posted) => engine.write(|database| {
            if promo_uses::post(database, taken, *posted)? {
                let data = serde_json::json!({
                    "campaign": batch.document.campaign,
                    "promo_code": format!("pc_{}", batch.number),
                    "points": batch.document.points,
                    "valid_through": valid_through,
                    "transaction": posted,
                });
                let fact = Fact {
                    event: "promo.granted",
                    party: None,
                    programme: Some(taken.programme.clone()),
                    member: Some(taken.member),
                    data,
                };
                outbox::add(database, taken.used_at, &[fact])?;
            }
            Ok::<(), StoreError>(())
        })?,
        Posted::Refused(_) => engine.write(|database| promo_uses::give_back(database, taken))?,
    }
    Ok(done)
}

/// Finishes uses that were taken before an instant and not finished.
///
/// # Errors
/// If the database can't be read.
pub(super) fn finish_all(engine: &Engine, before: Instant) -> Result<(), OfferError> {
    for taken in engine.read(|database| promo_uses::unposted(database, before, AT_ONCE))? {
        note("a promo code", finish(engine, &taken).map(drop));
    }
    Ok(())
}
