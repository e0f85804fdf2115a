//! What money is owed for.

use serde::{Deserialize, Serialize};

macro_rules! obligation_kinds {
    ($($(#[$doc:meta])* $variant:ident $name:literal,)*) => {
        /// What an amount of money is owed for.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum ObligationKind {
            $($(#[$doc])* $variant,)*
        }

        impl ObligationKind {
            /// All kinds, in their order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The kind as it stands in positions and statements; reversals stand apart.
            pub const fn name(self, reverses: bool) -> &'static str {
                match (self, reverses) {
                    $(
                        (Self::$variant, false) => $name,
                        (Self::$variant, true) => concat!($name, "_reversed"),
                    )*
                }
            }
        }
    };
}

obligation_kinds! {
    /// A funding party owes the pool the value of points given out.
    Funding "funding",
    /// A funding party owes the pool its share of points that were burned, lot by lot.
    LotFunding "lot_funding",
    /// The earning partner owes the operator its fee.
    EarnFee "earn_fee",
    /// The pool owes the accepting partner for points burned.
    Reimbursement "reimbursement",
    /// The accepting partner owes the operator its fee.
    BurnFee "burn_fee",
    /// The pool gives a share of what expired points leave.
    Breakage "breakage",
    /// The pool of the programme left owes the pool of the programme entered.
    Exchange "exchange",
    /// Who agreed to pays for cards that were issued.
    CardFee "card_fee",
    /// Who agreed to pays for messages that were sent.
    MessageFee "message_fee",
    /// A party buys points in advance.
    Pack "pack",
    /// The pool gives back what a cycle's volume makes cheaper.
    VolumeDiscount "volume_discount",
    /// A party owes the operator what is missing to the least fee of a cycle.
    MinimumFee "minimum_fee",
    /// Value added tax on top of what one party owes another.
    Vat "vat",
    /// A net too small to pay goes into the next cycle.
    CarryOver "carry_over",
    /// A correction of an earlier cycle.
    Adjustment "adjustment",
    /// An amount in dispute is set aside, or released again.
    DisputeReserve "dispute_reserve",
    /// Money that a bank moved.
    Payment "payment",
    /// The party of a receipt owes the pool what missing points of a refund were funded with.
    Shortfall "shortfall",
}

impl ObligationKind {
    /// Whether it is owed for pieces, such as cards, and not for points.
    pub const fn counts_pieces(self) -> bool {
        matches!(self, Self::CardFee | Self::MessageFee)
    }

    /// The kind of a name, and whether it is a reversal.
    pub fn named(name: &str) -> Option<(Self, bool)> {
        let both = Self::ALL.iter().flat_map(|&kind| [(kind, false), (kind, true)]);
        both.into_iter().find(|(kind, reverses)| kind.name(*reverses) == name)
    }
}
