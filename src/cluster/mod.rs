//! A private, throw-away PostgreSQL for the tests and for `coalition bench`.
//!
//! Every [`Cluster`] has its own directory, port and server, and leaves nothing behind. What may
//! surprise: a keeper (a small shell process) waits for the end of this process and stops the
//! server then, so that neither a kill nor a `static` that is never dropped leaves one running;
//! and as root, whom PostgreSQL refuses, everything runs as `postgres` or `nobody`. The module
//! knows nothing of the schema and never talks to a server that it did not start.

mod place;
mod programs;

use std::env;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use thiserror::Error;
use tracing::{debug, warn};

use place::Place;

/// The superuser of every cluster; trusted without a password, on the loopback address alone.
const USER: &str = "coalition";
/// Ports that are tried: another process can take a free one before the server does.
const PORT_ATTEMPTS: u32 = 5;
/// How long to wait between two looks at a starting server.
const READY_POLL: Duration = Duration::from_millis(10);
/// Looks until a start is given up, which makes a minute.
const READY_POLLS_MAX: u32 = 6_000;
/// Which line of `postmaster.pid` tells the server's state.
const STATE_LINE: usize = 7;

/// Why there is no cluster.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// The machine has no PostgreSQL server, or one without its client programs.
    #[error("no PostgreSQL server here: run `{command}`, or set COALITION_PG_BIN to its programs")]
    NotInstalled {
        /// What to run on this machine.
        command: &'static str,
    },
    /// `COALITION_PG_BIN` names a folder without the programs.
    #[error("COALITION_PG_BIN is {folder}, which lacks {program}")]
    NoProgram {
        /// The value of the variable.
        folder: PathBuf,
        /// The first program that is missing.
        program: &'static str,
    },
    /// This is root and there is no other account to run the server.
    #[error("PostgreSQL refuses root, and /etc/passwd has neither `postgres` nor `nobody`")]
    NoAccount,
    /// A program could not be run.
    #[error("could not run {program}")]
    Run {
        /// What should have run.
        program: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A program ran and failed.
    #[error("{program} failed: {output}")]
    Failed {
        /// What ran.
        program: String,
        /// What it wrote to its standard error.
        output: String,
    },
    /// The server ended, or was not ready within a minute.
    #[error("PostgreSQL did not start; its log: {log}")]
    NotStarted {
        /// The server's whole log.
        log: String,
    },
    /// A file, a folder or the loopback address could not be used.
    #[error("could not use {place}")]
    Place {
        /// Which one.
        place: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
}

/// How a cluster is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The folder in which the cluster's own directory is made; the system's temporary folder if
    /// absent. As root, `postgres` (or `nobody`) must be able to enter it.
    pub data_dir: Option<PathBuf>,
    /// Whether a commit waits for the disk.
    pub fsync: bool,
    /// Connections that the server takes.
    pub max_connections: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self { data_dir: None, fsync: true, max_connections: 100 }
    }
}

/// A running PostgreSQL of our own; dropping it stops the server and removes its directory.
#[derive(Debug)]
pub struct Cluster {
    place: Place,
    port: u16,
    server: Child,
    keeper: Child,
}

impl Cluster {
    /// Makes a cluster, starts it and waits until it takes connections.
    ///
    /// First it removes the clusters in the same folder whose owner is gone. On Debian and Ubuntu,
    /// as root, it installs PostgreSQL if there is none.
    ///
    /// # Errors
    /// If there is no PostgreSQL, or it does not start; nothing is left behind then.
    pub fn start(settings: &Settings) -> Result<Self, ClusterError> {
        let programs = programs::find_or_install()?;
        let parent = settings.data_dir.clone().unwrap_or_else(env::temp_dir);
        let place = Place::create(&parent, programs)?;
        place.remove_stale_neighbours();
        let keeper = place.spawn_keeper()?;
        match initialize(&place, settings).and_then(|()| start_server(&place, settings)) {
            Ok((server, port)) => {
                debug!(cluster.pid = server.id(), cluster.port = port, "started a PostgreSQL");
                Ok(Self { place, port, server, keeper })
            }
            Err(error) => {
                dismiss(keeper);
                Err(error)
            }
        }
    }

    /// The URL of a database of this cluster, whose name needs no escaping.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://{USER}@{}:{}/{database}", Ipv4Addr::LOCALHOST, self.port)
    }

    /// Creates an empty database, whose text sorts by bytes.
    ///
    /// # Errors
    /// If the name is taken or the server is gone.
    pub fn create_database(&self, name: &str) -> Result<(), ClusterError> {
        let maintenance = self.url("postgres");
        run(self.place.command("createdb").args(["--maintenance-db", &maintenance, "--", name]))?;
        Ok(())
    }

    /// Where a program of this PostgreSQL is, `pgbench` for one; it need not be installed.
    pub fn bin(&self, program: &str) -> PathBuf {
        self.place.program(program)
    }

    /// The process id of the server (the postmaster).
    pub fn pid(&self) -> u32 {
        self.server.id()
    }

    /// The directory of the cluster: `data`, the `log` and the server's socket.
    pub fn directory(&self) -> &Path {
        self.place.directory()
    }

    /// Stops the server at once and removes the directory; dropping does the same but only logs
    /// what fails.
    ///
    /// # Errors
    /// If the server could not be stopped or the directory could not be removed.
    pub fn stop(mut self) -> Result<(), ClusterError> {
        self.shut_down().map_err(|source| at(self.directory(), source))?;
        self.place.remove()
    }

    /// Lets the keeper do its work and kills a server that outlives it. Harmless if repeated.
    fn shut_down(&mut self) -> io::Result<()> {
        drop(self.keeper.stdin.take());
        self.keeper.wait()?;
        self.server.kill()?;
        self.server.wait()?;
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = self.shut_down() {
            warn!(cluster.pid = self.pid(), %error, "could not stop a private PostgreSQL");
        }
    }
}

/// Makes the files of the server.
fn initialize(place: &Place, settings: &Settings) -> Result<(), ClusterError> {
    let mut initdb = place.command("initdb");
    initdb.arg("-D").arg(place.data()).args(["-U", USER, "--no-locale", "-E", "UTF8"]);
    initdb.args(["--auth=trust", "--data-checksums"]);
    if !settings.fsync {
        initdb.arg("--no-sync");
    }
    run(&mut initdb)?;
    Ok(())
}

/// Starts the server on a port that is free, and waits until it is ready.
fn start_server(place: &Place, settings: &Settings) -> Result<(Child, u16), ClusterError> {
    let options = server_options(place, settings);
    let mut attempt = 1;
    loop {
        let port = find_free_port()?;
        let log_path = place.directory().join("log");
        let log = File::create(&log_path).map_err(|source| at(&log_path, source))?;
        let mut command = place.command("postgres");
        command.arg("-D").arg(place.data()).arg("-p").arg(port.to_string());
        command.args(options.iter().flat_map(|option| ["-c", option]));
        let mut server = spawn(command.stdout(Stdio::null()).stderr(log))?;
        if is_ready(&mut server, place)? {
            return Ok((server, port));
        }
        let log = fs::read_to_string(&log_path).map_err(|source| at(&log_path, source))?;
        if attempt == PORT_ATTEMPTS || !log.contains("Address already in use") {
            return Err(ClusterError::NotStarted { log });
        }
        attempt += 1;
    }
}

/// Settings for a machine of two cores whose commits must be durable.
fn server_options(place: &Place, settings: &Settings) -> Vec<String> {
    let mut options = vec![
        format!("listen_addresses={}", Ipv4Addr::LOCALHOST),
        format!("unix_socket_directories={}", place.directory().display()),
        format!("max_connections={}", settings.max_connections),
        format!("fsync={}", if settings.fsync { "on" } else { "off" }),
        "synchronous_commit=on".to_owned(),
        "shared_buffers=256MB".to_owned(),
        "max_wal_size=4GB".to_owned(),
        "checkpoint_timeout=15min".to_owned(),
        "autovacuum=on".to_owned(),
        "timezone=UTC".to_owned(),
        "log_timezone=UTC".to_owned(),
    ];
    let lz4 = "wal_compression=lz4";
    let mut probe = place.command("postgres");
    probe.arg("-D").arg(place.data()).args(["-C", "wal_compression", "-c", lz4]);
    if run(&mut probe).is_ok() {
        options.push(lz4.to_owned());
    }
    options
}

/// A port of the loopback address that nobody listens on just now.
fn find_free_port() -> Result<u16, ClusterError> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|source| ClusterError::Place { place: Ipv4Addr::LOCALHOST.to_string(), source })
}

/// Whether a server that starts gets ready; if not, it has ended when this returns.
///
/// The server's own state file tells it, as `pg_ctl` reads it: on the port another might answer.
fn is_ready(server: &mut Child, place: &Place) -> Result<bool, ClusterError> {
    let state_path = place.data().join("postmaster.pid");
    let unusable = |source| at(&state_path, source);
    for _ in 0..READY_POLLS_MAX {
        let state = fs::read_to_string(&state_path).unwrap_or_default();
        if state.lines().nth(STATE_LINE).is_some_and(|line| line.trim() == "ready") {
            return Ok(true);
        }
        if server.try_wait().map_err(unusable)?.is_some() {
            return Ok(false);
        }
        thread::sleep(READY_POLL);
    }
    server.kill().and_then(|()| server.wait()).map_err(unusable)?;
    Ok(false)
}

/// Tells a keeper to clear its directory, and waits for it.
fn dismiss(mut keeper: Child) {
    drop(keeper.stdin.take());
    if let Err(error) = keeper.wait() {
        warn!(%error, "could not wait for the keeper of a private PostgreSQL");
    }
}

/// Runs a program to its end; its standard output.
fn run(command: &mut Command) -> Result<String, ClusterError> {
    let output = command.output().map_err(|source| not_run(command, source))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(ClusterError::Failed {
        program: command.get_program().display().to_string(),
        output: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

fn spawn(command: &mut Command) -> Result<Child, ClusterError> {
    command.spawn().map_err(|source| not_run(command, source))
}

fn not_run(command: &Command, source: io::Error) -> ClusterError {
    ClusterError::Run { program: command.get_program().display().to_string(), source }
}

fn at(path: &Path, source: io::Error) -> ClusterError {
    ClusterError::Place { place: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use std::process;

    use super::*;

    fn ask(cluster: &Cluster, database: &str, question: &str) -> String {
        let mut psql = cluster.place.command("psql");
        psql.args(["-X", "-A", "-t", "-d", &cluster.url(database), "-c", question]);
        run(&mut psql).expect("the server answers").trim().to_owned()
    }

    #[test]
    fn a_cluster_answers_until_it_is_stopped() {
        let cluster = Cluster::start(&Settings::default()).expect("PostgreSQL starts");
        let directory = cluster.directory().to_owned();
        cluster.create_database("coalition").expect("the name is free");
        assert_eq!(ask(&cluster, "coalition", "SELECT 1"), "1");
        assert_eq!(ask(&cluster, "coalition", "SHOW fsync"), "on");
        assert_eq!(ask(&cluster, "coalition", "SELECT 'B' < 'a'"), "t");
        assert!(cluster.create_database("coalition").is_err(), "the name is taken");

        cluster.stop().expect("PostgreSQL stops");
        assert!(!directory.exists());
    }

    #[test]
    fn two_clusters_live_side_by_side() {
        let settings = Settings { fsync: false, max_connections: 20, ..Settings::default() };
        let first = Cluster::start(&settings).expect("PostgreSQL starts");
        let second = Cluster::start(&settings).expect("PostgreSQL starts again");
        assert_eq!(ask(&first, "postgres", "SHOW max_connections"), "20");
        assert_eq!(ask(&second, "postgres", "SHOW fsync"), "off");
        assert_ne!(first.pid(), second.pid());
    }
    #[test]
    fn a_cluster_without_an_owner_is_removed_by_the_next() {
        let folder = env::temp_dir().join(format!("coalition-stale-{}", process::id()));
        fs::create_dir(&folder).expect("the name is free");
        let settings = Settings { data_dir: Some(folder.clone()), ..Settings::default() };
        let mut orphan = Cluster::start(&settings).expect("PostgreSQL starts");
        let owned = Cluster::start(&settings).expect("PostgreSQL starts again");
        assert!(orphan.directory().exists(), "its owner lives");

        // A new file has nobody's lock, as if the owner had been killed.
        let marker = orphan.directory().join(place::OWNER_FILE);
        fs::remove_file(&marker)
            .and_then(|()| fs::write(&marker, "1"))
            .expect("it can be replaced");
        let next = Cluster::start(&settings).expect("PostgreSQL starts once more");
        assert!(!orphan.directory().exists());
        orphan.server.wait().expect("the server has been stopped");
        assert_eq!(ask(&owned, "postgres", "SELECT 1"), "1");

        for cluster in [orphan, owned, next] {
            cluster.stop().expect("PostgreSQL stops");
        }
        fs::remove_dir(&folder).expect("nothing is left in it");
    }
}
