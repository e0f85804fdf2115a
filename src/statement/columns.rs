//! The columns of a statement's lines, one list for every form that has columns.
//!
//! A cell is still typed here: CSV prints it, XLSX makes a number, a date or a text of it.

use std::borrow::Cow;

use rust_decimal::Decimal;

use super::line::Line;
use crate::domain::amount::Money;
use crate::domain::ids::Reference;
use crate::domain::till::Till;
use crate::domain::time::{Day, Instant};

/// What stands in a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing.
    Empty,
    /// A name, a reference or another text.
    Text(Cow<'a, str>),
    /// A number that counts or numbers things.
    Count(u64),
    /// Money, points, a price or a rate, as decimal text.
    Figure(Cow<'a, str>),
    /// An instant, UTC.
    At(Instant),
    /// A calendar day.
    On(Day),
}

impl<'a> Cell<'a> {
    fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self::Text(text.into())
    }

    fn name(name: Option<&impl ToString>) -> Self {
        name.map_or(Self::Empty, |name| Self::text(name.to_string()))
    }

    fn figure(text: Option<&'a String>) -> Self {
        text.map_or(Self::Empty, |text| Self::Figure(text.into()))
    }

    fn money(money: Option<Money>, scale: u32) -> Self {
        money.map_or(Self::Empty, |money| Self::Figure(money.text(scale).into()))
    }
}

/// A column: its name in the first row, and its cell of a line. The number is the decimals of the
/// coalition's currency.
pub struct Column {
    /// The name.
    pub name: &'static str,
    /// The cell.
    pub cell: for<'a> fn(&'a Line, u32) -> Cell<'a>,
}

const fn column(name: &'static str, cell: for<'a> fn(&'a Line, u32) -> Cell<'a>) -> Column {
    Column { name, cell }
}

/// All columns, in their order. Columns may be added at the end, never renamed, moved or removed.
///
/// Over a whole statement the gross amounts are the net amounts and the VAT: what a line bears
/// inside is taken off its net, and a line that charges the VAT of others has no net of its own.
pub const COLUMNS: [Column; 43] = [
    column("line_no", |line, _| Cell::Count(line.line_no)),
    column("entry_seq", |line, _| {
        let (shard, seq) = (line.transaction.shard().0, line.transaction.number());
        Cell::text(format!("{shard}/{seq}/{}", line.place))
    }),
    column("record_type", |line, _| Cell::text(line.record_type)),
    column("activity_at", |line, _| line.entry.at.map_or(Cell::Empty, Cell::At)),
    column("processed_at", |line, _| Cell::At(line.entry.recorded_at)),
    column("partner_ref", |line, _| {
        line.entry.reference.as_ref().map_or(Cell::Empty, |one| Cell::text(one.as_str()))
    }),
    column("our_ref", |line, _| Cell::name(Some(&line.transaction))),
    column("original_ref", |line, _| Cell::name(line.entry.original.as_ref())),
    column("member", |line, _| Cell::name(line.entry.member.as_ref())),
    column("kind", |line, _| Cell::text(line.entry.kind.name())),
    column("programme", |line, _| Cell::name(line.entry.programme.as_ref())),
    column("counterparty", |line, _| Cell::name(line.counterparty())),
    column("agreement", |line, _| Cell::name(line.entry.agreement.as_ref())),
    column("agreement_version", |line, _| {
        let version = line.entry.agreement_version.and_then(|version| version.try_into().ok());
        version.map_or(Cell::Empty, Cell::Count)
    }),
    column("promo", |line, _| Cell::name(line.entry.promo.as_ref())),
    column("lot", |line, _| Cell::name(line.entry.lot.as_ref())),
    column("purchase_amount", |line, _| Cell::figure(line.entry.purchase_amount.as_ref())),
    column("currency", |line, _| Cell::text(&line.entry.currency)),
    column("points", |line, _| Cell::figure(Some(&line.entry.points))),
    column("price_per_point", |line, _| {
        Cell::figure(line.entry.price_before.as_ref().or(line.entry.price.as_ref()))
    }),
    column("gross_debit", |line, scale| Cell::money(line.debit(), scale)),
    column("gross_credit", |line, scale| Cell::money(line.credit(), scale)),
    column("vat_rate", |line, _| Cell::figure(line.vat.as_ref().map(|vat| &vat.rate))),
    column("vat_amount", |line, scale| Cell::money(line.vat.as_ref().map(|vat| vat.amount), scale)),
    column("net_debit", |line, scale| Cell::money(line.debit().map(|_| net(line)), scale)),
    column("net_credit", |line, scale| Cell::money(line.credit().map(|_| net(line)), scale)),
    column("settlement_currency", |line, _| Cell::text(&line.entry.currency)),
    column("fx_rate", |_, _| Cell::Figure("1".into())),
    column("window", |line, _| Cell::name(Some(&line.entry.cycle))),
    column("original_window", |line, _| line.entry.late_for.map_or(Cell::Empty, Cell::On)),
    column("status", |line, _| Cell::text(line.status())),
    column("obligation", |line, _| Cell::text(line.entry.obligation)),
    column("tz", |line, _| {
        line.more.as_ref().map_or(Cell::Empty, |more| Cell::text(more.zone.as_ref()))
    }),
    column("shop", |line, _| of_till(line, |till| till.shop.as_ref())),
    column("till", |line, _| of_till(line, |till| till.till.as_ref())),
    column("shift", |line, _| of_till(line, |till| till.shift.as_ref())),
    column("receipt", |line, _| of_till(line, |till| till.receipt.as_ref())),
    column("fiscal_sign", |line, _| of_till(line, |till| till.fiscal_sign.as_ref())),
    column("funder", |line, _| Cell::name(line.funder())),
    column("lot_issuer", |line, _| Cell::name(line.lot_issuer())),
    column("percentage", |line, _| Cell::figure(line.entry.percentage.as_ref())),
    column("dispute_id", |line, _| line.dispute().map_or(Cell::Empty, Cell::text)),
    column("proof", |line, _| Cell::text(line.leaf())),
];

/// What the till said.
fn of_till(line: &Line, field: fn(&Till) -> Option<&Reference>) -> Cell<'_> {
    let text = line.entry.till.as_deref().and_then(field);
    text.map_or(Cell::Empty, |text| Cell::text(text.as_str()))
}

/// The line's amount without VAT.
fn net(line: &Line) -> Money {
    if line.record_type == "vat" {
        return Money::ZERO;
    }
    let inside = line.vat.as_ref().filter(|vat| vat.included);
    line.amount - inside.map_or(Money::ZERO, |vat| vat.amount)
}

/// What lines add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// How many there are.
    pub lines: u64,
    /// The points of all of them. Points of several programmes are added as if they were of one:
    /// a figure to check a file by, and nothing else.
    pub points: Decimal,
    /// What the party owes.
    pub debit: Money,
    /// What the party is owed.
    pub credit: Money,
}

impl Sums {
    /// Adds a line.
    ///
    /// # Panics
    /// If the entry's points are no decimal text, or a sum is above all that can be: a bug.
    pub fn add(&mut self, line: &Line) {
        self.lines += 1;
        self.points += decimal(&line.entry.points).expect("an entry's points are decimal text");
        self.debit += line.debit().unwrap_or(Money::ZERO);
        self.credit += line.credit().unwrap_or(Money::ZERO);
    }

    /// The sum of the points, without zeros at the end.
    pub fn points_text(&self) -> String {
        self.points.normalize().to_string()
    }
}

/// The number that a plain decimal text says.
pub fn decimal(text: &str) -> Option<Decimal> {
    is_plain_decimal(text).then(|| Decimal::from_str_exact(text).ok()).flatten()
}

/// Whether a text is digits, with at most one point among them and a minus before them.
pub fn is_plain_decimal(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|one| one.is_ascii_digit());
    is_number(whole) && is_number(fraction)
}
