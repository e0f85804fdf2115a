//! What was dealt with in earlier runs of the same party.

use std::collections::BTreeMap;

use super::{Request, Task};
use crate::domain::reconciliation::handling::Handling;
use crate::domain::reconciliation::{Break, Earlier, Recognition};
use crate::store::breaks::{self, Which};
use crate::store::rows::read_json;
use crate::store::{Database, StoreError, reconciliations};

/// Breaks that are read at once.
const ROWS_AT_ONCE: i64 = 1_000;

/// The breaks that an earlier run has too and that ended there without an entry, by number. Runs
/// over another programme compare other points, and say nothing.
pub(super) fn settled(
    database: &mut Database,
    task: Task<'_>,
    found: &[Break],
) -> Result<BTreeMap<u64, Earlier>, StoreError> {
    let mut recognition = Recognition::of(found);
    if !recognition.is_needed() {
        return Ok(BTreeMap::new());
    }
    for run in breaks::runs_with_ends(database, task.party)? {
        let Some(row) = reconciliations::find(database, run)? else { continue };
        let request: Request = read_json(&row.request, "a reconciliation's request")?;
        let is_alike = request.programme == task.request.programme
            && request.points_scale == task.request.points_scale;
        if !is_alike {
            continue;
        }
        let mut which = Which { state: Some("resolved".to_owned()), ..Which::default() };
        loop {
            let page = breaks::list(database, run, &which, ROWS_AT_ONCE)?;
            let Some(last) = page.last() else { break };
            which.after = i64::try_from(last.found.number).unwrap_or(i64::MAX);
            for one in &page {
                if let Handling::Resolved { resolution, .. } = one.handling.handling {
                    let number = one.found.number;
                    recognition.look_at(&one.found, Earlier { run, number, resolution });
                }
            }
        }
    }
    Ok(recognition.close())
}
