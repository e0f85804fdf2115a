//! An operator's books, small and honest, from which statements are made; a test then lies.
//!
//! Written from the format's description and not with the code that it tests.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use coalition_partner::proof::{Hash, VerifierKey};
use ed25519_dalek::{Signer as _, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::figures::{self, Netting};

pub const OPERATOR: &str = "coalition.example";
pub const PARTY: &str = "shop";

/// What entries are in a statement, and what they are owed for.
const KINDS: [(&str, &str); 4] = [
    ("refund", "reimbursement_reversed"),
    ("burn", "reimbursement"),
    ("exchange", "exchange"),
    ("earn", "funding"),
];

pub fn sha(parts: &[&[u8]]) -> Hash {
    parts.iter().fold(Sha256::new(), |digest, part| digest.chain_update(part)).finalize().into()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn split(leaves: &[Hash]) -> (&[Hash], &[Hash]) {
    leaves.split_at(leaves.len().next_power_of_two() / 2)
}

pub fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => sha(&[]),
        [leaf] => *leaf,
        _ => sha(&[&[1], &root(split(leaves).0), &root(split(leaves).1)]),
    }
}

pub fn inclusion(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = split(leaves);
    let (mut path, sibling) = match index.checked_sub(left.len()) {
        None => (inclusion(index, left), right),
        Some(index) => (inclusion(index, right), left),
    };
    path.push(root(sibling));
    path
}

pub fn consistency(size: usize, leaves: &[Hash], is_whole: bool) -> Vec<Hash> {
    if size == leaves.len() {
        return if is_whole { Vec::new() } else { vec![root(leaves)] };
    }
    let (left, right) = split(leaves);
    let (mut path, sibling) = if size <= left.len() {
        (consistency(size, left, is_whole), right)
    } else {
        (consistency(size - left.len(), right, false), left)
    };
    path.push(root(sibling));
    path
}

pub fn base64(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| STANDARD.encode(hash)).collect()
}

fn signing_key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn key_id(public: &[u8]) -> Vec<u8> {
    sha(&[OPERATOR.as_bytes(), b"\n\x01", public])[..4].to_vec()
}

/// The operator's key, as a partner has it.
pub fn verifier_key() -> VerifierKey {
    let public = signing_key().verifying_key().to_bytes();
    let key = [&[1], &public[..]].concat();
    let text = format!("{OPERATOR}+{}+{}", hex(&key_id(&public)), STANDARD.encode(key));
    text.parse().expect("the operator's key is one")
}

pub fn note(text: &str) -> String {
    let key = signing_key();
    let id = key_id(key.verifying_key().as_bytes());
    let signature = [id, key.sign(text.as_bytes()).to_bytes().to_vec()].concat();
    format!("{text}\n\u{2014} {OPERATOR} {}\n", STANDARD.encode(signature))
}

/// One transaction of a log.
pub struct Recorded {
    pub before: Hash,
    pub chain: Hash,
    pub entries: Vec<String>,
}

impl Recorded {
    pub fn salt(&self, place: u32) -> Hash {
        sha(&[b"coalition/salt", &self.before, &place.to_be_bytes()])
    }

    pub fn commitments(&self) -> Vec<Hash> {
        let entries = (1..).zip(&self.entries);
        entries.map(|(place, entry)| sha(&[&self.salt(place), entry.as_bytes()])).collect()
    }

    pub fn c(&self) -> Hash {
        sha(&[b"coalition/leaf", &self.chain])
    }

    pub fn leaf(&self) -> Hash {
        sha(&[&[0], &self.c(), &self.commitments().concat()])
    }
}

/// The logs of all shards.
#[derive(Default)]
pub struct Books {
    pub logs: BTreeMap<i64, Vec<Recorded>>,
}

/// A line of a statement, before it is written.
#[derive(Clone)]
pub struct Row {
    pub key: (i64, usize, u32),
    pub debit: Option<u64>,
    pub credit: Option<u64>,
    pub entry: String,
    /// What the line says beside amounts and entry, as members of its object.
    pub more: String,
}

impl Row {
    /// The line's text.
    pub fn text(&self, number: usize) -> String {
        let (shard, seq, place) = self.key;
        let money = |cents: Option<u64>| json!(cents.map(money));
        format!(
            r#"{{"line_no":{number},"shard":{shard},"seq":{seq},"place":{place},"gross_debit":{},"gross_credit":{},{}"entry":{}}}"#,
            money(self.debit),
            money(self.credit),
            self.more,
            self.entry
        )
    }
}

/// What a line says beside amounts and entry.
fn more((shard, seq, _): (i64, usize, u32), is_debit: bool, entry: &Value) -> String {
    let kind = match entry["record_type"].as_str().expect("a text") {
        "exchange" if is_debit => "exchange_out",
        "exchange" => "exchange_in",
        other => other,
    };
    let funder = match entry["obligation"].as_str().expect("a text") {
        "funding" => format!(r#""funder":{},"#, entry["from"]),
        _ => String::new(),
    };
    let leaf = seq - 1;
    format!(r#""record_type":"{kind}",{funder}"status":"posted","proof":"{shard}/{leaf}","#)
}

pub fn money(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

impl Books {
    /// Adds transactions to a log: some with two entries, some with none, some of others.
    pub fn record(&mut self, shard: i64, count: usize) {
        let log = self.logs.entry(shard).or_default();
        for _ in 0..count {
            let before = log.last().map_or([0; 32], |last| last.chain);
            let seq = log.len() + 1;
            let entry = |place: usize, from: &str, to: &str, cents: usize| {
                let amount = money(u64::try_from(cents).expect("small"));
                let (kind, obligation) = KINDS[seq % KINDS.len()];
                format!(
                    r#"{{"amount":"{amount}","cycle":"2024-07-10","from":"{from}","id":"tx_{shard}_{seq}/{place}","obligation":"{obligation}","points":"{seq}","record_type":"{kind}","to":"{to}"}}"#
                )
            };
            let entries = match seq % 5 {
                0 => Vec::new(),
                1 => vec![entry(1, "bank", "brand", 5)],
                2 => vec![entry(1, PARTY, "brand", seq * 7), entry(2, "bank", PARTY, seq * 3)],
                3 => vec![entry(1, "bank", "brand", 1), entry(2, PARTY, "bank", 100 * seq)],
                _ => vec![entry(1, "brand", PARTY, seq)],
            };
            let chain = sha(&[&before, entries.concat().as_bytes(), b"stored"]);
            log.push(Recorded { before, chain, entries });
        }
    }

    pub fn leaves(&self, shard: i64) -> Vec<Hash> {
        self.logs[&shard].iter().map(Recorded::leaf).collect()
    }

    /// The party's rows of a log, from one place to another.
    fn rows(&self, shard: i64, first: usize) -> Vec<Row> {
        let mut rows = Vec::new();
        for (index, recorded) in self.logs[&shard].iter().enumerate().skip(first - 1) {
            for (place, entry) in (1..).zip(&recorded.entries) {
                let says: Value = serde_json::from_str(entry).expect("an entry is JSON");
                let cents = says["amount"].as_str().expect("a text").replace('.', "");
                let cents = Some(cents.parse().expect("an amount"));
                let key = (shard, index + 1, place);
                let is_debit = says["from"] == PARTY;
                let (debit, credit) = if is_debit { (cents, None) } else { (None, cents) };
                if is_debit || says["to"] == PARTY {
                    let more = more(key, is_debit, &says);
                    rows.push(Row { key, debit, credit, entry: entry.clone(), more });
                }
            }
        }
        rows
    }

    /// A statement over all that was recorded since the sizes of the one before.
    pub fn draft(&self, id: &str, previous: Option<&Draft>) -> Draft {
        let sizes = self.logs.iter().map(|(shard, log)| (*shard, log.len())).collect();
        let before = previous.map_or_else(BTreeMap::new, |draft| draft.sizes.clone());
        let (mut rows, mut cut) = (Vec::new(), Vec::new());
        let (mut checkpoints, mut proofs) = (Vec::new(), Vec::new());
        for (shard, log) in &self.logs {
            let from = before.get(shard).copied().unwrap_or(0);
            let leaves = self.leaves(*shard);
            rows.extend(self.rows(*shard, from + 1));
            cut.push(json!({"shard": shard, "first": from + 1, "last": log.len()}));
            let root = STANDARD.encode(root(&leaves));
            let text = format!("{OPERATOR}/log/{shard}\n{}\n{root}\n", log.len());
            checkpoints.push(json!({"shard": shard, "note": note(&text)}));
            if from != 0 {
                let path = base64(&consistency(from, &leaves, true));
                proofs.push(json!({"shard": shard, "from": from, "to": log.len(), "path": path}));
            }
        }
        let named = previous.map(|draft| {
            json!({"statement": draft.header["statement"], "sha256": hex(&sha(&[draft.file().as_bytes()]))})
        });
        let header = json!({
            "statement": id, "layout": 2, "party": PARTY, "cycle": "2024-07-10", "operator": OPERATOR,
            "currency": "EUR", "money_scale": 2, "opened_at": "2024-07-10T00:00:00Z",
            "closed_at": "2024-07-11T00:00:00Z", "previous": named, "checkpoints": checkpoints,
            "consistency": proofs, "cut": cut,
        });
        let (control, summary, matrix, cash) = (None, None, None, None);
        Draft { header, rows, late: "[]".to_owned(), control, summary, matrix, cash, sizes }
    }

    /// The text of the party's receipt of a transaction.
    pub fn receipt_text(&self, shard: i64, seq: usize) -> String {
        let recorded = &self.logs[&shard][seq - 1];
        let leaf = STANDARD.encode(recorded.leaf());
        let mut text = format!(
            "{OPERATOR}/receipt\nlog {OPERATOR}/log/{shard}\ntransaction tx_{shard}_{seq}\nseq {seq}\n\
             leaf {leaf}\nrecorded_at 2024-07-10T12:00:00Z\nparty {PARTY}\ncurrency EUR\n"
        );
        for entry in &recorded.entries {
            let says: Value = serde_json::from_str(entry).expect("an entry is JSON");
            let side = if says["from"] == PARTY { "debit" } else { "credit" };
            if says["from"] == PARTY || says["to"] == PARTY {
                let field = |name: &str| says[name].as_str().expect("a text").to_owned();
                let (id, cycle, amount) = (field("id"), field("cycle"), field("amount"));
                text += &format!("entry {id} {cycle} {side} {amount}\n");
            }
        }
        text
    }

    /// The party's receipts of all that was recorded.
    pub fn receipts(&self) -> String {
        let places =
            self.logs.iter().flat_map(|(shard, log)| (1..=log.len()).map(|seq| (*shard, seq)));
        places.map(|(shard, seq)| note(&self.receipt_text(shard, seq))).collect()
    }

    /// The proofs of a statement's lines.
    pub fn proofs(&self, draft: &Draft) -> String {
        let mut places: BTreeMap<(i64, usize), Vec<u32>> = BTreeMap::new();
        for Row { key: (shard, seq, place), .. } in &draft.rows {
            places.entry((*shard, *seq)).or_default().push(*place);
        }
        let mut lines = String::new();
        let leaves: BTreeMap<_, _> =
            self.logs.keys().map(|shard| (*shard, self.leaves(*shard))).collect();
        for ((shard, seq), places) in places {
            let recorded = &self.logs[&shard][seq - 1];
            let hexes = |hashes: Vec<Hash>| hashes.iter().map(|one| hex(one)).collect::<Vec<_>>();
            let salt = |place: &u32| format!(r#""{place}":"{}""#, hex(&recorded.salt(*place)));
            let salts = places.iter().map(salt).collect::<Vec<_>>().join(",");
            lines += &format!(
                "{{\"shard\":{shard},\"seq\":{seq},\"c\":\"{}\",\"commitments\":{},\"salts\":{{{salts}}},\"path\":{}}}\n",
                hex(&recorded.c()),
                json!(hexes(recorded.commitments())),
                json!(base64(&inclusion(seq - 1, &leaves[&shard]))),
            );
        }
        lines
    }
}

/// A statement that is not signed yet.
#[derive(Clone)]
pub struct Draft {
    pub header: Value,
    pub rows: Vec<Row>,
    pub late: String,
    /// What stands in these sections, if it is not what follows from the rows.
    pub control: Option<Value>,
    pub summary: Option<Value>,
    pub matrix: Option<Value>,
    pub cash: Option<Value>,
    pub sizes: BTreeMap<i64, usize>,
}

impl Draft {
    pub fn honest_control(&self) -> Value {
        figures::control(&self.rows)
    }

    pub fn body(&self) -> String {
        let rows: Vec<String> =
            (1..).zip(&self.rows).map(|(number, row)| row.text(number)).collect();
        let rows = if rows.is_empty() { String::new() } else { rows.join(",\n") + "\n" };
        let summary = self.summary.clone().unwrap_or_else(|| figures::summary(&self.rows));
        let matrix = self.matrix.clone().unwrap_or_else(|| figures::matrix(&self.rows));
        let cash = self.cash.clone().unwrap_or_else(|| figures::cash(&self.rows, Netting::All));
        let control = self.control.clone().unwrap_or_else(|| self.honest_control());
        format!(
            "{{\"header\":{},\n\"summary\":{summary},\n\"lines\":[\n{rows}],\n\"late\":{},\n\"matrix\":{matrix},\n\"cash\":{cash},\n\"control\":{control}",
            self.header, self.late
        )
    }

    /// The statement, signed.
    pub fn file(&self) -> String {
        self.signed(&self.body())
    }

    /// Another body under this statement's name, signed by the operator.
    pub fn signed(&self, body: &str) -> String {
        let id = self.header["statement"].as_str().expect("a text");
        let digest = hex(&sha(&[body.as_bytes()]));
        let lines = self.rows.len();
        let text = format!("{OPERATOR}/statement/{id}\nsha256 {digest}\nlines {lines}\n");
        format!("{body},\n\"signature\":{}}}\n", json!(note(&text)))
    }
}

/// Books of three shards, the house's among them.
pub fn books() -> Books {
    let mut books = Books::default();
    books.record(0, 21);
    books.record(3, 34);
    books.record(1023, 8);
    books
}
