//! What came of a step: the server's answer, and its fields as scenarios name them.

use coalition_partner::Answer;
use serde_json::{Map, Value, json};

use super::RehearsalError;
use crate::domain::time::Instant;

/// What came of a step.
pub struct Outcome {
    /// The answer that decides whether the step was refused.
    pub answer: Answer,
    /// Its fields.
    pub fields: Map<String, Value>,
}

impl Outcome {
    /// An outcome with the fields of the answer itself, and its status. A refusal has its code as
    /// `error`.
    pub fn of(answer: Answer) -> Self {
        let mut fields = match answer.json::<Value>() {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        if !answer.is_accepted() {
            let code = fields.remove("code").unwrap_or_default();
            fields.insert("error".to_owned(), code);
        }
        fields.insert("status".to_owned(), answer.status.into());
        Self { answer, fields }
    }

    /// Takes a field out of the answer.
    pub fn take(&mut self, field: &str) -> Value {
        self.fields.remove(field).unwrap_or_default()
    }

    /// Sets a field.
    pub fn set(&mut self, field: &str, value: impl Into<Value>) {
        self.fields.insert(field.to_owned(), value.into());
    }

    /// Takes an object out of the answer and puts its fields in its place.
    pub fn spread(&mut self, field: &str) {
        if let Value::Object(inner) = self.take(field) {
            self.fields.extend(inner);
        }
    }

    /// A text of the answer; empty, it is none.
    pub fn text(&self, field: &str) -> String {
        self.fields.get(field).and_then(Value::as_str).unwrap_or_default().to_owned()
    }
}

/// The answer's document, which must be accepted.
///
/// # Errors
/// If it is a refusal.
pub fn must_accept(what: &str, answer: &Answer) -> Result<Value, RehearsalError> {
    if answer.is_accepted() {
        return Ok(answer.json()?);
    }
    Err(RehearsalError::Refused { what: what.to_owned(), answer: answer.text() })
}

/// The fields of an answer about the ledger: a refusal as `error`, the first balance's fields, and a
/// card payment's figures plain where there is one programme and as maps by programme where there
/// are several.
pub fn of_the_ledger(operation: &str, answer: Answer) -> Outcome {
    let body: Value = answer.json().unwrap_or(Value::Null);
    let fields = if answer.is_accepted() {
        match (operation, body) {
            ("balance", body) => match body.pointer("/balances/0") {
                Some(Value::Object(balance)) => balance.clone(),
                _ => Map::new(),
            },
            (_, Value::Object(mut fields)) => {
                if let Some(Value::Object(programmes)) = fields.remove("programmes") {
                    fields.extend(by_field(&programmes));
                }
                fields
            }
            _ => Map::new(),
        }
    } else {
        let code = body.get("code").cloned().unwrap_or_default();
        Map::from_iter([("error".to_owned(), code)])
    };
    Outcome { answer, fields }
}

/// Figures by their name, plain where there is one of what they are of, else as maps.
fn by_field(programmes: &Map<String, Value>) -> Map<String, Value> {
    let mut fields: Map<String, Value> = Map::new();
    for (programme, outcome) in programmes {
        for (field, value) in outcome.as_object().into_iter().flatten() {
            if programmes.len() == 1 {
                fields.insert(field.clone(), value.clone());
            } else if let Value::Object(map) =
                fields.entry(field.clone()).or_insert_with(|| json!({}))
            {
                map.insert(programme.clone(), value.clone());
            }
        }
    }
    fields
}

/// Figures are compared as text, instants as instants; a map must have the same entries.
pub fn is_same(expected: &Value, got: &Value) -> bool {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            expected.len() == got.len()
                && expected
                    .iter()
                    .all(|(field, value)| got.get(field).is_some_and(|other| is_same(value, other)))
        }
        (Value::Array(expected), Value::Array(got)) => {
            expected.len() == got.len()
                && expected.iter().zip(got).all(|(value, other)| is_same(value, other))
        }
        (expected, got) => {
            let (expected, got) = (shown(expected), shown(got));
            let instant = Instant::parse(&expected);
            expected == got || instant.is_some() && instant == Instant::parse(&got)
        }
    }
}

/// A value as people read it.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
