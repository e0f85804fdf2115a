//! Kept sums as rows of the database.

use super::Kept;
use crate::domain::amount::Points;
use crate::domain::ids::{ProgrammeId, TransactionId};
use crate::domain::time::{Day, Instant};
use crate::store::StoreError;
use crate::store::cycle_sums::SumRow;
use crate::store::rows::read_name;

impl Kept {
    /// The sums of rows.
    ///
    /// # Errors
    /// If a row was changed.
    pub fn of_rows(rows: &[SumRow]) -> Result<Self, StoreError> {
        let mut kept = Self::default();
        for row in rows {
            let (name, points) = (row.name, Points(row.points));
            let programme: ProgrammeId = read_name(&row.programme)?;
            let month = || (programme.clone(), Day::from_number(name));
            match row.kind.as_str() {
                "free" => kept.states.entry(programme).or_default().free = points,
                "held" => kept.states.entry(programme).or_default().held = points,
                "debt" => kept.states.entry(programme).or_default().debt = points,
                "pending" => {
                    let state = kept.states.entry(programme).or_default();
                    state.pending.insert(Instant(name), points);
                }
                "issued" => kept.cohorts.entry(month()).or_default().issued = points,
                "remaining" => kept.cohorts.entry(month()).or_default().remaining = points,
                "expired" => kept.cohorts.entry(month()).or_default().expired = points,
                "pack" => {
                    kept.packs.insert((programme, TransactionId(name)), points);
                }
                other => return Err(StoreError::Damaged(format!("the kind of a sum, {other}"))),
            }
        }
        Ok(kept)
    }

    /// The sums as rows; those of nothing are left out, but for packs.
    pub fn rows(&self) -> Vec<SumRow> {
        let row = |kind: &str, programme: &ProgrammeId, name, points: Points| SumRow {
            kind: kind.to_owned(),
            programme: programme.to_string(),
            name,
            points: points.0,
        };
        let mut rows = Vec::new();
        for (programme, state) in &self.states {
            rows.push(row("free", programme, 0, state.free));
            rows.push(row("held", programme, 0, state.held));
            rows.push(row("debt", programme, 0, state.debt));
            let pending = state.pending.iter();
            rows.extend(pending.map(|(at, points)| row("pending", programme, at.0, *points)));
        }
        for ((programme, month), cohort) in &self.cohorts {
            rows.push(row("issued", programme, month.number(), cohort.issued));
            rows.push(row("remaining", programme, month.number(), cohort.remaining));
            rows.push(row("expired", programme, month.number(), cohort.expired));
        }
        rows.retain(|row| row.points != 0);
        let packs = self.packs.iter();
        rows.extend(packs.map(|((programme, pack), left)| row("pack", programme, pack.0, *left)));
        rows.sort_unstable();
        rows
    }
}
