//! Cards: what a wallet issues and shows, and what a till asks.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::Accepted;
use crate::client::Client;
use crate::connection::Outgoing;
use crate::error::Error;
use crate::path::encoded;
use crate::receipt::PurchaseLine;
use crate::refusal::Problem;

/// A card's barcode.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Barcode {
    /// `ean13`, `code128`, `qr`, `pdf417` or `aztec`.
    pub kind: String,
    /// The number.
    pub value: String,
    /// Whether a code that changes is to be shown in its place.
    pub rotating: bool,
}

/// A card.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Card {
    /// Its number.
    pub number: String,
    /// The programme.
    pub programme: String,
    /// The member's id.
    pub member: String,
    /// The wallet that issued it.
    pub wallet: String,
    /// `active`, `frozen`, `replaced` or `closed`.
    pub state: String,
    /// The number of the card that took its place.
    pub replaced_by: Option<String>,
    /// Its barcode.
    pub barcode: Barcode,
}

/// What a card shows, or that it still shows what the caller has.
#[derive(Clone, Debug, PartialEq)]
pub enum CardView {
    /// It shows this.
    Fresh {
        /// What to ask with the next time.
        etag: String,
        /// All that it shows, as the API's document says.
        face: Value,
    },
    /// Nothing changed since the answer with that tag.
    Unchanged,
}

/// What a till asks about a card that it scanned.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ResolveRequest {
    /// What it scanned: a number, or a rotating code.
    pub card: String,
    /// The programme; none: the card's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub programme: Option<String>,
    /// The receipt's amount; none: there are lines, or no receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// The receipt's lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<PurchaseLine>>,
}

/// What a till is told of the card itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ResolvedCard {
    /// The number.
    pub number: String,
    /// Where it stands.
    pub state: String,
}

/// What the receipt would come to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct ResolvedQuote {
    /// The most points that may be burned.
    pub max_burn: String,
    /// What they take off the price.
    pub max_burn_value: String,
    /// What is left to pay then.
    pub to_pay_at_least: String,
    /// What the receipt earns without burning.
    pub would_earn: String,
}

/// What a till is told.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Resolved {
    /// The card.
    pub card: ResolvedCard,
    /// Whether a rotating code was taken.
    pub verified: bool,
    /// What to be careful about, such as `card_frozen`.
    pub warnings: Vec<String>,
    /// The member's id.
    pub member: String,
    /// The programme.
    pub programme: String,
    /// Available, pending, held and owed points.
    pub balance: Value,
    /// The member's tier.
    pub tier: Value,
    /// Live promotions.
    pub offers: Vec<Value>,
    /// What the receipt would come to.
    pub quote: Option<ResolvedQuote>,
}

impl Client {
    /// Issues a card of a programme to a member, by any of its names. The status is 200 where the
    /// member has one already.
    ///
    /// # Errors
    /// If it is refused, or no answer came; then call again with the same key.
    pub fn issue_card(
        &self,
        programme: &str,
        member: &str,
        idempotency_key: &str,
    ) -> Result<Accepted<Card>, Error> {
        let body = serde_json::json!({"programme": programme, "member": member});
        self.post("/v1/cards", idempotency_key, &body)?.accepted()
    }

    /// What a card shows, unless it is what the caller has: `etag` is the tag of the answer before.
    ///
    /// # Errors
    /// If it is refused, or no answer came.
    pub fn card_view(&self, number: &str, etag: Option<&str>) -> Result<CardView, Error> {
        let target = format!("/v1/cards/{}", encoded(number));
        let headers: Vec<(&str, &str)> =
            etag.map(|tag| ("if-none-match", tag)).into_iter().collect();
        let answer =
            self.connection().send(&Outgoing { headers: &headers, ..Outgoing::get(&target) })?;
        match answer.status {
            304 => Ok(CardView::Unchanged),
            200 => {
                let etag = answer.header("etag").unwrap_or_default().to_owned();
                Ok(CardView::Fresh { etag, face: answer.json()? })
            }
            status => Err(Error::Refused(Box::new(Problem::from_body(status, &answer.body)))),
        }
    }

    /// Asks all that a till needs about a card that it scanned. A rotating code is taken once; the
    /// same key gets the same answer again.
    ///
    /// # Errors
    /// If it is refused, or no answer came; then call again with the same key.
    pub fn resolve(
        &self,
        request: &ResolveRequest,
        idempotency_key: &str,
    ) -> Result<Accepted<Resolved>, Error> {
        self.post("/v1/cards/resolve", idempotency_key, request)?.accepted()
    }
}
