//! Reconciliation: a partner's own list beside the ledger (rulebook §9).
//!
//! [`reconcile`] takes the two sides of a [`Book`] and ties their lines: by business key, by amount
//! and time, and several to one. A line is tied at most once. Every line ends in exactly one
//! [`Class`]; what is no match becomes a [`Break`] with its effect and a proposal, and the
//! [`Bridge`] leads from their totals to ours without a residue.
//!
//! Nothing is guessed: where two lines answer equally well, none is taken. The order in which lines
//! come changes nothing; all work is done in one canonical order.
//!
//! Reading order: `line` (the two sides), `rules`, `tie`, then the three steps `by_key`, `in_parts`
//! and `by_time`, then `class`, `finding`, `bridge`, `verdict`. `handling` and `dispute` are what happens to a
//! break afterwards, `settled` how a later run knows it again.

mod bridge;
mod by_key;
mod by_time;
mod class;
pub mod dispute;
mod finding;
pub mod handling;
mod in_parts;
mod line;
mod rules;
mod settled;
#[cfg(test)]
mod tests;
mod tie;
mod verdict;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use bridge::{Bridge, Step, Totals};
pub use class::Class;
pub use finding::{Break, Figures, Proposal};
pub use line::{
    Book, BookError, Compared, Currency, LINES_MAX, OurLine, TheirLine, amount_sign, points_sign,
};
pub use rules::{Control, Rules};
pub use settled::{Earlier, Recognition};
pub use verdict::{Gap, Verdict};

use bridge::Bridges;
use finding::Findings;
use tie::Ties;

/// What a run found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciled {
    /// The one word for it.
    pub verdict: Verdict,
    /// Why the list is not the whole range; empty unless the verdict is `incomplete`.
    pub gaps: Vec<Gap>,
    /// How many of their lines, and of ours that they lack, ended in each class.
    pub counts: BTreeMap<Class, u64>,
    /// What has to be explained, adjusted or written off, numbered from 1.
    pub breaks: Vec<Break>,
    /// What may yet come within the agreed lag; numbered on after the breaks.
    pub pending: Vec<Break>,
    /// Breaks and pending lines beyond [`Rules::breaks_max`]: counted and bridged, not listed.
    pub left_out: u64,
    /// From their totals to ours, one for each currency.
    pub bridges: Vec<Bridge>,
}

/// Compares the two sides.
///
/// # Panics
/// If a bridge has a residue: a line was counted twice or not at all.
pub fn reconcile(book: &Book, rules: &Rules) -> Reconciled {
    let (theirs, ours) = (book.theirs.order(), book.ours.order());
    let mut ties = Ties::new(book);
    by_key::tie(book, rules, (&theirs, &ours), &mut ties);
    in_parts::tie(book, rules, (&theirs, &ours), &mut ties);
    by_time::tie(book, rules, (&theirs, &ours), &mut ties);

    let gaps = verdict::gaps(book, rules, &ties);
    let mut findings = Findings::new(rules);
    let mut bridges = Bridges::of(book);
    for &line in &theirs {
        finding::judge_theirs(book, (line, ties.theirs[line]), &mut findings, &mut bridges);
    }
    for &line in &ours {
        finding::judge_ours(book, (line, ties.ours[line]), &mut findings, &mut bridges);
    }
    let verdict = verdict::of(&gaps, &findings.counts, 0);
    findings.close(verdict, gaps, bridges.close())
}
