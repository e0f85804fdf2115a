//! Tests of what closing a cycle adds, and a small coalition that they share.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::ids::ScheduleId;
use crate::domain::posting::Body;
use crate::domain::settlement::netting::legs;
use crate::domain::terms::coalition::{Change, CoalitionDocument};
use crate::domain::time::Day;

/// A coalition settled by months: a brand with its programme, and who may have agreements.
pub fn coalition(schedule: &Value, agreements: &[Value]) -> Coalition {
    let change = |kind: &str, document: Value| -> Change {
        serde_json::from_value(json!({"kind": kind, "document": document})).expect("a change")
    };
    let own: CoalitionDocument = serde_json::from_value(json!({
        "operator": "clearing", "currency": "RUB", "timezone": "Europe/Moscow", "cycle": "monthly",
    }))
    .expect("a coalition");
    let mut changes = Vec::new();
    let parties = [
        ("brand", "brand"),
        ("bank", "bank"),
        ("shop", "retailer"),
        ("scheme", "payment_system"),
        ("wallet", "wallet"),
    ];
    for (id, kind) in parties {
        changes.push(change("party", json!({"id": id, "kind": kind})));
    }
    let programme = json!({
        "id": "club", "brand": "brand", "unit": {"name": "point", "scale": 0},
        "point_value": "1.00", "earn": {"rate": "0.01"}, "expire": {"months": 12},
        "burn": {"max_share": "1"},
    });
    changes.push(change("programme", programme));
    changes.push(change("schedule", schedule.clone()));
    let rates = [("2019-01-01", "0.20"), ("2026-01-01", "0.22")]
        .map(|(from, rate)| json!({"from": from, "rate": rate}));
    changes.push(change("vat_rates", json!({"id": "general", "rates": rates})));
    for agreement in agreements {
        changes.push(change("agreement", agreement.clone()));
    }
    let mut coalition = Coalition::new(&own).expect("a coalition");
    for (change, version) in changes.iter().zip(2..) {
        coalition = coalition.with(change, version).expect("a change that can be made");
    }
    coalition
}

/// The coalition's own schedule with a threshold.
pub fn monthly(netting: &str, carry_below: &str) -> Value {
    json!({"id": "main", "period": "monthly", "netting": netting, "carry_below": carry_below})
}

/// An agreement of a party that funds all that its receipts earn.
pub fn agreement(party: &str, charges: &Value) -> Value {
    json!({
        "programme": "club", "party": party,
        "earn": {"funding": [{"party": party, "share": "1"}], "price_per_point": "0.80"},
        "burn": {"reimburse_per_point": "0.95"},
        "charges": charges,
    })
}

/// A cycle of the coalition's own schedule.
pub fn cycle(first: &str) -> CycleId {
    CycleId { schedule: ScheduleId::main(), first: Day::parse(first).expect("a day") }
}

/// A position of the programme, under the agreement of a party.
pub fn position(
    (debtor, creditor): (&str, &str),
    (kind, reverses): (ObligationKind, bool),
    agreement: &str,
    (points, amount): (i64, i64),
) -> PositionSum {
    PositionSum {
        debtor: debtor.parse().expect("a party"),
        creditor: creditor.parse().expect("a party"),
        programme: Some("club".parse().expect("a programme")),
        kind,
        reverses,
        agreement: Some(agreement.parse().expect("a party")),
        promo: None,
        late_for: Day::parse("2025-06-01").expect("a day"),
        count: 1,
        points: Points(points),
        amount: Money(amount),
    }
}

/// The positions that postings of money make.
pub fn positions_of(postings: &[Posting], cycle: &CycleId) -> Vec<PositionSum> {
    let position = |posting: &Posting| {
        let Body::Money { amount, programme, obligation, reverses, points, under, .. } =
            &posting.body
        else {
            return None;
        };
        let owed = Owed {
            amount: *amount,
            programme: programme.clone(),
            obligation: *obligation,
            reverses: *reverses,
            points: *points,
            price: None,
            under: Arc::clone(under),
        };
        position_of(&posting.from, &posting.to, &owed, cycle)
    };
    postings.iter().filter_map(position).collect()
}

/// Postings as text: kind, from, to, amount.
pub fn shown(postings: &[Posting]) -> Vec<String> {
    let text = |posting: &Posting| match &posting.body {
        Body::Money { amount, obligation, reverses, .. } => format!(
            "{} {} {} {}",
            obligation.name(*reverses),
            posting.from,
            posting.to,
            amount.text(2)
        ),
        Body::Points { .. } => "points".to_owned(),
    };
    postings.iter().map(text).collect()
}

const FUNDED: (ObligationKind, bool) = (ObligationKind::Funding, false);
const FUNDED_BACK: (ObligationKind, bool) = (ObligationKind::Funding, true);
const PAID_BACK: (ObligationKind, bool) = (ObligationKind::Reimbursement, false);
const EARN_FEE: (ObligationKind, bool) = (ObligationKind::EarnFee, false);

fn closed(coalition: &Coalition, positions: &[PositionSum]) -> Vec<String> {
    shown(&closing_entries(coalition, &cycle("2025-06-01"), positions).closing)
}

#[test]
fn bands_lower_what_each_debtor_owes_and_the_tax_with_it() {
    let charges = json!({
        "volume": [{"from": "0", "price": "0.80"}, {"from": "100000", "price": "0.75"}],
        "vat": {"table": "general", "included": false},
    });
    let coalition = coalition(&monthly("multilateral", "0"), &[agreement("bank", &charges)]);
    let positions = [
        position(("bank", "brand"), FUNDED, "bank", (150_000, 12_000_000)),
        position(("brand", "bank"), FUNDED_BACK, "bank", (5_000, 400_000)),
        // Points charged when they are burned have no part in it, but are taxed.
        position(("bank", "brand"), (ObligationKind::LotFunding, false), "bank", (9, 1_000)),
        // Another debtor under the same agreement is below the second band.
        position(("scheme", "brand"), FUNDED, "bank", (20_000, 640_000)),
    ];
    let expected = [
        // 45,000 points, 0.05 cheaper each.
        "volume_discount pool/club/brand party/bank 2250.00",
        // 20 % of 120,000 − 4,000 + 10 − 2,250.
        "vat party/bank party/brand 22752.00",
        "vat party/scheme party/brand 1280.00",
    ];
    assert_eq!(closed(&coalition, &positions), expected);
    let back = [position(("brand", "bank"), FUNDED_BACK, "bank", (150_000, 12_000_000))];
    assert_eq!(closed(&coalition, &back), ["vat_reversed party/brand party/bank 24000.00"]);
}

#[test]
fn a_minimum_fee_is_owed_even_by_who_posted_nothing() {
    let fee = |fee: &str| json!({"minimum_fee": fee});
    let taxed = json!({
        "minimum_fee": "5000.00", "vat": {"table": "general", "included": false, "on": ["fees"]},
    });
    let agreements = [
        agreement("bank", &fee("5000.00")),
        agreement("shop", &fee("100.00")),
        agreement("wallet", &taxed),
    ];
    let coalition = coalition(&monthly("multilateral", "0"), &agreements);
    let back = (ObligationKind::BurnFee, true);
    let positions = [
        position(("bank", "clearing"), EARN_FEE, "bank", (1, 420_000)),
        position(("clearing", "bank"), back, "bank", (1, 20_000)),
        position(("shop", "clearing"), EARN_FEE, "shop", (1, 10_000)),
        // A fee under another's agreement, and one that is owed to another, don't count.
        position(("wallet", "clearing"), EARN_FEE, "shop", (1, 700_000)),
        position(("wallet", "bank"), (ObligationKind::CardFee, false), "wallet", (1, 50_000)),
    ];
    let expected = [
        "minimum_fee party/bank party/clearing 1000.00",
        "minimum_fee party/wallet party/clearing 5000.00",
        "vat party/wallet party/bank 100.00",
        "vat party/wallet party/clearing 1000.00",
    ];
    assert_eq!(closed(&coalition, &positions), expected);
    let other = CycleId { schedule: "weekly".parse().expect("an id"), ..cycle("2025-06-02") };
    assert_eq!(closing_entries(&coalition, &other, &[]), ClosingEntries::default());
}

#[test]
fn the_rate_is_that_of_the_cycles_last_day() {
    let charges = |on: &Value| json!({"vat": {"table": "general", "included": false, "on": on}});
    let all = charges(&json!(["funding", "reimbursement"]));
    let coalition = coalition(&monthly("multilateral", "0"), &[agreement("shop", &all)]);
    let positions = [
        position(("shop", "brand"), FUNDED, "shop", (1_000, 100_000)),
        position(("brand", "shop"), PAID_BACK, "shop", (500, 50_000)),
    ];
    let tax = |first: &str| shown(&closing_entries(&coalition, &cycle(first), &positions).closing);
    let both = |one: &str, other: &str| {
        [format!("vat party/brand party/shop {one}"), format!("vat party/shop party/brand {other}")]
    };
    assert_eq!(tax("2025-12-01"), both("100.00", "200.00"));
    assert_eq!(tax("2026-01-01"), both("110.00", "220.00"));
    assert_eq!(tax("2018-12-01"), [""; 0]);
}

#[test]
fn the_brands_own_share_is_not_taxed_and_what_is_inside_not_posted() {
    let vat = |included: bool| json!({"vat": {"table": "general", "included": included}});
    let own = [position(("brand", "brand"), FUNDED, "brand", (12_000, 960_000))];
    let on_top = coalition(&monthly("multilateral", "0"), &[agreement("brand", &vat(false))]);
    assert_eq!(closed(&on_top, &own), [""; 0]);
    let inside = coalition(&monthly("multilateral", "0"), &[agreement("bank", &vat(true))]);
    let positions = [position(("bank", "brand"), FUNDED, "bank", (130_500, 10_440_000))];
    assert_eq!(closed(&inside, &positions), [""; 0]);
}

#[test]
fn nets_below_the_threshold_go_over_into_the_open_cycle() {
    let coalition = coalition(&monthly("multilateral", "10.00"), &[]);
    let positions = [
        position(("bank", "brand"), FUNDED, "bank", (1, 1_000)),
        position(("brand", "shop"), PAID_BACK, "shop", (1, 999)),
    ];
    let entries = closing_entries(&coalition, &cycle("2025-06-01"), &positions);
    let closing =
        ["carry_over party/brand party/clearing 0.01", "carry_over party/shop party/clearing 9.99"];
    assert_eq!(shown(&entries.closing), closing);
    let opening = [
        "carry_over_reversed party/clearing party/brand 0.01",
        "carry_over_reversed party/clearing party/shop 9.99",
    ];
    assert_eq!(shown(&entries.opening), opening);
}

#[test]
fn pairs_that_are_settled_by_themselves_are_carried_over_by_themselves() {
    let positions = [
        position(("bank", "brand"), FUNDED, "bank", (1, 999)),
        position(("brand", "shop"), PAID_BACK, "shop", (1, 5_000)),
    ];
    let bilateral = coalition(&monthly("bilateral", "10.00"), &[]);
    assert_eq!(closed(&bilateral, &positions), ["carry_over party/brand party/bank 9.99"]);
    let gross = coalition(&monthly("gross", "10.00"), &[]);
    assert_eq!(closed(&gross, &positions), [""; 0]);
}

fn any_position() -> impl Strategy<Value = PositionSum> {
    let parties = prop::sample::select(vec!["brand", "bank", "shop", "wallet", "clearing"]);
    let kinds = prop::sample::select(ObligationKind::ALL);
    let agreements = prop::sample::select(vec!["bank", "shop", "brand"]);
    let figures = (0..300_000_i64, prop_oneof![1..2_000_i64, 1..50_000_000_i64]);
    ((parties.clone(), parties), (kinds, any::<bool>()), agreements, figures)
        .prop_map(|(sides, kind, agreement, figures)| position(sides, kind, agreement, figures))
}

proptest! {
    #[test]
    fn a_closed_cycle_is_in_balance_and_nothing_else_moves(
        positions in prop::collection::vec(any_position(), 0..30),
        netting in prop::sample::select(vec!["multilateral", "bilateral", "gross"]),
    ) {
        let charges = json!({
            "volume": [{"from": "0", "price": "0.80"}, {"from": "1000", "price": "0.33"}],
            "minimum_fee": "500.00",
            "vat": {
                "table": "general", "included": false,
                "on": ["funding", "fees", "reimbursement"],
            },
        });
        let agreements = ["bank", "shop", "brand"].map(|party| agreement(party, &charges));
        let coalition = coalition(&monthly(netting, "1000.00"), &agreements);
        let id = cycle("2025-06-01");
        let entries = closing_entries(&coalition, &id, &positions);
        prop_assert_eq!(&entries, &closing_entries(&coalition, &id, &positions));
        let added = positions_of(&entries.closing, &id);
        prop_assert_eq!(added.len(), entries.closing.len());
        let carried = positions_of(&entries.opening, &id);
        let all: Vec<PositionSum> = positions.iter().chain(&added).cloned().collect();
        let small = coalition.own_schedule().carry_below;
        for leg in legs(coalition.own_schedule().netting, &all) {
            let is_house = netting == "multilateral" && leg.party == coalition.operator;
            prop_assert!(netting == "gross" || is_house || leg.amount >= small, "{:?}", leg);
        }
        // What was carried out of the one comes into the other, party by party.
        let out = added.iter().filter(|one| one.kind == ObligationKind::CarryOver).cloned();
        let both: Vec<PositionSum> = out.chain(carried).collect();
        prop_assert!(nets(&both).values().all(Money::is_zero));
        prop_assert!(nets(&all).values().copied().sum::<Money>().is_zero());
        let may_be_added = |one: &PositionSum| matches!(
            one.kind,
            ObligationKind::VolumeDiscount
                | ObligationKind::MinimumFee
                | ObligationKind::Vat
                | ObligationKind::CarryOver
        );
        prop_assert!(added.iter().all(|one| may_be_added(one) && one.amount.is_positive()));
    }
}
