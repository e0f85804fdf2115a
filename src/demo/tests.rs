//! A small demonstration, from end to end.

use std::collections::BTreeSet;

use super::*;

#[test]
fn a_small_demonstration_ends_with_clean_books() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let arguments =
        Arguments { listen: "127.0.0.1:0".to_owned(), members: 120, weeks: 3, no_serve: true };
    let script = Script::read();
    let settings = Settings {
        database: format!("sqlite:{}", folder.path().join("demo.db").display()),
        listen: arguments.listen.clone(),
        expiry_seconds: 1,
        settle_seconds: 0,
        coalition: script.settings(),
        ..Settings::default()
    };
    for _ in 0..2 {
        let mut out = Vec::new();
        let running = perform(&arguments, &settings, &script, &mut out);
        let text = String::from_utf8(out).expect("the summary is text");
        assert!(running.is_ok(), "{:?} after {text}", running.err());
        assert!(text.contains("no difference"), "{text}");
        assert!(text.contains("sum to 0.00"), "{text}");
        assert!(!text.contains("invalid_request"), "{text}");
        assert!(text.contains("every clearing account is at zero"), "{text}");
        breaks_are_shown(&text);
        campaign_is_told_of(&text);
        cards_are_there(folder.path(), &text);
    }
}

/// The number before a word of a line.
fn before(line: &str, word: &str) -> i64 {
    let found = line.split(", ").find_map(|part| part.strip_suffix(word));
    let found = found.and_then(|part| part.rsplit(' ').find(|one| !one.is_empty()));
    let number = found.map(|one| one.replace(',', ""));
    number.and_then(|one| one.parse().ok()).unwrap_or_else(|| panic!("{word} in {line}"))
}

/// What was planted in the shop's list was found, each under its class.
fn breaks_are_shown(text: &str) {
    let mut shown = text.lines().skip_while(|line| !line.starts_with("Reconciliation: "));
    let list = shown.next().expect("a list is compared");
    assert!(list.ends_with(" with 4 faults"), "{list}");
    assert_eq!(shown.next(), Some("  verdict: breaks"), "{list}");
    let found: Vec<&str> = shown.take_while(|line| line.starts_with("  ")).collect();
    let classes = found.iter().filter_map(|line| line.split_whitespace().next());
    let classes: BTreeSet<&str> = classes.collect();
    let planted = ["amount_mismatch", "duplicate_in_file", "missing_in_file", "missing_in_ledger"];
    assert_eq!(classes, BTreeSet::from(planted), "{found:?}");
    assert!(found.iter().any(|line| line.contains("never-posted")), "{found:?}");
}

fn campaign_is_told_of(text: &str) {
    let line = |start: &str| {
        let mut lines = text.lines().map(str::trim_start);
        lines.find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {text}"))
    };
    let points = line("Points: ");
    let [granted, spent, expired] =
        [" granted", " spent", " expired"].map(|word| before(points, word));
    assert!(0 < spent && spent < granted && 0 < expired, "{points}");
    assert_eq!(granted % 1_000, 0, "{points}");
    for figure in ["members ", "bonuses granted ", "message or card opened "] {
        let line = line(figure);
        let counts = line.split_whitespace().rev().take(2);
        let are_there = counts.into_iter().all(|one| one != "0");
        assert!(are_there, "both groups: {line}");
    }
    let delivered: Vec<&str> = line("message delivered ").split_whitespace().collect();
    assert!(matches!(delivered[..], [_, _, told, "0"] if told != "0"), "{delivered:?}");
    let bought = text.lines().skip_while(|line| !line.starts_with("    bought "));
    let uplift: Vec<&str> = bought.take(2).collect();
    assert!(uplift[0].ends_with(" % of the control group"), "{uplift:?}");
    assert!(uplift[1].contains(" percentage points more ("), "{uplift:?}");
    assert!(line("Return on investment: ").ends_with(" %"), "{text}");
}

fn cards_are_there(folder: &Path, text: &str) {
    let folder = folder.join("coalition-demo-cards");
    for ending in ["svg", "pkpass"] {
        for number in 1..=3 {
            let file = folder.join(format!("card-{number}.{ending}"));
            let size = std::fs::metadata(&file).map_or(0, |about| about.len());
            assert!(200 < size, "{}", file.display());
            assert!(text.contains(&file.display().to_string()), "{text}");
        }
    }
}

#[test]
fn a_database_of_somebody_else_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("books.db");
    std::fs::write(&file, b"").expect("a file can be made");
    let database = format!("sqlite:{}", file.display());
    let settings = Settings { database, ..Settings::default() };
    let refused = make_room(&settings).map_err(|error| error.to_string());
    assert!(refused.is_err_and(|text| text.contains("not made by the demo")));
    assert!(file.exists());
}
