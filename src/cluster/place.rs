//! The directory of a cluster, who may work in it, and how it is cleared when its owner is gone.
//!
//! What may surprise: an owner is known to be gone by its lock on a file, which the system frees
//! however a process ends; a process id can be somebody else's by then.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{env, process};

use tracing::{info, warn};

use super::{ClusterError, at, dismiss, spawn};

/// How the names of the directories begin.
const PREFIX: &str = "coalition-pg-";
/// The file that the owner keeps locked; its text is the owner's process id, for people.
pub(super) const OWNER_FILE: &str = "owner";
/// Waits for the end of its input, then stops the server in `$2` and removes that directory.
const KEEPER: &str = r#"
cat
"$1/pg_ctl" stop -D "$2/data" -m immediate -w -t 20
rm -rf "$2" || { sleep 1; rm -rf "$2"; }
"#;

/// The directory of a cluster, removed when this value is dropped.
#[derive(Debug)]
pub(super) struct Place {
    programs: PathBuf,
    directory: PathBuf,
    /// Who runs the programs, because root may not.
    account: Option<Account>,
    /// The owner's file; locked as long as this value lives.
    _lock: File,
}

/// An account of the machine.
#[derive(Clone, Copy, Debug)]
struct Account {
    uid: u32,
    gid: u32,
}

impl Place {
    /// Makes a directory in `parent` that nobody else can enter, and marks it as owned.
    pub(super) fn create(parent: &Path, programs: PathBuf) -> Result<Self, ClusterError> {
        let directory = create_directory(parent)?;
        let unusable = |source| at(&directory, source);
        // The file gets its name when it is locked: the name without a lock means a stale cluster.
        let unlocked = directory.join("owner.new");
        let mut lock = File::create(&unlocked).map_err(unusable)?;
        write!(lock, "{}", process::id()).and_then(|()| lock.lock()).map_err(unusable)?;
        fs::rename(&unlocked, directory.join(OWNER_FILE)).map_err(unusable)?;
        // What this process makes belongs to whom it runs as.
        let is_root = fs::metadata(&directory).map_err(unusable)?.uid() == 0;
        let mut place = Self { programs, directory, account: None, _lock: lock };
        if is_root {
            let account = find_account()?;
            chown(&place.directory, Some(account.uid), Some(account.gid))
                .map_err(|source| at(&place.directory, source))?;
            place.account = Some(account);
        }
        Ok(place)
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The files of the server.
    pub(super) fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Where a program of PostgreSQL is.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.programs.join(name)
    }

    /// A program of PostgreSQL, to be run in this directory as who may run it.
    pub(super) fn command(&self, name: &str) -> Command {
        self.shielded(self.program(name).as_os_str())
    }

    /// Starts the keeper of this directory: it clears it when its input ends, as it does when this
    /// process ends.
    pub(super) fn spawn_keeper(&self) -> Result<Child, ClusterError> {
        self.spawn_keeper_of(&self.directory, Stdio::piped())
    }

    /// Clears what other owners in the same folder left when they were killed with their keepers.
    pub(super) fn remove_stale_neighbours(&self) {
        let Some(parent) = self.directory.parent() else { return };
        let neighbours = match fs::read_dir(parent) {
            Ok(neighbours) => neighbours.flatten().map(|entry| entry.path()),
            Err(error) => {
                warn!(%error, "could not look for clusters without an owner");
                return;
            }
        };
        for neighbour in neighbours.filter(|path| self.is_stale(path)) {
            info!(cluster.directory = %neighbour.display(), "removing a cluster without an owner");
            let cleared = self.spawn_keeper_of(&neighbour, Stdio::null()).map(dismiss);
            if let Err(error) = cleared.and_then(|()| remove(&neighbour)) {
                warn!(%error, "could not remove a cluster without an owner");
            }
        }
    }

    /// Removes the directory, if the keeper has not.
    pub(super) fn remove(&self) -> Result<(), ClusterError> {
        remove(&self.directory)
    }

    /// Whether a path is the directory of a cluster whose owner is gone, and ours to remove.
    fn is_stale(&self, path: &Path) -> bool {
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let uid_of = |path: &Path| {
            let found = fs::symlink_metadata(path).ok().filter(fs::Metadata::is_dir);
            found.map(|metadata| metadata.uid())
        };
        name.starts_with(PREFIX.as_bytes())
            && uid_of(path).is_some_and(|uid| Some(uid) == uid_of(&self.directory))
            && File::open(path.join(OWNER_FILE)).is_ok_and(|owner| owner.try_lock().is_ok())
    }

    fn spawn_keeper_of(&self, directory: &Path, input: Stdio) -> Result<Child, ClusterError> {
        let mut shell = self.shielded(OsStr::new("sh"));
        shell.args(["-c", KEEPER, "coalition-pg-keeper"]).arg(&self.programs).arg(directory);
        spawn(shell.current_dir("/").stdin(input).stdout(Stdio::null()).stderr(Stdio::null()))
    }

    /// A command that runs as who may, away from the terminal's signals, in the plainest locale
    /// and without the caller's settings for PostgreSQL's programs.
    fn shielded(&self, program: &OsStr) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.directory).env("LC_ALL", "C").stdin(Stdio::null());
        command.process_group(0);
        for (name, _) in env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"PG") {
                command.env_remove(name);
            }
        }
        if let Some(account) = self.account {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            warn!(%error, "could not remove the directory of a private PostgreSQL");
        }
    }
}

/// Makes the first directory of this process's names that does not exist.
fn create_directory(parent: &Path) -> Result<PathBuf, ClusterError> {
    let parent = parent.canonicalize().map_err(|source| at(parent, source))?;
    let mut number = 0_u32;
    loop {
        let directory = parent.join(format!("{PREFIX}{}-{number}", process::id()));
        match DirBuilder::new().mode(0o700).create(&directory) {
            Ok(()) => return Ok(directory),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(source) => return Err(at(&directory, source)),
        }
    }
}

/// Whom root runs the server as.
fn find_account() -> Result<Account, ClusterError> {
    let path = Path::new("/etc/passwd");
    let accounts = fs::read_to_string(path).map_err(|source| at(path, source))?;
    let find = |wanted: &str| accounts.lines().find_map(|line| parse_account(line, wanted));
    find("postgres").or_else(|| find("nobody")).ok_or(ClusterError::NoAccount)
}

/// The account in a line of `/etc/passwd`, if it has the name.
fn parse_account(line: &str, name: &str) -> Option<Account> {
    let mut fields = line.split(':');
    if fields.next()? != name {
        return None;
    }
    let uid = fields.nth(1)?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some(Account { uid, gid })
}

/// Removes a directory that may be gone already.
fn remove(directory: &Path) -> Result<(), ClusterError> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(at(directory, error)),
        _ => Ok(()),
    }
}
