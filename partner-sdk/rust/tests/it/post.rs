//! Posting files: how they are read, and how a run goes on after a break.

use std::fs;
use std::path::{Path, PathBuf};

use crate::stub::{Arrived, Step, client, quick, serve};
use coalition_partner::post::{
    Defaults, FileError, Line, PostError, PostOptions, Progress, ResultFile, Summary, open_lines,
    post_file,
};
use serde_json::{Value, json};

const CSV: &str = "\
kind,ref,member,at,amount,currency,burn
purchase,R-1,17850,2010-12-01T08:26:00+00:00,156.40,GBP,max
purchase,R-2,17851,2010-12-01T08:28:00+00:00,22.20,GBP,
refund,C-1,17850,2010-12-01T09:28:00+00:00,22.20,GBP,
purchase,R-3,phone:+79160000001,2010-12-01T09:30:00+00:00,1.00,GBP,
";

/// A folder of a test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("partner-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary folder can be made");
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).expect("a temporary file can be written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn defaults() -> Defaults {
    Defaults { programme: Some("gifts".to_owned()), member_prefix: "external".to_owned() }
}

fn read(path: &Path) -> Result<Vec<Line>, FileError> {
    open_lines(path, &defaults())?.collect()
}

fn options(folder: &Folder, file: PathBuf) -> PostOptions {
    PostOptions {
        file,
        result: folder.0.join("result.ndjson"),
        defaults: defaults(),
        batch_lines: 3,
        enroll: false,
        retry: quick(3),
    }
}

fn run(url: &str, options: &PostOptions) -> Result<Summary, PostError> {
    post_file(&client(url, 3), options, &mut Progress::Silent)
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("the line is JSON")).collect()
}

fn refs(arrived: &Arrived) -> Vec<String> {
    json_lines(&arrived.body).iter().map(|line| line["ref"].to_string()).collect()
}

fn accept(line: &Value) -> Value {
    let id = format!("tx_{}", line["ref"].as_str().unwrap_or("none"));
    json!({ "idempotency_key": line["idempotency_key"], "status": 201, "replayed": false,
        "transaction": { "id": id, "kind": line["kind"] } })
}

fn refuse(line: &Value, status: u16, code: &str) -> Value {
    json!({ "idempotency_key": line["idempotency_key"], "status": status, "replayed": false,
        "problem": { "status": status, "code": code, "title": "t", "detail": "d" } })
}

#[test]
fn a_csv_file_becomes_lines_of_the_contract() {
    let folder = Folder::new("csv");
    let lines = read(&folder.file("a.csv", CSV)).expect("the file is well formed");
    let numbers: Vec<u64> = lines.iter().map(|line| line.number).collect();
    assert_eq!(numbers, [2, 3, 4, 5]);
    let mut posted = json_lines(&lines[0].text).remove(0);
    let key = posted["idempotency_key"].take();
    assert_eq!(key.as_str().map(str::len), Some(64));
    let expected = json!({
        "kind": "purchase", "ref": "R-1", "member": "external:17850", "programme": "gifts",
        "at": "2010-12-01T08:26:00+00:00", "amount": "156.40", "currency": "GBP", "burn": "max",
        "idempotency_key": null,
    });
    assert_eq!(posted, expected);
    assert!(!lines[1].text.contains("burn"), "an empty cell is left out");
    assert!(lines[2].text.contains(r#""programme":"gifts""#), "an unlinked refund needs it");
    assert_eq!(lines[3].members, ["phone:+79160000001"]);
}

#[test]
fn the_ends_of_lines_and_a_byte_order_mark_change_nothing() {
    let folder = Folder::new("crlf");
    let unix = read(&folder.file("a.csv", CSV)).expect("the file is well formed");
    let windows = format!("\u{feff}{}", CSV.replace('\n', "\r\n"));
    assert_eq!(read(&folder.file("b.csv", &windows)).expect("the file is well formed"), unix);
    let bad = folder.file("c.csv", &format!("{windows}purchase\r\n"));
    assert!(read(&bad).expect_err("the last line is bad").to_string().contains("line 6: "));
}

#[test]
fn a_line_has_the_same_key_in_csv_and_ndjson() {
    let folder = Folder::new("keys");
    let csv = read(&folder.file("a.csv", CSV)).expect("the file is well formed");
    let ndjson = r#"
        {"member":"17850", "ref":"R-1","kind":"purchase","amount":"156.40","burn":"max","programme":"gifts","at":"2010-12-01T08:26:00+00:00","currency":"GBP"}
        {"kind":"refund","ref":"C-9","of":"R-1","amount":"1.00","idempotency_key":"own"}
    "#;
    let ndjson = read(&folder.file("a.ndjson", ndjson)).expect("the file is well formed");
    assert_eq!(csv[0].text, ndjson[0].text);
    assert_eq!((ndjson[0].number, ndjson[1].number), (2, 3));
    assert_eq!(ndjson[1].idempotency_key, "own");
    assert!(!ndjson[1].text.contains("gifts"), "a linked refund has its original's programme");
    // The key as a script of the partner's own would make it, to hold it fast for all versions.
    let expected = "78f84c7b39b853d593d053476fc7bff4c6b2510f5f418d63d19e15c47333074f";
    assert_eq!(csv[0].idempotency_key, expected);
}

#[test]
fn a_bad_line_is_named_and_nothing_is_sent() {
    let folder = Folder::new("bad");
    let said = |name, text| read(&folder.file(name, text)).expect_err("it is bad").to_string();
    assert!(said("a", "kind,colour\npurchase,red\n").contains("line 1: no column is called"));
    assert!(said("b", "kind,ref\npurchase,R-1\npurchase\n").contains("line 3: "));
    assert!(said("c", "{\"kind\":\"void\",\"of\":\"H\"}\n\n{\"kind\"\n").contains("line 3: "));
    assert!(said("d", "{\"ref\":\"R-1\"}\n").contains("line 1: the line has no kind"));

    let (url, arrived) = serve(vec![Step::EachLine(accept)]);
    let bad = folder.file("e", &format!("{CSV}purchase\n"));
    let error = run(&url, &options(&folder, bad)).expect_err("the last line is bad");
    assert!(matches!(error, PostError::File(FileError::Line { line: 6, .. })), "{error}");
    assert_eq!(arrived.try_iter().count(), 0);
}

#[test]
fn a_file_is_posted_in_order_and_each_line_has_its_result() {
    let folder = Folder::new("order");
    let (url, arrived) = serve(vec![
        Step::EachLine(|line| match line["ref"].as_str() {
            Some("R-2") => refuse(line, 404, "unknown_member"),
            _ => accept(line),
        }),
        Step::EachLine(accept),
    ]);
    let options = options(&folder, folder.file("a.csv", CSV));
    let summary = run(&url, &options).expect("the file is posted to its end");
    assert_eq!((summary.tally.posted, summary.tally.refused["unknown_member"]), (3, 1));
    assert!(!summary.is_all_accepted());
    let arrived: Vec<_> = arrived.iter().map(|request| refs(&request)).collect();
    assert_eq!(arrived.concat(), ["\"R-1\"", "\"R-2\"", "\"C-1\"", "\"R-3\""]);
    let results = json_lines(&fs::read_to_string(&options.result).expect("there are results"));
    let refused = json!({ "line": 3, "ref": "R-2", "status": 404, "replayed": false,
        "code": "unknown_member", "detail": "d" });
    assert_eq!(results[1], refused);
    assert_eq!(results[3]["id"], "tx_R-3");
}

#[test]
fn a_run_goes_on_after_the_last_whole_result() {
    let folder = Folder::new("resume");
    let options = options(&folder, folder.file("a.csv", CSV));
    let done = r#"{"line":2,"ref":"R-1","status":201,"replayed":false,"id":"tx_R-1"}"#;
    // The torn line is longer than all that this run will write in its place.
    let torn = format!(r#"{{"line":3,"ref":"R-2","status":422,"detail":"{}"#, "x".repeat(1000));
    fs::write(&options.result, format!("{done}\n{torn}")).expect("written");
    let (url, arrived) = serve(vec![Step::EachLine(accept)]);
    let summary = run(&url, &options).expect("the file is posted to its end");
    assert_eq!((summary.before.posted, summary.tally.posted), (1, 3));
    let first = arrived.iter().next().expect("a call arrived");
    assert_eq!(refs(&first), ["\"R-2\"", "\"C-1\"", "\"R-3\""]);
    let results = json_lines(&fs::read_to_string(&options.result).expect("there are results"));
    let lines: Vec<_> = results.iter().filter_map(|result| result["line"].as_u64()).collect();
    assert_eq!(lines, [2, 3, 4, 5]);

    // All is done: a further run sends nothing, and the server is gone.
    let summary = run(&url, &options).expect("nothing is left to send");
    assert_eq!((summary.before.posted, summary.tally.lines()), (4, 0));
}

#[test]
fn lines_the_server_could_not_take_are_sent_again_with_all_that_follow() {
    let folder = Folder::new("again");
    let (url, arrived) = serve(vec![
        Step::EachLine(|line| match line["ref"].as_str() {
            Some("R-2") => refuse(line, 503, "overloaded"),
            _ => accept(line),
        }),
        Step::BreakOff(String::new()),
        Step::EachLine(accept),
        Step::EachLine(accept),
    ]);
    let options = options(&folder, folder.file("a.csv", CSV));
    let summary = run(&url, &options).expect("the file is posted to its end");
    assert_eq!(summary.tally.posted, 4);
    let calls: Vec<_> = arrived.try_iter().map(|request| refs(&request)).collect();
    assert_eq!(calls[0], ["\"R-1\"", "\"R-2\"", "\"C-1\""]);
    assert_eq!(calls[1], ["\"R-2\"", "\"C-1\"", "\"R-3\""]);
    assert_eq!(calls[2], calls[1]);
}

#[test]
fn a_server_that_takes_nothing_stops_the_run_and_leaves_no_result() {
    let folder = Folder::new("stalled");
    let busy = || Step::EachLine(|line| refuse(line, 429, "rate_limited"));
    let (url, _arrived) = serve(vec![busy(), busy(), busy()]);
    let options = options(&folder, folder.file("a.csv", CSV));
    let error = run(&url, &options).expect_err("nothing is taken");
    assert!(matches!(error, PostError::Stalled { line: 2, attempts: 3, .. }), "{error}");
    assert_eq!(fs::read_to_string(&options.result).expect("the file is there"), "");
}

#[test]
fn members_are_created_first_and_those_known_are_fine() {
    let folder = Folder::new("enroll");
    let (url, arrived) = serve(vec![
        Step::EachLine(|line| match line["external_ids"][0].as_str() {
            Some("17851") => refuse(line, 409, "identifier_taken"),
            _ => json!({ "idempotency_key": line["idempotency_key"], "status": 201,
                "replayed": false, "member": { "member": "m_1" } }),
        }),
        Step::EachLine(accept),
        Step::EachLine(accept),
    ]);
    let file = folder.file("a.csv", CSV);
    let options = PostOptions { enroll: true, ..options(&folder, file) };
    let summary = run(&url, &options).expect("the file is posted to its end");
    let enrolment = summary.enrolment.as_ref().expect("members were to be created");
    assert_eq!((enrolment.created, enrolment.known), (2, 1));
    assert!(summary.is_all_accepted());
    let first = arrived.iter().next().expect("a call arrived");
    assert_eq!(first.target, "POST /v1/members:batch");
    assert_eq!(json_lines(&first.body).len(), 3, "each member once");
}

#[test]
fn another_files_results_are_not_gone_on_from() {
    let folder = Folder::new("other");
    let options = options(&folder, folder.file("a.csv", CSV));
    let other = r#"{"line":3,"ref":"X-7","status":201,"replayed":false}"#;
    fs::write(&options.result, format!("{other}\n")).expect("written");
    let error = run("http://127.0.0.1:9", &options).expect_err("it is another file's");
    assert!(error.to_string().contains("line 3: the result file's last line"), "{error}");

    let letter = "Dear Sir or Madam";
    fs::write(&options.result, letter).expect("written");
    run("http://127.0.0.1:9", &options).expect_err("it is no result file");
    assert_eq!(fs::read_to_string(&options.result).expect("it is there"), letter);
}

#[test]
fn one_process_writes_a_result_file() {
    let folder = Folder::new("lock");
    let path = folder.0.join("result.ndjson");
    let _first = ResultFile::open(&path).expect("nobody has it");
    assert!(ResultFile::open(&path).is_err());
}
