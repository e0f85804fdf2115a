//! What closing a cycle adds to what was posted in it.

use super::{CycleId, PositionSum};
use crate::domain::posting::Posting;
use crate::domain::terms::Coalition;

/// The postings that close a cycle.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClosingEntries {
    /// Those that the cycle itself settles.
    pub closing: Vec<Posting>,
    /// Those that the open cycle settles: what was carried over into it.
    pub opening: Vec<Posting>,
}

/// What closing a cycle with these positions adds.
pub fn closing_entries(
    _coalition: &Coalition,
    _cycle: &CycleId,
    _positions: &[PositionSum],
) -> ClosingEntries {
    ClosingEntries::default()
}
