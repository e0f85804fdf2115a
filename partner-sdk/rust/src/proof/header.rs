//! The header of a statement: whose it is, what it covers, and on which states of the logs it rests.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::encoding::{hash_from_hex, path_from_base64};
use super::finding::{Fault, Finding, Place};
use super::merkle::Hash;
use super::note::{Checkpoint, VerifierKey};

/// The shard of what the operator posts itself; a cycle covers its log from the beginning.
pub const HOUSE_SHARD: i64 = 1023;

/// The most transactions that a log can have: a place and its shard make an id of 64 bits.
const SIZE_MAX: i64 = i64::MAX >> 10;

/// The latest layout that is known here.
const LAYOUT_MAX: u32 = 2;

/// Decimals of a currency's smallest unit.
const SCALE_MAX: u32 = 8;

/// The header of a statement, with every checkpoint's signature checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The statement's id.
    pub statement: String,
    /// What its lines say; in the first layout no more than amounts, VAT and entries.
    pub layout: u32,
    /// Whose statement it is.
    pub party: String,
    /// The cycle that it closes.
    pub cycle: String,
    /// Who signed it.
    pub operator: String,
    /// The currency of its amounts.
    pub currency: String,
    /// Decimals of the currency's smallest unit.
    pub money_scale: usize,
    /// When the cycle began.
    pub opened_at: String,
    /// When it ended.
    pub closed_at: String,
    /// The statement before it; none: it is the first.
    pub previous: Option<Previous>,
    /// The state of each shard's log.
    pub checkpoints: BTreeMap<i64, Checkpoint>,
    /// Proof, for each shard, that the log continues the one of the statement before.
    pub consistency: BTreeMap<i64, Consistency>,
    /// What the cycle covers of each shard's log.
    pub cut: BTreeMap<i64, Cut>,
}

/// The statement before, by its id and the SHA-256 of its file in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Previous {
    /// The statement's id.
    pub statement: String,
    /// SHA-256 of its whole file, in hexadecimal.
    pub sha256: String,
}

/// Proof that a log of one size continues that of an earlier size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consistency {
    /// The earlier size.
    pub from: i64,
    /// The size.
    pub to: i64,
    /// The proof.
    pub path: Vec<Hash>,
}

/// The transactions that a cycle covers of a log, by their places from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// The first; one more than the last if there are none.
    pub first: i64,
    /// The last.
    pub last: i64,
}

#[derive(Deserialize)]
struct HeaderText {
    statement: String,
    #[serde(default = "first")]
    layout: u32,
    party: String,
    cycle: String,
    operator: String,
    currency: String,
    money_scale: u32,
    opened_at: String,
    closed_at: String,
    previous: Option<Previous>,
    checkpoints: Vec<CheckpointText>,
    consistency: Vec<ConsistencyText>,
    cut: Vec<CutText>,
}

const fn first() -> u32 {
    1
}

#[derive(Deserialize)]
struct CheckpointText {
    shard: i64,
    note: String,
}

#[derive(Deserialize)]
struct ConsistencyText {
    shard: i64,
    from: i64,
    to: i64,
    path: Vec<String>,
}

#[derive(Deserialize)]
struct CutText {
    shard: i64,
    first: i64,
    last: i64,
}

impl Header {
    /// Reads a header and checks it by itself.
    pub(super) fn read(json: &str, key: &VerifierKey) -> Result<Self, Finding> {
        let place = Place::Section("header");
        let text: HeaderText = serde_json::from_str(json).map_err(|error| place.finds(error))?;
        for (what, name) in [("statement", &text.statement), ("operator", &text.operator)] {
            let is_bad = |one: char| one.is_control() || one.is_whitespace();
            if name.is_empty() || name.contains(is_bad) {
                return Err(place.finds(Fault::malformed(what, name)));
            }
        }
        if !(1..=LAYOUT_MAX).contains(&text.layout) {
            return Err(place.finds(Fault::OtherLayout { layout: text.layout }));
        }
        if SCALE_MAX < text.money_scale {
            return Err(place.finds(Fault::malformed("money_scale", text.money_scale)));
        }
        if let Some(previous) = &text.previous
            && hash_from_hex(&previous.sha256).is_none()
        {
            return Err(place.finds(Fault::malformed("previous.sha256", &previous.sha256)));
        }
        let checkpoints = checkpoints(text.checkpoints, &text.operator, key)?;
        let is_first = text.previous.is_none();
        Ok(Self {
            consistency: consistency(text.consistency, &checkpoints, is_first)?,
            cut: cut(&text.cut, &checkpoints)?,
            statement: text.statement,
            layout: text.layout,
            party: text.party,
            cycle: text.cycle,
            operator: text.operator,
            currency: text.currency,
            money_scale: usize::try_from(text.money_scale).expect("a small number"),
            opened_at: text.opened_at,
            closed_at: text.closed_at,
            previous: text.previous,
            checkpoints,
        })
    }
}

fn checkpoints(
    texts: Vec<CheckpointText>,
    operator: &str,
    key: &VerifierKey,
) -> Result<BTreeMap<i64, Checkpoint>, Finding> {
    let mut checkpoints = BTreeMap::new();
    for CheckpointText { shard, note } in texts {
        let place = Place::Shard(shard);
        let opened = key.open(&note).map_err(|error| place.finds(error))?;
        let checkpoint: Checkpoint = opened.text.parse().map_err(|error| place.finds(error))?;
        let origin = format!("{operator}/log/{shard}");
        if checkpoint.origin != origin {
            return Err(place.finds(Fault::differs("origin", checkpoint.origin, origin)));
        }
        if SIZE_MAX < checkpoint.size {
            return Err(place.finds(Fault::malformed("size", checkpoint.size)));
        }
        if checkpoints.insert(shard, checkpoint).is_some() {
            return Err(place.finds(Fault::Layout("the header has two checkpoints of it")));
        }
    }
    Ok(checkpoints)
}

fn consistency(
    texts: Vec<ConsistencyText>,
    checkpoints: &BTreeMap<i64, Checkpoint>,
    is_first: bool,
) -> Result<BTreeMap<i64, Consistency>, Finding> {
    let mut proofs = BTreeMap::new();
    for ConsistencyText { shard, from, to, path } in texts {
        let place = Place::Shard(shard);
        if is_first {
            return Err(place.finds(Fault::Layout("a first statement continues nothing")));
        }
        let Some(checkpoint) = checkpoints.get(&shard) else {
            return Err(place.finds(Fault::Layout("it has a proof and no checkpoint")));
        };
        if to != checkpoint.size {
            return Err(place.finds(Fault::differs("consistency.to", to, checkpoint.size)));
        }
        if !(1..=to).contains(&from) {
            return Err(place.finds(Fault::malformed("consistency.from", from)));
        }
        let Some(path) = path_from_base64(&path) else {
            return Err(place.finds(Fault::malformed("consistency.path", path.join(" "))));
        };
        if proofs.insert(shard, Consistency { from, to, path }).is_some() {
            return Err(place.finds(Fault::Layout("the header has two consistency proofs of it")));
        }
    }
    Ok(proofs)
}

fn cut(
    texts: &[CutText],
    checkpoints: &BTreeMap<i64, Checkpoint>,
) -> Result<BTreeMap<i64, Cut>, Finding> {
    let mut cut = BTreeMap::new();
    for &CutText { shard, first, last } in texts {
        let place = Place::Shard(shard);
        let Some(checkpoint) = checkpoints.get(&shard) else {
            return Err(place.finds(Fault::Layout("it is covered and has no checkpoint")));
        };
        if first < 1 || last < first - 1 {
            return Err(place.finds(Fault::malformed("cut", format!("{first} to {last}"))));
        }
        if checkpoint.size < last {
            let fault = "the cycle covers transactions that are not in the checkpoint";
            return Err(place.finds(Fault::Layout(fault)));
        }
        if cut.insert(shard, Cut { first, last }).is_some() {
            return Err(place.finds(Fault::Layout("the header has two cuts of it")));
        }
    }
    Ok(cut)
}
