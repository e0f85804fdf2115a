//! What refunds and deliveries leave of receipts, against what is kept of these for the next
//! decision.
//!
//! A refund says what it took back and what it keeps, but not which lines went. So the lines that a
//! row names are held against what each refund says: in their order they must lead from one kept
//! amount to the next, and to the points that came back and were taken back.

use std::collections::{BTreeSet, HashMap};

use super::replay::{Finding, Replay, differs};
use crate::domain::amount::{Money, Points};
use crate::domain::ids::{ProgrammeId, TransactionId};
use crate::domain::metric::Addition;
use crate::domain::obligation::Scales;
use crate::domain::receipt::{Borne, Part, PartState, ReceiptState};
use crate::domain::terms::Coalition;
use crate::domain::terms::programme::Shortfall;
use crate::domain::time::Day;
use crate::domain::transaction::{Detail, RefundPart, Transaction};
use crate::store::{Database, receipts};

/// The receipts that a page of the journal refunds or delivers, and the rows of these.
pub(super) struct Named {
    originals: HashMap<TransactionId, Transaction>,
    states: HashMap<TransactionId, ReceiptState>,
}

impl Named {
    pub(super) fn load(database: &mut Database, page: &[Transaction]) -> Result<Self, Finding> {
        let origins: BTreeSet<TransactionId> = page.iter().flat_map(origins_of).collect();
        let origins: Vec<TransactionId> = origins.into_iter().collect();
        Ok(Self {
            originals: receipts::originals_of(database, &origins)?,
            states: receipts::states_of(database, &origins)?,
        })
    }

    fn original(&self, origin: TransactionId) -> Result<&Transaction, Finding> {
        let original = self.originals.get(&origin);
        original.ok_or_else(|| differs(format!("receipt {origin}: it came back and is not there")))
    }

    /// The lines of a part that are gone in the end, in the order in which they went.
    fn gone(&self, origin: TransactionId, place: usize) -> &[usize] {
        let part = self.states.get(&origin).and_then(|state| state.parts.get(place));
        part.map_or(&[], |part| &part.gone)
    }
}

/// The receipts that a transaction refunds or delivers.
fn origins_of(transaction: &Transaction) -> Vec<TransactionId> {
    match &transaction.detail {
        Detail::Refund { of: Some(of), .. } => vec![*of],
        Detail::Delivery { dated, .. } => dated.iter().map(|one| one.id.transaction()).collect(),
        _ => Vec::new(),
    }
}

/// What a refund takes out of the tier's metric.
pub(super) struct Uncounted {
    pub programme: ProgrammeId,
    pub day: Day,
    /// None: it can't be told.
    pub addition: Option<Addition>,
}

/// What refunds say of one part of a receipt.
#[derive(Debug)]
struct PartSums {
    /// As its state is, but for the lines that are gone.
    state: PartState,
    /// How many of the lines that the row names may be gone; none: refunds were read in another
    /// order than they were made.
    gone: Option<BTreeSet<usize>>,
}

impl PartSums {
    fn whole(kept: Money) -> Self {
        let state = PartState {
            kept,
            gone: Vec::new(),
            clawed_back: Points::ZERO,
            absorbed: Points::ZERO,
            borne: Borne::default(),
            restored: Points::ZERO,
        };
        Self { state, gone: Some(BTreeSet::from([0])) }
    }

    /// Adds a refund. Gives back what it takes off the eligible amount and the count of receipts,
    /// where it can be told.
    fn add(
        &mut self,
        refund: &RefundPart,
        of: Option<(&Part, Scales)>,
        gone: &[usize],
    ) -> Option<Addition> {
        let before = self.state.kept;
        let state = &mut self.state;
        state.kept = before.min(refund.kept);
        state.clawed_back += refund.clawed_back;
        state.restored += refund.restored;
        match refund.borne_by {
            None => state.absorbed += refund.absorbed,
            Some(Shortfall::Funder) => state.borne.funder += refund.absorbed,
            Some(Shortfall::Shop) => state.borne.shop += refund.absorbed,
            Some(Shortfall::Absorb | Shortfall::Debt | Shortfall::Brand) => {}
        }
        // A refund after a merge may stand in a journal that is read first.
        if refund.refunded.is_some_and(|money| refund.kept + money != before) {
            self.gone = None;
        }
        let ((part, scales), known) = (of?, self.gone.take()?);
        let mut found = BTreeSet::new();
        let mut additions = BTreeSet::new();
        for count in known {
            let was =
                PartState { kept: before, gone: gone.get(..count)?.to_vec(), ..self.state.clone() };
            for next in self.leads_to(&was, part, gone) {
                let takes_back = part.earned - next.earned(part, scales) == self.state.clawed_back;
                if takes_back && part.burned - next.burned(part) == self.state.restored {
                    found.insert(next.gone.len());
                    additions.insert(change(&was, &next, part));
                }
            }
        }
        self.gone = Some(found);
        let (first, last) = (additions.first()?, additions.last()?);
        let (spend, receipts) = *first;
        (first == last).then_some(Addition { spend, receipts })
    }

    /// The states that keep what a refund says it kept: after an amount, or after some of the next
    /// lines.
    fn leads_to(&self, was: &PartState, part: &Part, gone: &[usize]) -> Vec<PartState> {
        let kept = self.state.kept;
        let by_amount = was.less_amount(was.kept - kept);
        let mut all: Vec<PartState> = by_amount.into_iter().collect();
        let mut next = was.clone();
        for line in &gone[was.gone.len()..] {
            let Some(line) = part.lines.get(*line) else { break };
            let Ok(less) = next.less_lines(part, std::slice::from_ref(&line.id)) else { break };
            if less.kept < kept {
                break;
            }
            next = less;
            if next.kept == kept {
                all.push(next.clone());
            }
        }
        all
    }

    /// Whether a row says the same.
    fn is(&self, row: &PartState) -> bool {
        let state = PartState { gone: row.gone.clone(), ..self.state.clone() };
        let distinct: BTreeSet<&usize> = row.gone.iter().collect();
        state == *row
            && distinct.len() == row.gone.len()
            && self.gone.as_ref().is_none_or(|known| known.contains(&row.gone.len()))
    }
}

/// What leaves the metric between two states: spend, and receipts.
fn change(was: &PartState, next: &PartState, part: &Part) -> (Money, i64) {
    let [before, after] = [was, next].map(|state| Money(state.eligible(part).floor()));
    (after - before, i64::from(after.is_positive()) - i64::from(before.is_positive()))
}

/// What journals say of a receipt that was refunded or delivered.
#[derive(Debug)]
struct ReceiptSums {
    parts: Vec<PartSums>,
    delivered: bool,
}

impl ReceiptSums {
    fn of(original: &Transaction) -> Self {
        let parts = match original.parts() {
            // Of a grant nothing is kept that has a price.
            [] => vec![PartSums::whole(Money::ZERO)],
            parts => parts.iter().map(|part| PartSums::whole(part.amount())).collect(),
        };
        Self { parts, delivered: false }
    }

    fn is(&self, row: &ReceiptState) -> bool {
        let mut parts = self.parts.iter().zip(&row.parts);
        self.delivered == row.delivered
            && self.parts.len() == row.parts.len()
            && parts.all(|(sums, row)| sums.is(row))
    }
}

/// All receipts that were refunded or delivered.
#[derive(Default)]
pub(super) struct Receipts(HashMap<TransactionId, ReceiptSums>);

impl Receipts {
    /// Adds a transaction. Gives back what it takes out of the metrics of tiers.
    pub(super) fn add(
        &mut self,
        transaction: &Transaction,
        named: &Named,
        coalition: &Coalition,
    ) -> Result<Vec<Uncounted>, Finding> {
        let mut uncounted = Vec::new();
        for origin in origins_of(transaction) {
            let original = named.original(origin)?;
            let sums = self.0.entry(origin).or_insert_with(|| ReceiptSums::of(original));
            let Detail::Refund { parts, .. } = &transaction.detail else {
                sums.delivered = true;
                continue;
            };
            if parts.len() != sums.parts.len() {
                let id = transaction.id;
                return Err(differs(format!("{id}: it refunds other parts than {origin} has")));
            }
            for (place, (refund, sums)) in parts.iter().zip(&mut sums.parts).enumerate() {
                let part = original.parts().get(place);
                let programme = coalition.programmes.get(&refund.programme);
                // A unit's scale does not change.
                let of = part.zip(programme.map(|one| one.scales));
                let addition = sums.add(refund, of, named.gone(origin, place));
                let programme = refund.programme.clone();
                uncounted.extend(part.map(|part| Uncounted { programme, day: part.day, addition }));
            }
        }
        Ok(uncounted)
    }
}

impl Replay {
    pub(super) fn compare_receipts(&mut self, database: &mut Database) -> Result<(), Finding> {
        let mut after = 0;
        loop {
            let page = receipts::page(database, after)?;
            let Some(last) = page.last() else { break };
            after = last.origin.0;
            for row in page {
                self.report.receipts += 1;
                let receipts::StoredState { origin, shard, state } = row;
                let sums = self.receipts.0.get(&origin).filter(|_| shard == origin.shard());
                let Some(sums) = sums else {
                    return Err(differs(format!("receipt {origin}: nothing of it came back")));
                };
                if !sums.is(&state) {
                    return Err(differs(format!(
                        "receipt {origin}: refunds and deliveries leave {sums:?}, its row says {state:?}"
                    )));
                }
            }
        }
        let made = u64::try_from(self.receipts.0.len()).unwrap_or(u64::MAX);
        if self.report.receipts == made {
            return Ok(());
        }
        let missing = made.abs_diff(self.report.receipts);
        Err(differs(format!("{missing} receipts that came back or were delivered have no row")))
    }
}

#[cfg(test)]
mod tests {
    use rust_decimal::Decimal;

    use super::*;
    use crate::domain::exact::Ratio;
    use crate::domain::receipt::PartLine;
    use crate::domain::terms::programme::EarnRule;

    const SCALES: Scales = Scales { points: 0, money: 2 };

    /// Three lines, the last of which earns nothing.
    fn part() -> Part {
        let line = |(id, amount, earns): (&str, i64, bool)| PartLine {
            id: id.to_owned(),
            amount: Money(amount),
            earns,
            ..PartLine::default()
        };
        let rule = EarnRule::Rate(Decimal::new(1, 1));
        Part {
            programme: "club".parse().expect("an id"),
            day: Day::from_number(20_000),
            tier: None,
            eligible: Money(50_000),
            earned: rule.points_for(Ratio::whole(50_000), SCALES),
            rule: Some(rule),
            lot: None,
            burned: Points::ZERO,
            taken: Vec::new(),
            max_share: None,
            to_pay: Money(55_000),
            from_packs: Vec::new(),
            earn_money: None,
            burn_money: None,
            lines: [("a", 30_000, true), ("b", 20_000, true), ("c", 5_000, false)]
                .map(line)
                .to_vec(),
        }
    }

    fn refund(part: &Part, was: &PartState, next: &mut PartState) -> RefundPart {
        next.clawed_back = part.earned - next.earned(part, SCALES);
        RefundPart {
            programme: part.programme.clone(),
            restored: Points::ZERO,
            clawed_back: next.clawed_back - was.clawed_back,
            debt_added: Points::ZERO,
            absorbed: Points::ZERO,
            borne_by: None,
            to_packs: Vec::new(),
            kept: next.kept,
            refunded: Some(was.kept - next.kept),
        }
    }

    /// Refunds of an amount, of the last line, and of an amount again; what is kept after them.
    fn refunds(part: &Part) -> (Vec<RefundPart>, PartState) {
        let whole = PartSums::whole(part.amount()).state;
        let mut first = whole.less_amount(Money(5_000)).expect("it is there");
        let mut all = vec![refund(part, &whole, &mut first)];
        let mut second = first.less_lines(part, &["c".to_owned()]).expect("it is there");
        all.push(refund(part, &first, &mut second));
        let mut third = second.less_amount(Money(1_000)).expect("it is there");
        all.push(refund(part, &second, &mut third));
        (all, third)
    }

    fn added(part: &Part, refunds: &[RefundPart], gone: &[usize]) -> (PartSums, Vec<Option<i64>>) {
        let mut sums = PartSums::whole(part.amount());
        let add = |one| sums.add(one, Some((part, SCALES)), gone).map(|less| less.spend.0);
        let spends = refunds.iter().map(add).collect();
        (sums, spends)
    }

    #[test]
    fn lines_that_are_gone_lead_to_what_each_refund_says() {
        let part = part();
        let (refunds, row) = refunds(&part);
        let (sums, spends) = added(&part, &refunds, &row.gone);
        assert!(sums.is(&row), "{sums:?}");
        let left = Money(row.eligible(&part).floor()).0;
        let taken: Option<i64> = spends.into_iter().sum();
        assert_eq!(taken, Some(left - 50_000), "each says what it takes off the metric");
        for gone in [vec![], vec![0], vec![1], vec![2, 0], vec![0, 2], vec![2, 2], vec![7]] {
            let row = PartState { gone, ..row.clone() };
            assert!(!added(&part, &refunds, &row.gone).0.is(&row), "{row:?}");
        }
    }

    #[test]
    fn refunds_in_another_order_give_the_same_sums_and_nothing_more() {
        let part = part();
        let (mut refunds, row) = refunds(&part);
        refunds.rotate_left(1);
        let (sums, spends) = added(&part, &refunds, &row.gone);
        assert!(sums.is(&row), "{sums:?}");
        assert_eq!(spends, [None, None, None], "it can't be told");
        let more = PartState { clawed_back: row.clawed_back + Points(1), ..row };
        assert!(!sums.is(&more));
    }
}
