//! The fields of `with` and `expect`, and where in the file they stand.

use std::fmt;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;

/// Fields with their places.
#[derive(Clone, Debug, Default)]
pub struct Arguments {
    fields: Map<String, Value>,
    places: Vec<Place>,
}

/// Where a field stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// The field.
    pub field: String,
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: u64,
}

impl Arguments {
    /// Where each field stands, in the order of the file.
    pub fn places(&self) -> &[Place] {
        &self.places
    }
}

impl Deref for Arguments {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Self::Target {
        &self.fields
    }
}

impl<'de> Deserialize<'de> for Arguments {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields)
    }
}

struct Fields;

impl<'de> Visitor<'de> for Fields {
    type Value = Arguments;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a map of fields")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Arguments, A::Error> {
        let mut arguments = Arguments::default();
        while let Some((key, value)) = map.next_entry::<Spanned<String>, Value>()? {
            let (line, column) = (key.referenced.line(), key.referenced.column());
            arguments.places.push(Place { field: key.value.clone(), line, column });
            arguments.fields.insert(key.value, value);
        }
        Ok(arguments)
    }
}
