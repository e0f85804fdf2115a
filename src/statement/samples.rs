//! Lines for the tests of the forms.

use super::line::{Invoice, Line, LineVat, More};
use crate::domain::amount::Money;
use crate::domain::command::Kind;
use crate::domain::entry::Entry;
use crate::domain::ids::{MemberId, ShardId, TransactionId};
use crate::domain::time::{Day, Instant};

/// The decimals of the samples' money.
pub const SCALE: u32 = 2;

/// Line `number` of a statement of `bank`, which owes: 0.72 for 10 points.
pub fn line(number: u32) -> Line {
    let transaction = TransactionId::new(ShardId(3), i64::from(number) + 1000);
    let amount = Money(72);
    let entry = Entry {
        id: format!("{transaction}/1"),
        record_type: "earn",
        kind: Kind::CardPayment,
        obligation: "funding",
        recorded_at: Instant(1_780_304_461_250_000 + i64::from(number) * 1_000_000),
        at: None,
        party: "bank".parse().expect("a party"),
        reference: Some(format!("R-{number}").parse().expect("a reference")),
        original: None,
        member: Some(MemberId::new(ShardId(3), 7)),
        from: Some("bank".parse().expect("a party")),
        to: Some("brand".parse().expect("a party")),
        programme: Some("club".parse().expect("a programme")),
        points: "10".to_owned(),
        price: Some("0.80".to_owned()),
        purchase_amount: Some("100.00".to_owned()),
        amount: amount.text(SCALE),
        currency: "RUB".to_owned(),
        agreement: Some("bank".parse().expect("a party")),
        agreement_version: Some(4),
        promo: None,
        lot: None,
        cycle: "2026-06-01".parse().expect("a cycle"),
        late_for: None,
        price_before: None,
        percentage: None,
        till: None,
    };
    let entry_bytes = entry.bytes();
    let line_no = u64::from(number);
    Line {
        line_no,
        transaction,
        place: 1,
        is_debit: true,
        amount,
        vat: None,
        invoice: Invoice::default(),
        record_type: "earn",
        more: Some(More { zone: "Europe/Moscow".into(), dispute: None, is_disputed: false }),
        entry,
        entry_bytes,
    }
}

/// The reference of a line that a spreadsheet would calculate.
pub const FORMULA: &str = "=HYPERLINK(\"http://x\",\"y\")";

/// Five lines: plain; a reference that is a formula; a late one, owed to the party; VAT inside; VAT
/// on its own. They add up to 31.50 points, 104,423.16 debit and 0.72 credit.
pub fn lines() -> Vec<Line> {
    let mut lines: Vec<Line> = (1..=5).map(line).collect();
    lines[1].entry.reference = Some(FORMULA.parse().expect("a reference"));
    lines[2].is_debit = false;
    (lines[2].entry.from, lines[2].entry.to) =
        (lines[2].entry.to.clone(), lines[2].entry.from.clone());
    lines[2].record_type = "earn_cancel";
    lines[2].entry.late_for = Day::parse("2026-05-01");
    lines[2].entry.at = Instant::parse("2026-05-31T23:59:59.999999+03:00");
    lines[2].entry.reference = Some("-12".parse().expect("a reference"));
    lines[2].entry.points = "-10".to_owned();
    lines[3].amount = Money(10_440_000);
    let (rate, amount) = ("0.20".to_owned(), Money(1_740_000));
    lines[3].vat = Some(LineVat { rate, amount, included: true });
    lines[3].entry.points = "21.50".to_owned();
    lines[4].amount = Money(2_172);
    lines[4].record_type = "vat";
    lines[4].entry.points = "0".to_owned();
    lines
}
