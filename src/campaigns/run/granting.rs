//! Granting a chunk through the engine, and what the answers say.

use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Worker;
use crate::campaigns::CampaignError;
use crate::domain::amount::Points;
use crate::domain::command::{Action, Command, Kind};
use crate::domain::ids::{LotId, MemberId, TransactionId};
use crate::domain::ledger::ReferenceKey;
use crate::domain::member::MemberName;
use crate::domain::rejection::Rejection;
use crate::domain::time::Instant;
use crate::engine::{Answer, Engine, EngineError, Submission, Work};
use crate::store::campaigns::passes::{Chunk, ChunkPlace};
use crate::store::names::key_hash;
use crate::store::rows::read_json;
use crate::store::{StoreError, members, views};

/// Grants of a worker that wait in the engine at once: others get their turn.
const GRANTS_AT_ONCE: usize = 2_500;

/// How often a full engine is asked again, and how long after.
const PATIENCE: (usize, Duration) = (600, Duration::from_millis(50));

/// What a grant came to.
pub(super) type Outcome = Result<(LotId, Instant), String>;

impl Worker<'_> {
    /// Grants what a chunk says, in the order of its members.
    pub(super) fn grant(
        &self,
        place: ChunkPlace,
        chunk: &Chunk,
    ) -> Result<Vec<Outcome>, CampaignError> {
        let mut outcomes = Vec::with_capacity(chunk.grants.len());
        for grants in chunk.grants.chunks(GRANTS_AT_ONCE) {
            let ids: Vec<i64> = grants.iter().map(|(member, _)| *member).collect();
            let current = self.engine.read(|database| members::current(database, &ids))?;
            // Who was merged since gets it as who they are now, if they are meant at all.
            let stays = |member: i64| current.get(&MemberId(member)) == Some(&MemberId(member));
            let gone = grants.iter().filter(|(member, _)| !stays(*member));
            let gone: Vec<ReferenceKey> =
                gone.map(|(member, _)| self.reference_of(*member)).collect();
            // A server that died may have granted to them before.
            let before = self.engine.read(|one| members::find_references(one, &gone))?;
            let here = grants.iter().filter(|(member, _)| stays(*member));
            let submissions: Vec<Submission> =
                here.map(|grant| self.submission(place, chunk, *grant)).collect();
            let mut answers = submit(self.engine, submissions)?.into_iter();
            for (member, _) in grants {
                let answer = if stays(*member) { answers.next() } else { None };
                let earlier = before.get(&self.reference_of(*member));
                outcomes.push(match (answer, earlier) {
                    (Some(answer), _) => self.outcome_of(&answer)?,
                    (None, Some(&(earlier, _))) => Ok(self.granted_before(earlier)?),
                    (None, None) => Err(Rejection::UnknownMember.code().to_owned()),
                });
            }
        }
        Ok(outcomes)
    }

    fn submission(
        &self,
        (pass, _): ChunkPlace,
        chunk: &Chunk,
        (member, points): (i64, i64),
    ) -> Submission {
        let campaign = &self.loaded.campaign;
        let member = MemberId(member);
        let grant = campaign.grant.as_ref();
        let said = json!({"points": points, "through": chunk.through});
        let action = Action::Grant {
            reference: self.reference_of(member.0).reference,
            programme: campaign.programme.clone(),
            member: MemberName::Id(member),
            points: Points(points),
            available_at: None,
            valid_through: chunk.through,
            money: grant.and_then(|grant| grant.money.clone()).map(Box::new),
            promo: Some(campaign.id.clone()),
        };
        Submission {
            party: campaign.party.clone(),
            signed_by: None,
            // No party has a slash in its name, so no party's key is this one.
            key: key_hash(&format!("campaign/{}", campaign.id), &format!("{pass}/{member}")),
            fingerprint: Sha256::digest(said.to_string()).into(),
            work: Work::Post(Box::new(Command {
                party: campaign.party.clone(),
                action,
                at: None,
                till: None,
            })),
        }
    }

    /// The reference under which a member is granted.
    fn reference_of(&self, member: i64) -> ReferenceKey {
        let campaign = &self.loaded.campaign;
        let reference = format!("campaign:{}:{}", campaign.id, MemberId(member));
        ReferenceKey {
            party: campaign.party.clone(),
            kind: Kind::Grant,
            reference: reference.parse().expect("two ids make a reference"),
        }
    }

    /// What an earlier grant came to.
    fn granted_before(&self, earlier: TransactionId) -> Result<(LotId, Instant), CampaignError> {
        let stored = self.engine.read(|one| views::transaction(one, earlier))?;
        let stored = stored.ok_or_else(|| StoreError::Damaged(earlier.to_string()))?;
        Ok((LotId::of(earlier, 0), stored.transaction.recorded_at))
    }

    fn outcome_of(&self, answer: &Answer) -> Result<Outcome, CampaignError> {
        #[derive(Deserialize)]
        struct Granted {
            id: TransactionId,
            recorded_at: Instant,
        }
        #[derive(Deserialize)]
        struct Refused {
            code: String,
            transaction: Option<TransactionId>,
        }
        if answer.status == 201 {
            let granted: Granted = read_json(&answer.body, "a grant's answer")?;
            return Ok(Ok((LotId::of(granted.id, 0), granted.recorded_at)));
        }
        let refused: Refused = read_json(&answer.body, "a grant's refusal")?;
        match refused.transaction {
            // It was granted under another key: by an earlier pass, or before keys were forgotten.
            Some(earlier) if refused.code == "duplicate_reference" => {
                Ok(Ok(self.granted_before(earlier)?))
            }
            _ => Ok(Err(refused.code)),
        }
    }
}

/// Submits commands and waits for their answers; those for which there was no place are submitted
/// again.
fn submit(engine: &Engine, all: Vec<Submission>) -> Result<Vec<Answer>, EngineError> {
    let mut answers: Vec<Option<Answer>> = vec![None; all.len()];
    let mut left: Vec<(usize, Submission)> = all.into_iter().enumerate().collect();
    for _ in 0..PATIENCE.0 {
        let submissions = left.iter().map(|(_, one)| one.clone()).collect();
        let receivers = engine.submit_in_order(submissions);
        let mut again = Vec::new();
        for ((place, submission), receiver) in left.into_iter().zip(receivers) {
            match receiver.blocking_recv().unwrap_or(Err(EngineError::Stopping)) {
                Ok(answer) => answers[place] = Some(answer),
                Err(EngineError::Overloaded) => again.push((place, submission)),
                Err(error) => return Err(error),
            }
        }
        if again.is_empty() {
            return Ok(answers.into_iter().flatten().collect());
        }
        left = again;
        std::thread::sleep(PATIENCE.1);
    }
    Err(EngineError::Overloaded)
}
