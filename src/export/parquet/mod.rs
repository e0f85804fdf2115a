//! Parquet: a table for each fact, in a file of its name.
//!
//! Row groups have at most 65,536 rows, compressed by Snappy. Instants are UTC microseconds, days
//! are dates, ids are text. Points and money are `DECIMAL` on 64-bit integers: points of every
//! programme with 4 decimals, which is the most that a unit has; money with those of its currency.
//! Nothing is rounded. What a column means stands in [`facts`] and [`breaks`].

mod breaks;
mod facts;
mod table;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use breaks::BREAKS;
pub use facts::{LOTS, POSITIONS, POSTINGS, TRANSACTIONS};

use super::{ExportError, Part, Source, Taken, make_folder};
use crate::domain::ids::LotId;
use crate::domain::ledger::{Position, PositionKey};
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::store::stream;
use facts::Facts;
use table::Table;

/// Lots that are looked up at once.
const LOTS_AT_ONCE: usize = 2_000;

/// Writes every table into a folder.
pub fn write(
    source: &mut Source,
    coalition: &Coalition,
    folder: &Path,
) -> Result<Vec<PathBuf>, ExportError> {
    make_folder(folder)?;
    let facts = Facts::new(coalition);
    let table = |name: &str, columns: &str| {
        let columns = columns.replace("MONEY", &format!("DECIMAL(18,{})", coalition.money_scale));
        Table::create(&folder.join(format!("{name}.parquet")), name, &columns)
    };
    let mut tables = Journal {
        transactions: table("transactions", TRANSACTIONS)?,
        postings: table("postings", POSTINGS)?,
        lots: table("lots", LOTS)?,
        made: Vec::new(),
        // Positions are by cycle: those of a day are what its postings say.
        by_day: matches!(source.part, Part::Day(_)).then(BTreeMap::new),
    };
    while let Some(taken) = source.next()? {
        tables.add(source, &facts, &taken)?;
    }
    tables.write_lots(source, &facts)?;
    let Journal { transactions, postings, lots, by_day, .. } = tables;
    let mut files = vec![transactions.finish()?, postings.finish()?, lots.finish()?];
    let mut positions = table("positions", POSITIONS)?;
    match by_day {
        Some(sums) => {
            for (key, sum) in sums {
                positions.add(facts.position(&key, sum)?)?;
            }
        }
        None => write_positions(source, &facts, &mut positions)?,
    }
    files.push(positions.finish()?);
    let mut breaks = table("breaks", BREAKS)?;
    breaks::write(source, coalition, &mut breaks)?;
    files.push(breaks.finish()?);
    // Another fact is another table: its columns in `facts`, its rows here.
    Ok(files)
}

/// The tables that follow the journal.
struct Journal {
    transactions: Table,
    postings: Table,
    lots: Table,
    /// Lots that were made and are not written yet, with when they were made.
    made: Vec<(LotId, Instant)>,
    /// What the postings add to positions; none: the table of positions is exported.
    by_day: Option<BTreeMap<PositionKey, Position>>,
}

impl Journal {
    fn add(
        &mut self,
        source: &mut Source,
        facts: &Facts,
        taken: &Taken,
    ) -> Result<(), ExportError> {
        self.transactions.add(Facts::transaction(taken)?)?;
        for (place, posting) in taken.postings() {
            self.postings.add(facts.posting(&taken.one, place, posting)?)?;
            if let Some(sums) = &mut self.by_day
                && let Some((key, sum)) = Position::of(&taken.one, posting)
            {
                sums.entry(key).or_default().add(sum);
            }
        }
        self.made.extend(taken.one.lots.iter().map(|lot| (lot.id, taken.one.recorded_at)));
        if self.made.len() >= LOTS_AT_ONCE { self.write_lots(source, facts) } else { Ok(()) }
    }

    /// Writes the lots that wait, as they are now.
    fn write_lots(&mut self, source: &mut Source, facts: &Facts) -> Result<(), ExportError> {
        let made = std::mem::take(&mut self.made);
        let ids: Vec<LotId> = made.iter().map(|one| one.0).collect();
        let rows = stream::lots_of(&mut source.database, &ids)?;
        for (row, (_, made_at)) in rows.iter().zip(made) {
            self.lots.add(facts.lot(row, made_at)?)?;
        }
        Ok(())
    }
}

fn write_positions(
    source: &mut Source,
    facts: &Facts,
    table: &mut Table,
) -> Result<(), ExportError> {
    let cycles = match &source.part {
        Part::Cycle { id, .. } => vec![id.clone()],
        Part::Whole | Part::Day(_) => stream::position_cycles(&mut source.database)?,
    };
    for cycle in cycles {
        for (key, sum) in stream::positions_of(&mut source.database, &cycle)? {
            table.add(facts.position(&key, sum)?)?;
        }
    }
    Ok(())
}
