//! A made-up bank: accounts for parties, and statements of what it booked.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use coalition::auth::token::{Role, mint};
use coalition::clock::unix_now;
use coalition::server::token_key;
use coalition::settings::Settings;
use coalition::store::Use;
use coalition_partner::{Answer, Connection, Credentials, Outgoing};
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::support::{Club, Setup, World, purchase, text};

/// The clearing house's own account.
pub const OWN: &str = "40702810900000000001";

/// The day that the tests settle.
pub const DAY: &str = "2025-03-03";

/// A world whose cycles are taken on by hand only.
pub fn by_hand() -> Setup {
    let setup = Setup::default();
    Setup { settings: Settings { settle_seconds: 0, ..setup.settings.clone() }, ..setup }
}

/// Somebody of finance, by name.
pub fn finance(world: &World, name: &str) -> Caller {
    let address = world.settings.address().expect("the address is one");
    let mut database = address.open(Use::Read).expect("the database can be read");
    let key = token_key(&mut database).expect("the database has a token key");
    let token = mint(&key, name, Role::Finance, Duration::from_mins(30), unix_now());
    world.calling(Credentials::Bearer(token.expect("a token can be minted")))
}

/// Gives a party a bank account; the answer.
pub fn put_account(world: &World, party: &str, kind: &str, account: &Value) -> Answer {
    let party = json!({"id": party, "kind": kind, "account": account});
    world.operator.post("/v1/parties", &world.new_key(), &party)
}

/// An account with a Russian bank.
pub fn account(name: &str, number: &str, bik: &str) -> Value {
    json!({"name": name, "number": number, "bik": bik})
}

/// Gives the clearing house, the brand and the shop bank accounts; the bank has none.
pub fn open_accounts(world: &World) {
    let accounts = [
        ("clearing", "operator", OWN, "044525000"),
        ("brand", "brand", "40702810500000000002", "044525111"),
        ("shop", "retailer", "40702810200000000001", "044525225"),
    ];
    for (party, kind, number, bik) in accounts {
        let answer = put_account(world, party, kind, &account(party, number, bik));
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
}

/// Posts a day: the shop owes 1,020.00, the bank 510.00; the brand gets 1,500.00 and the clearing
/// house 30.00.
pub fn trade(world: &mut World) -> Club {
    let club = Club::new(world);
    world.accept("shop", &purchase("R-1", &club.anna, "10000.00"));
    world.accept("bank", &purchase("B-1", &club.anna, "5000.00"));
    world.move_to("2025-03-04T09:00:00Z");
    club
}

/// Closes a cycle, publishes its statements, and says that all agreed.
pub fn agree(world: &World, cycle: &str) {
    let settings = coalition_partner::Settings::default();
    let credentials = world.operator.credentials().clone();
    let connection = Connection::new(&world.url(), credentials, &settings);
    let connection = connection.expect("the address is one");
    for (step, body) in
        [("close", json!({})), ("publish", json!({})), ("acknowledge", json!({"why": "by mail"}))]
    {
        let target = format!("/v1/cycles/{cycle}/{step}");
        let (key, body) = (world.new_key(), body.to_string());
        let outgoing = Outgoing::post(&target, &key, body.as_bytes());
        let answer = connection.send(&outgoing).expect("it answers");
        // Where nobody has anything to agree to, the cycle went on by itself.
        let is_agreed = step == "acknowledge" && answer.status == 409;
        assert!(answer.is_accepted() || is_agreed, "{target}: {}", answer.text());
    }
}

/// Instructs a cycle; its payments.
pub fn instruct(world: &World, cycle: &str) -> Value {
    let target = format!("/v1/cycles/{cycle}/instruct");
    let answer = finance(world, "anna").post(&target, &world.new_key(), &json!({}));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().expect("it is JSON")
}

/// The references of payments, by party.
pub fn references(payments: &Value) -> BTreeMap<String, String> {
    let all = payments["data"].as_array().expect("there are payments");
    all.iter().map(|one| (text(one, "party"), text(one, "reference"))).collect()
}

/// A day that is instructed; the references of its payments by party.
pub fn instructed(world: &mut World) -> BTreeMap<String, String> {
    trade(world);
    open_accounts(world);
    agree(world, DAY);
    references(&instruct(world, DAY))
}

/// What a bank booked: its own reference, the amount with the sign of its side, the end-to-end id.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The bank's reference.
    pub key: &'a str,
    /// In above zero, out below.
    pub amount: &'a str,
    /// The end-to-end id; empty: none.
    pub id: &'a str,
    /// ISO 4217 code.
    pub currency: &'a str,
}

/// A line in roubles.
pub const fn line<'a>(key: &'a str, amount: &'a str, id: &'a str) -> Line<'a> {
    Line { key, amount, id, currency: "RUB" }
}

/// A camt.053 file of one statement of an account.
pub fn camt(account: &str, lines: &[Line<'_>]) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\
         <Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"><BkToCstmrStmt>\
         <GrpHdr><MsgId>F-1</MsgId><CreDtTm>2025-03-05T01:00:00+03:00</CreDtTm></GrpHdr>\
         <Stmt><Id>S-1</Id><Acct><Id><Othr><Id>{account}</Id></Othr></Id><Ccy>RUB</Ccy></Acct>"
    );
    for Line { key, amount, id, currency } in lines {
        let (side, amount) = match amount.strip_prefix('-') {
            Some(amount) => ("DBIT", amount),
            None => ("CRDT", *amount),
        };
        let id = if id.is_empty() {
            String::new()
        } else {
            format!("<Refs><EndToEndId>{id}</EndToEndId></Refs>")
        };
        write!(
            text,
            "<Ntry><Amt Ccy=\"{currency}\">{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd>\
             <Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>2025-03-04</Dt></BookgDt>\
             <AcctSvcrRef>{key}</AcctSvcrRef>\
             <BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>RCDT</Cd><SubFmlyCd>DMCT</SubFmlyCd></Fmly></Domn>\
             </BkTxCd><NtryDtls><TxDtls>{id}</TxDtls></NtryDtls></Ntry>"
        )
        .expect("a text takes whatever is written");
    }
    text + "</Stmt></BkToCstmrStmt></Document>"
}

/// Sends a bank's file.
pub fn send(caller: &Caller, file: &str) -> Answer {
    let outgoing = Outgoing::post("/v1/bank-statements", "k", file.as_bytes());
    caller.send(&Outgoing { content_type: "application/xml", ..outgoing })
}

/// Imports what a bank booked on the clearing house's account; what it was found to be.
pub fn import(world: &World, lines: &[Line<'_>]) -> Value {
    let answer = send(&finance(world, "anna"), &camt(OWN, lines));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json().expect("it is JSON")
}

/// The outcomes of an import.
pub fn outcomes(imported: &Value) -> Vec<String> {
    let booked = imported["booked"].as_array().expect("a report has entries");
    booked.iter().map(|one| text(one, "outcome")).collect()
}

/// What the operator reads.
pub fn get(world: &World, target: &str) -> Value {
    let answer = world.operator.get(target);
    assert_eq!(answer.status, 200, "{target}: {}", answer.text());
    answer.json().expect("it is JSON")
}

/// The states of a cycle's payments by party, and of the cycle.
pub fn states(world: &World) -> (BTreeMap<String, String>, String) {
    let payments = get(world, &format!("/v1/cycles/{DAY}/payments"));
    let all = payments["data"].as_array().expect("there are payments");
    let states = all.iter().map(|one| (text(one, "party"), text(one, "state")));
    (states.collect(), text(&payments, "state"))
}

/// The open items.
pub fn open_items(world: &World) -> Vec<Value> {
    get(world, "/v1/open-items")["data"].as_array().expect("there is a list").clone()
}
