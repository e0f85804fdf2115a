//! Requests as the contract words them.
//!
//! Amounts, points and instants are the strings that are sent; the server judges them. A field
//! that is `None` is left out.

use serde::{Deserialize, Serialize};

use crate::receipt::{PurchaseLine, Till};

/// A transaction to be recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Transaction {
    /// A member buys.
    Purchase(Purchase),
    /// A bank's card is used.
    CardPayment(CardPayment),
    /// Goods of an earlier purchase were delivered.
    Delivery(Delivery),
    /// A purchase is taken back, in part or whole.
    Refund(Refund),
    /// Points are given without a purchase.
    Grant(Grant),
    /// Points are reserved.
    Hold(Hold),
    /// Reserved points are burned.
    Capture(Capture),
    /// Reserved points are released.
    Void(Void),
    /// Points of one programme become those of another.
    Exchange(Exchange),
    /// Two members turn out to be one.
    Merge(Merge),
    /// A brand lets one member burn a share of its own.
    PersonalRule(PersonalRule),
    /// A party buys points in advance.
    Pack(Pack),
    /// A party did something that another pays for.
    Service(Service),
}

/// Lets `request.into()` make a [`Transaction`] of each kind's request.
macro_rules! kinds {
    ($($kind:ident),+) => {
        $(impl From<$kind> for Transaction {
            fn from(request: $kind) -> Self {
                Self::$kind(request)
            }
        })+
    };
}

kinds!(
    Purchase,
    CardPayment,
    Delivery,
    Refund,
    Grant,
    Hold,
    Capture,
    Void,
    Exchange,
    Merge,
    PersonalRule,
    Pack,
    Service
);

/// A member buys. Either `amount` or `lines` is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purchase {
    /// The party's reference, say the receipt.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The programme.
    pub programme: String,
    /// The member, by any of its names.
    pub member: String,
    /// The total in money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// The lines of the receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<PurchaseLine>>,
    /// Points to burn, or `max`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burn: Option<String>,
    /// The reference of the party's own hold that the burn is taken from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
    /// The currency, where it is not the coalition's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// When it happened, where it is not now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What the till says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub till: Option<Till>,
}

/// A bank's card is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardPayment {
    /// The bank's reference.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The token that stands for the card; never its number.
    pub card_token: String,
    /// The money.
    pub amount: String,
    /// The merchant category code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcc: Option<String>,
    /// The currency, where it is not the coalition's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// When it happened, where it is not now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// Goods of an earlier purchase were delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The reference of the party's own purchase.
    pub of: String,
    /// When it happened, where it is not now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// A purchase is taken back: linked by `of` with `amount` or `lines`, or unlinked with
/// `programme`, `member` and `amount`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// The party's reference of the refund.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The reference of the party's own original.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// The programme, if unlinked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub programme: Option<String>,
    /// The member, if unlinked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// The money given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// The ids of the lines taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<String>>,
    /// The currency, where it is not the coalition's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// When it happened, where it is not now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// What the till says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub till: Option<Till>,
}

/// Points are given without a purchase.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The party's reference.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The programme.
    pub programme: String,
    /// The member, by any of its names.
    pub member: String,
    /// How many.
    pub points: String,
    /// The last day on which they can be burned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_through: Option<String>,
    /// The day from which they can be burned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub available_at: Option<String>,
    /// Who pays for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub funding: Option<Vec<FundingShare>>,
    /// What a point costs those who pay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_per_point: Option<String>,
    /// The factor on that price, where it is not 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentage: Option<String>,
    /// When it is owed, where it is not at issue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settle: Option<Settle>,
    /// The promotion that they belong to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promo: Option<String>,
    /// What for, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// When what points cost is owed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Settle {
    /// All of it, `at_issue` or `at_burn`.
    Once(String),
    /// A share at issue, the rest when the points are burned.
    Split {
        /// The share, as in `0.4`.
        at_issue: String,
    },
}

/// What part a party pays of a grant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FundingShare {
    /// The party.
    pub party: String,
    /// Its share, as in `0.7`.
    pub share: String,
}

/// Points are reserved.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The party's reference.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The programme.
    pub programme: String,
    /// The member, by any of its names.
    pub member: String,
    /// How many.
    pub points: String,
    /// For how long, where it is not the programme's usual time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_for: Option<ValidFor>,
}

/// For how long a hold lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValidFor {
    /// So many days.
    Days(u32),
    /// So many hours.
    Hours(u32),
    /// So many minutes.
    Minutes(u32),
}

/// Reserved points are burned.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// The reference of the party's own hold.
    pub of: String,
    /// How many; all if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub points: Option<String>,
    /// What the till says of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub till: Option<Till>,
}

/// Reserved points are released.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Void {
    /// The reference of the party's own hold.
    pub of: String,
}

/// Points of one programme become those of another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The party's reference.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The programme that gives.
    pub from: String,
    /// The programme that takes.
    pub to: String,
    /// The member, by any of its names.
    pub member: String,
    /// How many of the giving programme's points.
    pub points: String,
}

/// Two members turn out to be one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merge {
    /// The member that stays.
    pub keep: String,
    /// The member that becomes a name of the other.
    pub drop: String,
}

/// A brand lets one member burn a share of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonalRule {
    /// The brand's reference.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The programme.
    pub programme: String,
    /// The member, by any of its names.
    pub member: String,
    /// The share, as in `0.6`; `None` is sent as null and ends the rule.
    pub max_share: Option<String>,
}

/// A party buys points in advance, at the price of its agreement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    /// The party's reference.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The programme.
    pub programme: String,
    /// How many.
    pub points: String,
    /// The day from which they can be given out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_from: Option<String>,
    /// The last day on which they can be given out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_through: Option<String>,
}

/// A party did something that another pays for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// The party's reference.
    #[serde(rename = "ref")]
    pub reference: String,
    /// The programme.
    pub programme: String,
    /// What was done: `card_issued` or `message`.
    pub service: String,
    /// How often, where it is not once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// When it happened, where it is not now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// A question of what a purchase would come to. Either `amount` or `lines` is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuoteRequest {
    /// The programme.
    pub programme: String,
    /// The member, by any of its names.
    pub member: String,
    /// The total in money.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// The lines of the receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<PurchaseLine>>,
    /// The currency, where it is not the coalition's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// A member to be created; at least one name is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewMember {
    /// The telephone number, `+79160000001`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// The e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Ids of the posting party's own.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub external_ids: Vec<String>,
    /// Tokens of cards.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub card_tokens: Vec<String>,
}
