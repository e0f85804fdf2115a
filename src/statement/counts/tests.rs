//! Sums of points over cycles, from transactions as they stand in the journal.

use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::*;
use crate::domain::ids::LotId;
use crate::domain::posting::ObligationKind;
use crate::domain::settlement::PositionSum;
use crate::domain::time::NEVER;

fn programme() -> ProgrammeId {
    "club".parse().expect("an id")
}

fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

fn instant(text: &str) -> Instant {
    Instant::parse(text).expect("an instant")
}

fn lot(number: i64) -> LotId {
    LotId::of(TransactionId::new(ShardId(0), number), 0)
}

fn recorded(number: i64, detail: &Value, postings: &Value, lots: &Value) -> Transaction {
    serde_json::from_value(json!({
        "id": format!("tx_0_{number}"), "kind": "grant", "party": "brand", "member": "m_0_1",
        "recorded_at": "2025-06-10T09:00:00Z", "settlement_day": "2025-06-10",
        "config_version": 1, "detail": detail, "postings": postings, "lots": lots,
    }))
    .expect("a transaction")
}

fn granted(number: i64, points: i64, available_at: Option<&str>) -> Transaction {
    let posting = json!({"from": "issued/club", "to": "member/m_0_1/club", "points": points,
        "lot": lot(number)});
    let made = json!({"id": lot(number), "programme": "club", "granted": points, "price": "1",
        "available_at": available_at});
    let detail = json!({"grant": {"programme": "club", "granted": points}});
    recorded(number, &detail, &json!([posting]), &json!([made]))
}

/// Points from one account to another, of a lot that opens when `early` says.
fn moved(number: i64, sides: (&str, &str), of: i64, points: i64, early: Value) -> Transaction {
    let mut posting = json!({"from": sides.0, "to": sides.1, "points": points, "lot": lot(of)});
    if !early.is_null() {
        posting["early"] = early;
    }
    recorded(number, &json!({"merge": {"drop": "m_0_2"}}), &json!([posting]), &json!([]))
}

const MEMBER: &str = "member/m_0_1/club";

fn counts(all: &[Transaction]) -> Counts {
    let ends = [(ShardId(0), day("2025-04-01"), 2), (ShardId(0), day("2025-05-01"), 4)];
    let cycle = "2025-06-01".parse().expect("a cycle");
    let months = Months::new(day("2025-06-01"), ends);
    let mut counts = Counts::new(cycle, months, Kept::default());
    for one in all {
        states::add(&mut counts.sums.states, one);
        cohorts::add(&mut counts.sums.cohorts, one, &counts.months);
        packs::add(&mut counts.packs, one);
        counts.prices.add(one, &counts.cycle);
    }
    counts
}

#[test]
fn what_opens_in_a_cycle_is_activated_and_what_opens_at_its_end_is_not() {
    let end = instant("2025-07-01T00:00:00Z");
    let mut sums = counts(&[
        granted(5, 10, Some("2025-06-10T09:00:00Z")),
        granted(6, 20, Some("2025-06-30T23:59:59Z")),
        granted(7, 30, Some("2025-07-01T00:00:00Z")),
        granted(8, 40, None),
        moved(9, (MEMBER, "issued/club"), 6, 5, json!({"at": "2025-06-30T23:59:59Z"})),
        moved(10, (MEMBER, "debt/m_0_1/club"), 8, 1, json!("after_delivery")),
        moved(11, (MEMBER, "held/m_0_1/club"), 5, 4, Value::Null),
    ])
    .sums;
    let state = sums.states.get_mut(&programme()).expect("it moved");
    let found = state.end(end);
    let points = |activated, pending, active, held, debt| AtEnd {
        activated: Points(activated),
        pending: Points(pending),
        active: Points(active),
        held: Points(held),
        debt: Points(debt),
    };
    assert_eq!(found, points(15, 69, 21, 4, -1), "a debt was paid that nobody owed");
    assert_eq!(state.end(end), points(0, 69, 21, 4, -1), "nothing opens twice");
    let next = state.end(instant("2025-08-01T00:00:00Z"));
    assert_eq!(next, points(30, 39, 51, 4, -1));
}

#[test]
fn a_delivery_says_when_what_waited_for_it_opens() {
    let dated = json!({"delivery": {"of": "R-1", "dated": [{"id": lot(5), "points": 40,
        "programme": "club", "available_at": "2025-07-03T00:00:00Z"}]}});
    let delivered = recorded(6, &dated, &json!([]), &json!([]));
    let mut sums = counts(&[granted(5, 40, None), delivered]).sums;
    let state = sums.states.get_mut(&programme()).expect("it moved");
    assert_eq!(state.end(instant("2025-07-01T00:00:00Z")).pending, Points(40));
    assert_eq!(state.pending.keys().collect::<Vec<_>>(), [&instant("2025-07-03T00:00:00Z")]);
    assert_eq!(state.end(NEVER).activated, Points(40));
}

#[test]
fn a_lot_is_of_the_month_of_the_cycle_that_it_was_made_in() {
    let ends = [
        (ShardId(0), day("2025-04-07"), 1),
        (ShardId(0), day("2025-04-28"), 2),
        (ShardId(0), day("2025-05-05"), 2),
        (ShardId(0), day("2025-06-02"), 4),
    ];
    let months = Months::new(day("2025-06-09"), ends);
    let of = |number| months.of(lot(number)).to_string();
    let expected = ["2025-04-01", "2025-04-01", "2025-06-01", "2025-06-01", "2025-06-01"];
    assert_eq!([1, 2, 3, 4, 5].map(of), expected);
    let elsewhere = LotId::of(TransactionId::new(ShardId(7), 1), 0);
    assert_eq!(months.of(elsewhere).to_string(), "2025-06-01");
}

#[test]
fn months_count_what_was_made_what_is_left_and_what_was_lost() {
    let sums = counts(&[
        granted(3, 100, Some("2025-06-10T09:00:00Z")),
        granted(5, 50, Some("2025-06-10T09:00:00Z")),
        moved(6, (MEMBER, "held/m_0_1/club"), 3, 30, Value::Null),
        moved(7, ("held/m_0_1/club", "burned/club"), 3, 20, Value::Null),
        moved(8, (MEMBER, "expired/club"), 3, 15, Value::Null),
        moved(9, ("expired/club", "issued/club"), 3, 5, Value::Null),
        moved(10, (MEMBER, "member/m_0_2/club"), 5, 50, Value::Null),
        moved(11, ("burned/club", MEMBER), 3, 2, Value::Null),
    ])
    .sums;
    let cohort = |month: &str| {
        let cohort = sums.cohorts[&(programme(), day(month))];
        (cohort.issued.0, cohort.remaining.0, cohort.expired.0)
    };
    assert_eq!(cohort("2025-05-01"), (100, 67, 10));
    assert_eq!(cohort("2025-06-01"), (50, 50, 0));
}

fn a_pack(number: i64, bought: i64, ends_at: Instant) -> Pack {
    Pack {
        id: TransactionId::new(ShardId::HOUSE, number),
        party: "bank".parse().expect("a party"),
        programme: programme(),
        bought: Points(bought),
        left: Points::ZERO,
        price: Decimal::ONE,
        starts_at: Instant(0),
        ends_at,
    }
}

#[test]
fn a_pack_goes_from_cycle_to_cycle_until_it_ends() {
    let (start, end) = (Instant(100), Instant(200));
    let packs = [
        (a_pack(1, 100, NEVER), start),
        (a_pack(2, 100, end), start),
        (a_pack(3, 70, NEVER), end),
        (a_pack(4, 60, NEVER), Instant(50)),
    ];
    let id = |number| TransactionId::new(ShardId::HOUSE, number);
    let took = |used, returned| PackUse { used: Points(used), returned: Points(returned) };
    let uses = BTreeMap::from([(id(1), took(30, 10)), (id(2), took(40, 0))]);
    let before = BTreeMap::from([((programme(), id(4)), Points(0))]);
    let figures = packs::figures(packs.to_vec(), &before, &uses, end);
    let told: Vec<[i64; 4]> = figures
        .iter()
        .map(|one| [one.pack.id.number(), one.opening.0, one.expired.0, one.closing.0])
        .collect();
    assert_eq!(told, [[1, 100, 0, 80], [2, 100, 60, 0], [4, 0, 0, 0]], "the third comes later");
    let left: Vec<(i64, i64)> =
        packs::left(&figures, end).iter().map(|((_, id), left)| (id.number(), left.0)).collect();
    assert_eq!(left, [(1, 80), (4, 0)]);
}

fn priced(number: i64, price: &str) -> Transaction {
    let posting = json!({"from": "party/shop", "to": "pool/club/brand", "amount": 100,
        "programme": "club", "obligation": "funding", "for": 1, "price": price});
    let mut one =
        recorded(number, &json!({"merge": {"drop": "m_0_2"}}), &json!([posting]), &json!([]));
    one.settlement_day = day("2025-06-01");
    one
}

#[test]
fn a_price_is_told_where_only_one_was_applied() {
    let position = PositionSum {
        debtor: "shop".parse().expect("a party"),
        creditor: "brand".parse().expect("a party"),
        programme: Some(programme()),
        kind: ObligationKind::Funding,
        reverses: false,
        agreement: None,
        promo: None,
        late_for: day("2025-06-01"),
        count: 1,
        points: Points(1),
        amount: crate::domain::amount::Money(100),
    };
    let key = PriceKey::of(&position);
    let price = |all: &[Transaction]| counts(all).prices.of(&key).map(|price| price.to_string());
    assert_eq!(price(&[]), None);
    assert_eq!(price(&[priced(1, "0.40"), priced(2, "0.40")]).as_deref(), Some("0.40"));
    assert_eq!(price(&[priced(1, "0.40"), priced(2, "0.41"), priced(3, "0.40")]), None);
    let mut elsewhere = priced(1, "0.40");
    elsewhere.settlement_day = day("2025-07-01");
    assert_eq!(price(&[elsewhere]), None, "another cycle settles it");
    let two = counts(&[priced(1, "0.40")]).prices;
    let other = PriceKey { kind: ObligationKind::LotFunding, ..key.clone() };
    assert_eq!(two.common([&key, &key]), Some(Decimal::new(40, 2)));
    assert_eq!(two.common([&key, &other]), None);
    assert_eq!(two.common([]), None);
}

proptest! {
    #[test]
    fn rows_say_the_same_sums(
        states in prop::collection::vec((any::<i32>(), any::<i32>(), -9_i64..9, 0_i64..99), 0..5),
        cohorts in prop::collection::vec((-900_i64..20_000, any::<i32>(), any::<i32>()), 0..9),
        packs in prop::collection::vec((1_i64..900, 0_i64..99), 0..9),
    ) {
        let mut kept = Kept::default();
        for (place, (free, debt, pending, at)) in states.into_iter().enumerate() {
            let programme: ProgrammeId = format!("p{place}").parse().expect("an id");
            let state = State {
                free: Points(free.into()),
                held: Points(7),
                debt: Points(debt.into()),
                pending: BTreeMap::from([(NEVER, Points(3)), (Instant(at), Points(pending))]),
            };
            let mut state = state;
            state.pending.retain(|_, points| !points.is_zero());
            kept.states.insert(programme, state);
        }
        for (month, issued, expired) in cohorts {
            let (issued, expired) = (Points(issued.into()), Points(expired.into()));
            let cohort = Cohort { issued, remaining: Points(1), expired };
            kept.cohorts.insert((programme(), Day::from_number(month)), cohort);
        }
        for (pack, left) in packs {
            let id = TransactionId::new(ShardId::HOUSE, pack);
            kept.packs.insert((programme(), id), Points(left));
        }
        prop_assert_eq!(Kept::of_rows(&kept.rows()).expect("own rows"), kept);
    }
}
