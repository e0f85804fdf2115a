//! Records beside the ledger: written in one transaction without locking a head, and once for each
//! idempotency key, as commands are.

use std::sync::Arc;

use super::Engine;
use super::exclusive::Keyed;
use super::work::{Answer, EngineError, Submission};
use crate::domain::time::Instant;
use crate::store::answers::{self, AnswerRow, StoredAnswer};
use crate::store::{Database, StoreError, Use, dialect};

impl Engine {
    /// Writes in one transaction; what errs is undone.
    ///
    /// # Errors
    /// If `run` does, or the database fails.
    pub fn write<T, E: From<StoreError>>(
        &self,
        run: impl FnOnce(&mut Database) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut connection = self.shared.address.open(Use::Write)?;
        dialect::begin(&mut connection)?;
        // A connection that is dropped undoes what it began.
        let done = run(&mut connection)?;
        dialect::commit(&mut connection)?;
        Ok(done)
    }

    /// Writes in one transaction, once for a key: `run` gives status and body of the answer, which
    /// is given again to the same request.
    ///
    /// # Errors
    /// If `run` does, the key was used for another request, or the database fails.
    pub fn write_once<E: From<StoreError> + From<EngineError>>(
        &self,
        keyed: &Keyed,
        at: Instant,
        run: impl FnOnce(&mut Database) -> Result<(u16, String), E>,
    ) -> Result<Answer, E> {
        let keyed = &self.kept(keyed);
        self.write(|connection| {
            if let Some(answer) = replayed::<E>(connection, keyed)? {
                return Ok(answer);
            }
            let (status, body) = run(connection)?;
            let row = AnswerRow {
                key_hash: keyed.key.to_vec(),
                fingerprint: keyed.fingerprint.to_vec(),
                status: i64::from(status),
                answer: body.clone(),
                recorded_at: at.0,
            };
            answers::save(connection, &[row])?;
            Ok(Answer { status, body: body.into(), replayed: false })
        })
    }

    /// The answer that was given under a key, if one was.
    ///
    /// # Errors
    /// If the key was used for another request, or the database fails.
    pub fn answer_under<E: From<StoreError> + From<EngineError>>(
        &self,
        keyed: &Keyed,
    ) -> Result<Option<Answer>, E> {
        let mut connection = self.shared.address.open(Use::Read)?;
        replayed(&mut connection, &self.kept(keyed))
    }

    fn kept(&self, keyed: &Keyed) -> Keyed {
        Keyed { key: keyed.key, fingerprint: self.shared.kept(&keyed.fingerprint) }
    }

    /// The database.
    pub fn address(&self) -> &crate::store::Address {
        &self.shared.address
    }
}

fn replayed<E: From<StoreError> + From<EngineError>>(
    connection: &mut Database,
    keyed: &Keyed,
) -> Result<Option<Answer>, E> {
    let stored = answers::load(connection, &[keyed.key])?.remove(&keyed.key);
    match stored {
        None => Ok(None),
        Some(stored) if stored.fingerprint != keyed.fingerprint => {
            Err(EngineError::KeyReused.into())
        }
        Some(stored) => {
            Ok(Some(Answer { status: stored.status, body: stored.body, replayed: true }))
        }
    }
}

/// The stored answer to a submission that repeats its key.
pub(super) fn replay(
    stored: &StoredAnswer,
    submission: &Submission,
) -> Result<Answer, EngineError> {
    if stored.fingerprint != submission.fingerprint {
        return Err(EngineError::KeyReused);
    }
    Ok(Answer { status: stored.status, body: Arc::clone(&stored.body), replayed: true })
}
