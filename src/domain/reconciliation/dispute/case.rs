//! A dispute with what it is about, and the entries that are due for it.

use serde::{Deserialize, Serialize};

use super::{Actor, Dispute, DisputeSide, DisputeState};
use crate::domain::adjustment::{Adjustment, Cause, DisputeId};
use crate::domain::amount::Money;
use crate::domain::ids::{PartyId, ProgrammeId, Reference, TransactionId};
use crate::domain::posting::ObligationKind;
use crate::domain::settlement::CycleId;
use crate::domain::time::Instant;

/// Who takes part in a dispute: a party, and the clearing house.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Participant {
    /// The party.
    Party,
    /// The clearing house.
    ClearingHouse,
}

impl Participant {
    /// The word in the API and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Party => "party",
            Self::ClearingHouse => "clearing_house",
        }
    }
}

/// A dispute between a party and the clearing house, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// The party.
    pub party: PartyId,
    /// Who opened it.
    pub opened_by: Participant,
    /// The cycle whose statement is objected to.
    pub cycle: CycleId,
    /// The statement, where it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// Whose pool is on the other side; none: the clearing house itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programme: Option<ProgrammeId>,
    /// The lines that are objected to, by the ids of their entries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
    /// What the opener's own books say instead.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own_lines: Vec<String>,
    /// Why it was opened.
    pub why: String,
    /// Who would pay: its money is set aside.
    pub payer: PartyId,
    /// An instant of the cycle, by which entries say to which they belong.
    pub belongs_to: Instant,
    /// Where it stands.
    #[serde(flatten)]
    pub dispute: Dispute,
    /// The entry that set the amount aside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve: Option<TransactionId>,
    /// The entry that released it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<TransactionId>,
}

/// An entry of a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// The amount is set aside.
    Reserve,
    /// What both sides approved.
    Booking,
    /// What was set aside is released.
    Release,
}

impl Entry {
    /// The word in its reference.
    const fn name(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Booking => "booking",
            Self::Release => "release",
        }
    }
}

impl Case {
    /// On which side somebody stands.
    pub fn side_of(&self, who: Participant) -> DisputeSide {
        if who == self.opened_by { DisputeSide::Claimant } else { DisputeSide::Respondent }
    }

    /// Somebody who acts, on the side on which they stand.
    pub fn actor<'a>(&self, who: Participant, person: &'a str, at: Instant) -> Actor<'a> {
        Actor { side: self.side_of(who), person, at }
    }

    /// The entry that has to be posted next; none: nothing is due.
    pub fn due_entry(&self, operator: &PartyId) -> Option<Entry> {
        // What the clearing house would pay itself needs not be set aside with it.
        let reserves = self.dispute.reserved().is_positive() && self.payer != *operator;
        match (self.reserve, self.release) {
            _ if matches!(self.dispute.state, DisputeState::Approved { .. }) => {
                Some(Entry::Booking)
            }
            (None, _) if reserves => Some(Entry::Reserve),
            (Some(_), None) if !reserves => Some(Entry::Release),
            _ => None,
        }
    }

    /// What has to be posted for an entry.
    ///
    /// # Panics
    /// Never: the reference is made of visible ASCII.
    pub fn adjustment(&self, id: DisputeId, entry: Entry) -> Adjustment {
        let reference: Reference =
            format!("{id}/{}", entry.name()).parse().expect("a reference of visible ASCII");
        let (party, programme, obligation, owes) = match entry {
            Entry::Reserve | Entry::Release => {
                let amount = self.dispute.amount;
                let owes = if entry == Entry::Release { -amount } else { amount };
                (self.payer.clone(), None, ObligationKind::DisputeReserve, owes)
            }
            Entry::Booking => {
                let amount = self.approved();
                let owes = if self.opened_by == Participant::Party { -amount } else { amount };
                (self.party.clone(), self.programme.clone(), ObligationKind::Adjustment, owes)
            }
        };
        let named = self.lines.first().and_then(|line| line.split_once('/'));
        Adjustment {
            reference,
            party,
            programme,
            schedule: self.cycle.schedule.clone(),
            obligation,
            owes,
            belongs_to: Some(self.belongs_to),
            of: named.and_then(|(transaction, _)| transaction.parse().ok()),
            cause: Cause::Dispute { dispute: id },
            corrected: None,
        }
    }

    fn approved(&self) -> Money {
        match self.dispute.state {
            DisputeState::Approved { amount } => amount,
            _ => Money::ZERO,
        }
    }

    /// Links an entry that was posted.
    ///
    /// # Errors
    /// If it is a booking that not both sides approved.
    pub fn link(&mut self, entry: Entry, posted: TransactionId) -> Result<(), super::DisputeError> {
        match entry {
            Entry::Reserve => self.reserve = Some(posted),
            Entry::Release => self.release = Some(posted),
            Entry::Booking => self.dispute.state = self.dispute.booked(posted)?,
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{DisputeAction, DisputeKind, DisputeTerms};
    use super::*;
    use crate::domain::ids::ShardId;

    fn case(opened_by: Participant) -> Case {
        let terms = DisputeTerms { reserves: true, ..DisputeTerms::default() };
        let now = Instant(0);
        let dispute = Dispute::open(DisputeKind::WrongPrice, Money(500), (Instant(1), now), terms);
        Case {
            party: "shop".parse().expect("a party"),
            opened_by,
            cycle: "2026-06-01".parse().expect("a cycle"),
            statement: None,
            programme: Some("club".parse().expect("a programme")),
            lines: vec!["tx_3_7/2".to_owned()],
            own_lines: Vec::new(),
            why: "the price".to_owned(),
            payer: "brand".parse().expect("a party"),
            belongs_to: now,
            dispute: dispute.expect("it is in time"),
            reserve: None,
            release: None,
        }
    }

    fn act(case: &mut Case, action: &DisputeAction, who: Participant, person: &str) {
        let actor = case.actor(who, person, Instant(1));
        case.dispute.state = case.dispute.after(action, actor).expect("it is time for this");
    }

    #[test]
    fn entries_are_due_in_their_turn_and_once() {
        let operator: PartyId = "clearing".parse().expect("a party");
        let posted = |number| TransactionId::new(ShardId::HOUSE, number);
        let mut case = case(Participant::Party);
        assert_eq!(case.due_entry(&operator), None);
        act(&mut case, &DisputeAction::Acknowledge, Participant::ClearingHouse, "rita");
        assert_eq!(case.due_entry(&operator), Some(Entry::Reserve));
        let reserve = case.adjustment(DisputeId(4), Entry::Reserve);
        assert_eq!((reserve.owes, reserve.reference.as_str()), (Money(500), "dsp_4/reserve"));
        assert_eq!(reserve.of, Some(TransactionId::new(ShardId(3), 7)));
        case.link(Entry::Reserve, posted(1)).expect("it can be linked");
        assert_eq!(case.due_entry(&operator), None);
        act(&mut case, &DisputeAction::Propose(Money(300)), Participant::ClearingHouse, "rita");
        act(&mut case, &DisputeAction::Approve, Participant::ClearingHouse, "rita");
        act(&mut case, &DisputeAction::Approve, Participant::Party, "anna");
        assert_eq!(case.due_entry(&operator), Some(Entry::Booking));
        assert_eq!(case.adjustment(DisputeId(4), Entry::Booking).owes, Money(-300));
        case.link(Entry::Booking, posted(2)).expect("both approved");
        assert_eq!(case.due_entry(&operator), Some(Entry::Release));
        assert_eq!(case.adjustment(DisputeId(4), Entry::Release).owes, Money(-500));
        case.link(Entry::Release, posted(3)).expect("it can be linked");
        assert_eq!(case.due_entry(&operator), None);
    }

    #[test]
    fn who_has_to_pay_is_who_did_not_open_it() {
        let mut case = case(Participant::ClearingHouse);
        assert_eq!(case.side_of(Participant::Party), DisputeSide::Respondent);
        case.dispute.state = DisputeState::Approved { amount: Money(20) };
        assert_eq!(case.adjustment(DisputeId(1), Entry::Booking).owes, Money(20));
    }

    #[test]
    fn a_case_is_read_as_it_was_written() {
        let mut case = case(Participant::Party);
        for state in [
            DisputeState::Open,
            DisputeState::Booked { transaction: TransactionId::new(ShardId(0), 1) },
            DisputeState::Proposed { amount: Money(1), claimant: None, respondent: None },
        ] {
            case.dispute.state = state;
            let text = serde_json::to_string(&case).expect("it is plain JSON");
            assert_eq!(serde_json::from_str::<Case>(&text).expect("it is a case"), case);
        }
    }
}
