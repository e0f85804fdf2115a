//! Events, read over all journals and the outbox by whoever may know of them.
//!
//! A reader keeps its place: how far it has come in each shard's journal and in the outbox. Both
//! are written in order without gaps, so what lies before a place is never added to, and what lies
//! after it is read once.

pub mod openings;
pub mod place;
mod reader;

pub use place::Place;
pub use reader::{Bounds, Page, Told, end, one, read, since};
