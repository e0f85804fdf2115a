//! Reads the lines of a file, CSV or NDJSON, into the JSON that is posted.
//!
//! Judges only what it needs: that a line can be read, has a kind, and names fields of the
//! contract. Amounts, members and references are the server's to judge.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use thiserror::Error;

use super::canonical::{canonical_text, derived_key};
use super::result_file::Resumed;

/// The fields that a column of CSV can hold; the lists and objects of the contract need NDJSON.
const COLUMNS: [&str; 23] = [
    "idempotency_key",
    "kind",
    "ref",
    "of",
    "programme",
    "member",
    "card_token",
    "amount",
    "currency",
    "mcc",
    "at",
    "burn",
    "hold",
    "points",
    "valid_through",
    "available_at",
    "price_per_point",
    "reason",
    "max_share",
    "from",
    "to",
    "keep",
    "drop",
];

/// The fields that name a member.
const MEMBER_FIELDS: [&str; 3] = ["member", "keep", "drop"];

/// What a line may leave out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// The programme of lines that need one and name none.
    pub programme: Option<String>,
    /// What stands before the colon of a bare member, say `external`.
    pub member_prefix: String,
}

/// A line of the file, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number in the file, from 1; the header of a CSV file counts.
    pub number: u64,
    /// Its reference, or what it refers to.
    pub reference: Option<String>,
    /// The members that it names.
    pub members: Vec<String>,
    /// Its key.
    pub idempotency_key: String,
    /// Its JSON, with the key and without a newline.
    pub text: String,
}

/// Why a file is not what it should be.
#[derive(Debug, Error)]
pub enum FileError {
    /// The file cannot be opened, read or written.
    #[error("{path}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A line cannot be understood.
    #[error("{path}, line {line}: {why}", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line's number, from 1.
        line: u64,
        /// What is wrong with it.
        why: String,
    },
}

/// Lines one after the other, or why there are no more.
pub type Lines<'a> = Box<dyn Iterator<Item = Result<Line, FileError>> + 'a>;

/// Opens a file; it is NDJSON if it starts with `{`, else CSV with a header.
///
/// # Errors
/// If the file cannot be read, or its header names something that is no field.
pub fn open_lines<'a>(path: &'a Path, defaults: &'a Defaults) -> Result<Lines<'a>, FileError> {
    let failed = |source| FileError::Io { path: path.to_owned(), source };
    let mut reader = BufReader::new(File::open(path).map_err(failed)?);
    let start = reader.fill_buf().map_err(failed)?;
    if start.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
        Ok(Box::new(ndjson_lines(path, defaults, reader)))
    } else {
        // The CSV reader stops at the CR of a row and counts the LF after it only with the next.
        let first_line = start.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let lines_uncounted = u64::from(first_line.ends_with(b"\r"));
        csv_lines(path, defaults, lines_uncounted, reader)
    }
}

/// What there is in a file.
pub(super) struct Overview {
    /// How many lines.
    pub lines: u64,
    /// The members that they name, each once.
    pub members: BTreeSet<String>,
}

/// Reads a file to its end and keeps nothing but what it is about.
pub(super) fn survey(path: &Path, defaults: &Defaults) -> Result<Overview, FileError> {
    let mut overview = Overview { lines: 0, members: BTreeSet::new() };
    for line in open_lines(path, defaults)? {
        overview.lines += 1;
        overview.members.extend(line?.members);
    }
    Ok(overview)
}

/// The lines after those that an earlier run has the results of.
///
/// The last of those results must belong to the line of this file that it names; else the result
/// file is another file's, and to go on from it would leave lines out.
pub(super) fn open_lines_after<'a>(
    path: &'a Path,
    defaults: &'a Defaults,
    resumed: &Resumed,
) -> Result<Lines<'a>, FileError> {
    let mut lines = open_lines(path, defaults)?;
    let Some(last) = &resumed.last else {
        return Ok(lines);
    };
    for line in lines.by_ref() {
        let line = line?;
        if line.number >= last.line {
            if line.number == last.line && line.reference == last.reference {
                return Ok(lines);
            }
            break;
        }
    }
    let why = "the result file's last line does not belong to this line; give another --result";
    Err(FileError::Line { path: path.to_owned(), line: last.line, why: why.to_owned() })
}

fn ndjson_lines<'a>(
    path: &'a Path,
    defaults: &'a Defaults,
    reader: BufReader<File>,
) -> impl Iterator<Item = Result<Line, FileError>> + 'a {
    let numbered = (1..).zip(reader.lines());
    numbered.filter_map(move |(number, text)| {
        let refused = |why: String| FileError::Line { path: path.to_owned(), line: number, why };
        let text = match text {
            Ok(text) if text.trim().is_empty() => return None,
            Ok(text) => text,
            Err(error) => return Some(Err(refused(error.to_string()))),
        };
        let fields = serde_json::from_str(&text).map_err(|error| error.to_string());
        Some(fields.and_then(|fields| complete(number, fields, defaults)).map_err(refused))
    })
}

fn csv_lines<'a>(
    path: &'a Path,
    defaults: &'a Defaults,
    lines_uncounted: u64,
    reader: impl Read + 'a,
) -> Result<Lines<'a>, FileError> {
    let line_at = move |position: Option<&csv::Position>| {
        position.map_or(0, csv::Position::line) + lines_uncounted
    };
    let refused = move |line, why| FileError::Line { path: path.to_owned(), line, why };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(reader);
    let header = reader.headers().map_err(|error| refused(1, error.to_string()))?.clone();
    for column in &header {
        if !COLUMNS.contains(&column) {
            let known = COLUMNS.join(", ");
            return Err(refused(1, format!("no column is called {column:?}; known are {known}")));
        }
    }
    Ok(Box::new(reader.into_records().map(move |row| {
        let row = row.map_err(|error| refused(line_at(error.position()), error.to_string()))?;
        let number = line_at(row.position());
        let fields = fields_of_row(&header, &row);
        complete(number, fields, defaults).map_err(|why| refused(number, why))
    })))
}

/// The cells that hold something. An empty `max_share` of a personal rule is the null that ends it.
fn fields_of_row(header: &csv::StringRecord, row: &csv::StringRecord) -> Map<String, Value> {
    let ends_rule = row.iter().zip(header).any(|cell| cell == ("personal_rule", "kind"));
    let mut fields = Map::new();
    for (name, cell) in header.iter().zip(row) {
        if !cell.is_empty() {
            fields.insert(name.to_owned(), Value::from(cell));
        } else if ends_rule && name == "max_share" {
            fields.insert(name.to_owned(), Value::Null);
        }
    }
    fields
}

/// Fills in what the line leaves out, and gives it its key.
fn complete(
    number: u64,
    mut fields: Map<String, Value>,
    defaults: &Defaults,
) -> Result<Line, String> {
    let kind = fields.get("kind").and_then(Value::as_str).ok_or("the line has no kind")?;
    if needs_programme(kind, &fields)
        && let Some(programme) = &defaults.programme
    {
        fields.entry("programme").or_insert_with(|| Value::from(programme.as_str()));
    }
    let mut members = Vec::new();
    for name in MEMBER_FIELDS {
        if let Some(Value::String(member)) = fields.get_mut(name) {
            if is_bare(member) {
                *member = format!("{}:{member}", defaults.member_prefix);
            }
            members.push(member.clone());
        }
    }
    let text_of = |name| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    let reference = text_of("ref").or_else(|| text_of("of"));

    let idempotency_key = match fields.remove("idempotency_key") {
        Some(Value::String(key)) => key,
        None => derived_key(&fields, &canonical_text(&Value::Object(fields.clone()))),
        Some(_) => return Err("the idempotency_key is no string".to_owned()),
    };
    fields.insert("idempotency_key".to_owned(), Value::from(idempotency_key.as_str()));
    let text = canonical_text(&Value::Object(fields));
    Ok(Line { number, reference, members, idempotency_key, text })
}

/// A refund of an original has the original's programme.
fn needs_programme(kind: &str, fields: &Map<String, Value>) -> bool {
    match kind {
        "purchase" | "grant" | "hold" | "personal_rule" => true,
        "refund" => !fields.contains_key("of"),
        _ => false,
    }
}

/// Whether a member is named by a partner's own number alone, and not as the API names members.
fn is_bare(member: &str) -> bool {
    !member.contains(':') && !member.starts_with("m_")
}
