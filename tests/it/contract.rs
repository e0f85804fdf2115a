//! Every answer that the suite sees is checked against the API's document.
//!
//! The check knows only the document: the path must be one of its templates, the status and the
//! media type must be documented there, and the body must be valid against its schema, line by line
//! where it has lines. What may surprise: an address that the document does not have must be
//! answered with `not_found`, and another method with `method_not_allowed`.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use coalition_partner::Answer;
use coalition_partner::path::encoded;
use jsonschema::{Draft, Registry, Validator};
use serde_json::{Value, json};

/// The document as it is written.
pub const TEXT: &str = include_str!("../../openapi/coalition.yaml");

/// Under which address the document is known while references are followed.
const BASE: &str = "https://coalition.invalid/openapi";

/// The document.
pub static DOCUMENT: LazyLock<Value> =
    LazyLock::new(|| serde_saphyr::from_str(TEXT).expect("the document is YAML"));

static REGISTRY: LazyLock<Registry<'static>> = LazyLock::new(|| {
    Registry::new()
        .draft(Draft::Draft202012)
        .add(BASE, DOCUMENT.clone())
        .expect("the address is one")
        .prepare()
        .expect("every reference of the document leads somewhere")
});

/// The prepared schemas, by their place in the document.
static VALIDATORS: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);

/// The methods that an address may have.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The operations of the document, as method and template.
pub fn operations() -> Vec<(String, String)> {
    let paths = DOCUMENT["paths"].as_object().expect("the document has paths");
    let of_path = |(template, item): (&String, &Value)| {
        let methods: Vec<String> =
            item.as_object().expect("a path has methods").keys().cloned().collect();
        let named = methods.into_iter().filter(|name| METHODS.contains(&name.as_str()));
        named.map(|name| (name.to_uppercase(), template.clone())).collect::<Vec<_>>()
    };
    paths.iter().flat_map(of_path).collect()
}

/// Checks an answer to a request.
///
/// # Panics
/// If the document does not say that there are such answers.
pub fn check(method: &str, target: &str, answer: &Answer) {
    if let Err(reason) = judge(method, target, answer) {
        panic!(
            "{method} {target} answered {} against the document: {reason}\n{}",
            answer.status,
            answer.text()
        );
    }
}

fn judge(method: &str, target: &str, answer: &Answer) -> Result<(), String> {
    if answer.request_id.as_deref().is_none_or(str::is_empty) {
        return Err("it has no X-Request-Id".to_owned());
    }
    if [429, 503].contains(&answer.status)
        && target != "/readyz"
        && answer.header("retry-after").is_none()
    {
        return Err("it has no Retry-After".to_owned());
    }
    let path = target.split('?').next().unwrap_or(target);
    let Some(template) = template_of(path) else {
        return undocumented(answer, 404, "not_found");
    };
    let item = format!("/paths/{}", escaped(&template));
    let operation = format!("{item}/{}", method.to_lowercase());
    if DOCUMENT.pointer(&operation).is_none() {
        return undocumented(answer, 405, "method_not_allowed");
    }
    let response = followed(&format!("{operation}/responses/{}", answer.status))
        .ok_or("the status is not documented")?;
    if answer.replayed && !has(&response, "/headers/Idempotent-Replayed") {
        return Err("it is marked as replayed, which is not documented".to_owned());
    }
    if answer.body.is_empty() && !has(&response, "/content") {
        return Ok(());
    }
    let media_type = media_type_of(answer);
    let content = format!("{response}/content/{}/schema", escaped(&media_type));
    if !has(&content, "") {
        return Err(format!("the media type {media_type:?} is not documented"));
    }
    match media_type.as_str() {
        "application/json" | "application/problem+json" => is_valid(&content, &answer.body)?,
        "application/x-ndjson" => {
            let lines = answer.body.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
            let schema = line_schema(&template)?;
            for line in lines {
                is_valid(schema, line)?;
            }
        }
        _ => {}
    }
    if media_type == "application/problem+json" { agrees_with_status(answer) } else { Ok(()) }
}

fn line_schema(template: &str) -> Result<&'static str, String> {
    match template {
        "/v1/transactions:batch" => Ok("/components/schemas/BatchLineAnswer"),
        "/v1/members:batch" => Ok("/components/schemas/MemberBatchLineAnswer"),
        "/v1/statements/{cycle}/{party}/proofs" => Ok("/components/schemas/StatementProof"),
        _ => Err("no line schema is known".to_owned()),
    }
}

/// An answer that comes before any operation.
fn undocumented(answer: &Answer, status: u16, code: &str) -> Result<(), String> {
    if media_type_of(answer) != "application/problem+json" {
        return Err("it is no problem document".to_owned());
    }
    is_valid("/components/schemas/Problem", &answer.body)?;
    let named = answer.problem().map(|problem| problem.code.to_string());
    // A path whose part is of a wrong form leads nowhere, as an unknown path does.
    if answer.status != status || named.as_deref() != Some(code) {
        return Err(format!("the document has no such operation: {status} {code} is due"));
    }
    agrees_with_status(answer)
}

fn agrees_with_status(answer: &Answer) -> Result<(), String> {
    let body: Value = answer.json().map_err(|error| error.to_string())?;
    let code = body["code"].as_str().unwrap_or_default();
    if body["status"] != json!(answer.status) {
        return Err("the problem's status is another one".to_owned());
    }
    if body["type"] != json!(format!("/problems/{code}")) {
        return Err("the problem's type does not name its code".to_owned());
    }
    Ok(())
}

fn media_type_of(answer: &Answer) -> String {
    let header = answer.header("content-type").unwrap_or_default();
    header.split(';').next().unwrap_or_default().trim().to_owned()
}

/// The template that a path is of; one without variables goes before one with.
pub fn template_of(path: &str) -> Option<String> {
    let fits = |template: &&String| {
        let (mut wanted, mut given) = (template.split('/'), path.split('/'));
        loop {
            match (wanted.next(), given.next()) {
                (None, None) => return true,
                (Some(one), Some(part)) if one.starts_with('{') && !part.is_empty() => {}
                (Some(one), Some(part)) if one == part => {}
                _ => return false,
            }
        }
    };
    let paths = DOCUMENT["paths"].as_object().expect("the document has paths");
    paths.keys().filter(fits).min_by_key(|template| template.matches('{').count()).cloned()
}

/// The place that a place leads to, if it holds a reference.
pub fn followed(pointer: &str) -> Option<String> {
    let there = DOCUMENT.pointer(pointer)?;
    match there.get("$ref").and_then(Value::as_str) {
        Some(reference) => reference.strip_prefix('#').map(str::to_owned),
        None => Some(pointer.to_owned()),
    }
}

fn has(pointer: &str, below: &str) -> bool {
    DOCUMENT.pointer(&format!("{pointer}{below}")).is_some()
}

/// A name as a part of a JSON pointer.
pub fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Checks bytes against the schema at a place of the document.
pub fn is_valid(pointer: &str, body: &[u8]) -> Result<(), String> {
    let body: Value = serde_json::from_slice(body).map_err(|error| format!("no JSON: {error}"))?;
    is_valid_value(pointer, &body)
}

/// Checks a value against the schema at a place of the document.
pub fn is_valid_value(pointer: &str, value: &Value) -> Result<(), String> {
    let validator = validator_at(pointer);
    if validator.is_valid(value) {
        return Ok(());
    }
    let mut text = format!("not valid against {pointer}:");
    for error in validator.iter_errors(value) {
        write!(text, "\n  {}: {error}", error.instance_path()).expect("text can be written");
    }
    Err(text)
}

fn validator_at(pointer: &str) -> Arc<Validator> {
    let mut known = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(validator) = known.get(pointer) {
        return Arc::clone(validator);
    }
    let fragment: Vec<String> = pointer.split('/').map(encoded).collect();
    let schema = json!({"$ref": format!("{BASE}#{}", fragment.join("/"))});
    let validator = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .with_registry(&REGISTRY)
        .should_validate_formats(true)
        .build(&schema)
        .unwrap_or_else(|error| panic!("the schema at {pointer} is none: {error}"));
    let validator = Arc::new(validator);
    known.insert(pointer.to_owned(), Arc::clone(&validator));
    validator
}
