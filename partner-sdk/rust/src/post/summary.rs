//! Counts what became of the lines, and words it.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::result_file::Record;

/// How many lines came to what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Recorded by this run.
    pub posted: u64,
    /// Known to the server from an earlier attempt, and accepted.
    pub replayed: u64,
    /// Refused, by code.
    pub refused: BTreeMap<String, u64>,
}

impl Tally {
    /// Counts a result.
    pub fn add(&mut self, record: &Record) {
        if !record.is_accepted() {
            let code = record.code.clone().unwrap_or_else(|| format!("http_{}", record.status));
            *self.refused.entry(code).or_default() += 1;
        } else if record.replayed {
            self.replayed += 1;
        } else {
            self.posted += 1;
        }
    }

    /// All that were counted.
    pub fn lines(&self) -> u64 {
        self.posted + self.replayed + self.refused_total()
    }

    /// Those that were refused.
    pub fn refused_total(&self) -> u64 {
        self.refused.values().sum()
    }
}

/// What came of creating the members.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Enrolment {
    /// Created by this run.
    pub created: u64,
    /// Known to the server.
    pub known: u64,
    /// Refused for another reason, by code.
    pub refused: BTreeMap<String, u64>,
}

/// What came of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// What earlier runs left in the result file.
    pub before: Tally,
    /// What this run came to.
    pub tally: Tally,
    /// What came of creating the members, if that was asked for.
    pub enrolment: Option<Enrolment>,
    /// How long it took.
    pub elapsed: Duration,
}

impl Summary {
    /// Whether no line of the file and no member was refused, earlier runs included.
    pub fn is_all_accepted(&self) -> bool {
        let members_refused = self.enrolment.as_ref().is_some_and(|all| !all.refused.is_empty());
        self.before.refused.is_empty() && self.tally.refused.is_empty() && !members_refused
    }

    /// Lines of this run in a second.
    pub fn lines_per_second(&self) -> u128 {
        u128::from(self.tally.lines()) * 1000 / self.elapsed.as_millis().max(1)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(enrolment) = &self.enrolment {
            let Enrolment { created, known, refused } = enrolment;
            writeln!(formatter, "members: {created} created, {known} known before")?;
            write_refused(formatter, refused)?;
        }
        if 0 < self.before.lines() {
            let (lines, refused) = (self.before.lines(), self.before.refused_total());
            writeln!(formatter, "earlier runs: {lines} lines, {refused} of them refused")?;
        }
        let Tally { posted, replayed, .. } = self.tally;
        let refused = self.tally.refused_total();
        let per_second = self.lines_per_second();
        writeln!(
            formatter,
            "lines: {posted} posted, {replayed} replayed, {refused} refused; {per_second} a second",
        )?;
        write_refused(formatter, &self.tally.refused)
    }
}

fn write_refused(
    formatter: &mut fmt::Formatter<'_>,
    refused: &BTreeMap<String, u64>,
) -> fmt::Result {
    for (code, count) in refused {
        writeln!(formatter, "  refused {code}: {count}")?;
    }
    Ok(())
}
