//! What a visitor can do next: keys, and requests that can be pasted.

use std::io::Write;
use std::path::PathBuf;

use super::cards::{Holder, WALLET};
use super::promo::CAMPAIGN;
use super::stage::{ShownKey, Stage};
use crate::domain::ids::MemberId;

/// Whom the examples are signed by.
const PARTNER: &str = "heston-stores";

/// Where the demonstration runs.
pub struct Place<'a> {
    /// The base address of the API.
    pub url: &'a str,
    /// The database, as a URL.
    pub database: &'a str,
    /// A member with points.
    pub member: Option<MemberId>,
    /// Who holds a card.
    pub holder: Option<&'a Holder>,
}

impl Place<'_> {
    fn member(&self) -> String {
        self.member.map_or_else(|| "phone:+79160000001".to_owned(), |id| id.to_string())
    }
}

/// Prints keys and requests.
pub fn print(out: &mut dyn Write, stage: &Stage, place: &Place<'_>) -> std::io::Result<()> {
    writeln!(out, "\nKeys of the demonstration (hmac-sha256; real ones are shown once and kept)")?;
    for (party, key) in &stage.keys {
        writeln!(out, "  {party:<16} {:<22} {}", key.id, key.secret)?;
    }
    writeln!(out, "\nPaste these into another shell. As a partner, Heston's stores:")?;
    if let Some(key) = stage.keys.get(PARTNER) {
        print_partner(out, key, place)?;
    }
    if let (Some(key), Some(holder)) = (stage.keys.get(WALLET), place.holder) {
        writeln!(out, "As the wallet, and as a till that scans a card of it:")?;
        print_wallet(out, key, (place, holder))?;
    }
    writeln!(out, "As the operator:")?;
    print_operator(out, place)?;
    print_people(out, place)?;
    let url = place.url;
    writeln!(out, "As anybody:")?;
    writeln!(out, "  curl -s {url}/readyz")?;
    writeln!(out, "  curl -s {url}/metrics | head -20")?;
    writeln!(out, "In a browser, the API with all its fields and refusals: {url}/docs")
}

fn print_partner(out: &mut dyn Write, key: &ShownKey, place: &Place<'_>) -> std::io::Result<()> {
    let member = place.member();
    let path = coalition_partner::path::encoded(&member);
    let about = format!("\"programme\":\"heston-club\",\"member\":\"{member}\"");
    print_caller(out, ("partner", key), place)?;
    writeln!(out, "  partner call GET /v1/members/{path}/balances")?;
    writeln!(out, "  partner call POST /v1/quotes --body '{{{about},\"amount\":\"1499.90\"}}'")?;
    writeln!(
        out,
        "  partner call POST /v1/transactions --idempotency-key receipt-R-1 --body \
         '{{\"kind\":\"purchase\",\"ref\":\"R-1\",{about},\"amount\":\"1499.90\",\"burn\":\"max\"}}'"
    )?;
    writeln!(out, "  partner call GET '/v1/transactions?kind=purchase&ref=R-1'")
}

/// A function of the shell that signs as a party.
fn print_caller(
    out: &mut dyn Write,
    (name, key): (&str, &ShownKey),
    place: &Place<'_>,
) -> std::io::Result<()> {
    let ShownKey { id, secret } = key;
    writeln!(out, "  {name}() {{")?;
    writeln!(out, "    COALITION_SERVER={} COALITION_KEY_ID={id} \\", place.url)?;
    writeln!(out, "    COALITION_KEY='{secret}' \\")?;
    writeln!(out, "    {} \"$@\"", partner_program())?;
    writeln!(out, "  }}")
}

fn print_wallet(
    out: &mut dyn Write,
    key: &ShownKey,
    (place, holder): (&Place<'_>, &Holder),
) -> std::io::Result<()> {
    let card = &holder.card;
    print_caller(out, ("wallet", key), place)?;
    writeln!(out, "  wallet call GET /v1/cards/{card}")?;
    writeln!(
        out,
        "  partner call POST /v1/cards/resolve --idempotency-key scan-1 --body \
         '{{\"card\":\"{card}\",\"amount\":\"1499.90\"}}'"
    )
}

/// What marketing and the help desk ask.
fn print_people(out: &mut dyn Write, place: &Place<'_>) -> std::io::Result<()> {
    let Place { url, database, .. } = place;
    let program = program();
    let program = program.display();
    let token = |role: &str| {
        format!("$('{program}' token --database '{database}' --role {role} --subject demo)")
    };
    let bearer = |role: &str| format!("curl -s -H \"Authorization: Bearer ${role}\"");
    writeln!(out, "As marketing, the campaign's report:")?;
    writeln!(out, "  MARKETING={}", token("marketing"))?;
    writeln!(out, "  {} {url}/v1/campaigns/{CAMPAIGN}/report", bearer("MARKETING"))?;
    let Some(holder) = place.holder else { return Ok(()) };
    let phone = coalition_partner::path::encoded(&holder.phone);
    writeln!(out, "As the help desk, a member who calls:")?;
    writeln!(out, "  SUPPORT={}", token("support"))?;
    writeln!(out, "  {} '{url}/v1/desk?phone={phone}'", bearer("SUPPORT"))?;
    writeln!(out, "  {} '{url}/v1/desk?card={}'", bearer("SUPPORT"), holder.card)
}

fn print_operator(out: &mut dyn Write, place: &Place<'_>) -> std::io::Result<()> {
    let Place { url, database, .. } = place;
    let path = coalition_partner::path::encoded(&place.member());
    let program = program();
    let program = program.display();
    let bearer = "curl -s -H \"Authorization: Bearer $TOKEN\"";
    writeln!(out, "  TOKEN=$('{program}' token --database '{database}')")?;
    writeln!(out, "  {bearer} {url}/v1/members/{path}/balances")?;
    writeln!(out, "  {bearer} '{url}/v1/members/{path}/history?limit=5'")?;
    writeln!(out, "  '{program}' audit --database '{database}'")
}

fn program() -> PathBuf {
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("coalition"))
}

/// The partners' program: beside this one, or run by cargo in the project's folder.
fn partner_program() -> String {
    let beside = program().with_file_name("coalition-partner");
    if beside.exists() {
        format!("'{}'", beside.display())
    } else {
        "cargo run --quiet --release --package coalition-partner --".to_owned()
    }
}
