//! The document as a tree that keeps the order in which it was written.
//!
//! `serde_json::Value` sorts the members of objects; a page for people must not.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::DocsError;

/// The longest chain of references that is followed; a longer one is a circle.
const CHAIN_MAX: usize = 8;

/// The widest value that is shown on one line.
const LINE_MAX: usize = 76;

/// A value of the document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, as text.
    Number(String),
    /// Text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// Named members, in the order of the document.
    Map(Vec<(String, Node)>),
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Node;
            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a value")
            }
            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Null)
            }
            fn visit_none<E>(self) -> Result<Node, E> {
                Ok(Node::Null)
            }
            fn visit_some<D: Deserializer<'de>>(self, source: D) -> Result<Node, D::Error> {
                Node::deserialize(source)
            }
            fn visit_bool<E>(self, value: bool) -> Result<Node, E> {
                Ok(Node::Bool(value))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Node, E> {
                Ok(Node::Number(value.to_string()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Node, E> {
                Ok(Node::Number(value.to_string()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Node, E> {
                Ok(Node::Number(value.to_string()))
            }
            fn visit_str<E>(self, value: &str) -> Result<Node, E> {
                Ok(Node::Text(value.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
                let mut list = Vec::new();
                while let Some(item) = items.next_element()? {
                    list.push(item);
                }
                Ok(Node::List(list))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Node, A::Error> {
                let mut map = Vec::new();
                while let Some(member) = members.next_entry()? {
                    map.push(member);
                }
                Ok(Node::Map(map))
            }
        }
        source.deserialize_any(Any)
    }
}

impl Node {
    /// The member of that name.
    pub fn get(&self, name: &str) -> Option<&Self> {
        self.entries().iter().find(|(one, _)| one == name).map(|(_, node)| node)
    }

    /// The members, in the order of the document; none of other values.
    pub fn entries(&self) -> &[(String, Self)] {
        if let Self::Map(map) = self { map } else { &[] }
    }

    /// The items of a list; none of other values.
    pub fn items(&self) -> &[Self] {
        if let Self::List(list) = self { list } else { &[] }
    }

    /// The items of a list that is a member; none if there is no such list.
    pub fn items_at(&self, name: &str) -> &[Self] {
        self.get(name).map(Self::items).unwrap_or_default()
    }

    /// The text.
    pub fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The text of a member; empty if there is none.
    pub fn text_at(&self, name: &str) -> &str {
        self.get(name).and_then(Self::text).unwrap_or_default()
    }

    /// The name of the component that it refers to.
    pub fn reference_name(&self) -> Option<&str> {
        self.get("$ref")?.text()?.rsplit('/').next()
    }

    /// The value as JSON on one line.
    pub fn json(&self) -> String {
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Number(number) => number.clone(),
            Self::Text(text) => quoted(text),
            Self::List(list) => {
                let items: Vec<String> = list.iter().map(Self::json).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Map(map) => {
                let member =
                    |(name, node): &(String, Self)| format!("{}: {}", quoted(name), node.json());
                let members: Vec<String> = map.iter().map(member).collect();
                format!("{{{}}}", members.join(", "))
            }
        }
    }

    /// The value as JSON on as many lines as it needs.
    pub fn pretty(&self) -> String {
        self.pretty_at("")
    }

    fn pretty_at(&self, indent: &str) -> String {
        let flat = self.json();
        if flat.len() + indent.len() <= LINE_MAX {
            return flat;
        }
        let inner = format!("{indent}  ");
        match self {
            Self::List(list) => {
                let item = |node: &Self| format!("{inner}{}", node.pretty_at(&inner));
                let items: Vec<String> = list.iter().map(item).collect();
                format!("[\n{}\n{indent}]", items.join(",\n"))
            }
            Self::Map(map) => {
                let member = |(name, node): &(String, Self)| {
                    let name = serde_json::Value::from(name.as_str());
                    format!("{inner}{name}: {}", node.pretty_at(&inner))
                };
                let members: Vec<String> = map.iter().map(member).collect();
                format!("{{\n{}\n{indent}}}", members.join(",\n"))
            }
            _ => flat,
        }
    }
}

/// The whole document.
#[derive(Debug)]
pub struct Document(Node);

impl Document {
    /// Reads YAML.
    ///
    /// # Errors
    /// If it is no YAML.
    pub fn parse(text: &str) -> Result<Self, DocsError> {
        serde_saphyr::from_str(text).map(Self).map_err(|error| DocsError::Yaml(Box::new(error)))
    }

    /// Its root.
    pub const fn root(&self) -> &Node {
        &self.0
    }

    /// A section of the components.
    pub fn component(&self, section: &str) -> Option<&Node> {
        self.0.get("components")?.get(section)
    }

    /// What a node refers to, or the node itself.
    ///
    /// # Errors
    /// If it is not there, or the references run in a circle.
    pub fn resolve<'a>(&'a self, node: &'a Node) -> Result<&'a Node, DocsError> {
        let mut current = node;
        for _ in 0..CHAIN_MAX {
            let Some(reference) = current.get("$ref").and_then(Node::text) else {
                return Ok(current);
            };
            current =
                self.at(reference).ok_or_else(|| DocsError::Reference(reference.to_owned()))?;
        }
        Err(DocsError::Reference(node.text_at("$ref").to_owned()))
    }

    /// The node at a reference within this document.
    fn at(&self, reference: &str) -> Option<&Node> {
        let steps = reference.strip_prefix("#/")?.split('/');
        steps
            .map(|step| step.replace("~1", "/").replace("~0", "~"))
            .try_fold(&self.0, |node, step| node.get(&step))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_document_is_kept() {
        let document = Document::parse("{b: 1, a: [true, null, '2', 1.5], c: ''}").expect("YAML");
        assert_eq!(document.root().json(), r#"{"b": 1, "a": [true, null, "2", 1.5], "c": ""}"#);
    }

    #[test]
    fn long_values_take_several_lines() {
        let words = vec![Node::Text("word".repeat(10)), Node::Text("word".repeat(10))];
        let node = Node::Map(vec![("words".to_owned(), Node::List(words))]);
        let expected =
            format!("{{\n  \"words\": [\n    \"{0}\",\n    \"{0}\"\n  ]\n}}", "word".repeat(10));
        assert_eq!(node.pretty(), expected);
    }

    #[test]
    fn references_lead_through_the_document() {
        let document =
            Document::parse("{a: {'x/y': {b: 1}}, c: {$ref: '#/a/x~1y'}}").expect("YAML");
        let node = document.root().get("c").expect("it is there");
        assert_eq!(document.resolve(node).expect("it is there").json(), r#"{"b": 1}"#);
        assert_eq!(node.reference_name(), Some("x~1y"));
    }
}
