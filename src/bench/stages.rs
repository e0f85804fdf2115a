//! Where the engine's time goes, as the server's own measurements tell.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

use super::process::get;
use super::table::Hundredths;

/// The stages of a batch, in their order.
const STAGES: [&str; 5] = ["lock", "load", "decide", "save", "commit"];

/// Sums and counts of the engine's measurements so far.
#[derive(Clone, Debug, Default)]
pub struct Stages {
    values: BTreeMap<String, Decimal>,
}

impl Stages {
    /// Reads a server's measurements; nothing if they can't be read.
    pub fn read(address: SocketAddr) -> Self {
        let text = get(address, "/metrics").unwrap_or_default();
        let engine = text.lines().filter(|line| line.starts_with("coalition_engine_"));
        let values = engine.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            let value = value.parse().or_else(|_| Decimal::from_scientific(value)).ok()?;
            (!name.contains("_bucket")).then(|| (name.to_owned(), value))
        });
        Self { values: values.collect() }
    }

    /// What happened since an earlier look, in a sentence: batches, their size, their stages.
    pub fn since(&self, earlier: &Self) -> String {
        let grown = |name: &str| {
            let before = earlier.values.get(name).copied().unwrap_or_default();
            self.values.get(name).copied().unwrap_or_default() - before
        };
        let batches = grown("coalition_engine_batch_commands_count");
        if batches.is_zero() {
            return "no batches".to_owned();
        }
        let commands = grown("coalition_engine_batch_commands_sum");
        let each = |sum: Decimal, unit: i64| {
            let hundredths = sum * Decimal::from(unit) * Decimal::ONE_HUNDRED / batches;
            Hundredths(hundredths.trunc().to_u64().unwrap_or(0))
        };
        let stages = STAGES.map(|stage| {
            let sum = grown(&format!("coalition_engine_stage_seconds_sum{{stage=\"{stage}\"}}"));
            format!("{stage} {}", each(sum, 1_000))
        });
        let commands = each(commands, 1);
        format!("{batches} batches of {commands}; each takes in ms: {}", stages.join(", "))
    }
}
