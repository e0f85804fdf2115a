//! A row of a file of members, and what the engine takes of it.

use std::collections::{BTreeMap, BTreeSet};

use csv::StringRecord;

use crate::domain::member::{MemberName, MemberNameError, is_card_number, token};
use crate::domain::person::{Field, FieldError, Source};
use crate::domain::time::Day;
use crate::engine::{Enroll, Joining};
use crate::people::phone::{Region, phone_in};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Column {
    External,
    Phone,
    Email,
    Card,
    Verified,
    Profile(Field),
}

/// The columns of a file, by the names of its first line.
#[derive(Clone, Debug)]
pub struct Columns {
    known: Vec<(usize, Column)>,
    /// Names that mean nothing here.
    pub ignored: Vec<String>,
    /// Whether ids get the source's name in front, since they are nobody's own.
    prefix: Option<String>,
}

/// With what rows are read.
#[derive(Clone, Copy, Debug)]
pub struct RowReader<'a> {
    /// The columns.
    pub columns: &'a Columns,
    /// The region of phones that are written without a country.
    pub region: Region,
    /// The day, for days of birth.
    pub today: Day,
}

impl Columns {
    /// Reads the first line. `prefix` goes in front of external ids.
    ///
    /// # Errors
    /// If no column names anybody, or one stands there twice.
    pub fn of(header: &StringRecord, prefix: Option<String>) -> Result<Self, String> {
        let mut columns = Vec::new();
        let mut ignored = Vec::new();
        for (place, name) in header.iter().enumerate() {
            let name = name.trim_start_matches('\u{feff}').trim().to_lowercase();
            let column = match name.as_str() {
                "external_id" | "id" => Column::External,
                "phone" => Column::Phone,
                "email" => Column::Email,
                "card_token" => Column::Card,
                "verified" => Column::Verified,
                other => {
                    let Some(field) = Field::named(other) else {
                        ignored.push(name);
                        continue;
                    };
                    Column::Profile(field)
                }
            };
            if columns.iter().any(|(_, known)| *known == column) {
                return Err(format!("the column `{name}` stands there twice"));
            }
            columns.push((place, column));
        }
        let names = [Column::External, Column::Phone, Column::Email, Column::Card];
        if columns.iter().any(|(_, column)| names.contains(column)) {
            Ok(Self { known: columns, ignored, prefix })
        } else {
            Err("name a column `external_id`, `phone`, `email` or `card_token`".to_owned())
        }
    }
}

/// The names that a row of somebody's data gives.
#[derive(Default)]
struct Read<'a> {
    names: BTreeSet<MemberName>,
    profile: BTreeMap<Field, String>,
    verified: &'a str,
}

impl RowReader<'_> {
    /// Reads a row.
    ///
    /// # Errors
    /// The reason for which it is refused.
    pub fn read(&self, record: &StringRecord) -> Result<Enroll, &'static str> {
        let mut read = Read::default();
        for &(place, column) in &self.columns.known {
            let text = record.get(place).unwrap_or_default().trim();
            if !text.is_empty() {
                self.take(&mut read, column, text)?;
            }
        }
        if read.names.is_empty() {
            return Err("no_name");
        }
        let shown = |name: &&MemberName| match read.verified.to_lowercase().as_str() {
            "1" | "true" | "yes" | "y" | "да" => name.is_personal(),
            "phone" => matches!(name, MemberName::Phone(_)),
            "email" => matches!(name, MemberName::Email(_)),
            _ => false,
        };
        let verified = read.names.iter().filter(shown).cloned().collect();
        let joining = Joining {
            source: Source::Import,
            profile: read.profile,
            verified,
            consents: Vec::new(),
        };
        let names = read.names.into_iter().collect();
        Ok(Enroll { names, joining: Some(Box::new(joining)) })
    }

    fn take<'a>(
        &self,
        read: &mut Read<'a>,
        column: Column,
        text: &'a str,
    ) -> Result<(), &'static str> {
        let name = match column {
            Column::External => {
                let id = match &self.columns.prefix {
                    Some(prefix) => format!("{prefix}:{text}"),
                    None => text.to_owned(),
                };
                // With a prefix a card number would no longer look like one.
                if is_card_number(text) {
                    return Err("card_number");
                }
                token(&id).map(MemberName::External).map_err(|error| reason(error, "external_id"))
            }
            Column::Phone => phone_in(self.region, text).map_err(|_| "phone"),
            Column::Email => MemberName::email(text).map_err(|_| "email"),
            Column::Card => {
                token(text).map(MemberName::Card).map_err(|error| reason(error, "card_token"))
            }
            Column::Verified => {
                read.verified = text;
                return Ok(());
            }
            Column::Profile(field) => {
                if is_card_number(text) {
                    return Err("card_number");
                }
                let value = field.checked(text, self.today).map_err(|error| match error {
                    FieldError::Name => "name",
                    FieldError::BirthDate => "birth_date",
                    FieldError::City => "city",
                    FieldError::Language => "language",
                    FieldError::Gender => "gender",
                })?;
                read.profile.insert(field, value);
                return Ok(());
            }
        };
        read.names.insert(name?);
        Ok(())
    }
}

fn reason(error: MemberNameError, otherwise: &'static str) -> &'static str {
    match error {
        MemberNameError::CardNumber => "card_number",
        _ => otherwise,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::phone::region_of;

    fn read(header: &[&str], row: &[&str]) -> Result<Enroll, &'static str> {
        let columns = Columns::of(&StringRecord::from(header), Some("crm".into()));
        let columns = columns.expect("the columns name somebody");
        let today = Day::parse("2025-03-03").expect("a day");
        let region = region_of("RU").expect("a region");
        RowReader { columns: &columns, region, today }.read(&StringRecord::from(row))
    }

    #[test]
    fn rows_are_read_by_the_names_of_their_columns() {
        let header = ["\u{feff}Phone", "id", "name", "shoe size", "verified", "email"];
        let row = ["8 916 123 45 67", "17", "Анна", "38", "phone", "A@b.ru"];
        let enroll = read(&header, &row).expect("the row is right");
        let names: Vec<String> = enroll.names.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["phone:+79161234567", "email:a@b.ru", "external:crm:17"]);
        let joining = enroll.joining.expect("a person");
        assert_eq!(joining.verified.len(), 1);
        assert_eq!(joining.profile[&Field::Name], "Анна");
        let columns = Columns::of(&StringRecord::from(&header[..]), None).expect("columns");
        assert_eq!(columns.ignored, ["shoe size"]);
        assert!(Columns::of(&StringRecord::from(vec!["name", "city"]), None).is_err());
        assert!(Columns::of(&StringRecord::from(vec!["phone", "Phone"]), None).is_err());
    }

    #[test]
    fn a_row_is_refused_for_a_reason() {
        let header = ["external_id", "phone", "email", "birth_date"];
        for (row, reason) in [
            (["", "", "", ""], "no_name"),
            (["1", "0079161", "", ""], "phone"),
            (["1", "", "nobody", ""], "email"),
            (["1", "", "", "1.2.1990"], "birth_date"),
            (["4111 1111 1111 1111", "", "", ""], "card_number"),
            (["with space", "", "", ""], "external_id"),
        ] {
            assert_eq!(read(&header, &row), Err(reason), "{row:?}");
        }
    }
}
