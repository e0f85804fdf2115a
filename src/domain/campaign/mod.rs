//! Campaigns, pure: who is meant, what they get, how much that may cost, who is told, and whether it
//! worked. What a campaign *does* stands in `crate::campaigns`; here it is only written, checked and
//! reckoned.
//!
//! `document` is what people write, `plan` its checked form, `segment` who is meant, `arms` the groups, `budget` the limits of
//! what is given, `notice` the channels with their caps and quiet hours, `uplift` the arithmetic of
//! the comparison.

pub mod arms;
pub mod budget;
pub mod document;
pub mod notice;
pub mod plan;
pub mod segment;
pub mod tally;
#[cfg(test)]
mod tests;
pub mod uplift;

pub use arms::Arm;
pub use document::CampaignDocument;
pub use notice::{Channel, ChannelDocument, ChannelRules};
pub use plan::{Campaign, ControlGets, Step, Way, When};
pub use segment::{Attributes, Segment, SegmentDocument};

use serde::{Deserialize, Serialize};

macro_rules! states {
    ($($(#[$doc:meta])* $variant:ident $name:literal,)*) => {
        /// Where a campaign stands.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum CampaignState {
            $($(#[$doc])* $variant,)*
        }

        impl CampaignState {
            /// The name in the API and in the database.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The state of a name.
            pub fn named(name: &str) -> Option<Self> {
                [$(Self::$variant),*].into_iter().find(|state| state.name() == name)
            }
        }
    };
}

states! {
    /// It is being written; nobody is given anything.
    Draft "draft",
    /// It grants and tells.
    Running "running",
    /// Somebody stopped it; it can be started again.
    Stopped "stopped",
    /// Its time is over.
    Ended "ended",
}
