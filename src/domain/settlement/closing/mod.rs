//! What closing a cycle adds to what was posted in it.
//!
//! Agreement by agreement, in their order: the discount for volume, what is missing to the least
//! fee, VAT on all of it. Then what is too small to be paid goes over into the open cycle. What is
//! late counts like the rest: the cycle that takes it settles it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::netting::{directed, matrix, nets};
use super::{CycleId, PositionSum};
use crate::domain::amount::{Money, Points};
use crate::domain::ids::{PartyId, ProgrammeId};
use crate::domain::posting::{LedgerAccount, ObligationKind, Owed, Posting, Under};
use crate::domain::terms::charges::Taxed;
use crate::domain::terms::schedule::Netting;
use crate::domain::terms::vat::vat_on_top;
use crate::domain::terms::{Agreement, Coalition, Schedule};

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;

/// The postings that close a cycle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClosingEntries {
    /// Those that the cycle itself settles.
    pub closing: Vec<Posting>,
    /// Those that the open cycle settles: what was carried over into it.
    pub opening: Vec<Posting>,
}

/// What closing a cycle with these positions adds, by the agreements of `coalition`: those that
/// count when the cycle ends.
pub fn closing_entries(
    coalition: &Coalition,
    cycle: &CycleId,
    positions: &[PositionSum],
) -> ClosingEntries {
    let mut under: BTreeMap<(&ProgrammeId, &PartyId), Vec<PositionSum>> = BTreeMap::new();
    for position in positions {
        if let (Some(programme), Some(agreement)) = (&position.programme, &position.agreement) {
            under.entry((programme, agreement)).or_default().push(position.clone());
        }
    }
    let mut entries = ClosingEntries::default();
    let mut all = positions.to_vec();
    for agreement in coalition.agreements.values() {
        let positions = under.remove(&(&agreement.programme, &agreement.party));
        let positions = positions.unwrap_or_default();
        let known = positions.len();
        let terms = Arc::new(Under {
            agreement: Some(agreement.party.clone()),
            version: agreement.version,
            schedule: cycle.schedule.clone(),
            promo: None,
        });
        let mut account =
            Account { coalition, cycle, agreement, terms, positions, postings: Vec::new() };
        account.discount_volume();
        account.raise_to_minimum_fee();
        account.tax();
        all.extend(account.positions.drain(known..));
        entries.closing.append(&mut account.postings);
    }
    carry_over(coalition, cycle, &all, &mut entries);
    entries
}

/// One agreement's account for a cycle, on its way to the end.
struct Account<'a> {
    coalition: &'a Coalition,
    cycle: &'a CycleId,
    agreement: &'a Agreement,
    terms: Arc<Under>,
    /// What was posted under the agreement, and what is added here.
    positions: Vec<PositionSum>,
    postings: Vec<Posting>,
}

/// From whom to whom.
type Sides = (PartyId, PartyId);

impl Account<'_> {
    /// What each debtor owes each creditor for some kinds of things, less what was given back.
    fn owed_for(&self, is_meant: impl Fn(ObligationKind) -> bool) -> BTreeMap<Sides, Money> {
        let mut owed: BTreeMap<Sides, Money> = BTreeMap::new();
        for position in self.positions.iter().filter(|one| is_meant(one.kind)) {
            let (debtor, creditor, amount) = directed(position);
            *owed.entry((debtor.clone(), creditor.clone())).or_default() += amount;
        }
        owed
    }

    /// For how many points a debtor owes a creditor funding, less those that were given back.
    fn points_of(&self, (debtor, creditor): &Sides) -> Points {
        let funding = self.positions.iter().filter(|one| one.kind == ObligationKind::Funding);
        let points = funding.map(|one| match directed(one) {
            (from, to, _) if (from, to) != (debtor, creditor) => Points::ZERO,
            _ if one.reverses => -one.points,
            _ => one.points,
        });
        points.sum()
    }

    /// Points that were paid for at issue cost less where there were many of them.
    fn discount_volume(&mut self) {
        let Some(volume) = &self.agreement.charges.volume else { return };
        let Some(programme) = self.coalition.programmes.get(&self.agreement.programme) else {
            return;
        };
        for (sides, amount) in self.owed_for(|kind| kind == ObligationKind::Funding) {
            let points = self.points_of(&sides);
            let discount = volume.discount(points, amount);
            let pool = LedgerAccount::Pool(programme.id.clone(), programme.brand.clone());
            let (debtor, _) = sides;
            let kind = ObligationKind::VolumeDiscount;
            self.post((pool, LedgerAccount::Party(debtor)), kind, points, discount);
        }
    }

    /// The party owes the operator at least the agreed fee, whether it posted anything or not.
    fn raise_to_minimum_fee(&mut self) {
        let Some(minimum) = self.agreement.charges.minimum_fee else { return };
        let (party, operator) = (&self.agreement.party, &self.coalition.operator);
        if self.agreement.schedule != self.cycle.schedule || party == operator {
            return;
        }
        let sides = (party.clone(), operator.clone());
        let fees = self.owed_for(is_fee).get(&sides).copied().unwrap_or_default();
        let (party, operator) = sides;
        let accounts = (LedgerAccount::Party(party), LedgerAccount::Party(operator));
        self.post(accounts, ObligationKind::MinimumFee, Points::ZERO, minimum - fees);
    }

    /// VAT on top, at the rate of the cycle's last day. What is inside of prices needs no posting.
    /// Where more was given back than was owed, so is the tax.
    fn tax(&mut self) {
        let Some(vat) = &self.agreement.charges.vat else { return };
        let last_day = self.coalition.schedule(&self.cycle.schedule).last_day(self.cycle.first);
        let table = self.coalition.vat_tables.get(&vat.table);
        let rate = table.and_then(|table| table.rate_on(last_day));
        let (false, Some(rate)) = (vat.included, rate) else { return };
        let is_taxed = |kind| taxed_as(kind).is_some_and(|taxed| vat.on.contains(&taxed));
        for ((debtor, creditor), base) in self.owed_for(is_taxed) {
            if debtor == creditor {
                continue;
            }
            let tax = vat_on_top(base, rate);
            let accounts = (LedgerAccount::Party(debtor), LedgerAccount::Party(creditor));
            self.post(accounts, ObligationKind::Vat, Points::ZERO, tax);
        }
    }

    /// Posts an amount that is owed; one below zero is given back, and nothing is not posted.
    fn post(
        &mut self,
        (debtor, creditor): (LedgerAccount, LedgerAccount),
        obligation: ObligationKind,
        points: Points,
        amount: Money,
    ) {
        let reverses = amount < Money::ZERO;
        if amount.is_zero() || (reverses && obligation != ObligationKind::Vat) {
            return;
        }
        let (from, to) = if reverses { (creditor, debtor) } else { (debtor, creditor) };
        let owed = Owed {
            amount: Money(amount.0.abs()),
            programme: Some(self.agreement.programme.clone()),
            obligation,
            reverses,
            points,
            price: None,
            under: Arc::clone(&self.terms),
        };
        self.positions.extend(position_of(&from, &to, &owed, self.cycle));
        self.postings.push(Posting::money(from, to, owed));
    }
}

/// The position that an amount makes between two accounts of parties.
fn position_of(
    from: &LedgerAccount,
    to: &LedgerAccount,
    owed: &Owed,
    cycle: &CycleId,
) -> Option<PositionSum> {
    Some(PositionSum {
        debtor: from.party()?.clone(),
        creditor: to.party()?.clone(),
        programme: owed.programme.clone(),
        kind: owed.obligation,
        reverses: owed.reverses,
        agreement: owed.under.agreement.clone(),
        promo: owed.under.promo.clone(),
        late_for: cycle.first,
        count: 1,
        points: owed.points,
        amount: owed.amount,
    })
}

/// Whether this is a fee.
pub const fn is_fee(kind: ObligationKind) -> bool {
    matches!(
        kind,
        ObligationKind::EarnFee
            | ObligationKind::BurnFee
            | ObligationKind::CardFee
            | ObligationKind::MessageFee
            | ObligationKind::MinimumFee
    )
}

/// As what a kind is taxed; none: it is not.
pub const fn taxed_as(kind: ObligationKind) -> Option<Taxed> {
    match kind {
        ObligationKind::Funding
        | ObligationKind::LotFunding
        | ObligationKind::VolumeDiscount
        | ObligationKind::Pack => Some(Taxed::Funding),
        ObligationKind::Reimbursement => Some(Taxed::Reimbursement),
        ObligationKind::EarnFee
        | ObligationKind::BurnFee
        | ObligationKind::CardFee
        | ObligationKind::MessageFee
        | ObligationKind::MinimumFee => Some(Taxed::Fees),
        ObligationKind::Breakage
        | ObligationKind::Exchange
        | ObligationKind::Vat
        | ObligationKind::CarryOver
        | ObligationKind::Adjustment
        | ObligationKind::DisputeReserve
        | ObligationKind::Payment
        | ObligationKind::Shortfall => None,
    }
}

/// Carries over what is below the schedule's threshold: each party's net with the clearing house,
/// or each pair's where pairs are settled by themselves. Of gross payments nothing is carried over:
/// what went over would be one payment more.
fn carry_over(
    coalition: &Coalition,
    cycle: &CycleId,
    positions: &[PositionSum],
    entries: &mut ClosingEntries,
) {
    let schedule: &Schedule = coalition.schedule(&cycle.schedule);
    let operator = &coalition.operator;
    let small: Vec<(PartyId, PartyId, Money)> = match schedule.netting {
        Netting::Multilateral => nets(positions)
            .into_iter()
            .filter(|(party, _)| party != operator)
            .map(|(party, net)| (party, operator.clone(), net))
            .collect(),
        Netting::Bilateral => {
            matrix(positions).into_iter().map(|pair| (pair.one, pair.other, pair.net)).collect()
        }
        Netting::Gross => Vec::new(),
    };
    let under = Arc::new(Under { schedule: cycle.schedule.clone(), ..Under::default() });
    for (party, other, net) in small {
        let amount = Money(net.0.abs());
        if amount.is_zero() || amount >= schedule.carry_below {
            continue;
        }
        let (party, other) = (LedgerAccount::Party(party), LedgerAccount::Party(other));
        let owed = Owed {
            amount,
            programme: None,
            obligation: ObligationKind::CarryOver,
            reverses: false,
            points: Points::ZERO,
            price: None,
            under: Arc::clone(&under),
        };
        // Who would get it gives it up here, and gets it there.
        let (from, to) = if net.is_positive() { (party, other) } else { (other, party) };
        entries.closing.push(Posting::money(from.clone(), to.clone(), owed.clone()));
        let back = Owed { reverses: true, ..owed };
        entries.opening.push(Posting::money(to, from, back));
    }
}
