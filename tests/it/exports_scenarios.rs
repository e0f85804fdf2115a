//! The scenarios' ledgers, exported as journals and read by the programs that they are for.

use std::path::Path;

use coalition::export::{Format, Request, Selection, export};
use coalition::rehearse;
use coalition::settings::Settings;

use crate::exports::{beancount_balances, folder, hledger_balances, tool};
use crate::support::new_database;

/// Exchanges, debts, merges, breakage, several programmes, odd units, closed cycles, lots that are
/// paid for when they are burned.
const SCENARIOS: [&str; 8] = [
    "04-foam-two-programmes",
    "08-coalition-exchange-limits-merge",
    "25-card-payments-in-two-programmes",
    "27-breakage",
    "30-merge-with-debts",
    "33-halves-and-remainders",
    "40-month-of-settlement",
    "41-paid-when-burned",
];

#[test]
fn the_journals_of_scenarios_are_sound_and_say_the_same() {
    let (Some(hledger), Some(check), Some(query)) =
        (tool("hledger"), tool("bean-check"), tool("bean-query"))
    else {
        return;
    };
    let mut accounts = 0;
    for name in SCENARIOS {
        let file = format!("tests/scenarios/{name}.yaml");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let scenario = rehearse::read(&file).expect("it is a scenario");
        let (database, _kept) = new_database("SQLite");
        let settings = Settings { database, workers: Some(1), readers: 2, ..Settings::default() };
        rehearse::rehearse(&scenario, &settings).expect("the scenario holds");
        let address = settings.address().expect("the address is one");
        let folder = folder();
        let written = [Format::Beancount, Format::Hledger].map(|format| {
            let to = folder.path().join(format!("{format:?}"));
            let request = Request { format, to, selection: Selection::Whole, aggregate: false };
            let written = export(&address, &request).expect("the ledger can be exported");
            assert!(written.transactions > 0, "{name}");
            written.files[0].clone()
        });
        let [bean, ledger] = written;
        let balances = hledger_balances(&hledger, &ledger);
        accounts += balances.len();
        assert_eq!(beancount_balances(&check, &query, &bean), balances, "{name}");
    }
    assert!(accounts > 20, "the journals have balances: {accounts}");
}
