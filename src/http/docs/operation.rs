//! One operation: its address, who may call it, what it takes and what it answers.

use super::document::{Document, Node};
use super::html::{add, escape};
use super::markdown::{self, inline};
use super::{DocsError, Operation, schema};

/// The method as a mark.
pub fn badge(method: &str) -> String {
    let method = escape(method);
    format!("<span class=\"method {method}\">{}</span>", method.to_uppercase())
}

/// The operation as a section.
///
/// # Errors
/// If it refers to what is not there.
pub fn render(document: &Document, operation: &Operation<'_>) -> Result<String, DocsError> {
    let node = operation.node;
    let mut out = format!(
        "<section class=\"operation\" id=\"{}\">\n<h3>{}</h3>\n\
         <p class=\"address\">{} <code>{}</code></p>\n",
        escape(operation.id()),
        inline(node.text_at("summary")),
        badge(operation.method),
        escape(operation.path),
    );
    out += &callers(node);
    out += &markdown::render(node.text_at("description"));
    out += &parameters(document, node)?;
    if let Some(request) = node.get("requestBody") {
        let request = document.resolve(request)?;
        out += "<h4>Request</h4>\n";
        for (media_type, media) in request.get("content").map(Node::entries).unwrap_or_default() {
            add(&mut out, format_args!("<p><code>{}</code></p>\n", escape(media_type)));
            if let Some(schema) = media.get("schema") {
                out += &schema_name(schema);
                out += &schema::request(document, schema)?;
            }
            out += &examples(document, media)?;
        }
    }
    out += &responses(document, node)?;
    Ok(out + "</section>\n")
}

fn callers(node: &Node) -> String {
    let schemes = node.items_at("security").iter().flat_map(Node::entries);
    let link = |(name, _): &(String, Node)| {
        let name = escape(name);
        format!("<a href=\"#security-{name}\">{name}</a>")
    };
    let links: Vec<String> = schemes.map(link).collect();
    if links.is_empty() {
        String::new()
    } else {
        format!("<p class=\"callers\">Credentials: {}</p>\n", links.join(" or "))
    }
}

fn parameters(document: &Document, node: &Node) -> Result<String, DocsError> {
    let parameters = node.items_at("parameters");
    if parameters.is_empty() {
        return Ok(String::new());
    }
    let mut out =
        String::from("<h4>Parameters</h4>\n<div class=\"wide\"><table class=\"fields\">\n");
    out += "<tr><th>name</th><th>in</th><th>type</th><th>what it is</th></tr>\n";
    for parameter in parameters {
        let parameter = document.resolve(parameter)?;
        let required = parameter.get("required") == Some(&Node::Bool(true));
        let mark = if required { " <span class=\"required\">required</span>" } else { "" };
        let example = parameter.get("example").map(|one| {
            let text = one.text().map_or_else(|| one.json(), str::to_owned);
            format!(" For example <code>{}</code>.", escape(&text))
        });
        add(
            &mut out,
            format_args!(
                "<tr><td><code>{}</code>{mark}</td><td>{}</td><td>{}</td><td>{}{}</td></tr>\n",
                escape(parameter.text_at("name")),
                escape(parameter.text_at("in")),
                parameter.get("schema").map(schema::type_of).unwrap_or_default(),
                inline(parameter.text_at("description").trim()),
                example.unwrap_or_default(),
            ),
        );
    }
    Ok(out + "</table></div>\n")
}

fn responses(document: &Document, node: &Node) -> Result<String, DocsError> {
    let mut out = String::from("<h4>Responses</h4>\n");
    for (status, response) in node.get("responses").map(Node::entries).unwrap_or_default() {
        let response = document.resolve(response)?;
        let description = inline(response.text_at("description"));
        out += "<div class=\"response\">\n";
        add(
            &mut out,
            format_args!("<p><span class=\"status\">{}</span> {description}</p>\n", escape(status)),
        );
        for (media_type, media) in response.get("content").map(Node::entries).unwrap_or_default() {
            if media_type == "application/problem+json" {
                out += &codes(media);
            } else {
                add(&mut out, format_args!("<p><code>{}</code></p>\n", escape(media_type)));
                out += &media.get("schema").map(schema_name).unwrap_or_default();
                out += &examples(document, media)?;
            }
        }
        out += &headers(response);
        out += "</div>\n";
    }
    Ok(out)
}

/// The codes that a refusal may have: its examples are named after them.
fn codes(media: &Node) -> String {
    let names = media.get("examples").map(Node::entries).unwrap_or_default().iter();
    let link = |(name, _): &(String, Node)| {
        let name = escape(name);
        format!("<a href=\"#code-{name}\"><code>{name}</code></a>")
    };
    let links: Vec<String> = names.map(link).collect();
    format!("<p>{}</p>\n", links.join(" "))
}

fn headers(response: &Node) -> String {
    let names = response.get("headers").map(Node::entries).unwrap_or_default().iter();
    let names: Vec<String> =
        names.map(|(name, _)| format!("<code>{}</code>", escape(name))).collect();
    if names.is_empty() {
        String::new()
    } else {
        format!("<p class=\"headers\">Headers: {}</p>\n", names.join(", "))
    }
}

fn schema_name(schema: &Node) -> String {
    let described = inline(schema.text_at("description"));
    let between = if described.is_empty() { "" } else { ": " };
    format!("<p class=\"type\">{}{between}{described}</p>\n", schema::type_of(schema))
}

fn examples(document: &Document, media: &Node) -> Result<String, DocsError> {
    let mut out = String::new();
    for (name, example) in media.get("examples").map(Node::entries).unwrap_or_default() {
        let example = document.resolve(example)?;
        let summary = example.text_at("summary");
        let words = if summary.is_empty() { name.replace('_', " ") } else { summary.to_owned() };
        // A text stands for itself: lines of JSON, or plain text.
        let value = example.get("value").map(|value| match value {
            Node::Text(text) => text.clone(),
            other => other.pretty(),
        });
        add(
            &mut out,
            format_args!(
                "<details class=\"example\">\n<summary>{}</summary>\n<pre>{}</pre>\n</details>\n",
                inline(&words),
                escape(value.unwrap_or_default().trim_end()),
            ),
        );
    }
    Ok(out)
}
