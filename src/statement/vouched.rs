//! What vouches for a statement's row: a note that is checked before a byte of the statement leaves.
//!
//! The signature at a statement's end covers every byte of it, but is known only when the last line
//! was read. What stands around the lines is kept, and could be changed there; this note tells at once.

use sha2::{Digest, Sha256};

use super::scan::StatementError;
use super::window::statement_id;
use crate::domain::ids::{PartyId, ScheduleId};
use crate::domain::log::note::Signer;
use crate::domain::settlement::CycleId;
use crate::domain::time::Day;
use crate::store::rows::read_name;
use crate::store::statements::StatementRow;

/// The id of the statement that a row is of.
///
/// # Errors
/// If its names are none.
pub fn id_of(row: &StatementRow) -> Result<String, StatementError> {
    let schedule: ScheduleId = read_name(&row.schedule)?;
    let party: PartyId = read_name(&row.party)?;
    Ok(statement_id(&CycleId { schedule, first: Day::from_number(row.cycle) }, &party))
}

/// The note over a row.
///
/// # Errors
/// If its names are none.
pub fn note_of(row: &StatementRow, signer: &Signer) -> Result<String, StatementError> {
    let hash = |text: &str| hex::encode(Sha256::digest(text));
    let (operator, id) = (signer.name(), id_of(row)?);
    Ok(signer.sign(&format!(
        "{operator}/statement-sections/{id}\nhead {}\ntail {}\nlines {}\nsha256 {}\n",
        hash(&row.head),
        hash(&row.tail),
        row.lines,
        hash(&row.sha256),
    )))
}

/// Refuses a row that is not as it was when it was published.
///
/// # Errors
/// If it was changed.
pub fn check(row: &StatementRow, signer: &Signer) -> Result<(), StatementError> {
    match &row.vouched {
        Some(note) if *note != note_of(row, signer)? => Err(StatementError::Differs(id_of(row)?)),
        // Rows of earlier versions have the hash of the whole file alone.
        Some(_) | None => Ok(()),
    }
}
