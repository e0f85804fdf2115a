//! The order of the code: its layers, its size, and what must not stand in it.

use std::path::{Path, PathBuf};

/// A source file, by its path below the repository.
struct Source {
    path: String,
    text: String,
}

impl Source {
    /// The lines that are code, with their numbers.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate().map(|(place, line)| (place + 1, line));
        lines.filter(|(_, line)| !line.trim_start().starts_with("//"))
    }

    fn is_in(&self, folders: &[&str]) -> bool {
        folders.iter().any(|folder| self.path.starts_with(folder))
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "partner-sdk"] {
        find_files(&root.join(folder), &mut files);
    }
    let read = |file: PathBuf| {
        let text = std::fs::read_to_string(&file).expect("a source file can be read");
        let path = file.strip_prefix(root).expect("it is below the root");
        Source { path: path.display().to_string(), text }
    };
    let sources: Vec<Source> = files.into_iter().map(read).collect();
    assert!(sources.len() > 100, "the sources were found");
    sources
}

fn find_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("an entry can be read").path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            find_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Every place of code where one of the texts stands, in the sources that are looked at.
fn found(texts: &[&str], looks_at: impl Fn(&Source) -> bool) -> Vec<String> {
    let mut places = Vec::new();
    for source in sources().iter().filter(|source| looks_at(source)) {
        for (number, line) in source.code() {
            if texts.iter().any(|text| line.contains(text)) {
                places.push(format!("{}:{number}: {}", source.path, line.trim()));
            }
        }
    }
    places
}

#[track_caller]
fn assert_none(places: &[String], rule: &str) {
    assert!(places.is_empty(), "{rule}:\n{}", places.join("\n"));
}

#[test]
fn the_domain_knows_no_database_no_server_and_no_runtime() {
    let outer = ["store", "engine", "http", "auth", "server", "settings", "jobs", "cluster"];
    let mut texts: Vec<String> = outer.iter().map(|module| format!("crate::{module}")).collect();
    texts.extend(["actix", "diesel", "tokio", "std::fs", "std::net"].map(str::to_owned));
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    assert_none(&found(&texts, |source| source.is_in(&["src/domain/"])), "domain decides only");
}

#[test]
fn only_the_store_talks_to_the_database() {
    let is_outside = |source: &Source| source.is_in(&["src/"]) && !source.is_in(&["src/store"]);
    assert_none(&found(&["diesel"], is_outside), "only store uses diesel");
}

#[test]
fn the_store_and_the_engine_know_nothing_of_http() {
    let is_inner = |source: &Source| source.is_in(&["src/store", "src/engine", "src/audit"]);
    assert_none(&found(&["crate::http", "actix"], is_inner), "HTTP is the outermost layer");
}

#[test]
fn only_the_clock_asks_for_the_systems_time() {
    let texts = ["SystemTime::now", "Timestamp::now", "Zoned::now", "TimeZone::system"];
    let is_other = |source: &Source| {
        source.is_in(&["src/", "partner-sdk/rust/src"]) && !source.path.ends_with("src/clock.rs")
    };
    assert_none(&found(&texts, is_other), "time is an argument");
}

#[test]
fn a_file_has_at_most_400_lines_and_says_what_it_is() {
    for source in sources() {
        let lines = source.text.lines().count();
        assert!(lines <= 400, "{} has {lines} lines", source.path);
        assert!(source.text.starts_with("//!"), "{} does not say what it is", source.path);
    }
}

#[test]
fn a_function_has_at_most_70_lines() {
    for source in sources() {
        let lines: Vec<&str> = source.text.lines().collect();
        for (start, line) in lines.iter().enumerate() {
            let Some(length) = body_lines(&lines, start) else { continue };
            assert!(length <= 70, "{}:{}: {length} lines: {line}", source.path, start + 1);
        }
    }
}

/// How many lines the body of the function has that begins at a line, if one does.
fn body_lines(lines: &[&str], start: usize) -> Option<usize> {
    let line = lines[start];
    let code = line.trim_start();
    let words = ["pub ", "pub(crate) ", "pub(super) ", "const ", "async ", "unsafe "];
    let mut rest = code;
    while let Some(stripped) = words.iter().find_map(|word| rest.strip_prefix(word)) {
        rest = stripped;
    }
    if !rest.starts_with("fn ") || code.ends_with(';') || code.ends_with('}') {
        return None;
    }
    let indent = &line[..line.len() - code.len()];
    let closing = format!("{indent}}}");
    let open_end = lines[start..].iter().position(|one| one.ends_with(['{', ';']))? + start;
    if lines[open_end].ends_with(';') {
        return None;
    }
    lines[open_end + 1..].iter().position(|one| *one == closing)
}

#[test]
fn nothing_unfinished_is_left() {
    let texts = ["todo!(", "dbg!(", "unimplemented!("];
    let is_other = |source: &Source| !source.path.ends_with("tidy.rs");
    assert_none(&found(&texts, is_other), "finish it");
    assert_none(
        &found(&["#[ignore", "thread::sleep("], |source| {
            is_other(source) && source.is_in(&["tests/it"])
        }),
        "a test runs, and waits for nothing",
    );
    assert_none(&found(&["#[ignore"], is_other), "a test runs");
}
