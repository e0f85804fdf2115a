//! The table of breaks: what reconciliations found, and what became of it.

use super::facts::{day, instant, name, scaled_points, text};
use super::table::{Cell, Table};
use crate::domain::adjustment::ReconciliationId;
use crate::domain::reconciliation::Figures;
use crate::domain::reconciliation::handling::Handling;
use crate::domain::terms::Coalition;
use crate::export::{ExportError, Part, Source};
use crate::reconcile::Request;
use crate::store::breaks::{self, BreakRow, Which, state_of};
use crate::store::reconciliations::{self, RunRow};
use crate::store::rows::read_json;

/// Rows that are read at once.
const ROWS_AT_ONCE: i64 = 1_000;

/// Lines of a party's list that are no match, and transactions that it lacks: `number` counts within
/// a reconciliation. `state` is `pending` of what may yet come, or `open`, `proposed`, `resolved`;
/// `resolution` is how it ends. `line` is that of the list, `transaction` ours; `effect` and
/// `points_effect` what they have more than we. `party_pays` is what the adjustment charges the
/// party (below zero: what it gets), `adjustment` the transaction. All by the decimals of the
/// coalition's money. A cycle has the breaks of the reconciliations that were asked for it, a day
/// those of the reconciliations that were begun on it.
pub const BREAKS: &str = "
    REQUIRED BYTE_ARRAY reconciliation (STRING);
    REQUIRED BYTE_ARRAY party (STRING);
    REQUIRED INT32 begun_on (DATE);
    OPTIONAL INT64 finished_at (TIMESTAMP(MICROS,true));
    REQUIRED INT64 number;
    REQUIRED BYTE_ARRAY class (STRING);
    REQUIRED BYTE_ARRAY state (STRING);
    OPTIONAL BYTE_ARRAY resolution (STRING);
    OPTIONAL INT64 line;
    OPTIONAL BYTE_ARRAY transaction (STRING);
    REQUIRED BYTE_ARRAY ref (STRING);
    REQUIRED BYTE_ARRAY currency (STRING);
    OPTIONAL INT64 their_amount (MONEY);
    OPTIONAL INT64 our_amount (MONEY);
    REQUIRED INT64 effect (MONEY);
    OPTIONAL INT64 their_points (DECIMAL(18,4));
    OPTIONAL INT64 our_points (DECIMAL(18,4));
    REQUIRED INT64 points_effect (DECIMAL(18,4));
    OPTIONAL INT64 their_at (TIMESTAMP(MICROS,true));
    OPTIONAL INT64 our_at (TIMESTAMP(MICROS,true));
    REQUIRED INT64 age_days;
    OPTIONAL INT64 party_pays (MONEY);
    OPTIONAL BYTE_ARRAY adjustment (STRING);";

/// Writes the breaks of the reconciliations that a selection takes, the newest first.
pub fn write(
    source: &mut Source,
    coalition: &Coalition,
    table: &mut Table,
) -> Result<(), ExportError> {
    let mut before = i64::MAX;
    loop {
        let runs = reconciliations::list(&mut source.database, None, before, ROWS_AT_ONCE)?;
        let Some(last) = runs.last() else { return Ok(()) };
        before = last.id.0;
        for run in &runs {
            let request: Request = read_json(&run.request, "a reconciliation's request")?;
            let takes = match &source.part {
                Part::Whole => true,
                Part::Day(day) => coalition.own_schedule().day_of(run.created_at) == *day,
                Part::Cycle { id, .. } => request.cycle.as_ref() == Some(id),
            };
            if takes {
                let run = Run { row: run, points_scale: request.points_scale, coalition };
                run.write(source, table)?;
            }
        }
    }
}

struct Run<'a> {
    row: &'a RunRow,
    points_scale: u32,
    coalition: &'a Coalition,
}

impl Run<'_> {
    fn write(&self, source: &mut Source, table: &mut Table) -> Result<(), ExportError> {
        let mut which = Which::default();
        let id: ReconciliationId = self.row.id;
        loop {
            let page = breaks::list(&mut source.database, id, &which, ROWS_AT_ONCE)?;
            let Some(last) = page.last() else { return Ok(()) };
            which.after = number_of(last.found.number)?;
            for one in &page {
                table.add(self.cells(one)?)?;
            }
        }
    }

    /// A row of [`BREAKS`].
    fn cells(&self, row: &BreakRow) -> Result<[Cell; 23], ExportError> {
        let (one, handling) = (&row.found, &row.handling.handling);
        let resolution = match handling {
            Handling::Open => Cell::Nothing,
            Handling::Proposed { resolution, .. } | Handling::Resolved { resolution, .. } => {
                text(&resolution.name())
            }
            Handling::Settled { by } => text(&by.resolution.name()),
        };
        let [their_amount, their_points, their_at] = self.side(one.theirs.as_ref())?;
        let [our_amount, our_points, our_at] = self.side(one.ours.as_ref())?;
        Ok([
            text(&self.row.id),
            text(&self.row.party),
            day(self.coalition.own_schedule().day_of(self.row.created_at))?,
            self.row.finished_at.map_or(Cell::Nothing, instant),
            Cell::Whole(number_of(one.number)?),
            text(&one.class.name()),
            text(&state_of(one, handling)),
            resolution,
            one.line_no.map_or(Ok(Cell::Nothing), |line| number_of(line).map(Cell::Whole))?,
            name(one.transaction.as_ref()),
            text(&one.reference),
            text(&one.currency),
            their_amount,
            our_amount,
            Cell::Whole(one.effect.0),
            their_points,
            our_points,
            scaled_points(one.points_effect.0, self.points_scale)?,
            their_at,
            our_at,
            Cell::Whole(one.age_days),
            row.handling.owes.map_or(Cell::Nothing, Cell::Whole),
            name(row.posted.as_ref()),
        ])
    }

    /// Amount, points and instant of one side.
    fn side(&self, figures: Option<&Figures>) -> Result<[Cell; 3], ExportError> {
        let Some(figures) = figures else { return Ok([const { Cell::Nothing }; 3]) };
        let points = scaled_points(figures.points.0, self.points_scale)?;
        Ok([Cell::Whole(figures.amount.0), points, instant(figures.at)])
    }
}

fn number_of(number: u64) -> Result<i64, ExportError> {
    i64::try_from(number).map_err(|_| ExportError::TooLarge(number.to_string()))
}
