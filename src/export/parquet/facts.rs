//! The columns of each table, and their rows. `MONEY` stands for a decimal of the currency's scale.

use rust_decimal::Decimal;

use super::table::Cell;
use crate::domain::ids::{LotId, MemberId, ProgrammeId};
use crate::domain::ledger::{Position, PositionKey};
use crate::domain::posting::{Body, Posting};
use crate::domain::terms::Coalition;
use crate::domain::time::{Day, Instant, NEVER};
use crate::domain::transaction::Transaction;
use crate::export::names::Names;
use crate::export::{ExportError, Taken, unknown_programme};
use crate::store::StoreError;
use crate::store::rows::LotRow;

/// Decimals of every column of points.
const POINTS_SCALE: u32 = 4;

/// Decimals of every column of prices.
const PRICE_SCALE: u32 = 6;

/// The journal: `transaction` is the id, `shard` and `seq` its place; `at` when it happened by the
/// party's own account; no `member`: the clearing house acted for itself; `postings` how many rows
/// it has in that table; `hash` the end of the
/// shard's chain after it, in hexadecimal digits.
pub const TRANSACTIONS: &str = "
    REQUIRED BYTE_ARRAY transaction (STRING);
    REQUIRED INT32 shard;
    REQUIRED INT64 seq;
    REQUIRED BYTE_ARRAY kind (STRING);
    REQUIRED BYTE_ARRAY party (STRING);
    OPTIONAL BYTE_ARRAY ref (STRING);
    OPTIONAL BYTE_ARRAY member (STRING);
    REQUIRED INT64 recorded_at (TIMESTAMP(MICROS,true));
    REQUIRED INT32 settlement_day (DATE);
    OPTIONAL INT64 at (TIMESTAMP(MICROS,true));
    REQUIRED INT64 config_version;
    OPTIONAL BYTE_ARRAY tier_after (STRING);
    REQUIRED INT32 postings;
    REQUIRED BYTE_ARRAY hash (STRING);";

/// What moved from one account to another: `place` counts the postings of a transaction from 0.
/// Either `points` moved (of `lot`, but for debts, and with them so much of its `cost`), or `amount`
/// is owed for `obligation` and for the points in `owed_for`; `reverses` is true of what gives back
/// what was owed before. Of money, `price` is that of a whole point; `agreement` names the party of
/// the agreement, and `agreement_version` the version of the configuration that set it; `schedule`
/// and `cycle`, its first day, say what settles it, and `late_for` is the first day of the earlier
/// cycle that it belongs to by its date. No `programme`: it is the clearing house's own.
pub const POSTINGS: &str = "
    REQUIRED BYTE_ARRAY transaction (STRING);
    REQUIRED INT32 place;
    REQUIRED INT32 settlement_day (DATE);
    REQUIRED BYTE_ARRAY from (STRING);
    REQUIRED BYTE_ARRAY to (STRING);
    OPTIONAL BYTE_ARRAY programme (STRING);
    OPTIONAL INT64 points (DECIMAL(18,4));
    OPTIONAL BYTE_ARRAY lot (STRING);
    OPTIONAL INT64 cost (MONEY);
    OPTIONAL INT64 amount (MONEY);
    OPTIONAL BYTE_ARRAY currency (STRING);
    OPTIONAL BYTE_ARRAY obligation (STRING);
    OPTIONAL BOOLEAN reverses;
    OPTIONAL INT64 owed_for (DECIMAL(18,4));
    OPTIONAL INT64 price (DECIMAL(18,6));
    OPTIONAL BYTE_ARRAY agreement (STRING);
    OPTIONAL INT64 agreement_version;
    OPTIONAL BYTE_ARRAY promo (STRING);
    OPTIONAL BYTE_ARRAY schedule (STRING);
    OPTIONAL INT32 cycle (DATE);
    OPTIONAL INT32 late_for (DATE);";

/// Lots as they are now: `transaction` made them at `made_at`; `granted` was put in at first,
/// `remaining` is free, `held` is reserved, `expired` was lost. No `available_at`: they wait for a
/// delivery; no `expires_at`: they are never lost. `price` is what a whole point was funded with when
/// it was given out, `cost` what is still to be paid for those that are there when they are burned.
pub const LOTS: &str = "
    REQUIRED BYTE_ARRAY lot (STRING);
    REQUIRED BYTE_ARRAY transaction (STRING);
    REQUIRED INT64 made_at (TIMESTAMP(MICROS,true));
    REQUIRED BYTE_ARRAY member (STRING);
    REQUIRED BYTE_ARRAY programme (STRING);
    REQUIRED INT64 granted (DECIMAL(18,4));
    REQUIRED INT64 remaining (DECIMAL(18,4));
    REQUIRED INT64 held (DECIMAL(18,4));
    REQUIRED INT64 expired (DECIMAL(18,4));
    OPTIONAL INT64 available_at (TIMESTAMP(MICROS,true));
    OPTIONAL INT64 expires_at (TIMESTAMP(MICROS,true));
    REQUIRED INT64 price (DECIMAL(18,6));
    REQUIRED INT64 cost (MONEY);";

/// Who owes whom what for what in a cycle, on the account of which programme, under whose agreement
/// and for which promotion: how many postings, for how many points, how much. `cycle` is the first
/// day of the cycle in its `schedule`; `late_for` that of the earlier one that it belongs to by its
/// date. Rows of several shards may name the same; they add up. Of one settlement day these are
/// what its postings add to positions.
pub const POSITIONS: &str = "
    REQUIRED BYTE_ARRAY schedule (STRING);
    REQUIRED INT32 cycle (DATE);
    OPTIONAL INT32 late_for (DATE);
    REQUIRED INT32 shard;
    REQUIRED BYTE_ARRAY debtor (STRING);
    REQUIRED BYTE_ARRAY creditor (STRING);
    OPTIONAL BYTE_ARRAY programme (STRING);
    OPTIONAL BYTE_ARRAY agreement (STRING);
    OPTIONAL BYTE_ARRAY promo (STRING);
    REQUIRED BYTE_ARRAY kind (STRING);
    REQUIRED INT64 postings;
    OPTIONAL INT64 points (DECIMAL(18,4));
    REQUIRED INT64 amount (MONEY);
    REQUIRED BYTE_ARRAY currency (STRING);";

/// Makes rows of facts.
pub struct Facts {
    names: Names,
}

impl Facts {
    /// With the scales of a coalition.
    pub fn new(coalition: &Coalition) -> Self {
        Self { names: Names::new(coalition, false) }
    }

    /// A row of [`TRANSACTIONS`].
    pub fn transaction(taken: &Taken) -> Result<[Cell; 14], ExportError> {
        let one = &taken.one;
        Ok([
            text(&one.id),
            small(one.id.shard().0)?,
            Cell::Whole(one.id.number()),
            text(&one.kind.name()),
            text(&one.party),
            one.reference.as_ref().map(|one| one.as_str().to_owned()).into(),
            name(Some(one.member).filter(|member| member.is_somebody()).as_ref()),
            Cell::Whole(one.recorded_at.0),
            day(one.settlement_day)?,
            one.at.map_or(Cell::Nothing, instant),
            Cell::Whole(one.config_version),
            name(one.tier_after.as_ref()),
            small(taken.postings().len())?,
            Cell::Text(hex::encode(&taken.hash)),
        ])
    }

    /// A row of [`POSTINGS`].
    pub fn posting(
        &self,
        one: &Transaction,
        place: usize,
        posting: &Posting,
    ) -> Result<[Cell; 21], ExportError> {
        let [programme, points, lot, cost, amount, currency, obligation, reverses, owed_for] =
            self.moved(posting)?;
        let [price, agreement, version, promo, schedule, cycle, late_for] = terms(one, posting)?;
        Ok([
            text(&one.id),
            small(place)?,
            day(one.settlement_day)?,
            text(&posting.from),
            text(&posting.to),
            programme,
            points,
            lot,
            cost,
            amount,
            currency,
            obligation,
            reverses,
            owed_for,
            price,
            agreement,
            version,
            promo,
            schedule,
            cycle,
            late_for,
        ])
    }

    /// What a posting moves: the cells from `programme` to `owed_for`.
    fn moved(&self, posting: &Posting) -> Result<[Cell; 9], ExportError> {
        let nothing = || Cell::Nothing;
        Ok(match &posting.body {
            Body::Points { points, lot, cost, .. } => {
                let programme =
                    posting.from.programme().ok_or_else(|| unknown_programme(&posting.from))?;
                [
                    text(programme),
                    self.points(programme, points.0)?,
                    name(lot.as_ref()),
                    Cell::Whole(cost.0),
                    nothing(),
                    nothing(),
                    nothing(),
                    nothing(),
                    nothing(),
                ]
            }
            Body::Money { amount, programme, obligation, reverses, points, .. } => [
                name(programme.as_ref()),
                nothing(),
                nothing(),
                nothing(),
                Cell::Whole(amount.0),
                text(&self.names.money.code),
                text(&obligation.name(false)),
                Cell::Flag(*reverses),
                self.owed_for(programme.as_ref(), points.0)?,
            ],
        })
    }

    /// A row of [`LOTS`].
    pub fn lot(&self, row: &LotRow, made_at: Instant) -> Result<[Cell; 13], ExportError> {
        let programme = programme_of(&row.programme)?;
        let points = |units| self.points(&programme, units);
        Ok([
            text(&LotId(row.lot)),
            text(&LotId(row.lot).transaction()),
            instant(made_at),
            text(&MemberId(row.member)),
            text(&programme),
            points(row.granted)?,
            points(row.remaining)?,
            points(row.held)?,
            points(row.expired)?,
            instant(Instant(row.available_at)),
            instant(Instant(row.expires_at)),
            price(&row.price)?,
            Cell::Whole(row.cost),
        ])
    }

    /// A row of [`POSITIONS`].
    pub fn position(&self, key: &PositionKey, sum: Position) -> Result<[Cell; 14], ExportError> {
        let late_for = Some(key.late_for).filter(|first| *first != key.cycle.first);
        Ok([
            text(&key.cycle.schedule),
            day(key.cycle.first)?,
            late_for.map_or(Ok(Cell::Nothing), day)?,
            small(key.shard.0)?,
            text(&key.debtor),
            text(&key.creditor),
            name(key.programme.as_ref()),
            name(key.agreement.as_ref()),
            name(key.promo.as_ref()),
            text(&key.kind),
            Cell::Whole(sum.count),
            self.owed_for(key.programme.as_ref(), sum.points)?,
            Cell::Whole(sum.amount),
            text(&self.names.money.code),
        ])
    }

    /// The points that money is owed for; none where it is on no programme's account.
    fn owed_for(&self, programme: Option<&ProgrammeId>, units: i64) -> Result<Cell, ExportError> {
        programme.map_or(Ok(Cell::Nothing), |programme| self.points(programme, units))
    }

    /// Points of a programme in the scale that all share.
    fn points(&self, programme: &ProgrammeId, units: i64) -> Result<Cell, ExportError> {
        let unit = self.names.points(programme).ok_or_else(|| unknown_programme(programme))?;
        scaled_points(units, unit.scale)
    }
}

/// Points of any scale in the scale that all share.
pub(super) fn scaled_points(units: i64, scale: u32) -> Result<Cell, ExportError> {
    let finer = POINTS_SCALE.checked_sub(scale).map(|more| 10_i64.pow(more));
    let scaled = finer.and_then(|factor| units.checked_mul(factor));
    scaled.map(Cell::Whole).ok_or_else(|| ExportError::TooLarge(format!("{units}")))
}

/// Under which terms money is owed and what settles it: the cells from `price` to `late_for`.
fn terms(one: &Transaction, posting: &Posting) -> Result<[Cell; 7], ExportError> {
    let (Body::Money { price, under, late_for, .. }, Some(cycle)) =
        (&posting.body, posting.cycle(one))
    else {
        return Ok([const { Cell::Nothing }; 7]);
    };
    Ok([
        price.map_or(Ok(Cell::Nothing), price_cell)?,
        name(under.agreement.as_ref()),
        if under.version == 0 { Cell::Nothing } else { Cell::Whole(under.version) },
        name(under.promo.as_ref()),
        text(&cycle.schedule),
        day(cycle.first)?,
        late_for.map_or(Ok(Cell::Nothing), day)?,
    ])
}

pub(super) fn text(value: &dyn std::fmt::Display) -> Cell {
    Cell::Text(value.to_string())
}

pub(super) fn name<T: ToString>(value: Option<&T>) -> Cell {
    value.map(ToString::to_string).into()
}

pub(super) fn instant(at: Instant) -> Cell {
    if at == NEVER { Cell::Nothing } else { Cell::Whole(at.0) }
}

pub(super) fn small<T: TryInto<i32> + Copy + std::fmt::Display>(
    value: T,
) -> Result<Cell, ExportError> {
    let small = value.try_into().map_err(|_| ExportError::TooLarge(value.to_string()))?;
    Ok(Cell::Small(small))
}

pub(super) fn day(day: Day) -> Result<Cell, ExportError> {
    small(day.number())
}

fn programme_of(stored: &str) -> Result<ProgrammeId, ExportError> {
    stored.parse().map_err(|_| unknown_programme(&stored))
}

/// A stored price.
fn price(stored: &str) -> Result<Cell, ExportError> {
    let damaged = |_| ExportError::Store(StoreError::Damaged(format!("a stored price: {stored}")));
    price_cell(stored.parse().map_err(damaged)?)
}

/// A price in the scale of its column; a finer one is not cut.
fn price_cell(price: Decimal) -> Result<Cell, ExportError> {
    let price = price.normalize();
    let finer = PRICE_SCALE.checked_sub(price.scale()).map(|more| 10_i128.pow(more));
    let scaled = finer.and_then(|factor| i64::try_from(price.mantissa() * factor).ok());
    scaled.map(Cell::Whole).ok_or_else(|| ExportError::TooLarge(price.to_string()))
}
