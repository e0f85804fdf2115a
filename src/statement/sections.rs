//! The sections of a statement but its lines: what they come to, from the positions that the close
//! fixed and from the points that moved.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::movement::{Movement, Movements};
use crate::domain::amount::{Money, Points};
use crate::domain::ids::{PartyId, ProgrammeId, PromoId};
use crate::domain::posting::ObligationKind;
use crate::domain::settlement::netting::{Direction, Leg, legs, matrix};
use crate::domain::settlement::{CycleId, PositionSum};
use crate::domain::terms::{Coalition, Schedule};

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
    /// The points that moved in the cycle.
    pub movements: &'a Movements,
    /// The points in circulation before it, by programme.
    pub circulation: &'a BTreeMap<ProgrammeId, Points>,
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
        (Kind::Funding | Kind::VolumeDiscount, true) => "cancellations",
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
            ("packs", self.of_kinds(&[ObligationKind::Pack])),
            (
                "fees",
                self.of_kinds(&[
                    ObligationKind::EarnFee,
                    ObligationKind::BurnFee,
                    ObligationKind::CardFee,
                    ObligationKind::MessageFee,
                    ObligationKind::MinimumFee,
                ]),
            ),
        ]
    }

    /// The sections after the lines, in their order, without the control.
    pub fn after_lines(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("late", self.late()),
            ("disputes", self.of_kinds(&[ObligationKind::DisputeReserve])),
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

    fn points_movement(&self) -> Value {
        let rows = self.movements.by_party.iter().filter(|((_, party), _)| party == self.party);
        let mut all: Vec<Value> = rows
            .map(|((programme, _), movement)| self.movement(programme, "posted by you", movement))
            .collect();
        let branded = self.coalition.programmes.values().filter(|one| one.brand == *self.party);
        for programme in branded {
            let whole = self.movements.of_programme(&programme.id);
            let opening = self.circulation.get(&programme.id).copied().unwrap_or_default();
            let mut row = self.movement(&programme.id, "all", &whole);
            if let Value::Object(fields) = &mut row {
                fields.insert("opening".into(), self.points(Some(&programme.id), opening));
                let closing = opening + whole.change();
                fields.insert("closing".into(), self.points(Some(&programme.id), closing));
            }
            all.push(row);
        }
        Value::Array(all)
    }

    fn movement(&self, programme: &ProgrammeId, of: &str, movement: &Movement) -> Value {
        let text = |points: Points| self.points(Some(programme), points);
        json!({
            "programme": programme,
            "of": of,
            "issued": text(movement.issued),
            "promo": text(movement.promo),
            "compensation": text(movement.compensation),
            "exchanged_in": text(movement.exchanged_in),
            "cancelled": text(movement.cancelled),
            "burned": text(movement.burned),
            "restored": text(movement.restored),
            "expired": text(movement.expired),
            "exchanged_out": text(movement.exchanged_out),
            "change": text(movement.change()),
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

    /// Who funds which points how far: by promotion, or by agreement where there is none. A brand
    /// sees all shares of its programmes, its own among them; that one moves no money.
    fn funding(&self) -> Value {
        type Key<'k> = (&'k str, &'k str, &'k str);
        let is_funding = |one: &&PositionSum| {
            matches!(one.kind, ObligationKind::Funding | ObligationKind::LotFunding)
        };
        let mut rows: BTreeMap<Key<'_>, BTreeMap<&PartyId, (Points, Money)>> = BTreeMap::new();
        for one in self.positions.iter().filter(is_funding) {
            let key = (
                one.programme.as_ref().map_or("", ProgrammeId::as_str),
                one.promo.as_ref().map_or("", PromoId::as_str),
                one.agreement.as_ref().map_or("", PartyId::as_str),
            );
            let (funder, sign) = if one.reverses { (&one.creditor, -1) } else { (&one.debtor, 1) };
            let sum = rows.entry(key).or_default().entry(funder).or_default();
            *sum = (sum.0 + Points(one.points.0 * sign), sum.1 + Money(one.amount.0 * sign));
        }
        let mut all = Vec::new();
        for ((programme, promo, agreement), funders) in rows {
            let id: Option<ProgrammeId> = programme.parse().ok();
            let brand = id.as_ref().and_then(|id| self.coalition.programmes.get(id));
            let is_brand = brand.is_some_and(|one| one.brand == *self.party);
            let cost: Money = funders.values().map(|(_, money)| *money).sum();
            for (funder, (points, own)) in funders {
                if is_brand || funder == self.party {
                    all.push(json!({
                        "programme": programme,
                        "promo": promo,
                        "agreement": agreement,
                        "funder": funder,
                        "points": self.points(id.as_ref(), points),
                        "cost": self.money(cost),
                        "own_cost": self.money(own),
                        "cash": brand.is_none_or(|one| one.brand != *funder),
                    }));
                }
            }
        }
        Value::Array(all)
    }

    /// The party's positions of some kinds, one row each.
    fn of_kinds(&self, kinds: &[ObligationKind]) -> Value {
        let own = self.own().filter(|one| kinds.contains(&one.kind));
        own.map(|one| self.row(one)).collect()
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

    fn breakage(&self) -> Value {
        let programmes = self.coalition.programmes.values();
        let own = programmes.filter(|one| one.brand == *self.party);
        let row = |id: &ProgrammeId| {
            let given: Money = self
                .positions
                .iter()
                .filter(|one| one.kind == ObligationKind::Breakage)
                .filter(|one| one.programme.as_ref() == Some(id))
                .map(|one| Money(if one.reverses { -one.amount.0 } else { one.amount.0 }))
                .sum();
            let expired = self.movements.of_programme(id).expired;
            json!({
                "programme": id,
                "expired": self.points(Some(id), expired),
                "given_to_others": self.money(given),
            })
        };
        own.map(|one| row(&one.id)).collect()
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
