//! The month of a bank, a shop, a scheme, a wallet and a brand, with every figure known.

use serde_json::{Value, json};

use super::tests::{agreement, coalition, cycle, monthly, position, positions_of, shown};
use super::*;
use crate::domain::exact::split;
use crate::domain::settlement::netting::{Direction, gross, legs};
use crate::domain::terms::vat::vat_inside;

/// What was posted in June. Points cost 0.80 at 90 percent; 0.95 is paid back for a burned one.
fn june() -> Vec<PositionSum> {
    let funding = |reverses| (ObligationKind::Funding, reverses);
    let paid_back = |reverses| (ObligationKind::Reimbursement, reverses);
    let card = (ObligationKind::CardFee, false);
    vec![
        position(("bank", "brand"), funding(false), "bank", (150_000, 10_800_000)),
        position(("brand", "bank"), funding(true), "bank", (5_000, 360_000)),
        position(("brand", "shop"), paid_back(false), "shop", (90_000, 8_550_000)),
        position(("shop", "brand"), paid_back(true), "shop", (2_000, 190_000)),
        // A promotion of 20,000 points: 60 percent the brand's, 40 percent the scheme's.
        position(("brand", "brand"), funding(false), "brand", (20_000, 960_000)),
        position(("scheme", "brand"), funding(false), "brand", (20_000, 640_000)),
        position(("brand", "wallet"), card, "wallet", (300, 360_000)),
    ]
}

fn closed(charges: &Value, carry_below: &str) -> (ClosingEntries, Vec<PositionSum>) {
    let agreements = [
        agreement("bank", charges),
        agreement("shop", &json!({})),
        agreement("brand", &json!({})),
        agreement("wallet", &json!({})),
    ];
    let coalition = coalition(&monthly("multilateral", carry_below), &agreements);
    let id = cycle("2025-06-01");
    let entries = closing_entries(&coalition, &id, &june());
    let mut all = june();
    all.extend(positions_of(&entries.closing, &id));
    (entries, all)
}

fn net(positions: &[PositionSum], party: &str) -> String {
    nets(positions)[&party.parse().expect("a party")].text(2)
}

#[test]
fn june_nets_to_the_kopeck() {
    let (entries, all) = closed(&json!({}), "0");
    assert_eq!(entries, ClosingEntries::default());
    let expected = [
        ("bank", "-104400.00"),
        ("scheme", "-6400.00"),
        ("shop", "83600.00"),
        ("wallet", "3600.00"),
        ("brand", "23600.00"),
    ];
    for (party, amount) in expected {
        assert_eq!(net(&all, party), amount, "{party}");
    }
    assert!(nets(&all).values().copied().sum::<Money>().is_zero());
    assert_eq!(gross(&all).text(2), "198000.00");
    let pairs: Vec<String> = matrix(&all)
        .iter()
        .map(|pair| {
            format!("{} {} {} {}", pair.one, pair.other, pair.owes.text(2), pair.owed.text(2))
        })
        .collect();
    let expected = [
        "bank brand 104400.00 0.00",
        "brand scheme 0.00 6400.00",
        "brand shop 83600.00 0.00",
        "brand wallet 3600.00 0.00",
    ];
    assert_eq!(pairs, expected);
}

#[test]
fn june_is_paid_with_one_line_for_each_party() {
    let (_, all) = closed(&json!({}), "0");
    let legs = legs(Netting::Multilateral, &all);
    let sum = |direction| -> Money {
        legs.iter().filter(|leg| leg.direction == direction).map(|leg| leg.amount).sum()
    };
    assert_eq!(sum(Direction::Collect).text(2), "110800.00");
    assert_eq!(sum(Direction::PayOut).text(2), "110800.00");
    assert_eq!(legs.len(), 5, "one line for each party, none for the brand's provision");
    // Without the clearing house's account between them, one fewer than there are parties.
    let is_collected = |leg: &&super::super::netting::Leg| leg.direction == Direction::Collect;
    assert!(legs.iter().filter(is_collected).count() < legs.len());
    let provision = june().remove(4);
    assert_eq!(
        (provision.amount.text(2).as_str(), provision.debtor),
        ("9600.00", provision.creditor)
    );
}

#[test]
fn the_tax_on_junes_bank_line() {
    let vat = |included: bool| json!({"vat": {"table": "general", "included": included}});
    let (entries, all) = closed(&vat(false), "0");
    assert_eq!(shown(&entries.closing), ["vat party/bank party/brand 20880.00"]);
    assert_eq!(net(&all, "bank"), "-125280.00");
    let (entries, _) = closed(&vat(true), "0");
    assert_eq!(entries, ClosingEntries::default());
    let rate = "0.20".parse().expect("a decimal");
    assert_eq!(vat_inside(Money(10_440_000), rate).text(2), "17400.00");
}

#[test]
fn junes_volume_least_fee_tax_and_carry_over_together() {
    let charges = json!({
        "volume": [{"from": "0", "price": "0.80"}, {"from": "100000", "price": "0.75"}],
        "minimum_fee": "5000.00",
        "vat": {"table": "general", "included": false},
    });
    let (entries, all) = closed(&charges, "5000.00");
    let closing = [
        // 45,000 points above the first band, 0.05 cheaper, at 90 percent.
        "volume_discount pool/club/brand party/bank 2025.00",
        "minimum_fee party/bank party/clearing 5000.00",
        // 20 percent of 104,400.00 − 2,025.00, and of the fee.
        "vat party/bank party/brand 20475.00",
        "vat party/bank party/clearing 1000.00",
        "carry_over party/wallet party/clearing 3600.00",
    ];
    assert_eq!(shown(&entries.closing), closing);
    assert_eq!(
        shown(&entries.opening),
        ["carry_over_reversed party/clearing party/wallet 3600.00"]
    );
    assert_eq!(net(&all, "bank"), "-128850.00");
    assert_eq!(net(&all, "brand"), "42050.00");
    assert_eq!(net(&all, "clearing"), "9600.00");
    assert_eq!(net(&all, "wallet"), "0.00");
    assert!(nets(&all).values().copied().sum::<Money>().is_zero());
}

#[test]
fn a_discount_is_spread_over_lines_by_the_largest_remainder() {
    assert_eq!(split(123_400, &[99_990, 250_010, 150_000]), [24_678, 61_702, 37_020]);
}
