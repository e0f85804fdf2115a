//! The report of known lots, and what always holds between its parts.

use proptest::prelude::*;
use rust_decimal::Decimal;
use serde_json::json;

use super::*;
use crate::domain::amount::{Money, Points};
use crate::domain::ids::{LotId, ShardId, TransactionId};
use crate::domain::lot::Lot;
use crate::domain::terms::Coalition;
use crate::domain::terms::coalition::{Change, CoalitionDocument};
use crate::domain::terms::party::{Party, PartyKind};
use crate::domain::terms::schedule::Period;
use crate::domain::time::{Instant, NEVER};

const DAY: i64 = 86_400_000_000;

fn at(text: &str) -> Instant {
    Instant::parse(text).expect("it is an instant")
}

/// Noon in Moscow on 10 March 2025.
fn now() -> Instant {
    at("2025-03-10T09:00:00Z")
}

/// A tally of the programme `club`.
fn tally() -> Tally {
    let coalition = coalition();
    Tally::new(now(), &coalition.currency, coalition.programmes.into_values())
}

fn coalition() -> Coalition {
    let document = CoalitionDocument {
        operator: "clearing".parse().expect("it is a name"),
        currency: "RUB".to_owned(),
        timezone: "Europe/Moscow".to_owned(),
        cycle: Period::default(),
    };
    let coalition = Coalition::new(&document).expect("it is a coalition");
    let brand = Party {
        id: "brand".parse().expect("it is a name"),
        kind: PartyKind::Brand,
        name: None,
        account: None,
    };
    let programme = json!({
        "id": "club", "brand": "brand", "unit": {"name": "point", "scale": 1},
        "point_value": "1.00", "earn": {"rate": "0.10"}, "expire": {"months": 12},
        "burn": {"max_share": "0.50"}
    });
    let programme = serde_json::from_value(programme).expect("it is a programme");
    [Change::Party(brand), Change::Programme(Box::new(programme))]
        .iter()
        .try_fold(coalition, |coalition, change| coalition.with(change, 1))
        .expect("the changes can be made")
}

fn lot(remaining: i64, available_at: Instant, expires_at: Instant) -> Lot {
    Lot {
        id: LotId::of(TransactionId::new(ShardId(0), 1), 0),
        granted: Points(remaining),
        remaining: Points(remaining),
        held: Points::ZERO,
        expired: Points::ZERO,
        available_at,
        expires_at,
        price: Decimal::new(45, 2),
        cost: Money::ZERO,
        funding: None,
    }
}

fn report_of(lots: impl IntoIterator<Item = (Instant, Lot)>) -> ProgrammeLiability {
    let mut tally = tally();
    for (made_at, lot) in lots {
        let programme = "club".parse().expect("it is a name");
        assert!(tally.add_lot(&LotFigures { programme, lot, made_at }));
    }
    assert!(tally.add_debt(&"club".parse().expect("it is a name"), Points(7)));
    assert!(!tally.add_debt(&"other".parse().expect("it is a name"), Points(1)));
    tally.finish().programmes.remove(0)
}

#[test]
fn states_follow_the_clock_and_what_is_past_is_lost_though_nobody_posted_it() {
    let long_ago = at("2024-01-31T20:59:59Z");
    let mut held = lot(50, long_ago, now());
    held.remaining = Points(30);
    held.held = Points(15);
    held.expired = Points(1);
    // What is lost is not burned: 15 of 45 are held.
    held.cost = Money(100);
    let programme = report_of([
        (now(), lot(100, now(), NEVER)),
        (now(), lot(200, now().plus_micros(1), NEVER)),
        (now(), lot(400, NEVER, NEVER)),
        (long_ago, held),
    ]);
    let Outstanding { pending, available, held, debt, total, funded, face, due_at_burn } =
        programme.outstanding;
    let texts = [pending, available, held, debt, total].map(|figure| figure.to_string());
    assert_eq!(texts, ["60.0", "10.0", "1.5", "0.7", "71.5"]);
    // 1.5 × 0.45 = 0.675 goes to the even 0.68; the others are whole.
    assert_eq!((funded.to_string(), face.to_string()), ("32.18".to_owned(), "71.50".to_owned()));
    assert_eq!(due_at_burn.units, 33);
    let Breakage { points, funded, not_posted } = programme.breakage;
    assert_eq!([points, funded, not_posted].map(|one| one.units), [31, 140, 30]);
    let cohort = &programme.cohorts[0];
    // The last second of January in Moscow.
    assert_eq!(cohort.month, "2024-01");
    let figures = [cohort.issued, cohort.remaining, cohort.held, cohort.expired, cohort.used];
    assert_eq!(figures.map(|one| one.units), [50, 0, 15, 31, 4]);
    let by_loss: Vec<(&str, i64)> = programme
        .losses
        .iter()
        .map(|one| (one.when, one.points.units))
        .filter(|one| one.1 != 0)
        .collect();
    assert_eq!(by_loss, [("overdue", 15), ("undated", 400), ("never", 300)]);
}

#[test]
fn a_lot_is_lost_on_its_last_good_day() {
    // Good through 31 March, 30 days from now on 9 April, and 31 days from now.
    let ends = ["2025-03-31T21:00:00Z", "2025-04-09T21:00:00Z", "2025-04-10T21:00:00Z"];
    let programme = report_of(ends.map(|end| (now(), lot(10, now(), at(end)))));
    let ranges: Vec<(&str, i64)> =
        programme.losses[1..3].iter().map(|one| (one.when, one.points.units)).collect();
    assert_eq!(ranges, [("days_30", 20), ("days_90", 10)]);
    let months: Vec<(&str, i64)> =
        programme.months[..3].iter().map(|one| (one.month.as_str(), one.points.units)).collect();
    assert_eq!(months, [("2025-03", 10), ("2025-04", 20), ("2025-05", 0)]);
    assert_eq!(programme.months.len(), 12);
    assert_eq!(programme.months[11].month, "2026-02");
}

#[test]
fn an_age_begins_the_day_after_the_one_before_ends() {
    let made = [0, 30, 31, 365, 366].map(|days| now().plus_micros(-days * DAY));
    let programme = report_of(made.map(|made| (made, lot(10, made, NEVER))));
    let ages: Vec<(i64, Option<i64>, i64)> = programme
        .ages
        .iter()
        .map(|age| (age.from_days, age.through_days, age.points.units))
        .collect();
    let expected = [
        (0, Some(30), 20),
        (31, Some(90), 10),
        (91, Some(180), 0),
        (181, Some(365), 10),
        (366, None, 10),
    ];
    assert_eq!(ages, expected);
}

#[test]
fn figures_are_written_as_decimal_text() {
    let report = tally().finish();
    let json = serde_json::to_value(&report).expect("it is JSON");
    assert_eq!(json["as_of"], "2025-03-10T09:00:00Z");
    assert_eq!(json["programmes"][0]["outstanding"]["total"], "0.0");
    assert_eq!(json["programmes"][0]["outstanding"]["funded"], "0.00");
}

prop_compose! {
    fn some_lot()(
        parts in (0..1_000_i64, 0..1_000_i64, 0..1_000_i64, 0..1_000_i64),
        made in 0..900_i64,
        opens in 0..60_i64,
        lasts in 0..900_i64,
        price in 0..2_000_000_i64,
    ) -> (Instant, Lot) {
        let made_at = now().plus_micros(-made * DAY);
        let available_at = if opens == 59 { NEVER } else { made_at.plus_micros(opens * DAY) };
        let expires_at = if opens == 59 || lasts > 800 {
            NEVER
        } else {
            available_at.plus_micros(lasts * DAY)
        };
        let (remaining, held, expired, used) = parts;
        let lot = Lot {
            granted: Points(remaining + held + expired + used),
            remaining: Points(remaining),
            held: Points(held),
            expired: Points(expired),
            price: Decimal::new(price, 6),
            ..lot(0, available_at, expires_at)
        };
        (made_at, lot)
    }
}

proptest! {
    #[test]
    fn every_way_to_cut_the_outstanding_adds_up_to_it(
        lots in prop::collection::vec(some_lot(), 0..40)
    ) {
        let programme = report_of(lots.clone());
        let Outstanding { pending, available, held, total, funded, .. } = programme.outstanding;
        prop_assert_eq!(pending.units + available.units + held.units, total.units);
        let sums = |figures: Vec<(Figure, Figure)>| {
            figures.iter().fold((0, 0), |sum, (points, money)| {
                (sum.0 + points.units, sum.1 + money.units)
            })
        };
        let whole = (total.units, funded.units);
        prop_assert_eq!(sums(programme.ages.iter().map(|x| (x.points, x.funded)).collect()), whole);
        prop_assert_eq!(
            sums(programme.losses.iter().map(|x| (x.points, x.funded)).collect()), whole
        );
        let cohorts = &programme.cohorts;
        prop_assert_eq!(sums(cohorts.iter().map(|x| (x.remaining, x.funded)).collect()).1, whole.1);
        let there: i64 = cohorts.iter().map(|x| x.remaining.units + x.held.units).sum();
        prop_assert_eq!(there, whole.0);
        let lost: i64 = cohorts.iter().map(|x| x.expired.units).sum();
        prop_assert_eq!(lost, programme.breakage.points.units);
        let issued: i64 = lots.iter().map(|(_, lot)| lot.granted.0).sum();
        prop_assert_eq!(cohorts.iter().map(|x| x.issued.units).sum::<i64>(), issued);
        prop_assert!(cohorts.iter().all(|x| x.used.units >= 0));
    }
}
