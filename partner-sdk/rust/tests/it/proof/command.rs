//! `coalition-partner verify` and `receipt`: their words and their exit codes.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::books::{OPERATOR, books, hex, note, sha};
use crate::stub::{Step, serve};

/// The verifier key of the books' operator, as text.
const KEY: &str = "coalition.example+d8020470+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs";

/// A folder with two statements and the proofs of the second.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("verify-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary folder can be made");
        let folder = Self(path);
        let mut books = books();
        let first = books.draft("S-1", None);
        books.record(0, 10);
        let second = books.draft("S-2", Some(&first));
        folder.write("june.json", &first.file());
        folder.write("july.json", &second.file());
        folder.write("july.proofs", &books.proofs(&second));
        let receipts = (22..=31).map(|seq| note(&books.receipt_text(0, seq)));
        let other = books.receipt_text(3, 2).replace(" 2024-07-10 ", " 2024-07-09 ");
        folder.write("receipts", &(receipts.collect::<String>() + &note(&other)));
        let mut short = second.clone();
        short.rows.remove(3);
        folder.write("short.json", &short.file());
        for (name, form) in [("july.csv", "csv"), ("july.xlsx", "xlsx")] {
            let bytes = format!("the lines as {form}\n");
            let (size, sha256) = (bytes.len(), hex(&sha(&[bytes.as_bytes()])));
            let statement = hex(&sha(&[second.file().as_bytes()]));
            let signed = note(&format!(
                "{OPERATOR}/statement-file/S-2\nform {form}\nbytes {size}\nsha256 {sha256}\n\
                 statement {statement}\n"
            ));
            folder.write(name, &bytes);
            folder.write(&format!("{name}.note"), &signed);
        }
        folder.write("posted", "tx_0_22\ntx_0_25\ntx_0_1\n");
        folder
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).expect("a temporary file can be written");
    }

    /// Runs the command with arguments between spaces; returns its exit code and what it says.
    fn verify(&self, arguments: &str) -> (Option<i32>, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_coalition-partner"))
            .current_dir(&self.0)
            .arg("verify")
            .args(arguments.split_whitespace())
            .output()
            .expect("the command can be run");
        let words = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(words).expect("it speaks UTF-8"))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn what_was_checked_is_told() {
    let folder = Folder::new("told");
    let all = "--previous june.json --proofs july.proofs --posted posted --receipts receipts";
    let (code, words) = folder.verify(&format!("july.json --key {KEY} {all}"));
    assert_eq!(code, Some(0), "{words}");
    for told in [
        "statement S-2 of shop, cycle 2024-07-10\n",
        &format!("  signature: by {OPERATOR}, over every byte\n"),
        "  previous: continued; 3 logs hold all that they held\n",
        "  proofs: all lines, of 6 transactions, stand in the logs\n",
        "  receipts: 11; the statement has all 8 lines of this cycle; 2 are of other cycles\n",
        "  posted: the cycle covers 2 of the list; 1 have no line\n    tx_0_25\n",
    ] {
        assert!(words.contains(told), "{told} is not in {words}");
    }
    let (code, words) = folder.verify(&format!("july.json --key {KEY}"));
    assert_eq!(code, Some(0), "{words}");
    assert_eq!(words.matches("NOT CHECKED").count(), 3, "{words}");
    let (code, words) = folder.verify(&format!("short.json --key {KEY}"));
    assert_eq!(code, Some(0), "its own sums can't show it: {words}");
    let (code, words) = folder.verify(&format!("short.json --key {KEY} --receipts receipts"));
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("OMITTED: the statement has no line tx_0_"), "{words}");
}

#[test]
fn exit_codes_say_what_happened() {
    let folder = Folder::new("codes");
    let statement = fs::read_to_string(folder.0.join("july.json")).expect("it was written");
    folder.write("changed.json", &statement.replacen("EUR", "USD", 1));
    let (code, words) = folder.verify(&format!("changed.json --key {KEY}"));
    assert_eq!(code, Some(1), "{words}");
    assert!(words.starts_with("error: changed.json: section signature: "), "{words}");
    let (code, words) = folder.verify(&format!("june.json --key {KEY} --previous july.json"));
    assert_eq!(code, Some(1), "{words}");
    for wrong in [
        format!("none.json --key {KEY}"),
        format!("july.json --key {KEY} --proofs none"),
        format!("july.json --key {KEY} --posted july.json"),
        format!("july.json --key {KEY} --receipts none"),
        "july.json --key coalition.example".to_owned(),
        "july.json".to_owned(),
    ] {
        let (code, words) = folder.verify(&wrong);
        assert_eq!(code, Some(2), "{wrong}: {words}");
    }
}

#[test]
fn files_of_other_forms_are_checked_by_their_notes() {
    let folder = Folder::new("files");
    let july = format!("july.json --key {KEY}");
    let (code, words) = folder.verify(&format!("{july} --file july.csv --file july.xlsx"));
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("  file: july.csv is this statement as csv, 17 bytes, "), "{words}");
    assert!(words.contains("  file: july.xlsx is this statement as xlsx, 18 bytes, "), "{words}");
    let named = "--file july.csv --note july.csv.note";
    assert_eq!(folder.verify(&format!("{july} {named}")).0, Some(0));
    let swapped = "--file july.csv --note july.xlsx.note";
    let (code, words) = folder.verify(&format!("{july} {swapped}"));
    assert_eq!(code, Some(1), "{words}");
    assert!(words.starts_with("error: july.csv: the file: its length is 17 and"), "{words}");
    let (code, words) = folder.verify(&format!("june.json --key {KEY} --file july.csv"));
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains("the note: what it is of is "), "{words}");
    folder.write("july.csv", "the lines as csw\n");
    let (code, words) = folder.verify(&format!("{july} --file july.csv"));
    assert_eq!(code, Some(1), "{words}");
    assert!(words.starts_with("error: july.csv: the file: its sha256 is "), "{words}");
    for wrong in [
        "--file june.json",
        "--file july.csv --note july.csv.note --note july.xlsx.note",
        "--note july.csv.note",
    ] {
        let (code, words) = folder.verify(&format!("{july} {wrong}"));
        assert_eq!(code, Some(2), "{wrong}: {words}");
    }
}

#[test]
fn receipts_are_fetched_for_a_result_file_a_thousand_at_once() {
    let folder = Folder::new("receipts");
    let mut lines: Vec<String> = (1..=1_001)
        .map(|seq| format!(r#"{{"line":{seq},"ref":"R-{seq}","status":201,"id":"tx_0_{seq}"}}"#))
        .collect();
    lines.push(r#"{"line":1002,"ref":"R-1002","status":422,"code":"limit_exceeded"}"#.to_owned());
    folder.write("result", &(lines.join("\n") + "\n"));
    let notes = |text: &str| Step::Answer("200 OK", &[], text.to_owned());
    let gone = r#"{"status":404,"code":"not_found","title":"t","detail":"d"}"#.to_owned();
    let gone = Step::Answer("404 Not Found", &[], gone);
    let (url, arrived) = serve(vec![notes("first\n"), notes("second\n"), gone]);
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_coalition-partner"))
            .current_dir(&folder.0)
            .env("COALITION_KEY", "c2VjcmV0IGJ5dGVzIG9mIGEga2V5")
            .args(["receipt", "--server", &url, "--key-id", "shop:1", "--attempts", "1"])
            .args(arguments)
            .output()
            .expect("the command can be run");
        let text = |bytes| String::from_utf8(bytes).expect("it speaks UTF-8");
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let fetched = run(&["--result", "result"]);
    assert_eq!(fetched, (Some(0), "first\nsecond\n".to_owned(), String::new()));
    let refused = run(&["tx_0_1"]);
    assert_eq!(refused, (Some(1), String::new(), "refused: not_found: d\n".to_owned()));
    let asked: Vec<_> = arrived.try_iter().collect();
    assert!(asked.iter().all(|one| one.target == "POST /v1/receipts"), "the bulk route");
    let counts: Vec<usize> = asked.iter().map(|one| one.body.matches("tx_0_").count()).collect();
    assert_eq!(counts, [1_000, 1, 1]);
    assert_eq!(run(&[]).0, Some(2), "nothing is asked for");
    assert_eq!(run(&["--result", "june.json"]).0, Some(2), "it is no result file");
}
