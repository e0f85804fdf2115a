//! Points that an offer gives, posted through the engine once and only once.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::domain::amount::Points;
use crate::domain::command::{Action, Command};
use crate::domain::ids::{MemberId, PartyId, ProgrammeId, PromoId, Reference, TransactionId};
use crate::domain::member::MemberName;
use crate::domain::obligation::EarnMoney;
use crate::domain::time::Day;
use crate::engine::{Answer, Engine, EngineError, Submission, Work};
use crate::store::names::key_hash;

/// Under whose name the keys of offers are remembered: no party is called so.
const OWNER: &str = "~offers";

/// Points to be given.
#[derive(Clone, Debug)]
pub struct Gift {
    /// Who gives them.
    pub party: PartyId,
    /// Under which reference; it names what they are given for.
    pub reference: Reference,
    /// Which try this is: a refusal is final for its key.
    pub attempt: i64,
    /// In which programme.
    pub programme: ProgrammeId,
    /// To whom.
    pub member: MemberId,
    /// How many.
    pub points: Points,
    /// The last day on which they can be spent; none: as the programme says.
    pub valid_through: Option<Day>,
    /// Who pays; none: as the agreement says.
    pub money: Option<EarnMoney>,
    /// The campaign that they belong to.
    pub promo: Option<PromoId>,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Posted {
    /// It stands in the journal.
    Done(TransactionId),
    /// The rules refused it: status and problem document.
    Refused(Answer),
}

impl Gift {
    /// What the engine takes.
    pub fn submission(self) -> Submission {
        let key = format!("{}/{}/{}", self.party, self.reference.as_str(), self.attempt);
        let (party, member) = (self.party, MemberName::Id(self.member));
        let action = Action::Grant {
            reference: self.reference,
            programme: self.programme,
            member,
            points: self.points,
            available_at: None,
            valid_through: self.valid_through,
            money: self.money.map(Box::new),
            promo: self.promo,
        };
        submission_of(party, action, &key)
    }
}

/// What the engine takes: an action of a party under a key that follows from what it is for.
pub fn submission_of(party: PartyId, action: Action, key: &str) -> Submission {
    Submission {
        party: party.clone(),
        signed_by: None,
        key: key_hash(OWNER, key),
        fingerprint: Sha256::digest(key.as_bytes()).into(),
        work: Work::Post(Box::new(Command { party, action, at: None, till: None })),
    }
}

/// Posts something and waits for it.
///
/// # Errors
/// If the engine did not take it.
pub fn post(engine: &Engine, submission: Submission) -> Result<Posted, EngineError> {
    let mut answers = engine.submit_in_order(vec![submission]);
    let answer = answers.pop().ok_or(EngineError::Failed)?;
    answer.blocking_recv().unwrap_or(Err(EngineError::Stopping)).map(|answer| posted(&answer))
}

/// What an answer of the engine means.
pub fn posted(answer: &Answer) -> Posted {
    // An answer that was forgotten meanwhile leaves the reference, which names the transaction.
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let id = body.get("id").or_else(|| body.get("transaction")).and_then(|id| id.as_str());
    match id.and_then(|id| id.parse().ok()) {
        Some(id) => Posted::Done(id),
        None => Posted::Refused(Answer { body: Arc::clone(&answer.body), ..*answer }),
    }
}

/// The code of a problem document.
pub fn code_of(answer: &Answer) -> String {
    let body: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
    body.get("code").and_then(|code| code.as_str()).unwrap_or("internal").to_owned()
}
