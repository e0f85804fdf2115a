//! What the liability report reads: all lots, page by page, and what members owe.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::connection::Database;
use super::schema::accounts;
use super::{StoreError, stream};
use crate::domain::amount::Points;
use crate::domain::ids::{PartyId, ProgrammeId};
use crate::domain::liability::{LotFigures, Report, Tally};
use crate::domain::terms::{Coalition, Programme};
use crate::domain::time::Instant;

/// The liability of all programmes as of `now`, or of those of one brand.
///
/// What is read is what was posted until this moment; `now` says what of it is pending, available
/// or past. Let the connection stand in a snapshot.
///
/// # Errors
/// If the database fails, or what is stored can't be read.
pub fn liability(
    database: &mut Database,
    now: Instant,
    coalition: &Coalition,
    brand: Option<&PartyId>,
) -> Result<Report, StoreError> {
    let is_meant = |programme: &Programme| brand.is_none_or(|brand| programme.brand == *brand);
    let meant = coalition.programmes.values().filter(|programme| is_meant(programme));
    let names: Vec<&str> = meant.clone().map(|programme| programme.id.as_str()).collect();
    let mut tally = Tally::new(now, &coalition.currency, meant.cloned());
    let unknown = |programme: &ProgrammeId| {
        StoreError::Damaged(format!("the programme {programme} is not in the configuration"))
    };
    let mut after = 0;
    loop {
        let page = stream::lots(database, &names, after)?;
        let Some(last) = page.last() else { break };
        after = last.lot.lot;
        for made in page {
            let programme = made.lot.account_key()?.programme;
            let lot = made.lot.into_lot()?;
            let figures = LotFigures { programme, lot, made_at: made.made_by.recorded_at };
            if !tally.add_lot(&figures) {
                return Err(unknown(&figures.programme));
            }
        }
    }
    for (programme, debt) in debts(database, &names)? {
        if !tally.add_debt(&programme, debt) {
            return Err(unknown(&programme));
        }
    }
    Ok(tally.finish())
}

/// What members owe in each of some programmes.
fn debts(
    database: &mut Database,
    programmes: &[&str],
) -> Result<Vec<(ProgrammeId, Points)>, StoreError> {
    let rows: Vec<(String, i64)> = accounts::table
        .filter(accounts::programme.eq_any(programmes))
        .group_by(accounts::programme)
        .select((accounts::programme, sql::<BigInt>("CAST(SUM(debt) AS BIGINT)")))
        .load(database)?;
    rows.into_iter()
        .map(|(programme, debt)| {
            let id = programme
                .parse()
                .map_err(|_| StoreError::Damaged(format!("a stored name: {programme}")))?;
            Ok((id, Points(debt)))
        })
        .collect()
}
