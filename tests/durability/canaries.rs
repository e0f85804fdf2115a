//! Faults are planted one by one, and the check that should notice does.

use std::path::Path;

use serde_json::json;

use super::contention::cap_holds;
use super::kills::kill_again_and_again;
use super::load::{Till, send};
use super::support::{Checked, Request, Store, World, ensure, post, program};

/// A check with a fault planted in what it looks at.
type Check = fn(&str) -> Checked;

/// Each fault, and a check that must notice it.
const FAULTS: [(&str, Check); 7] = [
    ("drop_posting", audited),
    ("lost_position", audited),
    ("stale_limit", capped),
    ("expiry_off_by_one", rehearsed),
    ("float_rounding", rounded),
    ("forget_key", killed),
    ("answer_before_commit", killed),
];

/// Plays a scenario in which points are held and lost.
fn rehearsed(fault: &str) -> Checked {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios/07-holds.yaml");
    let output = program(fault).arg("rehearse").arg(file).output().expect("the program runs");
    ensure(output.status.success(), || String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Lets a till work for a while, and audits.
fn audited(fault: &str) -> Checked {
    let world = World::new(Store::Sqlite, None, 4);
    let served = world.serve_faulty(fault);
    let mut till = Till::new(500);
    for _ in 0..10 {
        let call = till.next(&world.members);
        send(&world, &served.url, &call).ok_or("no answer")?;
    }
    drop(served);
    world.audit()
}

/// Three points at a fee of 0.015: the half of 4.5 goes to the even 4.
fn rounded(fault: &str) -> Checked {
    let world = World::new(Store::Sqlite, None, 1);
    let served = world.serve_faulty(fault);
    let body = json!({"kind": "purchase", "ref": "half", "programme": "club",
        "member": world.members[0], "amount": "30.00"});
    let request = Request { party: "shop", key: "half".to_owned(), body };
    let bought = post(&world.client(&served.url, "shop"), &request).ok_or("no answer")?.json();
    let day = bought["settlement_day"].as_str().unwrap_or_default();
    let cycle = world.operator(&served.url).cycle(day).map_err(|error| error.to_string())?;
    let positions = cycle.value["positions"].as_array().cloned().unwrap_or_default();
    let fee = positions.iter().find(|line| line["kind"] == "earn_fee");
    let fee = fee.map(|line| line["amount"].to_string()).unwrap_or_default();
    ensure(fee == "\"0.04\"", || format!("a fee of 0.045 became {fee}"))
}

/// Purchases under a cap, in one call.
fn capped(fault: &str) -> Checked {
    cap_holds(Store::Sqlite, fault, true)
}

/// Kills, and requests that are asked again.
fn killed(fault: &str) -> Checked {
    kill_again_and_again(Store::Sqlite, 6, fault).map(drop)
}

#[test]
fn every_planted_fault_is_noticed() {
    for (fault, check) in FAULTS {
        let noticed = check(fault).expect_err(fault);
        eprintln!("{fault}: {}", noticed.chars().take(200).collect::<String>());
    }
}

#[test]
fn without_a_fault_the_same_checks_find_nothing() {
    let checks: [Check; 5] = [audited, capped, rehearsed, rounded, killed];
    for check in checks {
        check("").expect("nothing is wrong");
    }
}
