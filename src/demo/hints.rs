//! What a visitor can do next: keys, and requests that can be pasted.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::stage::Stage;
use crate::domain::ids::MemberId;

/// Where the demonstration runs.
pub struct Place<'a> {
    /// The base address of the API.
    pub url: &'a str,
    /// The database, as a URL.
    pub database: &'a str,
    /// A member with points.
    pub member: Option<MemberId>,
}

/// Prints keys and requests.
pub fn print(out: &mut dyn Write, stage: &Stage, place: &Place<'_>) -> std::io::Result<()> {
    writeln!(out, "\nKeys of the demonstration (hmac-sha256; real ones are shown once and kept)")?;
    for (party, key) in &stage.keys {
        writeln!(out, "  {party:<16} {:<22} {}", key.id, key.secret)?;
    }
    let Place { url, database, member } = place;
    let member = member.map_or_else(|| "phone:+79160000001".to_owned(), |id| id.to_string());
    let path = coalition_partner::path::encoded(&member);
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("coalition"));
    let program_text = program.display();
    writeln!(out, "\nPaste these into another shell. As a partner, Heston's stores:")?;
    writeln!(out, "  {}", partner_function(&program))?;
    writeln!(out, "  export COALITION_SERVER={url}")?;
    if let Some(key) = stage.keys.get("heston-stores") {
        writeln!(out, "  export COALITION_KEY_ID={}", key.id)?;
        writeln!(out, "  export COALITION_KEY='{}'", key.secret)?;
    }
    let about = format!("\"programme\":\"heston-club\",\"member\":\"{member}\"");
    writeln!(out, "  partner call GET /v1/members/{path}/balances")?;
    writeln!(out, "  partner call POST /v1/quotes --body '{{{about},\"amount\":\"1499.90\"}}'")?;
    writeln!(
        out,
        "  partner call POST /v1/transactions --idempotency-key receipt-R-1 --body \
         '{{\"kind\":\"purchase\",\"ref\":\"R-1\",{about},\"amount\":\"1499.90\",\"burn\":\"max\"}}'"
    )?;
    writeln!(out, "  partner call GET '/v1/transactions?kind=purchase&ref=R-1'")?;
    writeln!(out, "As the operator:")?;
    writeln!(out, "  TOKEN=$('{program_text}' token --database '{database}')")?;
    let bearer = "curl -s -H \"Authorization: Bearer $TOKEN\"";
    writeln!(out, "  {bearer} {url}/v1/members/{path}/balances")?;
    writeln!(out, "  {bearer} '{url}/v1/members/{path}/history?limit=5'")?;
    writeln!(out, "  '{program_text}' audit --database '{database}'")?;
    writeln!(out, "As anybody:")?;
    writeln!(out, "  curl -s {url}/readyz")?;
    writeln!(out, "  curl -s {url}/metrics | head -20")?;
    writeln!(out, "  open {url}/docs in a browser: the API with all its fields and refusals")
}

/// How the shell finds the partner's program: beside this one, or through cargo.
fn partner_function(program: &Path) -> String {
    let beside = program.with_file_name("coalition-partner");
    if beside.exists() {
        format!("partner() {{ '{}' \"$@\"; }}", beside.display())
    } else {
        let run = "cargo run --quiet --release --package coalition-partner --";
        format!("partner() {{ {run} \"$@\"; }}  # in the project's folder")
    }
}
