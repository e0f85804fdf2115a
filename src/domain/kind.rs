//! The kinds of transactions and of services, and their names.

use serde::{Deserialize, Serialize};

use super::named::named;

named! {
    /// The kinds of transactions.
    Kind:
    /// A receipt of a shop.
    Purchase "purchase",
    /// A payment with a linked card.
    CardPayment "card_payment",
    /// A delivery.
    Delivery "delivery",
    /// A refund.
    Refund "refund",
    /// Points given.
    Grant "grant",
    /// Points reserved.
    Hold "hold",
    /// Held points burned.
    Capture "capture",
    /// Held points released.
    Void "void",
    /// Points exchanged.
    Exchange "exchange",
    /// Two profiles joined.
    Merge "merge",
    /// A merge undone.
    Unmerge "unmerge",
    /// A member's own rule.
    PersonalRule "personal_rule",
    /// What the clock did: lots lost, holds timed out.
    Expiry "expiry",
    /// What closing a cycle added.
    Closing "closing",
    /// Money that a bank moved.
    Payment "payment",
    /// Money set right.
    Adjustment "adjustment",
    /// Points bought in advance.
    Pack "pack",
    /// A service that another party pays for.
    Service "service",
}

named! {
    /// What a party does for another for a price.
    ServiceKind:
    /// A card was issued.
    CardIssued "card_issued",
    /// A message was sent.
    Message "message",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_json() {
        for &kind in Kind::ALL {
            assert_eq!(serde_json::to_value(kind).expect("plain JSON"), kind.name());
            assert_eq!(Kind::named(kind.name()), Some(kind));
        }
        for &kind in ServiceKind::ALL {
            assert_eq!(serde_json::to_value(kind).expect("plain JSON"), kind.name());
        }
    }
}
