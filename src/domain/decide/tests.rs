//! Whatever is granted, burned and refunded in whatever order: each lot's cost is charged once.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::ids::{LotId, ShardId};
use crate::domain::member::MemberName;
use crate::domain::posting::ObligationKind;
use crate::domain::terms::Timeline;
use crate::domain::terms::coalition::Versioned;
use crate::domain::terms::funding::FundingDocument;

pub const NOW: Instant = Instant(1_700_000_000_000_000);

pub fn coalition() -> Arc<Coalition> {
    let party =
        |id: &str, kind: &str| json!({"kind": "party", "document": {"id": id, "kind": kind}});
    let changes = [
        json!({"kind": "coalition", "document": {"operator": "clearing", "currency": "RUB",
            "timezone": "UTC"}}),
        party("brand", "brand"),
        party("shop", "retailer"),
        party("scheme", "bank"),
        json!({"kind": "programme", "document": {"id": "club", "brand": "brand",
            "unit": {"name": "point", "scale": 0}, "point_value": "1.00", "earn": {},
            "expire": "never", "burn": {"max_share": "1"}}}),
        json!({"kind": "agreement", "document": {"programme": "club", "party": "shop",
            "burn": {"reimburse_per_point": "0.95"}}}),
    ];
    let read = |(version, change): (i64, &Value)| Versioned {
        version,
        effective_at: Instant(0),
        change: serde_json::from_value(change.clone()).expect("a change"),
    };
    let changes: Vec<Versioned> = (1..).zip(&changes).map(read).collect();
    Arc::clone(Timeline::new(&changes).expect("they fit").latest())
}

/// A ledger of one member, and commands on it.
struct Play {
    coalition: Arc<Coalition>,
    ledger: Ledger,
    next: i64,
}

impl Play {
    fn new() -> Self {
        let mut ledger = Ledger::default();
        let party: crate::domain::ids::PartyId = "shop".parse().expect("a party");
        let named = crate::domain::ledger::NamedBy::new(&party, &member());
        ledger.members.insert(named, MemberId::new(ShardId(0), 1));
        Self { coalition: coalition(), ledger, next: 1 }
    }

    fn post(&mut self, party: &str, action: Action) -> bool {
        let id = TransactionId::new(ShardId(0), self.next);
        let context = Context { coalition: Arc::clone(&self.coalition), now: NOW, id };
        let party = party.parse().expect("a party");
        let decided =
            decide(&self.ledger, &context, &Command { party, action, at: None, till: None });
        self.next += 1;
        decided.map(|decided| drop(self.ledger.commit(decided))).is_ok()
    }

    fn reference(&self) -> Reference {
        format!("T{}", self.next).parse().expect("a reference")
    }

    fn grant(&mut self, points: i64, (price, at_issue): (i64, i64)) -> bool {
        let shares =
            json!([{"party": "brand", "share": "0.6"}, {"party": "scheme", "share": "0.4"}]);
        let rate = |units: i64| {
            serde_json::from_value(json!(rust_decimal::Decimal::new(units, 2).to_string()))
        };
        let funding: Vec<_> = serde_json::from_value(shares).expect("shares");
        let written = FundingDocument {
            funding: &funding,
            price: rate(price).expect("a price"),
            percentage: None,
            settle: serde_json::from_value(json!({"at_issue":
                rust_decimal::Decimal::new(at_issue, 2).to_string()}))
            .expect("a share"),
            fee: None,
        };
        let action = Action::Grant {
            reference: self.reference(),
            programme: "club".parse().expect("an id"),
            member: member(),
            points: crate::domain::amount::Points(points),
            available_at: None,
            valid_through: None,
            money: Some(Box::new(written.check("").expect("terms"))),
            promo: None,
        };
        self.post("brand", action)
    }

    fn burn(&mut self, points: i64) -> Option<Reference> {
        use crate::domain::command::{Burn, Line, Receipt};
        let reference = self.reference();
        let amount = crate::domain::amount::Money(1_000_000);
        let lines = vec![Line { id: "1".to_owned(), amount, ..Line::default() }];
        let receipt =
            Receipt { programme: "club".parse().expect("an id"), member: member(), lines };
        let burn = Burn::Exactly(crate::domain::amount::Points(points));
        let action = Action::Purchase { reference: reference.clone(), receipt, burn, hold: None };
        self.post("shop", action).then_some(reference)
    }

    fn refund(&mut self, of: &Reference, amount: i64) -> bool {
        use crate::domain::command::RefundOf;
        let what = RefundOf::Amount(crate::domain::amount::Money(amount));
        self.post("shop", Action::Refund { reference: self.reference(), of: of.clone(), what })
    }

    /// By lot: what it cost at first, less what is charged and what is left. By party: what it owes.
    fn books(&self) -> (BTreeMap<LotId, i64>, BTreeMap<String, i64>) {
        let (mut lots, mut parties) = (BTreeMap::new(), BTreeMap::new());
        for transaction in &self.ledger.changes.transactions {
            for lot in &transaction.lots {
                *lots.entry(lot.id).or_default() += lot.cost.0;
            }
            for posting in &transaction.postings {
                let Body::Money { amount, obligation, reverses, lot: Some(lot), .. } =
                    &posting.body
                else {
                    continue;
                };
                assert_eq!(*obligation, ObligationKind::LotFunding);
                let (sign, payer) = if *reverses { (-1, &posting.to) } else { (1, &posting.from) };
                *lots.entry(*lot).or_default() -= amount.0 * sign;
                *parties.entry(payer.to_string()).or_default() += amount.0 * sign;
            }
        }
        for account in self.ledger.accounts.values() {
            for lot in account.lots.in_burning_order() {
                *lots.entry(lot.id).or_default() -= lot.cost.0;
            }
        }
        (lots, parties)
    }
}

fn member() -> MemberName {
    MemberName::parse("phone:+79160000001").expect("a name")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_kopeck_of_a_lot_is_charged_or_left_and_a_full_refund_nets_to_zero(
        gifts in prop::collection::vec((1_i64..900, (0_i64..200, 0_i64..=100)), 1..5),
        burns in prop::collection::vec(1_i64..700, 1..6),
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 1_i64..600_000), 0..10),
    ) {
        let mut play = Play::new();
        for (points, terms) in gifts {
            prop_assert!(play.grant(points, terms));
        }
        let receipts: Vec<Reference> =
            burns.into_iter().filter_map(|points| play.burn(points)).collect();
        prop_assert!(play.books().0.values().all(|rest| *rest == 0));
        let mut kept = vec![1_000_000_i64; receipts.len()];
        for (which, cut) in cuts {
            if receipts.is_empty() { break; }
            let place = which.index(receipts.len());
            if play.refund(&receipts[place], cut) {
                kept[place] -= cut;
            }
            prop_assert!(play.books().0.values().all(|rest| *rest == 0));
        }
        for (receipt, left) in receipts.iter().zip(kept).rev().filter(|(_, left)| *left > 0) {
            prop_assert!(play.refund(receipt, left));
        }
        let (lots, parties) = play.books();
        prop_assert!(lots.values().all(|rest| *rest == 0), "{lots:?}");
        prop_assert!(parties.values().all(|owed| *owed == 0), "{parties:?}");
    }
}
