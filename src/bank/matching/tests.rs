//! The ladder rung by rung, and what holds for any lines: money is conserved, and order is none.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const BANK: &str = "40702810500000000002";

fn day(number: i64) -> Day {
    Day::from_number(20_000 + number)
}

fn leg(id: &str, direction: LegDirection, open: i64) -> OpenLeg {
    OpenLeg {
        id: id.to_owned(),
        end_to_end_id: format!("NET-20261122-{id}"),
        direction,
        party: id.to_lowercase(),
        party_account: Some(BANK.to_owned()),
        due: day(0),
        open: Money(open),
        paid: Money(0),
    }
}

fn collect(id: &str, open: i64) -> OpenLeg {
    leg(id, LegDirection::Collect, open)
}

fn line(key: &str, side: Side, amount: i64) -> BankLine {
    BankLine {
        key: key.to_owned(),
        amount: Money(amount),
        currency: "RUB".to_owned(),
        side,
        is_return: false,
        day: Some(day(0)),
        end_to_end_id: None,
        texts: Vec::new(),
        name: None,
        account: None,
        return_reason: None,
    }
}

fn credit(key: &str, amount: i64, end_to_end_id: &str) -> BankLine {
    BankLine { end_to_end_id: Some(end_to_end_id.to_owned()), ..line(key, Side::Credit, amount) }
}

fn nameless(key: &str, amount: i64, account: &str) -> BankLine {
    BankLine { account: Some(account.to_owned()), ..line(key, Side::Credit, amount) }
}

fn run(legs: &[OpenLeg], lines: &[BankLine]) -> Vec<Outcome> {
    let matches = match_entries(legs, lines, &MatchRules::of("RUB"));
    matches.into_iter().map(|one| one.outcome).collect()
}

fn unknown(reason: UnknownReason) -> Outcome {
    Outcome::Unknown { reason }
}

fn settles(leg: &str, amount: i64, by: MatchedBy) -> Outcome {
    Outcome::Settles { leg: leg.to_owned(), amount: Money(amount), by }
}

#[test]
fn the_payers_reference_settles_in_parts_and_over() {
    let by = MatchedBy::EndToEndId;
    let legs = [collect("A", 100)];
    let id = "NET-20261122-A";
    let lines = [credit("3", 50, id), credit("1", 30, id), credit("2", 30, id)];
    let a = || "A".to_owned();
    assert_eq!(
        run(&legs, &lines),
        [
            Outcome::Over { leg: a(), amount: Money(40), excess: Money(10), by },
            Outcome::Part { leg: a(), amount: Money(30), left: Money(70), by },
            Outcome::Part { leg: a(), amount: Money(30), left: Money(40), by },
        ]
    );
    assert_eq!(run(&legs, &[credit("1", 100, id)]), [settles("A", 100, by)]);
    let again = run(&[collect("A", 0)], &[credit("1", 5, id)]);
    assert_eq!(again, [Outcome::Over { leg: a(), amount: Money(0), excess: Money(5), by }]);
}

#[test]
fn a_reference_is_found_in_the_texts_as_people_write_it() {
    let legs = [collect("A", 100), collect("A-2", 100)];
    let run_text = |texts: &[&str]| {
        let texts = texts.iter().map(|&text| text.to_owned()).collect();
        run(&legs, &[BankLine { texts, ..line("1", Side::Credit, 100) }]).remove(0)
    };
    for text in [
        "NET-20261122-A",
        "оплата по NET-20261122-A, без НДС",
        "net 20261122 a",
        "(NET20261122A)",
        "NET–20261122–А",
        "расчёты - NET-20261122-A - июнь",
    ] {
        assert_eq!(run_text(&[text]), settles("A", 100, MatchedBy::Reference), "{text}");
    }
    let rf = rf_of("NET-20261122-A");
    let spaced = format!("ref {} {}", &rf[..4], &rf[4..]);
    for text in [rf.as_str(), &spaced] {
        assert_eq!(run_text(&[text]), settles("A", 100, MatchedBy::Reference), "{text}");
    }
    assert_eq!(run_text(&["NET-20261122-A-2"]), settles("A-2", 100, MatchedBy::Reference));
    assert_eq!(run_text(&["по NET-2026", "1122-A"]), settles("A", 100, MatchedBy::Reference));
    for text in
        ["NET-20261122-A7", "NET-20261122-A-3", "XNET-20261122-A", "1-NET-20261122-A", "NET"]
    {
        assert_eq!(run_text(&[text]), unknown(UnknownReason::NoLeg), "{text}");
    }
    let both = ["NET-20261122-A и NET-20261122-A-2"];
    assert_eq!(run_text(&both), unknown(UnknownReason::SeveralLegs));

    // A bank that drops the dashes of an id does not hide it.
    let outcome = run(&legs, &[credit("1", 100, "NET20261122A")]);
    assert_eq!(outcome, [settles("A", 100, MatchedBy::Reference)]);
}

fn rf_of(body: &str) -> String {
    super::super::reference::rf_reference(body).expect("a short body")
}

#[test]
fn amount_account_and_day_count_only_together_and_for_one_leg() {
    let by = MatchedBy::AmountAccountDay;
    let legs = [collect("A", 100), collect("B", 200)];
    assert_eq!(run(&legs, &[nameless("1", 100, BANK)]), [settles("A", 100, by)]);
    assert_eq!(
        run(&legs, &[nameless("1", 100, "4070 2810 5000 0000 0002")])[0],
        settles("A", 100, by)
    );

    let no_leg = [unknown(UnknownReason::NoLeg)];
    assert_eq!(run(&legs, &[nameless("1", 101, BANK)]), no_leg);
    assert_eq!(run(&legs, &[nameless("1", 100, "1")]), no_leg);
    assert_eq!(run(&legs, &[line("1", Side::Credit, 100)]), no_leg);
    let debit = BankLine { side: Side::Debit, ..nameless("1", 100, BANK) };
    assert_eq!(run(&legs, &[debit]), no_leg);
    let returned = BankLine { is_return: true, ..nameless("1", 100, BANK) };
    assert_eq!(run(&legs, &[returned]), no_leg);
    for (at, is_in) in [(-6, false), (-5, true), (5, true), (6, false)] {
        let dated = BankLine { day: Some(day(at)), ..nameless("1", 100, BANK) };
        let expected = if is_in { [settles("A", 100, by)] } else { no_leg.clone() };
        assert_eq!(run(&legs, &[dated]), expected, "day {at}");
    }
    assert_eq!(run(&legs, &[BankLine { day: None, ..nameless("1", 100, BANK) }]), no_leg);

    let twins = [collect("A", 100), collect("B", 100)];
    let several = unknown(UnknownReason::SeveralLegs);
    assert_eq!(run(&twins, &[nameless("1", 100, BANK)]), [several]);
    // What is named is taken first, and leaves one candidate.
    let lines = [nameless("1", 100, BANK), credit("2", 100, "NET-20261122-B")];
    let expected = [settles("A", 100, by), settles("B", 100, MatchedBy::EndToEndId)];
    assert_eq!(run(&twins, &lines), expected);
    // Two payments for one leg: the earlier pays it.
    let lines = [nameless("2", 100, BANK), nameless("1", 100, BANK)];
    assert_eq!(run(&legs, &lines), [no_leg[0].clone(), settles("A", 100, by)]);
}

#[test]
fn what_comes_back_is_open_again() {
    let paid = OpenLeg { paid: Money(100), ..leg("P", LegDirection::PayOut, 0) };
    let legs = [paid];
    let id = "NET-20261122-P";
    let back = BankLine { is_return: true, ..credit("1", 100, id) };
    let by = MatchedBy::EndToEndId;
    let returned = Outcome::Return { leg: "P".to_owned(), amount: Money(100), by };
    assert_eq!(run(&legs, std::slice::from_ref(&back)), std::slice::from_ref(&returned));
    // Banks that do not flag a return show it by its direction.
    assert_eq!(run(&legs, &[credit("1", 100, id)]), std::slice::from_ref(&returned));
    // Paid again on the next day.
    let again = BankLine { day: Some(day(1)), side: Side::Debit, ..credit("0", 100, id) };
    assert_eq!(run(&legs, &[again, back]), [settles("P", 100, by), returned]);

    let more = run(&legs, &[credit("1", 101, id)]);
    assert_eq!(more, [unknown(UnknownReason::ReturnsMoreThanPaid)]);
    let odd = BankLine { is_return: true, side: Side::Debit, ..credit("1", 100, id) };
    assert_eq!(run(&legs, &[odd]), [unknown(UnknownReason::ReturnInPaymentsDirection)]);
}

#[test]
fn another_currency_or_nothing_is_unknown() {
    let legs = [collect("A", 100)];
    let id = "NET-20261122-A";
    let euro = BankLine { currency: "EUR".to_owned(), ..credit("1", 100, id) };
    assert_eq!(run(&legs, &[euro]), [unknown(UnknownReason::OtherCurrency)]);
    assert_eq!(run(&legs, &[credit("1", 0, id)]), [unknown(UnknownReason::NoAmount)]);
}

fn some_legs() -> impl Strategy<Value = Vec<OpenLeg>> {
    let one = (any::<bool>(), 0_i64..4, 0_i64..3, 0_i64..12, any::<bool>());
    prop::collection::vec(one, 1..6).prop_map(|all| {
        let made =
            all.into_iter().enumerate().map(|(place, (collects, open, paid, due, known))| {
                let direction = if collects { LegDirection::Collect } else { LegDirection::PayOut };
                OpenLeg {
                    paid: Money(100 * paid),
                    due: day(due),
                    party_account: known.then(|| BANK.to_owned()),
                    ..leg(&format!("L{place}"), direction, 100 * open)
                }
            });
        made.collect()
    })
}

fn some_lines() -> impl Strategy<Value = Vec<BankLine>> {
    let one = (any::<bool>(), 0_i64..40, 0_usize..8, 0_u8..4, -6_i64..12);
    prop::collection::vec(one, 0..14).prop_map(|all| {
        let made =
            all.into_iter().enumerate().map(|(place, (is_credit, amount, leg, kind, at))| {
                let side = if is_credit { Side::Credit } else { Side::Debit };
                let id = format!("NET-20261122-L{leg}");
                BankLine {
                    is_return: amount % 7 == 0,
                    day: (at > -6).then(|| day(at)),
                    end_to_end_id: (kind == 0).then(|| id.clone()),
                    texts: if kind == 1 { vec![format!("for {id}.")] } else { Vec::new() },
                    account: (kind > 1).then(|| BANK.to_owned()),
                    ..line(&format!("K{place:02}"), side, 25 * amount)
                }
            });
        made.collect()
    })
}

/// What the matches pay on each leg, less what comes back.
fn net_by_leg(matches: &[Match]) -> BTreeMap<String, i64> {
    let mut nets = BTreeMap::new();
    for one in matches {
        let (leg, amount) = match &one.outcome {
            Outcome::Settles { leg, amount, .. }
            | Outcome::Part { leg, amount, .. }
            | Outcome::Over { leg, amount, .. } => (leg, amount.0),
            Outcome::Return { leg, amount, .. } => (leg, -amount.0),
            Outcome::Unknown { .. } => continue,
        };
        *nets.entry(leg.clone()).or_default() += amount;
    }
    nets
}

proptest! {
    #[test]
    fn money_is_conserved_and_no_leg_is_overpaid(legs in some_legs(), lines in some_lines()) {
        let matches = match_entries(&legs, &lines, &MatchRules::of("RUB"));
        prop_assert_eq!(matches.len(), lines.len());
        for (line, one) in lines.iter().zip(&matches) {
            let on_leg = match &one.outcome {
                Outcome::Settles { amount, .. }
                | Outcome::Part { amount, .. }
                | Outcome::Over { amount, .. }
                | Outcome::Return { amount, .. } => *amount,
                Outcome::Unknown { .. } => Money::ZERO,
            };
            prop_assert_eq!(&line.key, &one.key);
            prop_assert_eq!(line.amount, on_leg + one.open_item());
        }
        let nets = net_by_leg(&matches);
        for leg in &legs {
            let net = nets.get(&leg.id).copied().unwrap_or_default();
            prop_assert!(net <= leg.open.0, "{} is paid beyond itself", leg.id);
            prop_assert!(-net <= leg.paid.0, "{} gives back what it never had", leg.id);
        }
    }

    #[test]
    fn the_order_of_lines_changes_nothing(
        legs in some_legs(),
        lines in some_lines(),
        seed in prop::collection::vec(any::<u32>(), 14),
    ) {
        let rules = MatchRules::of("RUB");
        let by_key = |lines: &[BankLine]| -> BTreeMap<String, Outcome> {
            let matches = match_entries(&legs, lines, &rules);
            matches.into_iter().map(|one| (one.key, one.outcome)).collect()
        };
        let mut places: Vec<usize> = (0..lines.len()).collect();
        places.sort_by_key(|&place| seed[place]);
        let mixed: Vec<BankLine> = places.into_iter().map(|place| lines[place].clone()).collect();
        prop_assert_eq!(by_key(&lines), by_key(&mixed));
    }
}
