//! Names within a scenario: of members, cards and promo codes, for what the server calls them.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// What a scenario calls by names of its own.
#[derive(Debug, Default)]
pub struct Names {
    members: Both,
    cards: Both,
    codes: HashMap<String, String>,
}

/// Names, and back; of several names of one thing the first is told.
#[derive(Debug, Default)]
struct Both {
    there: HashMap<String, String>,
    back: HashMap<String, String>,
}

impl Both {
    fn add(&mut self, name: &str, id: &str) {
        self.there.insert(name.to_owned(), id.to_owned());
        self.back.entry(id.to_owned()).or_insert_with(|| name.to_owned());
    }
}

impl Names {
    /// Gives a member a name.
    pub fn add_member(&mut self, name: &str, id: &str) {
        self.members.add(name, id);
    }

    /// Gives a card a name.
    pub fn add_card(&mut self, name: &str, number: &str) {
        self.cards.add(name, number);
    }

    /// Gives a promo code a name.
    pub fn add_code(&mut self, name: &str, code: &str) {
        self.codes.insert(name.to_owned(), code.to_owned());
    }

    /// The id of a member that has this name.
    pub fn member(&self, name: &str) -> Option<&str> {
        self.members.there.get(name).map(String::as_str)
    }

    /// The first name of a member with this id.
    pub fn name_of_member(&self, id: &str) -> Option<&str> {
        self.members.back.get(id).map(String::as_str)
    }

    /// The number of a card; what is no name of one is given back.
    pub fn card<'a>(&'a self, name: &'a str) -> &'a str {
        self.cards.there.get(name).map_or(name, String::as_str)
    }

    /// The first name of a card with this number.
    pub fn name_of_card(&self, number: &str) -> Option<&str> {
        self.cards.back.get(number).map(String::as_str)
    }

    /// A promo code; what is no name of one is given back.
    pub fn code<'a>(&'a self, name: &'a str) -> &'a str {
        self.codes.get(name).map_or(name, String::as_str)
    }

    /// Arguments with members' ids in place of names.
    pub fn arguments(&self, with: &Map<String, Value>) -> Map<String, Value> {
        let mut named = Map::new();
        for (field, value) in with {
            let text = value.as_str();
            let member = match field.as_str() {
                "member" | "keep" | "drop" => text.and_then(|name| self.member(name)),
                _ => None,
            };
            let value = member.map_or_else(|| value.clone(), Value::from);
            named.insert(field.clone(), value);
        }
        named
    }

    /// Arguments of what is done with a member, where a `card` may stand in place of the member.
    pub fn by_card(&self, with: &Map<String, Value>) -> Map<String, Value> {
        let mut named = self.arguments(with);
        if let Some(Value::String(card)) = named.get("card") {
            let member = format!("loyalty:{}", self.card(card));
            named.remove("card");
            named.insert("member".to_owned(), member.into());
        }
        named
    }

    /// A document with members' ids in place of names in its lists of `members`.
    pub fn document(&self, value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let fields = fields.iter().map(|(field, value)| {
                    let value = match value {
                        Value::Array(list) if field == "members" => self.list(list),
                        other => self.document(other),
                    };
                    (field.clone(), value)
                });
                Value::Object(fields.collect())
            }
            Value::Array(list) => list.iter().map(|value| self.document(value)).collect(),
            other => other.clone(),
        }
    }

    fn list(&self, list: &[Value]) -> Value {
        let ids = list.iter().map(|value| {
            let member = value.as_str().and_then(|name| self.member(name));
            member.map_or_else(|| value.clone(), Value::from)
        });
        ids.collect()
    }
}
