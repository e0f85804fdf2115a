//! Tests of obligations.

use super::*;
use crate::domain::ids::{ShardId, TransactionId};
use crate::domain::posting::Body;

fn party(id: &str) -> PartyId {
    id.parse().expect("a party")
}

fn share(id: &str, weight: i64) -> Share {
    Share { party: party(id), weight }
}

fn terms(price: Decimal, funding: Vec<Share>) -> EarnMoney {
    EarnMoney {
        of_purchase: None,
        price,
        percentage: Decimal::ONE,
        at_issue: Decimal::ONE,
        funding,
        fee: Decimal::new(15, 3),
        under: Arc::default(),
    }
}

const SCALES: Scales = Scales { points: 0, money: 2 };

fn with_sides<T>(test: impl FnOnce(&Sides<'_>) -> T) -> T {
    let (programme, brand) = ("club".parse().expect("an id"), party("brand"));
    let (partner, operator) = (party("shop"), party("clearing"));
    test(&Sides {
        programme: &programme,
        brand: &brand,
        partner: &partner,
        operator: &operator,
        scales: SCALES,
    })
}

/// What each account has after the postings.
fn add(balance: &mut BTreeMap<String, i64>, postings: Vec<Posting>) {
    for posting in postings {
        let Body::Money { amount, .. } = posting.body else { panic!("money") };
        *balance.entry(posting.from.to_string()).or_insert(0) -= amount.0;
        *balance.entry(posting.to.to_string()).or_insert(0) += amount.0;
    }
}

#[test]
fn a_full_reversal_nets_to_zero_for_everybody() {
    with_sides(|sides| {
        let funding = vec![share("shop", 340_000), share("bank", 330_000), share("brand", 330_000)];
        let mut money = terms(Decimal::new(45, 2), funding);
        money.at_issue = Decimal::new(37, 2);
        let mut balance = BTreeMap::new();
        let mut before = Obligations::default();
        for kept in [76, 70, 13, 0] {
            let now = Obligations::of_earning(Points(kept), &money, sides);
            add(&mut balance, now.change_from(&before, sides.programme));
            before = now;
        }
        assert!(balance.len() > 3, "{balance:?}");
        assert!(balance.values().all(|&net| net == 0), "{balance:?}");
    });
}

#[test]
fn the_percentage_is_exact() {
    let mut money = terms(Decimal::new(80, 2), vec![share("bank", WHOLE_SHARE)]);
    money.percentage = Decimal::new(90, 2);
    assert_eq!(money.full_price(), Decimal::new(72, 2));
    assert_eq!(money.due_at_issue(Points(145_000), SCALES), Money(10_440_000));
    assert_eq!(money.due_at_burn(Points(145_000), SCALES), Money::ZERO);
    assert!(!money.is_due_at_burn(), "all is paid at issue");
}

#[test]
fn what_is_not_owed_at_issue_is_owed_at_burn() {
    let mut money = terms(Decimal::new(95, 2), vec![share("bank", WHOLE_SHARE)]);
    money.at_issue = Decimal::new(4, 1);
    for points in [1, 3, 7, 1_001] {
        let whole = value_of(Points(points), money.full_price(), SCALES);
        let (now, later) =
            (money.due_at_issue(Points(points), SCALES), money.due_at_burn(Points(points), SCALES));
        assert_eq!(now + later, whole);
        assert!(now < later);
    }
    assert_eq!(money.price_at_issue(), Decimal::new(38, 2));
    assert_eq!(money.lot_funding().price, Decimal::new(57, 2));
}

#[test]
fn only_what_no_pack_covers_is_billed_but_the_fee_is_owed_for_all() {
    with_sides(|sides| {
        let money = terms(Decimal::new(50, 2), vec![share("shop", WHOLE_SHARE)]);
        let owed = Obligations::of_billed_earning(Points(100), Points(30), &money, sides);
        let mut balance = BTreeMap::new();
        add(&mut balance, owed.postings(sides.programme));
        assert_eq!(balance["pool/club/brand"], 1_500);
        assert_eq!(balance["party/clearing"], 150);
    });
}

#[test]
fn each_lot_is_charged_apart_and_named() {
    with_sides(|sides| {
        let lot = |place| LotId::of(TransactionId::new(ShardId(0), 1), place);
        let charge = |place, cost, shares| LotCharge {
            taken: Allocation { lot: lot(place), points: Points(100), cost: Money(cost) },
            funding: Arc::new(LotFunding {
                percentage: None,
                price: Decimal::new(95, 2),
                shares,
                under: Arc::default(),
            }),
        };
        let charges = [
            charge(0, 28_500, vec![share("brand", WHOLE_SHARE)]),
            charge(1, 9_500, vec![share("brand", 600_000), share("scheme", 400_000)]),
        ];
        let postings = Obligations::of_lots(&charges, sides).postings(sides.programme);
        let figures: Vec<(String, Option<LotId>, i64)> = postings
            .iter()
            .map(|posting| {
                let Body::Money { amount, lot, .. } = posting.body else { panic!("money") };
                (posting.from.to_string(), lot, amount.0)
            })
            .collect();
        let of = |id: &str, place, amount| (format!("party/{id}"), Some(lot(place)), amount);
        assert_eq!(
            figures,
            [of("brand", 0, 28_500), of("brand", 1, 5_700), of("scheme", 1, 3_800)]
        );
    });
}

#[test]
fn the_percentage_of_a_price_is_posted_beside_it() {
    let with = |percentage: Decimal, at_issue: Decimal| {
        let terms = terms(Decimal::new(80, 2), vec![share("bank", 1_000_000)]);
        let money = EarnMoney { percentage, at_issue, ..terms };
        let posted = with_sides(|sides| {
            Obligations::of_earning(Points(100), &money, sides).postings(sides.programme)
        });
        let of = |posting: &Posting| match &posting.body {
            Body::Money { price, percentage, obligation: ObligationKind::Funding, .. } => {
                Some((price.map(|one| one.to_string()), percentage.map(|one| one.to_string())))
            }
            _ => None,
        };
        let lot = money.is_due_at_burn().then(|| money.lot_funding());
        let lot = lot.map(|lot| (lot.price.to_string(), lot.percentage.map(|one| one.to_string())));
        (posted.iter().find_map(of), lot)
    };
    let text = |text: &str| Some(text.to_owned());
    let (half, most) = (Decimal::new(5, 1), Decimal::new(90, 2));
    assert_eq!(with(Decimal::ONE, Decimal::ONE), (Some((text("0.8"), None)), None));
    assert_eq!(with(most, Decimal::ONE), (Some((text("0.72"), text("0.9"))), None));
    let both = (Some((text("0.36"), text("0.45"))), Some(("0.36".to_owned(), text("0.45"))));
    assert_eq!(with(most, half), both);
    let later = (None, Some(("0.8".to_owned(), None)));
    assert_eq!(with(Decimal::ONE, Decimal::ZERO), later);
}
