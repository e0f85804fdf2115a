//! The help desk: one read that answers what members ask. When can I spend my points, what did I get
//! for this order and why, how much have I.
//!
//! Whoever asks is written down before the answer is given. Contacts are masked for whoever is not
//! the operator.

mod ask;
mod card;
pub mod mask;
mod order;
pub mod slack;
pub mod words;

pub use ask::{Asked, Kind, NotAsked};
pub use card::{Desk, Found, Reading};
