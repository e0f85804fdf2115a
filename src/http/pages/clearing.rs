//! The clearing accounts as a page: which cycles have not come back to zero, what is missing of
//! whom, and for how long.

use crate::domain::settlement::CycleState;
use crate::domain::time::Day;
use crate::http::docs::html::{add, escape};
use crate::payments::view::{ClearingAccounts, ClearingView, MissingView};

/// The page's body. `today` is the day from which ages are counted.
pub fn clearing_accounts(accounts: &ClearingAccounts, today: Day) -> String {
    let mut cycles: Vec<&ClearingView> = accounts.data.iter().collect();
    cycles.sort_by_key(|one| rank(one));
    let count = cycles.iter().filter(|one| rank(one) == Rank::NotZero).count();
    let mut out = String::new();
    let currency = escape(&accounts.currency);
    let words = if count == 1 { "account is" } else { "accounts are" };
    add(&mut out, format_args!("<p class=\"lead\">{count} {words} not at zero.</p>\n"));
    add(
        &mut out,
        format_args!(
            "<p>In suspense, of which nobody knows whose it is: <strong>{} {currency}</strong></p>\n",
            escape(&accounts.suspense)
        ),
    );
    out += "<div class=\"wide\"><table>\n<tr><th>cycle</th><th>state</th><th>balance</th>\
            <th>party</th><th>payment</th><th>missing</th><th>due</th><th>age</th></tr>\n";
    for cycle in cycles {
        if cycle.missing.is_empty() {
            let nothing = "<td></td><td></td><td></td><td></td><td></td>";
            add(&mut out, format_args!("<tr>{}{nothing}</tr>\n", account(cycle, &currency)));
        }
        for missing in &cycle.missing {
            let (account, payment) = (account(cycle, &currency), payment(missing, today));
            add(&mut out, format_args!("<tr>{account}{payment}</tr>\n"));
        }
    }
    out + "</table></div>\n"
}

/// In which order accounts stand: those that are not at zero, those whose payments did not begin or
/// are not all there, and those that are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    NotZero,
    Missing,
    Done,
}

fn rank(one: &ClearingView) -> Rank {
    if one.balance.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) {
        Rank::NotZero
    } else if one.missing.is_empty() {
        Rank::Done
    } else {
        Rank::Missing
    }
}

fn account(cycle: &ClearingView, currency: &str) -> String {
    let state = if cycle.state == CycleState::Settled { "settled" } else { "on its way" };
    let balance = escape(&cycle.balance);
    let balance = if rank(cycle) == Rank::NotZero {
        format!("<strong>{balance} {currency}</strong>")
    } else {
        format!("{balance} {currency}")
    };
    format!("<td>{}</td><td>{state}</td><td>{balance}</td>", escape(&cycle.cycle.to_string()))
}

fn payment(missing: &MissingView, today: Day) -> String {
    let days = today.number() - missing.due.number();
    let age = match days {
        0 => "due today".to_owned(),
        1 => "1 day late".to_owned(),
        2.. => format!("{days} days late"),
        _ => "not due".to_owned(),
    };
    let direction = if missing.direction == "collect" { "pays" } else { "is paid" };
    format!(
        "<td>{}</td><td>{direction}, <code>{}</code></td><td>{}</td><td>{}</td><td>{age}</td>",
        escape(missing.party.as_str()),
        escape(&missing.reference),
        escape(&missing.open),
        escape(&missing.due.to_string()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Day {
        Day::parse(text).expect("a day")
    }

    fn missing(party: &str, due: &str) -> MissingView {
        MissingView {
            reference: format!("RF-<{party}>"),
            party: party.parse().expect("a party"),
            direction: "collect",
            open: "10.00".to_owned(),
            due: day(due),
        }
    }

    fn cycle(first: &str, balance: &str, missing: Vec<MissingView>) -> ClearingView {
        let (cycle, balance) = (first.parse().expect("a cycle"), balance.to_owned());
        let is_done = balance == "0.00" && missing.is_empty();
        let state = if is_done { CycleState::Settled } else { CycleState::Instructed };
        ClearingView { cycle, state, balance, missing }
    }

    #[test]
    fn accounts_that_are_not_at_zero_stand_first_and_everything_is_escaped() {
        let accounts = ClearingAccounts {
            currency: "<RUB>".to_owned(),
            suspense: "-5.00".to_owned(),
            data: vec![
                cycle("2025-03-06", "0.00", Vec::new()),
                cycle("2025-03-05", "0.00", vec![missing("shop", "2025-03-08")]),
                cycle("2025-03-04", "-7.00", Vec::new()),
                cycle(
                    "2025-03-03",
                    "100.00",
                    vec![missing("bank", "2025-03-04"), missing("shop", "2025-03-07")],
                ),
            ],
        };
        let page = clearing_accounts(&accounts, day("2025-03-07"));
        let places = ["2025-03-04<", "2025-03-03<", "2025-03-05<", "2025-03-06<"].map(|cycle| {
            page.find(&format!("<td>{cycle}")).unwrap_or_else(|| panic!("no {cycle} in {page}"))
        });
        assert!(places.is_sorted(), "{places:?}: {page}");
        for part in [
            "2 accounts are not at zero",
            "<strong>-5.00 &lt;RUB&gt;</strong>",
            "<td>bank</td><td>pays, <code>RF-&lt;bank&gt;</code></td><td>10.00</td>\
             <td>2025-03-04</td><td>3 days late</td>",
            "<td>2025-03-07</td><td>due today</td>",
            "<td>2025-03-08</td><td>not due</td>",
            "<strong>100.00 &lt;RUB&gt;</strong>",
            "<td>settled</td><td>0.00 &lt;RUB&gt;</td>",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        assert!(!page.contains("<RUB>") && !page.contains("RF-<"));
    }
}
