//! The PostgreSQL of a run: a private one with fsync on, or one whose address is given.

use std::path::PathBuf;
use std::process::{Command, Output};

use super::BenchError;
use crate::cluster::{Cluster, Settings};

/// What begins the name of every database of a run.
const PREFIX: &str = "coalition_bench_";
/// The database of pgbench.
pub const PGBENCH: &str = "pgbench";

/// A PostgreSQL and the databases that this run made on it.
pub struct Postgres {
    place: Place,
    made: Vec<String>,
}

enum Place {
    Private(Cluster),
    Given(String),
}

impl Postgres {
    /// Starts a private PostgreSQL, or takes the one that is given.
    ///
    /// # Errors
    /// If there is none.
    pub fn start(given: Option<&str>) -> Result<Self, BenchError> {
        let place = match given {
            Some(url) => Place::Given(url.to_owned()),
            None => Place::Private(Cluster::start(&Settings::default())?),
        };
        Ok(Self { place, made: Vec::new() })
    }

    /// Its process, where it is ours to look at.
    pub fn postmaster(&self) -> Option<u32> {
        match &self.place {
            Place::Private(cluster) => Some(cluster.pid()),
            Place::Given(_) => None,
        }
    }

    /// What it says of itself.
    ///
    /// # Errors
    /// If it does not answer.
    pub fn version(&self) -> Result<String, BenchError> {
        let maintenance = self.url("postgres");
        let asked = "SELECT current_setting('server_version') || ', fsync ' || \
                     current_setting('fsync') || ', synchronous_commit ' || \
                     current_setting('synchronous_commit') || ', shared_buffers ' || \
                     current_setting('shared_buffers')";
        let answer = self.run("psql", &["-XAt", "-d", &maintenance, "-c", asked])?;
        Ok(String::from_utf8_lossy(&answer.stdout).trim().to_owned())
    }

    /// Makes an empty database; its address.
    ///
    /// # Errors
    /// If it can't be made.
    pub fn create(&mut self, name: &str) -> Result<String, BenchError> {
        let name = format!("{PREFIX}{name}");
        self.drop_database(&name)?;
        let maintenance = self.url("postgres");
        self.run("createdb", &["--maintenance-db", &maintenance, "--", &name])?;
        let url = self.url(&name);
        self.made.push(name);
        Ok(url)
    }

    /// Makes the tables of pgbench; their database.
    ///
    /// # Errors
    /// If it is not installed or fails.
    pub fn prepare_pgbench(&mut self) -> Result<String, BenchError> {
        let url = self.create(PGBENCH)?;
        self.run("pgbench", &["-i", "-q", "-s", "10", &url])?;
        Ok(url)
    }

    /// Runs pgbench's TPC-B-like script for so long with 32 clients; transactions a second.
    ///
    /// # Errors
    /// If it fails.
    pub fn pgbench(&self, url: &str, seconds: u64) -> Result<u64, BenchError> {
        let seconds = seconds.to_string();
        let output = self.run("pgbench", &["-n", "-c", "32", "-j", "2", "-T", &seconds, url])?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let found = text.lines().find_map(|line| {
            let rest = line.strip_prefix("tps = ")?;
            rest.split(['.', ' ']).next()?.parse().ok()
        });
        found.ok_or(BenchError::NoAnswer("pgbench"))
    }

    /// Drops a database of this run.
    ///
    /// # Errors
    /// If somebody still uses it.
    pub fn remove(&mut self, name: &str) -> Result<(), BenchError> {
        let name = format!("{PREFIX}{name}");
        self.made.retain(|made| *made != name);
        self.drop_database(&name)
    }

    fn drop_database(&self, name: &str) -> Result<(), BenchError> {
        let maintenance = self.url("postgres");
        self.run("dropdb", &["--if-exists", "--maintenance-db", &maintenance, "--", name])?;
        Ok(())
    }

    fn url(&self, database: &str) -> String {
        match &self.place {
            Place::Private(cluster) => cluster.url(database),
            Place::Given(url) => with_database(url, database),
        }
    }

    fn program(&self, name: &str) -> PathBuf {
        match &self.place {
            Place::Private(cluster) => cluster.bin(name),
            Place::Given(_) => name.into(),
        }
    }

    fn run(&self, name: &str, arguments: &[&str]) -> Result<Output, BenchError> {
        let output = Command::new(self.program(name))
            .args(arguments)
            .output()
            .map_err(|error| BenchError::Program(format!("{name} can't be run: {error}")))?;
        if output.status.success() {
            return Ok(output);
        }
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(BenchError::Program(format!("{name} failed: {said}")))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if matches!(self.place, Place::Private(_)) {
            return;
        }
        for name in &self.made {
            if let Err(error) = self.drop_database(name) {
                tracing::warn!(%error, "a database of the benchmark is left");
            }
        }
    }
}

/// The address of another database of the same server.
fn with_database(url: &str, database: &str) -> String {
    let (address, query) = match url.split_once('?') {
        Some((address, query)) => (address, format!("?{query}")),
        None => (url, String::new()),
    };
    let server = match address.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", rest.split('/').next().unwrap_or(rest)),
        None => address.to_owned(),
    };
    format!("{server}/{database}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_database_of_the_same_server() {
        assert_eq!(with_database("postgres://u@h:5/one?a=b", "x"), "postgres://u@h:5/x?a=b");
        assert_eq!(with_database("postgres://u@h", "x"), "postgres://u@h/x");
    }
}
