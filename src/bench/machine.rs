//! What the machine is, and what processes used of it, as the Linux kernel tells.

use std::fs;
use std::time::Duration;

/// Microseconds of a tick in `/proc/PID/stat`; 100 a second on every Linux that there is.
const TICK_US: u64 = 10_000;

/// The machine in one line.
pub fn describe() -> String {
    let cpu = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown processor".into());
    let memory = field("/proc/meminfo", "MemTotal").unwrap_or_default();
    let memory: u64 = memory.split(' ').next().and_then(|kib| kib.parse().ok()).unwrap_or(0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{cores} cores, {} MiB, {cpu}", memory / 1_024)
}

/// The most memory that a process ever held, in kibibytes.
pub fn peak_memory_kib(process: u32) -> u64 {
    let peak = field(&format!("/proc/{process}/status"), "VmHWM").unwrap_or_default();
    peak.split(' ').next().and_then(|kib| kib.parse().ok()).unwrap_or(0)
}

/// Lets the most memory of a process count from now on.
pub fn forget_peak_memory(process: u32) {
    // The kernel's word for it is 5. Without the right to say it the peak is the whole run's.
    drop(fs::write(format!("/proc/{process}/clear_refs"), "5"));
}

/// The first value under a name in a file of `name: value` lines.
fn field(file: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim().to_owned())
    })
}

/// Processor time used so far, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// By this thread, which generates the load.
    pub generator: u64,
    /// By the server.
    pub server: u64,
    /// By PostgreSQL, all its processes; zero where it is not ours.
    pub postgres: u64,
}

impl Used {
    /// This and what was used at another time.
    pub const fn plus(self, other: Self) -> Self {
        Self {
            generator: self.generator + other.generator,
            server: self.server + other.server,
            postgres: self.postgres + other.postgres,
        }
    }

    /// What was used since an earlier look.
    pub const fn since(self, earlier: Self) -> Self {
        Self {
            generator: self.generator.saturating_sub(earlier.generator),
            server: self.server.saturating_sub(earlier.server),
            postgres: self.postgres.saturating_sub(earlier.postgres),
        }
    }
}

/// Looks at what this thread, a server and a PostgreSQL used so far.
pub fn used(server: u32, postmaster: Option<u32>) -> Used {
    Used {
        generator: this_thread_us(),
        server: process(server).map_or(0, |one| one.1),
        postgres: postmaster.map_or(0, family_us),
    }
}

fn this_thread_us() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos: Option<u64> = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
    nanos.unwrap_or(0) / 1_000
}

/// Used by a process and its children.
fn family_us(parent: u32) -> u64 {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let family = ids.filter_map(|id| {
        let (its_parent, used) = process(id)?;
        (id == parent || its_parent == parent).then_some(used)
    });
    family.sum()
}

/// The parent of a process, and what it used.
fn process(id: u32) -> Option<(u32, u64)> {
    let text = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name stands in brackets and may hold anything.
    let mut fields = text.rsplit_once(") ")?.1.split(' ').skip(1);
    let parent = fields.next()?.parse().ok()?;
    let mut times = fields.skip(9).filter_map(|ticks| ticks.parse::<u64>().ok());
    Some((parent, (times.next()? + times.next()?) * TICK_US))
}

/// How many a second that makes.
pub fn per_second(count: u64, elapsed: Duration) -> u64 {
    let micros = u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1_000_000) / micros
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_used_something() {
        let id = std::process::id();
        assert!(peak_memory_kib(id) > 0);
        assert!(process(id).is_some());
        assert_eq!(per_second(50, Duration::from_millis(500)), 100);
    }
}
