//! Our side: what a party posted, as its own list should have it.
//!
//! Trade has lines: purchases, card payments, refunds, grants, captures and exchanges. What only
//! reserves, dates, joins or ends something has none. What was posted to correct the amount of a
//! line is folded into it.

use std::collections::HashMap;

use super::{CompareError, Task};
use crate::domain::amount::{Money, Points};
use crate::domain::ids::{ProgrammeId, ShardId, TransactionId};
use crate::domain::reconciliation::{Book, Currency, OurLine, amount_sign, points_sign};
use crate::domain::time::{Instant, NEVER};
use crate::domain::transaction::{Detail, RefundPart, Transaction};
use crate::store::journal::{self, Stretch};
use crate::store::{Database, StoreError, views};

/// What was posted to correct lines.
#[derive(Default)]
struct Corrections {
    /// What is added to the amounts of our transactions.
    by_transaction: HashMap<TransactionId, Money>,
    /// Lines that have no transaction of the party's.
    added: Vec<OurLine>,
}

/// Adds our lines to a book: those of the range, and those so long before it and after it.
pub(super) fn add(
    database: &mut Database,
    task: Task<'_>,
    around: i64,
    book: &mut Book,
) -> Result<(), CompareError> {
    let code = task.coalition.currency.as_str();
    let side = Side { task, currency: code.parse()? };
    let (from, until) = task.request.range;
    let (from, until) = (from.plus_micros(-around), until.plus_micros(around));
    let is_house = |stretch: &Stretch| stretch.shard == ShardId::HOUSE;
    let since = journal::stretches(database, (from, NEVER))?;
    let mut corrections = Corrections::default();
    for stretch in since.into_iter().filter(is_house) {
        side.read_corrections(database, stretch, &mut corrections)?;
    }
    let around = journal::stretches(database, (from, until))?;
    for stretch in around.into_iter().filter(|stretch| !is_house(stretch)) {
        journal::naming(database, stretch, task.party, |database, transaction| {
            if transaction.party != *task.party {
                return Ok(());
            }
            let Some(mut line) = side.line(database, &transaction)? else { return Ok(()) };
            let by = corrections.by_transaction.get(&line.transaction).copied();
            line.amount += by.unwrap_or_default();
            // What was taken back whole is no line any more.
            if by.is_some() && line.amount.is_zero() && line.points.is_zero() {
                return Ok(());
            }
            book.add_ours(&line).map_err(CompareError::from)
        })?;
    }
    for line in &corrections.added {
        book.add_ours(line)?;
    }
    Ok(())
}

/// Our side of one run.
struct Side<'a> {
    task: Task<'a>,
    currency: Currency,
}

impl Side<'_> {
    fn read_corrections(
        &self,
        database: &mut Database,
        stretch: Stretch,
        corrections: &mut Corrections,
    ) -> Result<(), CompareError> {
        journal::naming(database, stretch, self.task.party, |_, transaction| {
            let Detail::Adjustment { party, programme, of, corrected: Some(line), .. } =
                &transaction.detail
            else {
                return Ok(());
            };
            let is_asked = programme.as_ref().is_none_or(|programme| self.takes(programme));
            if party != self.task.party || !is_asked {
                return Ok(());
            }
            match of {
                Some(of) => {
                    *corrections.by_transaction.entry(*of).or_default() += line.by_amount;
                }
                None => corrections.added.push(OurLine {
                    transaction: transaction.id,
                    reference: line.reference.clone(),
                    kind: line.kind,
                    amount: line.by_amount,
                    points: Points::ZERO,
                    recorded_at: line.at,
                    at: Some(line.at),
                    currency: self.currency,
                    in_range: self.is_in_range(line.at),
                }),
            }
            Ok(())
        })
    }

    fn is_in_range(&self, at: Instant) -> bool {
        let (from, until) = self.task.request.range;
        from <= at && at < until
    }

    fn takes(&self, programme: &ProgrammeId) -> bool {
        self.task.request.programme.as_ref().is_none_or(|one| one == programme)
    }

    /// A transaction as the party's list should have it; none: lists don't have it.
    fn line(
        &self,
        database: &mut Database,
        transaction: &Transaction,
    ) -> Result<Option<OurLine>, StoreError> {
        if !transaction.programmes().into_iter().any(|programme| self.takes(programme)) {
            return Ok(None);
        }
        let kind = transaction.kind;
        let Some((amount, points)) = self.figures(database, transaction)? else {
            return Ok(None);
        };
        let reference = match &transaction.detail {
            Detail::Capture { of, .. } => hold_reference(database, *of)?,
            _ => transaction.reference.as_ref().map(|one| one.as_str().to_owned()),
        };
        Ok(Some(OurLine {
            transaction: transaction.id,
            reference: reference.unwrap_or_default(),
            kind,
            amount: Money(amount.0 * amount_sign(kind)),
            points,
            recorded_at: transaction.recorded_at,
            at: transaction.at,
            currency: self.currency,
            in_range: self.is_in_range(transaction.recorded_at),
        }))
    }

    /// The amount without its sign, and the points with theirs.
    fn figures(
        &self,
        database: &mut Database,
        transaction: &Transaction,
    ) -> Result<Option<(Money, Points)>, StoreError> {
        let signed = |programme: &ProgrammeId, points: Points| {
            Points(self.scaled(programme, points).0 * points_sign(transaction.kind))
        };
        Ok(match &transaction.detail {
            Detail::Purchase { .. } | Detail::CardPayment { .. } => {
                let parts = transaction.parts().iter().filter(|part| self.takes(&part.programme));
                let net = |part: &crate::domain::receipt::Part| {
                    self.scaled(&part.programme, part.earned - part.burned)
                };
                let points = parts.clone().map(net).sum();
                parts.clone().next().map(|part| (part.amount(), points))
            }
            Detail::Refund { of, parts } => {
                let points = parts
                    .iter()
                    .filter(|part| self.takes(&part.programme))
                    .map(|part| self.scaled(&part.programme, part.restored - part.clawed_back))
                    .sum();
                Some((self.refunded(database, transaction, (*of, parts))?, points))
            }
            Detail::Grant { programme, granted } => {
                Some((Money::ZERO, signed(programme, *granted)))
            }
            Detail::Capture { programme, burned, .. } => {
                Some((Money::ZERO, signed(programme, *burned)))
            }
            Detail::Exchange { from, taken, .. } => Some((Money::ZERO, signed(from, *taken))),
            _ => None,
        })
    }

    /// What went off a receipt's price. Refunds of earlier versions did not write it down: there
    /// it is what was kept before less what is kept now.
    fn refunded(
        &self,
        database: &mut Database,
        transaction: &Transaction,
        (of, parts): (Option<TransactionId>, &[RefundPart]),
    ) -> Result<Money, StoreError> {
        let Some(part) = parts.iter().find(|part| self.takes(&part.programme)) else {
            return Ok(Money::ZERO);
        };
        let (Some(of), None) = (of, part.refunded) else {
            return Ok(part.refunded.unwrap_or_default());
        };
        let kept_by = |one: &Transaction| match &one.detail {
            Detail::Refund { parts, .. } => {
                parts.iter().find(|other| other.programme == part.programme).map(|one| one.kept)
            }
            _ => None,
        };
        let refunds = journal::refunds_of(database, of, transaction.member)?;
        let earlier = refunds.iter().take_while(|one| one.id != transaction.id).last();
        let before = match earlier.and_then(kept_by) {
            Some(kept) => Some(kept),
            None => views::transaction(database, of)?.and_then(|stored| {
                let parts = stored.transaction.parts().iter();
                let mut same = parts.filter(|one| one.programme == part.programme);
                same.next().map(crate::domain::receipt::Part::amount)
            }),
        };
        Ok(before.map_or(Money::ZERO, |before| before - part.kept))
    }

    /// Points of a programme in the decimals of the run.
    fn scaled(&self, programme: &ProgrammeId, points: Points) -> Points {
        let own = self.task.coalition.programmes.get(programme).map_or(0, |one| one.scales.points);
        let more = self.task.request.points_scale.saturating_sub(own);
        Points(points.0 * 10_i64.pow(more))
    }
}

/// The reference of a hold: what captures it has none of its own.
fn hold_reference(
    database: &mut Database,
    hold: TransactionId,
) -> Result<Option<String>, StoreError> {
    let stored = views::transaction(database, hold)?;
    let reference = stored.and_then(|stored| stored.transaction.reference);
    Ok(reference.map(|one| one.as_str().to_owned()))
}

/// The programme of a transaction of the party's, for what has to be posted to correct it.
pub(super) fn programme_of(transaction: &Transaction) -> Option<ProgrammeId> {
    transaction.programmes().into_iter().next().cloned()
}

/// The amount of a receipt in a programme, without its sign.
pub fn amount_of(transaction: &Transaction, programme: &ProgrammeId) -> Money {
    let part = transaction.parts().iter().find(|part| part.programme == *programme);
    let refunded = match &transaction.detail {
        Detail::Refund { parts, .. } => {
            let part = parts.iter().find(|part| part.programme == *programme);
            part.and_then(|part| part.refunded)
        }
        _ => None,
    };
    part.map(crate::domain::receipt::Part::amount).or(refunded).unwrap_or_default()
}
