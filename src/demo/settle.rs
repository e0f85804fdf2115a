//! The days of the demonstration are published, agreed to, and paid by a made-up bank statement.

use std::io::Write;

use serde_json::{Value, json};

use super::DemoError;
use super::stage::{Stage, must_accept, text};
use crate::domain::time::Day;

/// The clearing house, and its account at a made-up bank.
const OPERATOR: &str = "clearing";
const ACCOUNT: &str = "40702810500000000002";
const BIK: &str = "044525111";

/// What became of the days.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settled {
    cycles: usize,
    statements: usize,
    lines: u64,
    payments: usize,
}

/// Publishes all days, agrees to them, instructs their payments and imports a bank statement in
/// which all are made.
pub fn settle(stage: &Stage, days: &[Day], currency: &str) -> Result<Settled, DemoError> {
    let mut settled = Settled::default();
    let own = json!({"id": OPERATOR, "kind": "operator",
        "account": {"name": "Clearing", "number": ACCOUNT, "bik": BIK}});
    must_accept("/v1/parties", &stage.operator.post("/v1/parties", "demo-own-account", &own)?)?;
    let mut entries = String::new();
    for day in days {
        let path = format!("/v1/cycles/{day}");
        let published = step(stage, &format!("{path}/publish"), &json!({}))?;
        let statements = published.get("data").and_then(Value::as_array);
        for one in statements.into_iter().flatten() {
            settled.statements += 1;
            settled.lines += one.get("lines").and_then(Value::as_u64).unwrap_or(0);
        }
        let why = json!({"why": "all parties agreed by telephone"});
        // A day on which nothing moved was agreed to when it was published.
        let reached = must_accept(&path, &stage.operator.get(&path)?)?;
        if text(&reached, "state") == "published" {
            let path = format!("{path}/acknowledge");
            let answer = stage.operator.post(&path, &path, &why)?;
            if !answer.is_accepted() {
                return Err(DemoError::Refused { what: path, answer: answer.text() });
            }
        }
        step(stage, &format!("{path}/instruct"), &json!({}))?;
        let path = format!("{path}/payments");
        let payments = must_accept(&path, &stage.operator.get(&path)?)?;
        let legs = payments.get("data").and_then(Value::as_array);
        for leg in legs.into_iter().flatten() {
            settled.payments += 1;
            entries.push_str(&entry(settled.payments, leg, (*day, currency)));
        }
        settled.cycles += 1;
    }
    if let Some(last) = days.last() {
        let body = bank_statement(&entries, *last);
        stage.operator.import_bank_statement(body.as_bytes())?;
    }
    Ok(settled)
}

fn step(stage: &Stage, path: &str, body: &Value) -> Result<Value, DemoError> {
    must_accept(path, &stage.operator.post(path, path, body)?)
}

/// A booked entry that pays a leg in full.
fn entry(number: usize, leg: &Value, (day, currency): (Day, &str)) -> String {
    let sign = if text(leg, "direction") == "collect" { "CRDT" } else { "DBIT" };
    let (amount, reference) = (text(leg, "amount"), text(leg, "reference"));
    format!(
        "<Ntry><Amt Ccy=\"{currency}\">{amount}</Amt><CdtDbtInd>{sign}</CdtDbtInd>\
         <Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt>\
         <AcctSvcrRef>DEMO{number}</AcctSvcrRef><BkTxCd><Prtry><Cd>NET</Cd></Prtry></BkTxCd>\
         <NtryDtls><TxDtls><Refs><EndToEndId>{reference}</EndToEndId></Refs></TxDtls></NtryDtls>\
         </Ntry>"
    )
}

fn bank_statement(entries: &str, day: Day) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt>\
         <GrpHdr><MsgId>DEMO</MsgId><CreDtTm>{day}T23:00:00</CreDtTm></GrpHdr>\
         <Stmt><Id>DEMO-1</Id><Acct><Id><Othr><Id>{ACCOUNT}</Id></Othr></Id></Acct>\
         {entries}</Stmt></BkToCstmrStmt></Document>"
    )
}

impl Settled {
    /// Prints what became of the days.
    pub fn print(&self, out: &mut dyn Write, clearing: &Value) -> std::io::Result<()> {
        let Self { cycles, statements, lines, payments } = self;
        writeln!(
            out,
            "\nSettlement: {cycles} cycles closed, {statements} statements with {lines} lines \
             published, {payments} payments found in the bank's statement"
        )?;
        let open = clearing.get("data").and_then(Value::as_array).map_or(0, Vec::len);
        if open == 0 {
            writeln!(out, "  every clearing account is at zero")
        } else {
            writeln!(out, "  {open} clearing accounts are not at zero")
        }
    }
}
