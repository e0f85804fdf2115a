//! Tests of single rules, and of what holds for any two lists.

use proptest::prelude::*;

use super::*;
use crate::domain::amount::{Money, Points};
use crate::domain::command::Kind;
use crate::domain::ids::{ShardId, TransactionId};
use crate::domain::time::{Instant, Zone};

const MINUTE: i64 = 60_000_000;
const DAY: i64 = 1_440 * MINUTE;

fn rules() -> Rules {
    let zone = Zone::named("UTC").expect("a zone of the tz database");
    Rules::of((Instant(0), Instant(DAY)), zone, Instant(10 * DAY))
}

fn currency(code: &str) -> Currency {
    code.parse().expect("a currency")
}

fn theirs(line_no: u64, reference: &str, amount: i64) -> TheirLine {
    TheirLine {
        line_no,
        reference: reference.to_owned(),
        kind: Some(Kind::Purchase),
        amount: Money(amount),
        points: Points(amount / 100),
        at: Instant(600 * MINUTE),
        currency: currency("RUB"),
    }
}

fn ours(number: i64, reference: &str, amount: i64) -> OurLine {
    OurLine {
        transaction: TransactionId::new(ShardId(0), number),
        reference: reference.to_owned(),
        kind: Kind::Purchase,
        amount: Money(amount),
        points: Points(amount / 100),
        recorded_at: Instant(600 * MINUTE),
        at: None,
        currency: currency("RUB"),
        in_range: true,
    }
}

fn run(theirs: &[TheirLine], ours: &[OurLine], rules: &Rules) -> Reconciled {
    let mut book = Book::new(Compared { amounts: true, points: true });
    for line in theirs {
        book.add_theirs(line).expect("a line");
    }
    for line in ours {
        book.add_ours(line).expect("a line");
    }
    reconcile(&book, rules)
}

fn found(run: &Reconciled) -> Vec<(Class, &str, i64)> {
    run.breaks.iter().map(|one| (one.class, one.reference.as_str(), one.effect.0)).collect()
}

#[test]
fn two_lists_that_say_the_same_are_reconciled() {
    let run = run(&[theirs(1, "A", 500)], &[ours(1, "A", 500)], &rules());
    assert_eq!((run.verdict, run.breaks.len()), (Verdict::Reconciled, 0));
    assert_eq!(run.bridges[0].steps, []);
    assert_eq!(run.bridges[0].theirs.net, Money(500));
}

#[test]
fn the_first_of_several_differences_counts() {
    let mut line = theirs(1, "A", -700);
    line.points = Points(3);
    line.at = Instant(3 * DAY);
    let class = |line: &TheirLine| {
        let run = run(std::slice::from_ref(line), &[ours(1, "A", 500)], &rules());
        assert_eq!(run.breaks.len(), 1);
        run.breaks[0].class
    };
    let mut foreign = line.clone();
    foreign.currency = currency("EUR");
    assert_eq!(class(&foreign), Class::CurrencyMismatch);
    assert_eq!(class(&line), Class::SignMismatch);
    line.amount = Money(700);
    assert_eq!(class(&line), Class::AmountMismatch);
    line.amount = Money(500);
    assert_eq!(class(&line), Class::PointsMismatch);
    line.points = Points(5);
    assert_eq!(class(&line), Class::DateMismatch);
}

#[test]
fn clocks_on_both_sides_of_midnight_are_the_same_date() {
    let mut line = theirs(1, "A", 500);
    let mut our_line = ours(1, "A", 500);
    line.at = Instant(DAY - MINUTE);
    our_line.at = Some(Instant(DAY + MINUTE));
    let near = run(&[line.clone()], &[our_line.clone()], &rules());
    assert_eq!(near.verdict, Verdict::Reconciled);
    our_line.at = Some(Instant(DAY + 10 * MINUTE));
    let far = run(&[line], &[our_line], &rules());
    assert_eq!(found(&far), [(Class::DateMismatch, "A", 0)]);
}

#[test]
fn a_key_counts_by_kind_and_a_line_without_kind_takes_what_differs_least() {
    let mut refund = ours(2, "A", -500);
    refund.kind = Kind::Refund;
    let mut line = theirs(1, "A", -500);
    line.kind = None;
    let one = run(&[line], &[ours(1, "A", 500), refund.clone()], &rules());
    assert_eq!(found(&one), [(Class::MissingInFile, "A", -500)]);
    let mut other = theirs(2, "A", -500);
    other.kind = Some(Kind::Refund);
    let both = run(&[theirs(1, "A", 500), other], &[ours(1, "A", 500), refund], &rules());
    assert_eq!(both.verdict, Verdict::Reconciled);
}

#[test]
fn a_second_line_of_a_key_is_a_duplicate_also_of_a_missing_one() {
    let lines = [theirs(1, "A", 500), theirs(2, "A", 500), theirs(3, "B", 70), theirs(4, "B", 70)];
    let run = run(&lines, &[ours(1, "A", 500)], &rules());
    let expected = [
        (Class::DuplicateInFile, "A", 500),
        (Class::MissingInLedger, "B", 70),
        (Class::DuplicateInFile, "B", 70),
    ];
    assert_eq!(found(&run), expected);
    assert_eq!(run.breaks[0].proposal, Proposal::RemoveThere { line_no: 2 });
}

#[test]
fn parts_are_one_line_only_if_they_sum_to_it_exactly() {
    let whole = [ours(1, "A", 1_000)];
    for names in [["A", "A"], ["A/1", "A/2"], ["A", "A-2"], ["A_x", "A#y"]] {
        let lines = [theirs(1, names[0], 600), theirs(2, names[1], 400)];
        let run = run(&lines, &whole, &rules());
        assert_eq!(run.verdict, Verdict::Reconciled, "{names:?}");
        assert_eq!(run.bridges[0].steps[0].effect.lines, 1);
    }
    let short = run(&[theirs(1, "A/1", 600), theirs(2, "A/2", 300)], &whole, &rules());
    assert_eq!(short.counts[&Class::MissingInLedger], 2);
    let against = run(&[theirs(1, "A/1", 1_400), theirs(2, "A/2", -400)], &whole, &rules());
    assert_eq!(against.counts[&Class::MissingInLedger], 2);
    let mirrored =
        run(&[theirs(1, "A", 1_000)], &[ours(1, "A-1", 900), ours(2, "A-2", 100)], &rules());
    assert_eq!(mirrored.verdict, Verdict::Reconciled);
}

#[test]
fn a_changed_reference_is_found_only_where_one_line_is_the_nearest() {
    let at = |minute: i64, mut line: OurLine| {
        line.at = Some(Instant(minute * MINUTE));
        line
    };
    let one = [at(602, ours(1, "X", 500))];
    assert_eq!(run(&[theirs(1, "A", 500)], &one, &rules()).verdict, Verdict::Reconciled);
    let later = [at(606, ours(1, "X", 500))];
    assert_eq!(run(&[theirs(1, "A", 500)], &later, &rules()).breaks.len(), 2);
    let nearer = [at(602, ours(1, "X", 500)), at(599, ours(2, "Y", 500))];
    let left = run(&[theirs(1, "A", 500)], &nearer, &rules());
    assert_eq!(found(&left), [(Class::MissingInFile, "X", -500)]);
    let alike = [at(602, ours(1, "X", 500)), at(598, ours(2, "Y", 500))];
    assert_eq!(run(&[theirs(1, "A", 500)], &alike, &rules()).breaks.len(), 3);
    let mut elsewhere = at(600, ours(1, "X", 500));
    elsewhere.in_range = false;
    let alone = run(&[theirs(1, "A", 500)], &[elsewhere], &rules());
    assert_eq!(found(&alone), [(Class::MissingInLedger, "A", 500)]);
}

#[test]
fn a_line_of_another_cycle_is_timing_and_a_wrong_one_is_bridged_in_two_steps() {
    let mut elsewhere = ours(1, "A", 500);
    elsewhere.in_range = false;
    let right = run(&[theirs(1, "A", 500)], std::slice::from_ref(&elsewhere), &rules());
    assert_eq!(found(&right), [(Class::Timing, "A", 500)]);
    let split = [theirs(1, "A/1", 300), theirs(2, "A/2", 200)];
    let split = run(&split, std::slice::from_ref(&elsewhere), &rules());
    assert_eq!(split.counts[&Class::Timing], 2);
    let off = run(&[theirs(1, "A", 600)], &[elsewhere], &rules());
    let steps: Vec<_> =
        off.bridges[0].steps.iter().map(|step| (step.class, step.effect.net.0)).collect();
    assert_eq!(steps, [(Class::AmountMismatch, 100), (Class::Timing, 500)]);
}

#[test]
fn what_is_younger_than_the_agreed_lag_is_pending() {
    let rules = Rules { now: Instant(601 * MINUTE), ..rules() };
    let both = run(&[theirs(1, "A", 500)], &[ours(1, "B", 900)], &rules);
    assert_eq!(both.verdict, Verdict::Pending);
    assert_eq!(both.counts[&Class::PendingInLedger], 1);
    assert_eq!(both.counts[&Class::PendingInFile], 1);
    assert_eq!(both.bridges[0].steps.len(), 2);
    let late = Rules { now: Instant(600 * MINUTE + DAY), ..rules };
    assert_eq!(run(&[theirs(1, "A", 500)], &[], &late).verdict, Verdict::Breaks);
}

#[test]
fn a_list_that_is_not_the_whole_range_is_incomplete_whatever_else_is_wrong() {
    let lines = [theirs(1, "A", 500)];
    let verdict = |rules: &Rules| run(&lines, &[ours(1, "A", 500)], rules);
    let with = |control| Rules { control: Some(control), ..rules() };
    let control = Control { lines: Some(1), amount: Some(Money(500)), ..Control::default() };
    assert_eq!(verdict(&with(control)).verdict, Verdict::Reconciled);
    let short = verdict(&with(Control { lines: Some(2), ..control }));
    assert_eq!(short.gaps, [Gap::Lines { declared: 2, found: 1 }]);
    assert_eq!(short.verdict, Verdict::Incomplete);
    let sum = verdict(&with(Control { amount: Some(Money(501)), ..control }));
    assert_eq!(sum.gaps, [Gap::Amount { declared: Money(501), found: Money(500) }]);
    let points = verdict(&with(Control { points: Some(Points(6)), ..control }));
    assert_eq!(points.gaps, [Gap::Points { declared: Points(6), found: Points(5) }]);
    let (from, until) = (Instant(1), Instant(DAY));
    let range = verdict(&with(Control { range: Some((from, until)), ..control }));
    assert_eq!(range.gaps, [Gap::Range { from, until }]);
    let silent = verdict(&Rules { requires_control: true, ..rules() });
    assert_eq!(silent.gaps, [Gap::NoControl]);
}

#[test]
fn many_of_ours_after_their_last_line_show_that_the_list_was_cut() {
    let of = |number: i64| {
        let mut line = ours(number, &format!("R{number}"), 500 + number);
        line.recorded_at = Instant((600 + number) * MINUTE);
        line
    };
    let many: Vec<OurLine> = (0..21).map(of).collect();
    let cut = run(&[theirs(1, "R0", 500)], &many, &rules());
    assert_eq!(cut.gaps, [Gap::Tail { missing: 20 }]);
    let few = run(&[theirs(1, "R0", 500)], &many[..20], &rules());
    assert_eq!(few.verdict, Verdict::Breaks);
    let empty = run(&[], &many[..1], &rules());
    assert_eq!((empty.verdict, empty.gaps.len()), (Verdict::Incomplete, 1));
}

#[test]
fn beyond_the_bound_breaks_are_counted_and_bridged_but_not_listed() {
    let lines: Vec<TheirLine> =
        (1..=5).map(|number| theirs(number, &format!("N{number}"), 100)).collect();
    let run = run(&lines, &[], &Rules { breaks_max: 2, ..rules() });
    assert_eq!((run.breaks.len(), run.left_out), (2, 3));
    assert_eq!(run.counts[&Class::MissingInLedger], 5);
    assert_eq!(run.bridges[0].steps[0].effect.net, Money(500));
}

#[test]
fn sums_that_can_not_be_counted_are_refused() {
    let mut book = Book::new(Compared { amounts: true, points: false });
    assert_eq!(book.add_theirs(&theirs(1, "A", i64::MIN)), Err(BookError::TooLarge));
    assert_eq!(book.add_theirs(&theirs(1, "A", i64::MAX / 4)), Ok(()));
    assert_eq!(book.add_theirs(&theirs(2, "B", 1)), Err(BookError::TooLarge));
    assert_eq!(book.add_theirs(&theirs(2, &"B".repeat(129), 0)), Err(BookError::ReferenceTooLong));
}

/// Few references, amounts and instants, so that everything meets everything.
fn any_theirs() -> impl Strategy<Value = TheirLine> {
    let names = prop::sample::select(vec!["", "A", "A-1", "A-2", "A-1-1", "B", "B/1", "B/2", "C"]);
    let kinds = prop::sample::select(vec![None, Some(Kind::Purchase), Some(Kind::Refund)]);
    let codes = prop::sample::select(vec!["RUB", "RUB", "RUB", "EUR"]);
    (names, kinds, -4_i64..5, -2_i64..3, 0_i64..2_000, codes).prop_map(
        |(name, kind, amount, points, minute, code)| TheirLine {
            line_no: 0,
            reference: name.to_owned(),
            kind,
            amount: Money(amount),
            points: Points(points),
            at: Instant(minute / 2 * 2 * MINUTE),
            currency: currency(code),
        },
    )
}

fn as_ours(number: i64, line: TheirLine) -> OurLine {
    OurLine {
        transaction: TransactionId::new(ShardId(0), number),
        reference: line.reference,
        kind: line.kind.unwrap_or(Kind::Grant),
        amount: line.amount,
        points: line.points,
        recorded_at: line.at.plus_micros(MINUTE),
        at: Some(line.at),
        currency: line.currency,
        in_range: number % 5 != 0,
    }
}

proptest! {
    #[test]
    fn any_two_lists_are_bridged_and_each_line_has_one_class(
        left in prop::collection::vec(any_theirs(), 0..24),
        right in prop::collection::vec(any_theirs(), 0..24),
        lag in 0_i64..10,
    ) {
        let number = (1..).zip(left);
        let mut left: Vec<TheirLine> = number.map(|(line_no, line)| TheirLine { line_no, ..line }).collect();
        let mut right: Vec<OurLine> = (1..).zip(right).map(|(number, line)| as_ours(number, line)).collect();
        let rules = Rules { lag_here: lag * DAY, lag_there: lag * DAY, ..rules() };
        let first = run(&left, &right, &rules);
        for bridge in &first.bridges {
            prop_assert_eq!(bridge.residue(), Totals::default());
        }
        let missing = [Class::MissingInFile, Class::PendingInFile];
        let of_ours = |class: &Class| missing.contains(class);
        let of_theirs = first.counts.iter().filter(|(class, _)| !of_ours(class));
        let count: u64 = of_theirs.map(|(_, count)| count).sum();
        prop_assert_eq!(count, u64::try_from(left.len()).expect("a short list"));
        let mut named: Vec<TransactionId> =
            first.breaks.iter().filter(|one| one.ours.is_some()).filter_map(|one| one.transaction).collect();
        named.sort();
        let before = named.len();
        named.dedup();
        prop_assert_eq!(named.len(), before, "each of ours at most once");
        left.reverse();
        right.reverse();
        prop_assert_eq!(run(&left, &right, &rules), first);
    }
}
