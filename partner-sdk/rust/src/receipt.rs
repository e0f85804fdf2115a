//! What a till sends of a receipt: its lines, and which receipt it is.

use serde::{Deserialize, Serialize};

/// A line of a receipt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PurchaseLine {
    /// The line's id within the purchase.
    pub id: String,
    /// Its money.
    pub amount: String,
    /// The goods' brand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub brand: Option<String>,
    /// The goods' category.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The article.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// The merchant category code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcc: Option<String>,
}

/// Which receipt it is and of which till: texts of 1 to 128 visible ASCII characters, and nothing of
/// any person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Till {
    /// The shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shop: Option<String>,
    /// The till in the shop.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub till: Option<String>,
    /// The shift of the till.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shift: Option<String>,
    /// The receipt's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<String>,
    /// The fiscal sign of the receipt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fiscal_sign: Option<String>,
}
