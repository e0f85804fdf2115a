//! Schemas as tables of fields, with types, required marks and bounds.
//!
//! Objects that stand inside a field are written out under dotted names (`unit.name`,
//! `lines[].id`); those that have a name of their own are linked.

use super::DocsError;
use super::document::{Document, Node};
use super::html::{add, escape};
use super::markdown::inline;

/// The deepest nesting of objects within one table.
const DEPTH_MAX: usize = 6;

/// A field of an object.
struct Field<'a> {
    name: String,
    node: &'a Node,
    required: bool,
}

/// What a schema is: its alternatives by kind, its fields, or its type and bounds.
///
/// # Errors
/// If it refers to what is not there.
pub fn body(document: &Document, schema: &Node) -> Result<String, DocsError> {
    let schema = document.resolve(schema)?;
    let mut out = String::new();
    let mapping = schema.get("discriminator").and_then(|one| one.get("mapping"));
    if let Some(mapping) = mapping {
        let property = schema.get("discriminator").map(|one| one.text_at("propertyName"));
        add(
            &mut out,
            format_args!("<p>By <code>{}</code>:</p>\n", escape(property.unwrap_or_default())),
        );
        out += &kinds(mapping);
    }
    let mut fields = Vec::new();
    let mut scope = Scope { document, fields: &mut fields };
    scope.collect(schema, "", DEPTH_MAX)?;
    out += &choices(schema);
    if fields.is_empty() && mapping.is_none() {
        add(&mut out, format_args!("<p class=\"type\">{}</p>\n", type_of(schema)));
    } else if !fields.is_empty() {
        out += &table(document, &fields)?;
        out += &others(schema);
    }
    Ok(out)
}

/// The alternatives of a request, each with its fields.
///
/// # Errors
/// If it refers to what is not there.
pub fn request(document: &Document, schema: &Node) -> Result<String, DocsError> {
    let resolved = document.resolve(schema)?;
    let Some(mapping) = resolved.get("discriminator").and_then(|one| one.get("mapping")) else {
        return body(document, schema);
    };
    let mut out = String::new();
    for (kind, target) in mapping.entries() {
        let reference = Node::Map(vec![("$ref".to_owned(), target.clone())]);
        let alternative = document.resolve(&reference)?;
        let description = inline(alternative.text_at("description").trim());
        let fields = body(document, alternative)?;
        add(
            &mut out,
            format_args!(
                "<details>\n<summary><code>{}</code></summary>\n\
                 <p>{description}</p>\n{fields}</details>\n",
                escape(kind)
            ),
        );
    }
    Ok(out)
}

/// A link to a named schema, or the words for one without a name.
pub fn type_of(schema: &Node) -> String {
    let joined = |nodes: &[Node]| {
        let types: Vec<String> = nodes.iter().map(type_of).collect();
        types.join(" or ")
    };
    if let Some(name) = schema.reference_name() {
        return format!("<a href=\"#schema-{0}\">{0}</a>", escape(name));
    }
    let base = if let Some(value) = schema.get("const") {
        code(&value.json())
    } else if let Some(values) = schema.get("enum") {
        let values: Vec<String> = values.items().iter().map(|value| code(&value.json())).collect();
        values.join(" or ")
    } else if let Some(items) = schema.get("items") {
        format!("list of {}", type_of(items))
    } else if let Some(values) = schema
        .get("additionalProperties")
        .filter(|one| one.get("type").is_some() || one.get("$ref").is_some())
    {
        format!("object of {} by name", type_of(values))
    } else if is_choice_of_types(schema) {
        joined(schema.items_at("oneOf"))
    } else {
        type_words(schema)
    };
    base + &bounds(schema)
}

/// Whether each alternative is a type, and not only a list of required fields.
fn is_choice_of_types(schema: &Node) -> bool {
    let alternatives = schema.items_at("oneOf");
    let is_type = |one: &Node| ["type", "const", "$ref"].iter().any(|name| one.get(name).is_some());
    !alternatives.is_empty() && alternatives.iter().all(is_type)
}

fn type_words(schema: &Node) -> String {
    match schema.get("type") {
        Some(Node::Text(text)) => escape(text),
        Some(Node::List(list)) => {
            let types: Vec<String> = list.iter().filter_map(Node::text).map(escape).collect();
            types.join(" or ")
        }
        _ => "object".to_owned(),
    }
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}

/// Bounds and defaults, in brackets.
fn bounds(schema: &Node) -> String {
    const SHOWN: [(&str, &str); 9] = [
        ("format", ""),
        ("pattern", ""),
        ("minimum", "from "),
        ("maximum", "to "),
        ("minLength", "at least, characters: "),
        ("maxLength", "at most, characters: "),
        ("minItems", "at least, items: "),
        ("contentEncoding", ""),
        ("default", "default "),
    ];
    let shown = SHOWN.iter().filter_map(|(name, words)| {
        let value = schema.get(name)?;
        let text = value.text().map_or_else(|| value.json(), str::to_owned);
        Some(format!("{words}{}", code(&text)))
    });
    let shown: Vec<String> = shown.collect();
    if shown.is_empty() {
        String::new()
    } else {
        format!(" <span class=\"bounds\">{}</span>", shown.join(", "))
    }
}

fn kinds(mapping: &Node) -> String {
    let row = |(kind, target): &(String, Node)| {
        let name = target.text().and_then(|text| text.rsplit('/').next()).unwrap_or_default();
        let name = escape(name);
        format!(
            "<li>{}: <a href=\"#schema-{name}\">{name}</a></li>\n",
            code(&format!("\"{kind}\""))
        )
    };
    let rows: Vec<String> = mapping.entries().iter().map(row).collect();
    format!("<ul>\n{}</ul>\n", rows.concat())
}

/// In words, which fields stand together.
fn choices(schema: &Node) -> String {
    let mut out = String::new();
    for (keyword, words) in [("oneOf", "Exactly one of"), ("anyOf", "At least one of")] {
        let alternatives = schema.items_at(keyword);
        let names = |one: &Node| -> String {
            let names = one.items_at("required").iter().filter_map(Node::text);
            names.map(code).collect::<Vec<_>>().join(" with ")
        };
        let only_required = |one: &Node| one.get("required").is_some() && one.get("type").is_none();
        if !alternatives.is_empty() && alternatives.iter().all(only_required) {
            let all: Vec<String> = alternatives.iter().map(names).collect();
            add(&mut out, format_args!("<p>{words}: {}.</p>\n", all.join("; ")));
        }
    }
    out
}

/// Alternatives that have a name of their own, beside those whose fields are in the table.
fn others(schema: &Node) -> String {
    if schema.get("discriminator").is_some() {
        return String::new();
    }
    let alternatives = schema.items_at("oneOf").iter();
    let named: Vec<String> =
        alternatives.filter(|one| one.get("$ref").is_some()).map(type_of).collect();
    if named.is_empty() { String::new() } else { format!("<p>Or {}.</p>\n", named.join(" or ")) }
}

fn table(document: &Document, fields: &[Field<'_>]) -> Result<String, DocsError> {
    let mut out = String::from("<div class=\"wide\"><table class=\"fields\">\n");
    out += "<tr><th>field</th><th>type</th><th>what it is</th></tr>\n";
    for field in fields {
        let own = field.node.text_at("description");
        let described = if own.is_empty() { document.resolve(field.node)? } else { field.node };
        let mark = if field.required { " <span class=\"required\">required</span>" } else { "" };
        add(
            &mut out,
            format_args!(
                "<tr><td>{}{mark}</td><td>{}</td><td>{}</td></tr>\n",
                code(&field.name),
                type_of(field.node),
                inline(described.text_at("description").trim()),
            ),
        );
    }
    Ok(out + "</table></div>\n")
}

/// Where fields are collected from and to.
struct Scope<'a, 'b> {
    document: &'a Document,
    fields: &'b mut Vec<Field<'a>>,
}

impl<'a> Scope<'a, '_> {
    fn collect(&mut self, schema: &'a Node, prefix: &str, depth: usize) -> Result<(), DocsError> {
        let Some(deeper) = depth.checked_sub(1) else { return Ok(()) };
        for part in schema.items_at("allOf") {
            let part = self.document.resolve(part)?;
            self.collect(part, prefix, deeper)?;
        }
        let required = schema.items_at("required");
        for (name, node) in schema.get("properties").map(Node::entries).unwrap_or_default() {
            let full = format!("{prefix}{name}");
            if self.fields.iter().any(|field| field.name == full) {
                continue;
            }
            let required = required.iter().any(|one| one.text() == Some(name));
            self.fields.push(Field { name: full.clone(), node, required });
            self.collect_within(node, &full, deeper)?;
        }
        // The kinds of a discriminator have tables of their own.
        if schema.get("discriminator").is_none() {
            self.collect_alternatives(schema.items_at("oneOf"), prefix, deeper)?;
        }
        Ok(())
    }

    /// Fields of alternatives: none of them is required, since another one may be chosen.
    fn collect_alternatives(
        &mut self,
        alternatives: &'a [Node],
        prefix: &str,
        depth: usize,
    ) -> Result<(), DocsError> {
        let before = self.fields.len();
        for part in alternatives.iter().filter(|part| part.get("properties").is_some()) {
            self.collect(part, prefix, depth)?;
        }
        for field in &mut self.fields[before..] {
            field.required = false;
        }
        Ok(())
    }

    /// Fields of an object that has no name of its own.
    fn collect_within(
        &mut self,
        node: &'a Node,
        name: &str,
        depth: usize,
    ) -> Result<(), DocsError> {
        if node.get("$ref").is_some() {
            return Ok(());
        }
        match node.get("items") {
            Some(items) if items.get("$ref").is_none() => {
                self.collect(items, &format!("{name}[]."), depth)
            }
            _ => self.collect(node, &format!("{name}."), depth),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(text: &str) -> String {
        let document = Document::parse(text).expect("YAML");
        let schema = document.root().get("schema").expect("it is there");
        body(&document, schema).expect("its references are sound")
    }

    #[test]
    fn nested_objects_are_written_out_and_named_ones_linked() {
        let html = rendered(
            "schema: {type: object, required: [unit], properties: {unit: {type: object, \
             properties: {name: {type: string}}}, rows: {type: array, items: {type: object, \
             properties: {at: {$ref: '#/At'}}}}}}\nAt: {type: string, description: When.}",
        );
        assert!(html.contains("<code>unit</code> <span class=\"required\">required</span>"));
        assert!(html.contains("<code>unit.name</code></td><td>string"));
        assert!(html.contains(
            "<code>rows[].at</code></td><td><a href=\"#schema-At\">At</a></td><td>When."
        ));
    }

    #[test]
    fn fields_of_all_parts_are_in_one_table() {
        let html = rendered(
            "schema: {allOf: [{$ref: '#/Head'}], properties: {size: {type: integer, minimum: 1}}}\n\
             Head: {required: [id], properties: {id: {const: x}}}",
        );
        assert!(html.contains(
            "<code>id</code> <span class=\"required\">required</span></td><td><code>&quot;x&quot;"
        ));
        assert!(html.contains("integer <span class=\"bounds\">from <code>1</code></span>"));
    }

    #[test]
    fn choices_are_told_in_words() {
        let html = rendered(
            "schema: {oneOf: [{required: [amount]}, {required: [of, lines]}], \
             properties: {amount: {type: [string, 'null']}}}",
        );
        assert!(html.contains(
            "Exactly one of: <code>amount</code>; <code>of</code> with <code>lines</code>."
        ));
        assert!(html.contains("string or null"));
    }

    #[test]
    fn fields_of_alternatives_are_not_required() {
        let html = rendered(
            "schema: {oneOf: [{type: object, required: [a], properties: {a: {type: string}}}, \
             {$ref: '#/B'}]}\nB: {type: object}",
        );
        assert!(html.contains("<code>a</code></td>"));
        assert!(html.contains("<p>Or <a href=\"#schema-B\">B</a>.</p>"));
    }

    #[test]
    fn a_schema_that_holds_itself_ends() {
        let html =
            rendered("schema: {allOf: [{$ref: '#/schema'}], properties: {a: {type: string}}}");
        assert!(html.contains("<code>a</code>"));
    }
}
