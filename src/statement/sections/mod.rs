//! The sections of a statement but its lines: what they come to, from the positions that the close
//! fixed and from the points that moved.

mod breakage;
mod disputes;
mod funding;
mod packs;
mod points;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::counts::{AtEnd, Cohort, Counts, PackFigures, PriceKey};
use crate::domain::amount::{Money, Points};
use crate::domain::ids::{PartyId, ProgrammeId};
use crate::domain::posting::ObligationKind;
use crate::domain::settlement::netting::{Direction, Leg, legs, matrix};
use crate::domain::settlement::{CycleId, PositionSum};
use crate::domain::terms::{Coalition, Schedule};
use crate::domain::time::Day;
use crate::store::disputes::DisputeRow;

/// What the sections are made of.
pub struct Basis<'a> {
    /// Whose statement it is.
    pub party: &'a PartyId,
    /// The cycle.
    pub cycle: &'a CycleId,
    /// What counted when the cycle was closed.
    pub coalition: &'a Coalition,
    /// The cycle's positions.
    pub positions: &'a [PositionSum],
    /// What its journal was counted up to.
    pub counts: &'a Counts,
    /// What members have at its end, by programme.
    pub at_end: &'a BTreeMap<ProgrammeId, AtEnd>,
    /// The points in circulation before it, by programme.
    pub circulation: &'a BTreeMap<ProgrammeId, Points>,
    /// Points by the month in which they were made, before it.
    pub cohorts_before: &'a BTreeMap<(ProgrammeId, Day), Cohort>,
    /// The packs of all parties.
    pub packs: &'a [PackFigures],
    /// The disputes of all parties, as they stand at publication.
    pub disputes: &'a [DisputeRow],
}

/// The steps from what was carried in to what is carried out, in the order of a statement.
const STEPS: [&str; 14] = [
    "carried_in",
    "issues",
    "cancellations",
    "promo_shares",
    "burns",
    "burn_reversals",
    "exchange",
    "packs",
    "fees",
    "breakage",
    "earlier_windows",
    "disputes",
    "vat",
    "carried_over",
];

fn step_of(position: &PositionSum, cycle: &CycleId) -> &'static str {
    use ObligationKind as Kind;
    match (position.kind, position.reverses) {
        (Kind::CarryOver, true) => "carried_in",
        (Kind::CarryOver, false) => "carried_over",
        (Kind::DisputeReserve, _) => "disputes",
        (Kind::Vat, _) => "vat",
        (Kind::Adjustment, _) => "earlier_windows",
        _ if position.late_for != cycle.first => "earlier_windows",
        (Kind::Funding, _) if position.promo.is_some() => "promo_shares",
        (Kind::Funding | Kind::VolumeDiscount, false) => "issues",
        (Kind::Funding | Kind::VolumeDiscount, true) | (Kind::Shortfall, _) => "cancellations",
        (Kind::Reimbursement | Kind::LotFunding, false) => "burns",
        (Kind::Reimbursement | Kind::LotFunding, true) => "burn_reversals",
        (Kind::Exchange, _) => "exchange",
        (Kind::Pack, _) => "packs",
        (Kind::Breakage, _) => "breakage",
        (
            Kind::EarnFee
            | Kind::BurnFee
            | Kind::CardFee
            | Kind::MessageFee
            | Kind::MinimumFee
            | Kind::Payment,
            _,
        ) => "fees",
    }
}

impl Basis<'_> {
    fn schedule(&self) -> &Schedule {
        self.coalition.schedule(&self.cycle.schedule)
    }

    fn money(&self, amount: Money) -> Value {
        amount.text(self.coalition.money_scale).into()
    }

    fn points(&self, programme: Option<&ProgrammeId>, points: Points) -> Value {
        let scale = programme.and_then(|one| self.coalition.programmes.get(one));
        points.text(scale.map_or(0, |one| one.scales.points)).into()
    }

    /// The positions that the party is one side of; what it owes itself moves no money.
    fn own(&self) -> impl Iterator<Item = &PositionSum> {
        let is_side = |one: &&PositionSum| {
            one.debtor != one.creditor && (one.debtor == *self.party || one.creditor == *self.party)
        };
        self.positions.iter().filter(is_side)
    }

    fn legs(&self) -> Vec<Leg> {
        let all = legs(self.schedule().netting, self.positions);
        all.into_iter().filter(|leg| leg.party == *self.party).collect()
    }

    /// The sections before the lines, in their order, without the header.
    pub fn before_lines(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("summary", self.summary()),
            ("points", self.points_movement()),
            ("matrix", self.bilateral()),
            ("funding", self.funding()),
            ("packs", self.packs()),
            ("fees", self.fees()),
        ]
    }

    /// The sections after the lines, in their order, without the control.
    pub fn after_lines(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("late", self.late()),
            ("disputes", self.disputes()),
            ("breakage", self.breakage()),
            ("cash", self.cash()),
        ]
    }

    fn summary(&self) -> Value {
        let mut steps: BTreeMap<&str, (Money, Money)> = BTreeMap::new();
        let (mut debit, mut credit) = (Money::ZERO, Money::ZERO);
        for one in self.own() {
            let step = steps.entry(step_of(one, self.cycle)).or_default();
            if one.debtor == *self.party {
                step.0 += one.amount;
                debit += one.amount;
            } else {
                step.1 += one.amount;
                credit += one.amount;
            }
        }
        let row = |step: &&str| {
            let (debit, credit) = steps.get(*step).copied().unwrap_or_default();
            json!({
                "step": step,
                "debit": self.money(debit),
                "credit": self.money(credit),
                "net": self.money(credit - debit),
            })
        };
        let net = credit - debit;
        json!({
            "gross_debit": self.money(debit),
            "gross_credit": self.money(credit),
            "net": self.money(net),
            "payable": self.money((-net).max(Money::ZERO)),
            "receivable": self.money(net.max(Money::ZERO)),
            "steps": STEPS.iter().map(row).collect::<Vec<_>>(),
        })
    }

    fn bilateral(&self) -> Value {
        let pairs = matrix(self.positions);
        let own = pairs.into_iter().filter_map(|pair| {
            let (counterparty, debit, credit) = if pair.one == *self.party {
                (pair.other, pair.owes, pair.owed)
            } else if pair.other == *self.party {
                (pair.one, pair.owed, pair.owes)
            } else {
                return None;
            };
            Some(json!({
                "counterparty": counterparty,
                "debit": self.money(debit),
                "credit": self.money(credit),
                "net": self.money(credit - debit),
            }))
        });
        own.collect()
    }

    /// The party's positions of a kind, one row each, beside rows that are of other things.
    fn money_rows(&self, kind: ObligationKind) -> impl Iterator<Item = Value> {
        self.own().filter(move |one| one.kind == kind).map(|one| {
            let mut row = self.row(one);
            row["of"] = "money".into();
            row
        })
    }

    /// Fees, with the price of a piece or a point where one was applied.
    fn fees(&self) -> Value {
        use ObligationKind::{BurnFee, CardFee, EarnFee, MessageFee, MinimumFee};
        let kinds = [EarnFee, BurnFee, CardFee, MessageFee, MinimumFee];
        let own = self.own().filter(|one| kinds.contains(&one.kind));
        let row = |one: &PositionSum| {
            let mut row = self.row(one);
            let price = self.counts.prices.of(&PriceKey::of(one));
            row["price"] = price.map(|price| price.to_string()).into();
            row
        };
        own.map(row).collect()
    }

    fn row(&self, one: &PositionSum) -> Value {
        let is_debit = one.debtor == *self.party;
        let counterparty = if is_debit { &one.creditor } else { &one.debtor };
        let amount = self.money(one.amount);
        let (debit, credit) = if is_debit { (amount, Value::Null) } else { (Value::Null, amount) };
        json!({
            "kind": one.kind.name(one.reverses),
            "counterparty": counterparty,
            "programme": one.programme,
            "agreement": one.agreement,
            "count": one.count,
            "points": self.points(one.programme.as_ref(), one.points),
            "debit": debit,
            "credit": credit,
        })
    }

    fn late(&self) -> Value {
        let own = self.own().filter(|one| one.late_for != self.cycle.first);
        let row = |one: &PositionSum| {
            let mut row = self.row(one);
            if let Value::Object(fields) = &mut row {
                let window = self.schedule().cycle(one.late_for).to_string();
                fields.insert("original_window".into(), window.into());
            }
            row
        };
        own.map(row).collect()
    }

    fn cash(&self) -> Value {
        let due = self.schedule().due(self.cycle.first);
        let row = |leg: Leg| {
            let mut row = Map::new();
            let direction = match leg.direction {
                Direction::Collect => "you_pay",
                Direction::PayOut => "you_are_paid",
            };
            row.insert("direction".into(), direction.into());
            row.insert("amount".into(), self.money(leg.amount));
            row.insert("due".into(), due.to_string().into());
            row.insert(
                "counterparty".into(),
                leg.counterparty.as_ref().map_or(Value::Null, |one| one.as_str().into()),
            );
            row.insert("reference".into(), super::reference_of(self.cycle, &leg).into());
            Value::Object(row)
        };
        self.legs().into_iter().map(row).collect()
    }
}
