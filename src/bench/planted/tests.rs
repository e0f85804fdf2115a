//! Tests that find what was planted.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::domain::reconciliation::{
    Book, Break, Compared, Proposal, Reconciled, Verdict, reconcile,
};

const PLAN: Plan = Plan { lines: 5_000, faults: 100, seed: 7 };

type Lists = (Vec<TheirLine>, Vec<OurLine>);

fn planted(plan: Plan) -> (Lists, Vec<Expected>) {
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    let mut expected = plant(plan, &mut |line| theirs.push(line), &mut |line| ours.push(line));
    expected.sort();
    ((theirs, ours), expected)
}

fn run((theirs, ours): &Lists) -> Reconciled {
    let mut book = Book::new(Compared { amounts: true, points: true });
    for line in theirs {
        book.add_theirs(line).expect("a planted line");
    }
    for line in ours {
        book.add_ours(line).expect("a planted line");
    }
    reconcile(&book, &rules())
}

fn found(run: &Reconciled) -> Vec<Expected> {
    let mut found: Vec<Expected> =
        run.breaks.iter().map(|one| (one.class, one.reference.clone())).collect();
    found.sort();
    found
}

#[test]
fn every_planted_fault_is_found_and_nothing_else() {
    for seed in 0..5 {
        let (lists, expected) = planted(Plan { seed, ..PLAN });
        let run = run(&lists);
        assert_eq!(lists.0.len(), 5_000);
        assert_eq!(found(&run), expected);
        assert_eq!(run.verdict, Verdict::Breaks);
        let classes: BTreeSet<Class> = expected.iter().map(|one| one.0).collect();
        assert_eq!(classes.len(), 9, "every class was planted");
    }
}

#[test]
fn each_line_ends_in_one_class() {
    let (lists, _) = planted(PLAN);
    let run = run(&lists);
    let of_ours = |class: &Class| *class == Class::MissingInFile;
    let theirs: u64 =
        run.counts.iter().filter(|(class, _)| !of_ours(class)).map(|(_, count)| count).sum();
    assert_eq!(theirs, PLAN.lines);
    assert!(run.bridges.iter().all(|bridge| bridge.residue().lines == 0));
}

#[test]
fn the_order_of_lines_changes_nothing() {
    let ((mut theirs, mut ours), _) = planted(PLAN);
    let before = run(&(theirs.clone(), ours.clone()));
    let mixed = |number: u64| number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    theirs.sort_by_key(|line| mixed(line.line_no));
    ours.sort_by_key(|line| Reverse(line.transaction));
    assert_eq!(run(&(theirs, ours)), before);
}

#[test]
fn both_sides_agree_once_every_proposal_is_done() {
    let (lists, _) = planted(PLAN);
    let done = with_proposals(lists.clone(), &run(&lists).breaks);
    let again = run(&done);
    assert_eq!(again.breaks, []);
    assert_eq!(again.verdict, Verdict::Reconciled);
    for bridge in again.bridges {
        assert_eq!(bridge.theirs.net, bridge.ours.net);
        assert_eq!(bridge.theirs.points_gross, bridge.ours.points_gross);
    }
}

/// Both lists as they are after everything that was proposed.
fn with_proposals((theirs, ours): Lists, breaks: &[Break]) -> Lists {
    let mut theirs: BTreeMap<u64, TheirLine> =
        theirs.into_iter().map(|line| (line.line_no, line)).collect();
    let mut ours: BTreeMap<TransactionId, OurLine> =
        ours.into_iter().map(|line| (line.transaction, line)).collect();
    for one in breaks {
        match one.proposal {
            Proposal::PostHere { kind, amount, points } => {
                let line = &theirs[&one.line_no.expect("their line")];
                let number = i64::try_from(one.number).expect("a small number");
                let transaction = TransactionId::new(ShardId(0), 1_000_000 + number);
                let posted = OurLine {
                    transaction,
                    reference: line.reference.clone(),
                    kind: kind.expect("planted lines say their kind"),
                    amount,
                    points,
                    recorded_at: rules().now,
                    at: Some(line.at),
                    currency: line.currency,
                    in_range: true,
                };
                ours.insert(transaction, posted);
            }
            Proposal::ReverseHere { transaction } => drop(ours.remove(&transaction)),
            Proposal::CorrectHere { transaction, by_amount, by_points } => {
                let line = ours.get_mut(&transaction).expect("our line");
                line.amount += by_amount;
                line.points += by_points;
            }
            Proposal::CorrectThere { line_no, transaction } => {
                let (line, right) = (theirs.get_mut(&line_no), &ours[&transaction]);
                let line = line.expect("their line");
                (line.amount, line.points) = (right.amount, right.points);
                (line.currency, line.at) = (right.currency, right.at.expect("planted"));
            }
            Proposal::RemoveThere { line_no } | Proposal::CarryOver { line_no, .. } => {
                drop(theirs.remove(&line_no));
            }
            Proposal::Wait => {}
        }
    }
    (theirs.into_values().collect(), ours.into_values().collect())
}
