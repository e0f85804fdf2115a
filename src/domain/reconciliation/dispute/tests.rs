//! Tests of disputes.

use super::*;
use crate::domain::ids::ShardId;

const NOW: Instant = Instant(100 * DAY);
const LATER: Instant = Instant(101 * DAY);

fn opened() -> Dispute {
    let terms = DisputeTerms { reserves: true, ..DisputeTerms::default() };
    Dispute::open(DisputeKind::Duplicate, Money(500), (LATER, NOW), terms).expect("in time")
}

fn claimant(person: &str) -> Actor<'_> {
    Actor { side: DisputeSide::Claimant, person, at: NOW }
}

fn respondent(person: &str) -> Actor<'_> {
    Actor { side: DisputeSide::Respondent, person, at: NOW }
}

/// The dispute after an action that is possible.
fn step(mut dispute: Dispute, action: &DisputeAction, actor: Actor<'_>) -> Dispute {
    dispute.state = dispute.after(action, actor).expect("a step in turn");
    dispute
}

fn proposed() -> Dispute {
    let dispute = step(opened(), &DisputeAction::Acknowledge, respondent("rita"));
    let dispute = step(dispute, &DisputeAction::ShowEvidence, claimant("anna"));
    step(dispute, &DisputeAction::Propose(Money(400)), claimant("anna"))
}

#[test]
fn an_entry_is_booked_once_somebody_of_each_side_approved() {
    let dispute = step(proposed(), &DisputeAction::Approve, claimant("anna"));
    let entry = TransactionId::new(ShardId(0), 9);
    assert_eq!(dispute.booked(entry), Err(DisputeError::OutOfTurn));
    for actor in [claimant("boris"), respondent("anna")] {
        let refused = dispute.after(&DisputeAction::Approve, actor);
        assert_eq!(refused, Err(DisputeError::SamePerson));
    }
    let dispute = step(dispute, &DisputeAction::Approve, respondent("rita"));
    assert_eq!(dispute.state, DisputeState::Approved { amount: Money(400) });
    assert_eq!(dispute.reserved(), Money(500));
    assert!(!dispute.expires(dispute.due));
    let state = dispute.booked(entry).expect("both approved");
    let dispute = Dispute { state, ..dispute };
    assert_eq!(dispute.reserved(), Money::ZERO);
    let late = dispute.after(&DisputeAction::Acknowledge, respondent("rita"));
    assert_eq!(late, Err(DisputeError::Ended));
}

#[test]
fn another_proposal_needs_new_approvals_and_stays_within_the_amount() {
    let dispute = step(proposed(), &DisputeAction::Approve, claimant("anna"));
    let dispute = step(dispute, &DisputeAction::Propose(Money(0)), respondent("rita"));
    let (claimant_side, respondent_side) = (None, None);
    let amount = Money(0);
    let expected =
        DisputeState::Proposed { amount, claimant: claimant_side, respondent: respondent_side };
    assert_eq!(dispute.state, expected);
    for amount in [Money(501), Money(-1)] {
        let refused = dispute.after(&DisputeAction::Propose(amount), respondent("rita"));
        assert_eq!(refused, Err(DisputeError::TooMuch));
    }
}

#[test]
fn the_amount_is_kept_back_from_acknowledging_on_if_that_was_agreed() {
    assert_eq!(opened().reserved(), Money::ZERO);
    let own = opened().after(&DisputeAction::Acknowledge, claimant("anna"));
    assert_eq!(own, Err(DisputeError::WrongSide));
    let dispute = step(opened(), &DisputeAction::Acknowledge, respondent("rita"));
    assert_eq!(dispute.reserved(), Money(500));
    let reject = DisputeAction::Reject { why: "the receipts differ".to_owned() };
    let dispute = step(dispute, &reject, respondent("rita"));
    assert_eq!(dispute.reserved(), Money::ZERO);
    assert!(dispute.state.is_final());
}

#[test]
fn deadlines_are_kept() {
    let terms = DisputeTerms::default();
    let open = |until| Dispute::open(DisputeKind::Fraud, Money(1), (until, NOW), terms).map(|_| ());
    assert_eq!(open(NOW), Err(DisputeError::Late));
    assert_eq!(open(NOW.plus_micros(1)), Ok(()));
    let dispute = opened();
    assert!(!dispute.is_unanswered(Instant(103 * DAY - 1)));
    assert!(dispute.is_unanswered(Instant(103 * DAY)));
    assert!(!dispute.expires(Instant(130 * DAY - 1)));
    assert!(dispute.expires(Instant(130 * DAY)));
    let late = Actor { at: Instant(130 * DAY), ..respondent("rita") };
    let refused = dispute.after(&DisputeAction::Acknowledge, late);
    assert_eq!(refused, Err(DisputeError::Overdue));
}

#[test]
fn steps_come_in_turn_and_with_a_reason() {
    let dispute = opened();
    for action in
        [DisputeAction::ShowEvidence, DisputeAction::Propose(Money(1)), DisputeAction::Approve]
    {
        let refused = dispute.after(&action, respondent("rita"));
        assert_eq!(refused, Err(DisputeError::OutOfTurn));
    }
    let mute = DisputeAction::Reject { why: String::new() };
    assert_eq!(dispute.after(&mute, respondent("rita")), Err(DisputeError::WhyMissing));
    let terms = DisputeTerms::default();
    let nothing = Dispute::open(DisputeKind::Fraud, Money(0), (LATER, NOW), terms);
    assert_eq!(nothing, Err(DisputeError::NoAmount));
}
