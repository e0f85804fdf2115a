//! Deciding: from the working set, a command and an instant to a transaction or a refusal.
//!
//! A decision reads and never writes. It goes through its refusals in the order of rulebook §10;
//! after the last of them it must succeed. It may also find that more must be read first, or that
//! the clock has done something to the account that must be posted before; the caller does that
//! and asks again.

mod adjustment;
mod burning;
mod card_payment;
mod draft;
mod earning;
mod exchange;
mod expiry;
mod grant;
mod hold;
mod limits;
mod merge;
mod moving;
mod packs;
mod personal_rule;
mod prices;
mod purchase;
mod quote;
mod refund;
mod service;
mod take_back;
mod unmerge;

use std::sync::Arc;

pub use burning::CapOf;
pub use earning::earned_once;
pub use expiry::decide_expiry;
pub use prices::{Item, ItemDiscount, PricedItem, decide_prices};
pub use quote::{Quote, decide_quote};

use super::account::{Account, AccountKey};
use super::command::{Action, Command};
use super::hold::Hold;
use super::ids::{MemberId, ProgrammeId, Reference, TransactionId};
use super::ledger::{Decided, Ledger, ReferenceKey};
use super::lot::NotLoaded;
use super::member::MemberName;
use super::posting::{Body, Posting};
use super::rejection::Rejection;
use super::terms::{Agreement, Coalition, Mode, Programme};
use super::time::{Day, Instant};
use draft::Draft;

/// The instant and the place at which something is decided.
#[derive(Clone, Debug)]
pub struct Context {
    /// What counts now.
    pub coalition: Arc<Coalition>,
    /// The instant.
    pub now: Instant,
    /// The id that the transaction gets.
    pub id: TransactionId,
}

impl Context {
    /// The settlement day.
    pub fn settlement_day(&self) -> Day {
        self.coalition.own_schedule().day_of(self.now)
    }

    /// Says which cycle settles a posting of money, and to which it belongs by its date.
    fn settle(&self, posting: &mut Posting, belongs_to: Option<Instant>) {
        let Body::Money { under, cycle, late_for, .. } = &mut posting.body else { return };
        let schedule = self.coalition.schedule(&under.schedule);
        let first = schedule.cycle_of(self.now).first;
        // What says nothing lies in the transaction's own settlement day.
        *cycle = Some(first).filter(|first| *first != self.settlement_day());
        *late_for =
            belongs_to.map(|at| schedule.cycle_of(at).first).filter(|earlier| *earlier < first);
    }

    fn programme(&self, id: &ProgrammeId) -> Result<&Arc<Programme>, Rejection> {
        self.coalition.programmes.get(id).ok_or(Rejection::NoAgreement)
    }
}

/// Why nothing was decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The answer is a refusal.
    Refused(Rejection),
    /// All lots and open holds of this account must be read first.
    Read(AccountKey),
    /// What the clock did to this account must be posted first.
    Post(AccountKey),
    /// There is nothing to do: a delivery that was reported before.
    Unchanged(TransactionId),
}

impl From<Rejection> for Stop {
    fn from(rejection: Rejection) -> Self {
        Self::Refused(rejection)
    }
}

type Decision = Result<Decided, Stop>;

/// Decides one command.
///
/// # Errors
/// If it is refused, or something must be read or posted first.
pub fn decide(ledger: &Ledger, context: &Context, command: &Command) -> Decision {
    let ask = Ask { ledger, context, command };
    ask.reference_is_new()?;
    match &command.action {
        Action::Purchase { receipt, burn, hold, .. } => {
            purchase::decide(&ask, receipt, *burn, hold.as_ref())
        }
        Action::CardPayment { card, line, .. } => card_payment::decide(&ask, card, line),
        Action::Delivery { of } => purchase::decide_delivery(&ask, of),
        Action::Refund { of, what, .. } => refund::decide(&ask, of, what),
        Action::UnlinkedRefund { programme, member, amount, .. } => {
            refund::decide_unlinked(&ask, programme, member, *amount)
        }
        Action::Grant { .. } => grant::decide(&ask),
        Action::TakeBack { of, .. } => take_back::decide(&ask, of),
        Action::Hold { programme, member, points, valid_for, .. } => {
            let key = ask.account_key(member, programme)?;
            hold::decide(&ask, &key, *points, *valid_for)
        }
        Action::Capture { of, points } => hold::decide_capture(&ask, of, points.as_deref()),
        Action::Void { of } => hold::decide_void(&ask, of),
        Action::Exchange { .. } => exchange::decide(&ask),
        Action::Merge { keep, drop } => merge::decide(&ask, keep, drop),
        Action::Unmerge { of, gone, .. } => unmerge::decide(&ask, *of, *gone),
        Action::PersonalRule { programme, member, max_share, .. } => {
            let key = ask.account_key(member, programme)?;
            personal_rule::decide(&ask, key, *max_share)
        }
        Action::Pack { .. } => packs::decide(&ask),
        Action::Service { .. } => service::decide(&ask),
        Action::Adjustment(adjustment) => adjustment::decide(&ask, adjustment),
    }
}

/// One command before the working set: what every decision looks up.
struct Ask<'a> {
    ledger: &'a Ledger,
    context: &'a Context,
    command: &'a Command,
}

impl Ask<'_> {
    fn reference_is_new(&self) -> Result<(), Rejection> {
        let Some(reference) = self.command.action.reference() else { return Ok(()) };
        let key = ReferenceKey {
            party: self.command.party.clone(),
            kind: self.command.action.kind(),
            reference: reference.clone(),
        };
        match self.ledger.references.get(&key) {
            Some(&first) => Err(Rejection::DuplicateReference { first }),
            None => Ok(()),
        }
    }

    fn member(&self, name: &MemberName) -> Result<MemberId, Rejection> {
        let unknown = match name {
            MemberName::Card(_) => Rejection::UnknownCardToken,
            _ => Rejection::UnknownMember,
        };
        self.ledger.member(&self.command.party, name).ok_or(unknown)
    }

    fn account_key(
        &self,
        member: &MemberName,
        programme: &ProgrammeId,
    ) -> Result<AccountKey, Rejection> {
        Ok(AccountKey { member: self.member(member)?, programme: programme.clone() })
    }

    /// The first of the party's own transactions under a reference, of the kinds that fit.
    fn original(&self, of: &Reference) -> Result<TransactionId, Rejection> {
        let keys = self.command.action.originals();
        let found =
            keys.into_iter().filter(|(_, reference)| *reference == of).find_map(|(kind, _)| {
                let party = self.command.party.clone();
                let key = ReferenceKey { party, kind, reference: of.clone() };
                self.ledger.references.get(&key).copied()
            });
        found.ok_or(Rejection::OriginalNotFound)
    }

    fn hold(&self, of: &Reference) -> Result<&Hold, Rejection> {
        let id = self.original(of)?;
        let hold = self.ledger.holds.get(&id).ok_or(Rejection::OriginalNotFound)?;
        if hold.is_finished(self.context.now) { Err(Rejection::HoldFinished) } else { Ok(hold) }
    }

    /// Refuses to take points of who has not shown yet that the phone is theirs.
    fn must_be_confirmed(&self, member: MemberId) -> Result<(), Rejection> {
        let waits = self.ledger.unconfirmed.contains(&member);
        if waits { Err(Rejection::MemberUnconfirmed) } else { Ok(()) }
    }

    fn agreement(&self, programme: &ProgrammeId) -> Result<&Arc<Agreement>, Rejection> {
        let agreement = self.context.coalition.agreement(programme, &self.command.party);
        agreement.ok_or(Rejection::NoAgreement)
    }

    /// Refuses what happened longer ago than the agreement takes.
    fn must_be_recent(
        &self,
        agreement: &Agreement,
        programme: &Programme,
    ) -> Result<(), Rejection> {
        let (Some(days), Some(at)) = (agreement.report_within_days, self.command.at) else {
            return Ok(());
        };
        let last = programme.zone.day_of(at).plus_days(days);
        if last < programme.zone.day_of(self.context.now) {
            return Err(Rejection::ReportedTooLate { days });
        }
        Ok(())
    }

    /// A draft over accounts that must be wholly in memory, with nothing of the clock left to post.
    fn draft_on(&self, keys: &[AccountKey]) -> Result<Draft<'_>, Stop> {
        for key in keys {
            self.must_know(key, |_| false)?;
        }
        Ok(Draft::new(self.ledger, self.context))
    }

    /// A draft over an account of which the lots of a hold must be in memory, with nothing of the
    /// clock left to post.
    fn draft_on_hold(&self, key: &AccountKey, hold: &Hold) -> Result<Draft<'_>, Stop> {
        self.must_know(key, |account| account.has_lots_of(hold))?;
        Ok(Draft::new(self.ledger, self.context))
    }

    /// Asks for an account to be read that is neither in memory whole nor enough of it, and for what
    /// the clock did to it to be posted.
    fn must_know(
        &self,
        key: &AccountKey,
        is_enough: impl Fn(&Account) -> bool,
    ) -> Result<(), Stop> {
        let account = self.ledger.account(key);
        let is_due = expiry::is_due(self.ledger, &account, self.context.now);
        match is_due.filter(|_| account.is_whole() || is_enough(&account)) {
            None => Err(Stop::Read(key.clone())),
            Some(true) => Err(Stop::Post(key.clone())),
            Some(false) => Ok(()),
        }
    }

    /// A draft over an account of which only what a burn needs is in memory. Holds that timed out
    /// are posted first, since what they release pays a debt and can be burned.
    fn draft_lightly_on(&self, key: &AccountKey) -> Result<Draft<'_>, Stop> {
        if let Some(account) = self.ledger.accounts.get(key)
            && account.held.is_positive()
        {
            if account.holds.is_none() {
                return Err(Stop::Read(key.clone()));
            }
            if self.ledger.holds_of(account).any(|hold| hold.is_due(self.context.now)) {
                return Err(Stop::Post(key.clone()));
            }
        }
        Ok(Draft::new(self.ledger, self.context))
    }
}

/// Lots that are needed must be read first.
fn read_first(key: &AccountKey) -> impl FnOnce(NotLoaded) -> Stop {
    let key = key.clone();
    |NotLoaded| Stop::Read(key)
}

/// Refuses what a programme in this mode does not do.
fn must_earn(programme: &Programme) -> Result<(), Rejection> {
    if programme.mode == Mode::Paused { Err(Rejection::ProgrammePaused) } else { Ok(()) }
}

/// Refuses to take points where a programme does not burn.
fn must_burn(programme: &Programme) -> Result<(), Rejection> {
    match programme.mode {
        Mode::Paused => Err(Rejection::ProgrammePaused),
        Mode::SoftLaunch => Err(Rejection::BurningNotOpen),
        Mode::Live if programme.burn.is_none() => Err(Rejection::BurningNotOpen),
        Mode::Live => Ok(()),
    }
}

#[cfg(test)]
mod tests;
