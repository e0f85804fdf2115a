//! The API's document as one page for people: HTML without scripts, styles inside.
//!
//! Knows OpenAPI only as far as our own document uses it. Everything that comes from the document
//! is escaped. The order of the page is the order of the document.

mod document;
pub(in crate::http) mod html;
mod markdown;
mod operation;
mod schema;

use document::{Document, Node};
use html::{add, escape};

/// The methods that an address may have, in the order of the page.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Why the document can't be shown.
#[derive(Debug, thiserror::Error)]
pub enum DocsError {
    /// It is no YAML.
    #[error("the document is no YAML")]
    Yaml(#[source] Box<serde_saphyr::Error>),
    /// It refers to what is not there.
    #[error("the document refers to `{0}`, which is not there")]
    Reference(String),
    /// It lacks what every document has.
    #[error("the document has no `{0}`")]
    Missing(&'static str),
}

/// Renders an OpenAPI document, given as YAML, as one HTML page.
///
/// # Errors
/// If it is no YAML, lacks its title or paths, or refers to what is not there.
pub fn page(document: &str) -> Result<String, DocsError> {
    let document = Document::parse(document)?;
    let root = document.root();
    let info = root.get("info").ok_or(DocsError::Missing("info"))?;
    let operations = operations(&document)?;
    let title = escape(info.text_at("title"));
    let style = include_str!("style.css");
    let nav = navigation(&document, info, &operations);
    let about = about(&document, info);
    let calls = calls(&document, &operations)?;
    let refusals = refusals(&document);
    let schemas = schemas(&document)?;
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title} API</title>\n<style>\n{style}</style>\n</head>\n<body>\n\
         {nav}<main>\n{about}{calls}{refusals}{schemas}</main>\n</body>\n</html>\n"
    ))
}

/// One operation with its place.
struct Operation<'a> {
    path: &'a str,
    method: &'a str,
    node: &'a Node,
}

impl Operation<'_> {
    fn id(&self) -> &str {
        self.node.text_at("operationId")
    }

    fn has_tag(&self, tag: &str) -> bool {
        let tags = self.node.get("tags").map(Node::items).unwrap_or_default();
        tags.iter().any(|one| one.text() == Some(tag))
    }
}

fn operations(document: &Document) -> Result<Vec<Operation<'_>>, DocsError> {
    let paths = document.root().get("paths").ok_or(DocsError::Missing("paths"))?;
    Ok(paths.entries().iter().flat_map(|(path, item)| found(path, item)).collect())
}

fn found<'a>(path: &'a str, item: &'a Node) -> Vec<Operation<'a>> {
    let known = item.entries().iter().filter(|(method, _)| METHODS.contains(&method.as_str()));
    known.map(|(method, node)| Operation { path, method, node }).collect()
}

fn tags(document: &Document) -> &[Node] {
    document.root().get("tags").map(Node::items).unwrap_or_default()
}

fn navigation(document: &Document, info: &Node, operations: &[Operation<'_>]) -> String {
    let mut out = String::from("<nav aria-label=\"Contents\">\n");
    let title = escape(info.text_at("title"));
    add(&mut out, format_args!("<p class=\"brand\"><a href=\"#top\">{title}</a></p>\n<ul>\n"));
    for heading in markdown::headings(info.text_at("description")) {
        let slug = markdown::slug(heading);
        add(&mut out, format_args!("<li><a href=\"#{slug}\">{}</a></li>\n", escape(heading)));
    }
    out += "</ul>\n";
    for tag in tags(document) {
        let name = tag.text_at("name");
        add(&mut out, format_args!("<p class=\"tag\">{}</p>\n<ul>\n", escape(name)));
        for one in operations.iter().filter(|one| one.has_tag(name)) {
            let summary = escape(one.node.text_at("summary"));
            let badge = operation::badge(one.method);
            add(
                &mut out,
                format_args!("<li><a href=\"#{}\">{badge} {summary}</a></li>\n", escape(one.id())),
            );
        }
        out += "</ul>\n";
    }
    out += "<p class=\"tag\"><a href=\"#refusals\">Refusals</a></p>\n";
    out += "<p class=\"tag\"><a href=\"#schemas\">Schemas</a></p>\n</nav>\n";
    out
}

fn about(document: &Document, info: &Node) -> String {
    let title = escape(info.text_at("title"));
    let version = escape(info.text_at("version"));
    let mut out = format!("<h1 id=\"top\">{title} <small>{version}</small></h1>\n");
    add(
        &mut out,
        format_args!("<p class=\"lead\">{}</p>\n", markdown::inline(info.text_at("summary"))),
    );
    out += &markdown::render(info.text_at("description"));
    let schemes = document.component("securitySchemes").map(Node::entries).unwrap_or_default();
    for (name, scheme) in schemes {
        let name = escape(name);
        add(
            &mut out,
            format_args!("<h3 id=\"security-{name}\">Credentials: <code>{name}</code></h3>\n"),
        );
        out += &markdown::render(scheme.text_at("description"));
    }
    out
}

fn calls(document: &Document, operations: &[Operation<'_>]) -> Result<String, DocsError> {
    let mut out = String::new();
    for tag in tags(document) {
        let name = tag.text_at("name");
        add(&mut out, format_args!("<h2>{}</h2>\n", escape(name)));
        out += &markdown::render(tag.text_at("description"));
        for one in operations.iter().filter(|one| one.has_tag(name)) {
            out += &operation::render(document, one)?;
        }
    }
    Ok(out)
}

/// All codes with their status and what to do, from the examples of problems.
fn refusals(document: &Document) -> String {
    let mut out = String::from("<h2 id=\"refusals\">Refusals</h2>\n<div class=\"wide\"><table>\n");
    out += "<tr><th>code</th><th>status</th><th>what it means</th><th>what to do</th></tr>\n";
    for (name, example) in document.component("examples").map(Node::entries).unwrap_or_default() {
        let Some(problem) = example.get("value").filter(|one| one.text_at("code") == name) else {
            continue;
        };
        let status = problem.get("status").map(Node::json).unwrap_or_default();
        add(
            &mut out,
            format_args!(
                "<tr id=\"code-{name}\"><td><code>{name}</code></td>\
                 <td>{}</td><td>{}</td><td>{}</td></tr>\n",
                escape(&status),
                markdown::inline(example.text_at("summary")),
                markdown::inline(problem.text_at("detail")),
                name = escape(name),
            ),
        );
    }
    out + "</table></div>\n"
}

fn schemas(document: &Document) -> Result<String, DocsError> {
    let mut out = String::from("<h2 id=\"schemas\">Schemas</h2>\n");
    for (name, node) in document.component("schemas").map(Node::entries).unwrap_or_default() {
        let name = escape(name);
        add(&mut out, format_args!("<section id=\"schema-{name}\">\n<h3>{name}</h3>\n"));
        out += &markdown::render(node.text_at("description"));
        out += &schema::body(document, node)?;
        out += "</section>\n";
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REAL: &str = include_str!("../../../openapi/coalition.yaml");

    const SMALL: &str = r##"
info: {title: "A <b> & co", version: "1", summary: "Says `<i>`"}
tags: [{name: Things}]
paths:
  /things/{id}:
    get:
      tags: [Things]
      operationId: getThing
      summary: "Show <script>alert(1)</script>"
      parameters: [{$ref: "#/components/parameters/Thing"}]
      responses:
        "200":
          description: It is "there".
          content:
            application/json:
              schema: {$ref: "#/components/schemas/Thing"}
              examples: {one: {value: {name: "</pre><script>", size: 1}}}
components:
  parameters:
    Thing: {name: id, in: path, required: true, schema: {type: string}}
  schemas:
    Thing:
      type: object
      required: [name]
      properties: {name: {type: string, description: "Its <name>."}, size: {type: integer}}
"##;

    #[test]
    fn everything_from_the_document_is_escaped() {
        let page = page(SMALL).expect("it is a document");
        assert!(!page.contains("<script>") && !page.contains("<b>") && !page.contains("<name>"));
        assert!(page.contains("A &lt;b&gt; &amp; co"));
        assert!(page.contains("<code>&lt;i&gt;</code>"));
        assert!(page.contains("&lt;/pre&gt;&lt;script&gt;"));
    }

    #[test]
    fn references_are_followed_and_named() {
        let page = page(SMALL).expect("it is a document");
        assert!(page.contains("<td><code>id</code>"), "the parameter is there");
        assert!(page.contains("<a href=\"#schema-Thing\">Thing</a>"));
        assert!(page.contains("<section id=\"schema-Thing\">"));
    }

    #[test]
    fn a_reference_to_nothing_is_an_error() {
        let broken = SMALL.replace("parameters/Thing", "parameters/Nothing");
        let error = page(&broken).expect_err("there is no such parameter");
        assert!(
            matches!(error, DocsError::Reference(to) if to == "#/components/parameters/Nothing")
        );
        let circle = SMALL.replace("{name: id, in", "{$ref: \"#/components/parameters/Thing\", in");
        assert!(matches!(page(&circle), Err(DocsError::Reference(_))));
    }

    #[test]
    fn what_is_no_document_is_an_error() {
        assert!(matches!(page("a: [b"), Err(DocsError::Yaml(_))));
        assert!(matches!(page("a: b"), Err(DocsError::Missing("info"))));
    }

    #[test]
    fn the_real_document_renders_with_every_link_leading_somewhere() {
        let page = page(REAL).expect("the document is sound");
        let document = Document::parse(REAL).expect("the document is sound");
        for one in operations(&document).expect("it has paths") {
            assert!(page.contains(&format!("id=\"{}\"", one.id())), "{}", one.id());
        }
        for piece in page.split("href=\"#").skip(1) {
            let (anchor, _) = piece.split_once('"').expect("the attribute ends");
            assert!(page.contains(&format!("id=\"{anchor}\"")), "{anchor}");
        }
        for outside in ["<script", "<link", "<img", "href=\"http", "url("] {
            assert!(!page.contains(outside), "{outside}");
        }
    }

    #[test]
    fn every_operation_of_the_real_document_is_under_a_tag() {
        let document = Document::parse(REAL).expect("the document is sound");
        let names: Vec<&str> = tags(&document).iter().map(|tag| tag.text_at("name")).collect();
        for one in operations(&document).expect("it has paths") {
            assert!(names.iter().any(|name| one.has_tag(name)), "{}", one.id());
        }
    }
}
