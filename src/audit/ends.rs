//! Where cycles end in the shards: seals, held against the journals while these are read.

use std::collections::{BTreeSet, HashMap};

use super::replay::{Finding, differs};
use crate::domain::ids::{ScheduleId, ShardId};
use crate::domain::log::Hash;
use crate::domain::log::tree::Frontier;
use crate::domain::transaction::Transaction;
use crate::store::seals::Seal;
use crate::store::{Database, audit, cycles};

/// Where cycles end in the journal of the house: the sizes that are asked for, and the log's root
/// at each.
#[derive(Default)]
pub(super) struct Ends {
    sizes: BTreeSet<i64>,
    roots: HashMap<i64, Hash>,
}

impl Ends {
    pub(super) fn load(database: &mut Database) -> Result<Self, Finding> {
        let rows = cycles::all(database)?;
        let sizes = rows.into_iter().filter_map(|row| row.house_size).collect();
        Ok(Self { sizes, roots: HashMap::new() })
    }

    /// The root of the house's log at a size.
    pub(super) fn house_root(&self, size: i64) -> Option<&Hash> {
        self.roots.get(&size)
    }

    /// Takes the state of the house's log.
    pub(super) fn pass_house(&mut self, frontier: &Frontier) {
        if self.sizes.contains(&frontier.size()) {
            self.roots.insert(frontier.size(), frontier.root());
        }
    }
}

/// The seals of one shard, those of smaller sizes first.
pub(super) struct Seals {
    shard: ShardId,
    all: Vec<Seal>,
    /// How many of them were passed.
    passed: usize,
}

impl Seals {
    pub(super) fn load(database: &mut Database, shard: ShardId) -> Result<Self, Finding> {
        let mut all = audit::seals(database, shard)?;
        all.sort_by_key(|seal| (seal.size, seal.cycle.first));
        Ok(Self { shard, all, passed: 0 })
    }

    /// Takes the state of the log: seals of its size say the same.
    pub(super) fn pass(&mut self, frontier: &Frontier) -> Result<(), Finding> {
        while let Some(seal) = self.all.get(self.passed) {
            if frontier.size() < seal.size {
                break;
            }
            if seal.frontier != *frontier {
                return Err(self.differs(seal));
            }
            self.passed += 1;
        }
        Ok(())
    }

    /// Takes the next transaction: what it owes is of no cycle that ended before it, and of none
    /// that begins after one that has not ended yet. The house alone posts into a cycle that is over.
    pub(super) fn take(&self, transaction: &Transaction) -> Result<(), Finding> {
        if self.all.is_empty() || self.shard == ShardId::HOUSE {
            return Ok(());
        }
        let (before, after) = self.all.split_at(self.passed);
        let mut last = None;
        for posting in &transaction.postings {
            let Some(cycle) = posting.cycle(transaction) else { continue };
            if last.replace(cycle.clone()) == Some(cycle.clone()) {
                continue;
            }
            let of = |schedule: &ScheduleId| *schedule == cycle.schedule;
            let ended = before.iter().rev().find(|seal| of(&seal.cycle.schedule));
            let next = after.iter().find(|seal| of(&seal.cycle.schedule));
            if let Some(seal) = ended.filter(|seal| cycle.first <= seal.cycle.first) {
                return Err(self.differs(seal));
            }
            if let Some(seal) = next.filter(|seal| seal.cycle.first < cycle.first) {
                return Err(self.differs(seal));
            }
        }
        Ok(())
    }

    /// The journal ends here.
    pub(super) fn end(&self) -> Result<(), Finding> {
        self.all.get(self.passed).map_or(Ok(()), |seal| Err(self.differs(seal)))
    }

    fn differs(&self, seal: &Seal) -> Finding {
        differs(format!(
            "the seal of cycle {} on shard {} after {} transactions is not where its journal ends it",
            seal.cycle, self.shard.0, seal.size
        ))
    }
}
