//! Webhooks: events sent to where parties say, by Standard Webhooks 1.0.0.
//!
//! `plan` turns events into deliveries, endpoint by endpoint, each from its own place; `send` makes
//! the calls and keeps what came of them. All state is in the database, so a server that is killed
//! loses nothing, and several servers share the work.

pub mod address;
pub mod endpoint;
mod plan;
mod schedule;
mod send;
pub mod sign;

pub use plan::plan;
pub use send::{Sender, Sending};
