//! What a till says of a receipt beside its amounts: which receipt it is, and of which till.

use serde::{Deserialize, Serialize};

use super::ids::Reference;

/// Where a receipt was made and how it is found again there. Each is a text of 1 to 128 visible ASCII
/// characters, or left out; none of them says who bought or who sold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Till {
    /// The shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shop: Option<Reference>,
    /// The till in the shop.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub till: Option<Reference>,
    /// The shift of the till.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift: Option<Reference>,
    /// The receipt's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Reference>,
    /// The fiscal sign of the receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fiscal_sign: Option<Reference>,
}

impl Till {
    /// What it says, by the names of the fields.
    pub fn fields(&self) -> [(&'static str, Option<&Reference>); 5] {
        [
            ("shop", self.shop.as_ref()),
            ("till", self.till.as_ref()),
            ("shift", self.shift.as_ref()),
            ("receipt", self.receipt.as_ref()),
            ("fiscal_sign", self.fiscal_sign.as_ref()),
        ]
    }

    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.fields().iter().all(|(_, text)| text.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_till_is_written_with_what_it_says_and_read_back() {
        let text = r#"{"shop":"S-12","fiscal_sign":"3522207165"}"#;
        let till: Till = serde_json::from_str(text).expect("a till");
        assert_eq!(serde_json::to_string(&till).expect("plain JSON"), text);
        assert!(!till.is_empty() && Till::default().is_empty());
        for bad in [r#"{"shop":""}"#, r#"{"shop":"a b"}"#, r#"{"cashier":"7"}"#, r#"{"till":7}"#] {
            assert!(serde_json::from_str::<Till>(bad).is_err(), "{bad}");
        }
    }
}
