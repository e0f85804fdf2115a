//! Payment orders for the tests of this folder, and the published schemas.

use std::path::PathBuf;
use std::process::Command;

use crate::domain::amount::Money;
use crate::domain::time::{Day, Instant, Zone};

use super::account::{Account, Bank, Number};
use super::order::{Payment, PaymentOrder};

fn russian(name: &str, number: &str, bik: &str, inn: Option<&str>) -> Account {
    let (number, bank) = (Number::Local(number.to_owned()), Bank::Bik(bik.to_owned()));
    Account::new(name, number, bank, inn.map(str::to_owned)).expect("an account in order")
}

fn international(name: &str, iban: &str, bic: &str) -> Account {
    let (number, bank) = (Number::Iban(iban.to_owned()), Bank::Bic(bic.to_owned()));
    Account::new(name, number, bank, None).expect("an account in order")
}

/// Two payments in roubles between Russian banks.
pub fn russian_order() -> PaymentOrder {
    PaymentOrder {
        message_id: "STL-20261122-0001".to_owned(),
        created_at: Instant::parse("2026-11-22T21:05:00.123456Z").expect("an instant"),
        zone: Zone::named("Europe/Moscow").expect("a zone of the tz database"),
        execution: Day::parse("2026-11-23").expect("a day"),
        currency: "RUB".to_owned(),
        money_scale: 2,
        from: russian("ООО «Оператор»", "40702810900000000001", "044525000", Some("7707083893")),
        payments: vec![
            Payment {
                end_to_end_id: "RF38NET20261122".to_owned(),
                amount: Money(12_345_678),
                to: russian(
                    "АО \"Банк А\"",
                    "40702810500000000002",
                    "044525111",
                    Some("7728168971"),
                ),
                remittance: "Расчёты за 22.11.2026 <клуб & партнёры>, RF38NET20261122".to_owned(),
            },
            Payment {
                end_to_end_id: "NET-20261122-SHOP".to_owned(),
                amount: Money(100),
                to: russian("ИП Петров", "40702810200000000001", "044525225", Some("500100732259")),
                remittance: "Расчёты за 22.11.2026".to_owned(),
            },
        ],
    }
}

/// One payment in euros between international accounts.
pub fn euro_order() -> PaymentOrder {
    let from = international("Clearing House", "DE89370400440532013000", "COBADEFFXXX");
    let to = international("Shop & Sons", "GB82WEST12345698765432", "NWBKGB2L");
    let payment = Payment {
        end_to_end_id: "RF18539007547034".to_owned(),
        amount: Money(5),
        to,
        remittance: "Settlement of 2026-11-22".to_owned(),
    };
    let message_id = "STL-20261122-0002".to_owned();
    let currency = "EUR".to_owned();
    PaymentOrder { message_id, currency, from, payments: vec![payment], ..russian_order() }
}

/// Validates a file against a published schema, with libxml2's own tool; says so if it cannot. The
/// schemas are no part of the repository, so a machine that must have the tool may lack them.
pub fn assert_valid(file: &str, schema: &str) {
    let schema = shared(schema);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("file.xml");
    std::fs::write(&path, file).expect("the file can be written");
    let options = ["--noout", "--nonet", "--schema"];
    match Command::new("xmllint").args(options).arg(&schema).arg(&path).output() {
        Ok(output) if schema.is_file() => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{said}\n{file}");
        }
        Ok(_) => eprintln!("SKIPPED: no {}; nothing was validated", schema.display()),
        Err(error) => {
            let is_required = std::env::var("COALITION_TOOLS").is_ok_and(|it| it == "required");
            assert!(!is_required, "xmllint is missing; .ci/tools installs it: {error}");
            eprintln!("no xmllint; nothing was validated");
        }
    }
}

/// A file of the ISO 20022 data: below `COALITION_SHARED`, or beside the repository.
pub fn shared(name: &str) -> PathBuf {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared");
    let shared = std::env::var_os("COALITION_SHARED").map_or_else(beside, PathBuf::from);
    shared.join("data/iso20022").join(name)
}
