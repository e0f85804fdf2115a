//! Answers of the server, raw and typed.
//!
//! The types hold what the contract names and skip what they do not know, so that a newer server
//! does not break an older partner. Numbers of points and money stay the decimal strings they are.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use ureq::http::HeaderMap;

use crate::error::Error;
use crate::refusal::Problem;

/// What the server answered, accepted or not.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Whether this repeats the answer to an earlier request under the same idempotency key.
    pub replayed: bool,
    /// The server's name for this request, to be quoted in questions about it.
    pub request_id: Option<String>,
    /// The body as it came.
    pub body: Vec<u8>,
    headers: HeaderMap,
}

impl Answer {
    pub(crate) fn new(status: u16, headers: &HeaderMap, body: Vec<u8>) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            status,
            replayed: text("idempotent-replayed") == Some("true"),
            request_id: text("x-request-id").map(str::to_owned),
            body,
            headers: headers.clone(),
        }
    }

    /// The value of a header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the status is in the two hundreds.
    pub fn is_accepted(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The body as text; bytes that are no UTF-8 are replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The refusal, if it is one.
    pub fn problem(&self) -> Option<Problem> {
        (!self.is_accepted()).then(|| Problem::from_body(self.status, &self.body))
    }

    /// Reads the body as JSON, whatever the status.
    ///
    /// # Errors
    /// If the body is not such JSON.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|source| Error::NotUnderstood {
            text: self.text().chars().take(200).collect(),
            source,
        })
    }

    /// The text of an accepted answer; a refusal becomes [`Error::Refused`].
    pub(crate) fn accepted_text(self) -> Result<String, Error> {
        match self.problem() {
            Some(problem) => Err(Error::Refused(Box::new(problem))),
            None => Ok(self.text()),
        }
    }

    /// Reads an accepted answer; a refusal becomes [`Error::Refused`].
    ///
    /// # Errors
    /// If it is a refusal, or the body is not what it should be.
    pub fn accepted<T: DeserializeOwned>(self) -> Result<Accepted<T>, Error> {
        match self.problem() {
            Some(problem) => Err(Error::Refused(Box::new(problem))),
            None => Ok(Accepted { value: self.json()?, answer: self }),
        }
    }
}

/// An accepted answer: what it says, and how it came.
#[derive(Clone, Debug)]
pub struct Accepted<T> {
    /// What it says.
    pub value: T,
    /// Status, replay, request id and raw body.
    pub answer: Answer,
}

/// A transaction as the server recorded it; which fields are there depends on its kind.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RecordedTransaction {
    /// The server's id; missing for a delivery that changed nothing.
    pub id: Option<String>,
    /// The kind, spelled as in the request.
    pub kind: String,
    /// The party's reference.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// The party that posted it.
    pub party: Option<String>,
    /// The member's id.
    pub member: Option<String>,
    /// When it was recorded.
    pub recorded_at: Option<String>,
    /// The day of settlement it belongs to.
    pub settlement_day: Option<String>,
    /// The programme.
    pub programme: Option<String>,
    /// What each programme made of a card payment, or of its refund.
    pub programmes: Option<BTreeMap<String, ProgrammeOutcome>>,
    /// Points earned by a purchase.
    pub earned: Option<String>,
    /// Points burned by a purchase.
    pub burned: Option<String>,
    /// Money left to pay.
    pub to_pay: Option<String>,
    /// The member's tier.
    pub tier: Option<String>,
    /// The reference of the original.
    pub of: Option<String>,
    /// Whether a delivery changed anything; false when repeated.
    pub changed: Option<bool>,
    /// Burned points given back by a refund.
    pub restored: Option<String>,
    /// Earned points taken back by a refund.
    pub clawed_back: Option<String>,
    /// Points that a refund could not take back and that the member owes.
    pub debt_added: Option<String>,
    /// Points granted.
    pub granted: Option<String>,
    /// Points held.
    pub held: Option<String>,
    /// When the hold ends by itself.
    pub valid_until: Option<String>,
    /// Points released from a hold.
    pub released: Option<String>,
    /// The programme points were exchanged from.
    pub from: Option<String>,
    /// The programme points were exchanged to.
    pub to: Option<String>,
    /// Points taken by an exchange.
    pub taken: Option<String>,
    /// Points given by an exchange.
    pub given: Option<String>,
    /// The member that a merge keeps.
    pub keep: Option<String>,
    /// The member that a merge drops.
    pub drop: Option<String>,
    /// The personal share that may be burned.
    pub max_share: Option<String>,
    /// Points of a pack.
    pub points: Option<String>,
    /// What a whole point of a pack cost.
    pub price_per_point: Option<String>,
    /// What a pack or a service cost.
    pub amount: Option<String>,
    /// From when on a pack can be used.
    pub valid_from: Option<String>,
    /// Which service was done.
    pub service: Option<String>,
    /// How often.
    pub count: Option<i64>,
    /// Who pays for a service.
    pub paid_by: Option<String>,
    /// The postings that the caller is a side of; only when asked for one transaction.
    pub postings: Vec<Posting>,
    /// The lots granted; only when asked for one transaction.
    pub lots: Vec<LotGranted>,
    /// How the figures came about; only when asked for one transaction.
    pub explain: Option<Value>,
    /// The version of the configuration that decided it.
    pub config_version: Option<Value>,
    /// The transaction's hash in the log.
    pub hash: Option<String>,
}

/// What one programme made of a card payment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ProgrammeOutcome {
    /// Points earned.
    pub earned: Option<String>,
    /// Why none were earned: a refusal's code.
    pub refused: Option<String>,
    /// Burned points given back by a refund.
    pub restored: Option<String>,
    /// Earned points taken back by a refund.
    pub clawed_back: Option<String>,
    /// Points that a refund could not take back.
    pub debt_added: Option<String>,
}

/// One posting of the ledger.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Posting {
    /// The account it is taken from.
    pub from: String,
    /// The account it is given to.
    pub to: String,
    /// A programme's points, or a currency.
    pub unit: String,
    /// How much.
    pub amount: String,
    /// The lot, where points move.
    pub lot: Option<Value>,
    /// The kind of obligation, where money moves.
    pub obligation: Option<Value>,
    /// The posting that this one takes back.
    pub reverses: Option<Value>,
}

/// A lot of points that a transaction granted.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct LotGranted {
    /// The lot's id.
    pub id: Value,
    /// Points granted.
    pub granted: String,
    /// From when they can be burned.
    pub available_at: Option<String>,
    /// When they expire.
    pub expires_at: Option<String>,
}

/// What a purchase would come to; nothing is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Quote {
    /// The programme.
    pub programme: String,
    /// The member's id.
    pub member: String,
    /// The most points that could be burned.
    pub max_burn: Option<String>,
    /// Their value in money.
    pub max_burn_value: Option<String>,
    /// The discount of the member's tier.
    pub discount: Option<String>,
    /// What is to be paid in money at least.
    pub to_pay_at_least: Option<String>,
    /// Points that the purchase would earn.
    pub would_earn: Option<String>,
    /// The member's tier.
    pub tier: Option<String>,
    /// Points that can be burned.
    pub available: Option<String>,
    /// Points that cannot be burned yet.
    pub pending: Option<String>,
    /// Points that the member owes.
    pub debt: Option<String>,
}

/// The id of a member that was created.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct MemberId {
    /// The member's id.
    pub member: String,
}

/// A member as the caller may see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Member {
    /// The member's id, after merges.
    pub member: String,
    /// The telephone number, for operators.
    pub phone: Option<String>,
    /// The e-mail address, for operators.
    pub email: Option<String>,
    /// The calling party's own ids.
    pub external_ids: Vec<String>,
    /// The card tokens.
    pub card_tokens: Vec<String>,
}

/// A card token that was linked.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CardToken {
    /// The member's id.
    pub member: String,
    /// The token.
    pub card_token: String,
}

/// A member's balances in the programmes that the caller may see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Balances {
    /// The member's id.
    pub member: String,
    /// The instant they hold for.
    pub as_of: String,
    /// One for each programme.
    pub balances: Vec<Balance>,
}

/// A member's balance in one programme.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Balance {
    /// The programme.
    pub programme: String,
    /// Points that can be burned.
    pub available: String,
    /// Points that cannot be burned yet.
    pub pending: String,
    /// Points held.
    pub held: String,
    /// Points that the member owes.
    pub debt: String,
    /// The member's tier.
    pub tier: Option<String>,
    /// What is pending, by when it becomes available.
    pub pending_lots: Vec<PendingPoints>,
    /// What expires, and when.
    pub expiring: Vec<ExpiringPoints>,
}

/// Points that cannot be burned yet.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct PendingPoints {
    /// How many.
    pub points: String,
    /// From when they can be; none while a delivery is awaited.
    pub available_at: Option<String>,
}

/// Points that expire.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ExpiringPoints {
    /// How many.
    pub points: String,
    /// When.
    pub expires_at: Option<String>,
}

/// A page of a member's history, newest first.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct HistoryPage {
    /// The transactions.
    pub data: Vec<RecordedTransaction>,
    /// Where to go on.
    pub page: Page,
}

/// Where a list goes on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Page {
    /// The cursor of the next page; none on the last.
    pub next: Option<String>,
    /// The most entries of a page.
    pub limit: u32,
}

/// What became of one line of a batch.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct LineResult {
    /// The line's key; none if the line had none that could be read.
    pub idempotency_key: Option<String>,
    /// The status that the line alone would have had.
    pub status: u16,
    /// Whether this repeats an earlier answer.
    #[serde(default)]
    pub replayed: bool,
    /// The transaction, if one was recorded.
    pub transaction: Option<Box<RecordedTransaction>>,
    /// The member, if one was created.
    pub member: Option<MemberId>,
    /// The refusal, if it is one.
    pub problem: Option<Box<Problem>>,
}
