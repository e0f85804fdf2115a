//! Commands of finance, run as the program: payments of a running server, and a list beside the
//! ledger.

use std::path::Path;
use std::process::{Command, Output};

use coalition_partner::Credentials;
use serde_json::json;

use crate::bank::{
    DAY, OWN, agree, by_hand, camt, get, instruct, instructed, line, open_accounts, references,
    trade as trade_for_payment,
};
use crate::lists::{Line, list, profile};
use crate::reconciliation::trade;
use crate::support::{World, both, both_with, purchase};

/// Runs a command of the program on a world's database.
pub fn program(world: &World, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_coalition"))
        .env_remove("COALITION_TOKEN")
        .args(["--database", &world.settings.database])
        .args(arguments)
        .output()
        .expect("the program can be run")
}

/// How a command ended, what it printed, and what it said went wrong.
pub fn ended(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it prints text");
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

/// Runs `payments …` with a token of its own; its exit code, what it printed, what went wrong.
fn payments(world: &World, arguments: &[&str]) -> (Option<i32>, String, String) {
    let url = world.url();
    ended(&program(world, &[&["payments", "--server", &url], arguments].concat()))
}

/// What `payments …` printed, which must be well.
fn told(world: &World, arguments: &[&str]) -> Vec<String> {
    let (code, printed, wrong) = payments(world, arguments);
    assert_eq!((code, wrong.as_str()), (Some(0), ""), "{arguments:?}: {printed}");
    printed.lines().map(str::to_owned).collect()
}

/// What `payments …` said was wrong, and its exit code.
fn refused(world: &World, arguments: &[&str]) -> (Option<i32>, String) {
    let (code, printed, wrong) = payments(world, arguments);
    assert_eq!(printed, "", "{arguments:?}");
    (code, wrong)
}

/// Writes a file into a folder; its path.
fn written(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("the file can be written");
    path.display().to_string()
}

#[test]
fn payments_are_listed_exported_imported_and_followed() {
    both_with(&by_hand(), |world| {
        let refs = instructed(world);
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let [bank, brand, house, shop] = ["bank", "brand", "clearing", "shop"].map(|of| &refs[of]);
        assert_eq!(
            told(world, &["list", DAY]),
            [
                format!("cycle {DAY}: instructed"),
                format!("{bank}\tcollect\tbank\t510.00\t510.00\t2025-03-04\tinstructed"),
                format!("{brand}\tpay_out\tbrand\t1500.00\t1500.00\t2025-03-04\tinstructed"),
                format!("{house}\tpay_out\tclearing\t30.00\t30.00\t2025-03-04\tinstructed"),
                format!("{shop}\tcollect\tshop\t1020.00\t1020.00\t2025-03-04\tinstructed"),
            ]
        );
        for format in ["pain.001", "list", "1c"] {
            let out = folder.path().join(format);
            let shown = out.display().to_string();
            let said = told(world, &["export", DAY, "--format", format, "--out", &shown]);
            assert_eq!(said, [format!("wrote {shown}")]);
            let target = format!("/v1/cycles/{DAY}/payments?format={format}");
            let served = world.operator.get(&target).body;
            assert_eq!(std::fs::read(&out).expect("it is there"), served, "{format}");
        }
        let entries =
            [line("1", "510.00", bank), line("2", "1100.00", shop), line("3", "7.00", "")];
        let file = written(folder.path(), "first.xml", camt(OWN, &entries).as_bytes());
        let said = told(world, &["import", &file]);
        assert_eq!(said.len(), 5, "{said:?}");
        let begins = [
            "statement S-1: balances ".to_owned(),
            format!("settles\tcredit\t510.00\tRUB\t{bank}\t-\t"),
            format!("over\tcredit\t1100.00\tRUB\t{shop}\titem_1\t"),
            "unknown\tcredit\t7.00\tRUB\t-\titem_2\t".to_owned(),
            "0 entries were imported before".to_owned(),
        ];
        for (line, begin) in said.iter().zip(&begins) {
            assert!(line.starts_with(begin.as_str()), "{line}, not {begin}");
        }
        let said = told(world, &["import", &file]);
        assert_eq!(said.last().map(String::as_str), Some("3 entries were imported before"));
        let status = told(world, &["settle-status"]);
        assert_eq!(status.len(), 6, "{status:?}");
        assert_eq!(
            status[..4],
            [
                format!("{DAY}\tinstructed\t1530.00"),
                format!("  {brand}\tpay_out\tbrand\t1500.00\t2025-03-04"),
                format!("  {house}\tpay_out\tclearing\t30.00\t2025-03-04"),
                "suspense\t87.00 RUB".to_owned(),
            ]
        );
        assert!(status[4].starts_with("item_1\tover_payment\tcredit\t80.00\tRUB\t"), "{status:?}");
        assert!(status[5].starts_with("item_2\tunknown\tcredit\t7.00\tRUB\t"), "{status:?}");

        let last = camt(OWN, &[line("4", "-1500.00", brand)]);
        let file = written(folder.path(), "last.xml", last.as_bytes());
        let said = told(world, &["import", &file]);
        assert_eq!(said.last(), Some(&format!("settled: {DAY}")));
        assert_eq!(told(world, &["settle-status"])[0], "suspense\t87.00 RUB");
        let all = told(world, &["settle-status", "--all"]);
        assert_eq!(all[0], format!("{DAY}\tsettled\t0.00"));
        assert_eq!(told(world, &["list", DAY])[0], format!("cycle {DAY}: settled"));
    });
}

#[test]
fn what_a_file_leaves_out_is_said() {
    both_with(&by_hand(), |world| {
        let club = trade_for_payment(world);
        // The bank is owed more on this day than the brand, and has no account.
        for (party, reference) in [("bank", "B-2"), ("shop", "R-2")] {
            let mut burning = purchase(reference, &club.anna, "100.00");
            burning["burn"] = json!("50");
            world.accept(party, &burning);
        }
        world.move_to("2025-03-05T09:00:00Z");
        open_accounts(world);
        agree(world, DAY);
        agree(world, "2025-03-04");
        let refs = references(&instruct(world, "2025-03-04"));
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let out = folder.path().join("list").display().to_string();
        let arguments = ["export", "2025-03-04", "--format", "list", "--out", &out];
        let said = told(world, &arguments);
        let left_out = format!("left out, without a bank account: {}", refs["bank"]);
        assert_eq!(said, [format!("wrote {out}"), left_out]);
        let file = std::fs::read_to_string(&out).expect("it is there");
        let paid = |party: &str| file.contains(&format!("Reference:  {}", refs[party]));
        assert!(paid("shop") && !paid("bank"), "{file}");
    });
}

#[test]
fn what_is_refused_or_out_of_reach_has_its_exit_code() {
    both_with(&by_hand(), |world| {
        let refs = instructed(world);
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let out = folder.path().join("file").display().to_string();
        let code_of = |arguments: &[&str], part: &str| {
            let (code, wrong) = refused(world, arguments);
            assert!(wrong.contains(part), "{arguments:?}: {wrong}");
            code
        };
        let no = [
            (vec!["list", "2025-03-02"], "not_found"),
            (vec!["export", DAY, "--format", "mt103", "--out", &out], "pain.001"),
            (vec!["--token", "not.a.token", "list", DAY], "token"),
        ];
        for (arguments, part) in no {
            assert_eq!(code_of(&arguments, part), Some(1));
        }
        let xml = written(folder.path(), "wrong.xml", b"<a/>");
        assert_eq!(code_of(&["import", &xml], "invalid_request"), Some(1));
        assert_eq!(code_of(&["import", "nowhere.xml"], "nowhere.xml"), Some(2));
        // Nothing listens there.
        let arguments = ["payments", "--server", "http://127.0.0.1:1", "list", DAY];
        let (code, printed, _) = ended(&program(world, &arguments));
        assert_eq!((code, printed.as_str()), (Some(3), ""));
        assert!(!Path::new(&out).exists(), "a file that is refused is not written");
        let auditor = match world.auditor().credentials() {
            Credentials::Bearer(token) => token.clone(),
            _ => unreachable!("an auditor has a token"),
        };
        let entries = camt(OWN, &[line("1", "510.00", &refs["bank"])]);
        let file = written(folder.path(), "right.xml", entries.as_bytes());
        let (code, wrong) = refused(world, &["--token", &auditor, "import", &file]);
        assert!(code == Some(1) && wrong.contains("role_not_allowed"), "{wrong}");
        assert_eq!(told(world, &["--token", &auditor, "list", DAY]).len(), 5);
        let paid = get(world, &format!("/v1/cycles/{DAY}/payments"))["data"][0]["open"].clone();
        assert_eq!(paid, "510.00");
    });
}

#[test]
fn a_list_is_compared_without_the_server_and_nothing_is_stored() {
    both(|world| {
        let mut lines = trade(world, 12);
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let how = written(folder.path(), "shop.yaml", profile("csv").to_string().as_bytes());
        let compare = |cycle: &str, format: &str, bytes: &[u8]| {
            let file = written(folder.path(), "list", bytes);
            let arguments = [
                "reconcile",
                "--party",
                "shop",
                "--cycle",
                cycle,
                "--profile",
                &how,
                "--format",
                format,
                &file,
            ];
            ended(&program(world, &arguments))
        };
        for format in ["csv", "ndjson", "xlsx"] {
            let (code, printed, wrong) = compare(DAY, format, &list(format, &lines));
            assert_eq!((code, wrong.as_str()), (Some(0), ""), "{format}: {printed}");
            assert!(printed.starts_with("verdict: reconciled\nlines: 13\n"), "{printed}");
        }
        lines[3].cents += 500;
        lines.remove(5);
        lines.push(Line::new("X-1", 777_700));
        let (code, printed, wrong) = compare(DAY, "csv", &list("csv", &lines));
        assert_eq!((code, wrong.as_str()), (Some(1), ""));
        let listed: Vec<&str> = printed.lines().filter(|line| line.contains(". ")).collect();
        assert_eq!(listed.len(), 3, "{printed}");
        for part in [
            "verdict: breaks",
            "amount_mismatch      1",
            ". amount_mismatch R-003 line 5 tx_",
            ". missing_in_ledger X-1 line 14 ",
            ". missing_in_file R-005 tx_",
        ] {
            assert!(printed.contains(part), "{part}: {printed}");
        }
        let residue = printed.lines().find(|line| line.starts_with("residue"));
        let words = residue.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        assert_eq!(words.as_deref(), Some("residue 0 0.00 0.00 0 0"));
        let broken =
            b"ref,kind,sum,points,at,currency\nR-1,purchase,abc,1,2025-03-03T09:00:00Z,RUB";
        let (code, _, wrong) = compare(DAY, "csv", broken);
        assert!(code == Some(2) && wrong.contains("line 2"), "{wrong}");
        let (code, _, wrong) = compare("weekly.2025-03-03", "csv", broken);
        assert!(code == Some(2) && wrong.contains("no cycle"), "{wrong}");
        let (code, _, wrong) = compare(DAY, "pdf", broken);
        assert!(code == Some(2) && wrong.contains("--format"), "{wrong}");
        assert_eq!(get(world, "/v1/reconciliations")["data"], json!([]));
    });
}
