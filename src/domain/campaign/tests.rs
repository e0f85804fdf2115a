//! Segments as logic, and what a share of a receipt comes to.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::segment::{Attributes, Bounds, Need, Segment};
use super::{Campaign, CampaignDocument};
use crate::domain::amount::{Money, Points};
use crate::domain::ids::{MemberId, ShardId};
use crate::domain::terms::coalition::{Change, Versioned};
use crate::domain::terms::{Coalition, Timeline};
use crate::domain::time::{Day, Instant};

fn coalition() -> Arc<Coalition> {
    let changes = [
        json!({"kind": "coalition",
            "document": {"operator": "house", "currency": "RUB", "timezone": "Europe/Moscow"}}),
        json!({"kind": "party", "document": {"id": "brand", "kind": "brand"}}),
        json!({"kind": "programme", "document": {"id": "club", "brand": "brand",
            "unit": {"name": "bonus", "scale": 1}, "point_value": "0.50", "expire": "never"}}),
    ];
    let versioned = |(version, change): (i64, Value)| Versioned {
        version,
        effective_at: Instant(0),
        change: serde_json::from_value::<Change>(change).expect("a change"),
    };
    let changes: Vec<Versioned> = (1..).zip(changes).map(versioned).collect();
    Arc::clone(Timeline::new(&changes).expect("a coalition").at(Instant(1)))
}

fn campaign(grant: &Value) -> Campaign {
    let document: CampaignDocument = serde_json::from_value(json!({
        "id": "spring", "programme": "club", "audience": "everyone", "grant": grant
    }))
    .expect("a document");
    document.check(&coalition()).expect("a campaign")
}

#[test]
fn a_share_of_a_receipt_is_rounded_down_in_points() {
    let coalition = coalition();
    let programme = coalition.programmes.values().next().expect("a programme");
    let tenth = campaign(&json!({"share_of_basket": "0.10"}));
    // 10 % of 129.99 is 12.999, which is 25.998 points of 0.50.
    assert_eq!(tenth.points_for(Money(12_999), programme), Points(259));
    assert_eq!(tenth.points_for(Money(-5), programme), Points::ZERO);
    let most = campaign(&json!({"share_of_basket": "0.10", "at_most": "20.0"}));
    assert_eq!(most.points_for(Money(12_999), programme), Points(200));
    let fixed = campaign(&json!({"points": "100", "expire": {"days": 14}}));
    assert_eq!(fixed.points_for(Money(0), programme), Points(1_000));
    let day = Day::parse("2025-02-20").expect("a day");
    assert_eq!(fixed.valid_through(day), Day::parse("2025-03-06"));
}

/// Any segment of receipts, nested.
fn segments() -> impl Strategy<Value = Segment> {
    let receipts = (0_i64..5, 0_i64..5).prop_map(|(least, more)| {
        let bounds = Bounds { at_least: Some(least), at_most: Some(least + more) };
        Segment::Receipts(None, bounds)
    });
    receipts.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Segment::All),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Segment::Any),
            inner.prop_map(|part| Segment::Not(Box::new(part))),
        ]
    })
}

proptest! {
    #[test]
    fn not_and_or_are_logic(one in segments(), other in segments(), receipts in 0_i64..8) {
        let member = MemberId::new(ShardId(0), 1);
        let known = Attributes { receipts, ..Attributes::default() };
        let today = Day::from_number(20_000);
        let is = |segment: &Segment| segment.matches(member, &known, today);
        let not = |segment: &Segment| Segment::Not(Box::new(segment.clone()));
        let both = Segment::All(vec![one.clone(), other.clone()]);
        let either = Segment::Any(vec![one.clone(), other.clone()]);
        prop_assert_eq!(is(&not(&one)), !is(&one));
        prop_assert_eq!(is(&both), is(&one) && is(&other));
        prop_assert_eq!(is(&either), is(&one) || is(&other));
        // De Morgan.
        let neither = Segment::All(vec![not(&one), not(&other)]);
        prop_assert_eq!(is(&not(&either)), is(&neither));
        prop_assert!(one.needs().has(Need::Totals) || is(&one) == one.matches(member, &Attributes::default(), today));
    }

    #[test]
    fn a_window_counts_the_days_that_lie_in_it(
        days in prop::collection::btree_map(0_i64..60, 1_i64..4, 0..20),
        within in 1_u32..60,
    ) {
        let today = Day::from_number(20_000);
        let known = Attributes {
            days: days
                .iter()
                .map(|(ago, count)| (Day::from_number(20_000 - ago), *count, Money(100 * count)))
                .collect(),
            ..Attributes::default()
        };
        let due: i64 = days.range(..i64::from(within)).map(|(_, count)| count).sum();
        let exactly = |value| Bounds { at_least: Some(value), at_most: Some(value) };
        let member = MemberId::new(ShardId(0), 1);
        prop_assert!(Segment::Receipts(Some(within), exactly(due)).matches(member, &known, today));
        prop_assert!(
            Segment::Spend(Some(within), exactly(due * 100)).matches(member, &known, today)
        );
    }
}

#[test]
fn the_word_of_a_channel_counts_before_that_for_any() {
    let word = |channel: &str| ("marketing".to_owned(), channel.to_owned());
    let consents = BTreeMap::from([(word("any"), true), (word("sms"), false)]);
    let known = Attributes { consents, ..Attributes::default() };
    assert!(known.agreed("marketing", "push") && !known.agreed("marketing", "sms"));
    assert!(!known.agreed("transfer", "push"));
}
