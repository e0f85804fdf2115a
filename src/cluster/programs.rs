//! Where the programs of PostgreSQL are, and how they come onto a machine that has none.
//!
//! What may surprise: on Debian and Ubuntu, as root, they are installed. Nothing is ever skipped
//! for want of them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::{env, fs};

use tracing::info;

use super::{ClusterError, at, run};

/// What names the folder of the programs before all other places.
const FOLDER_VARIABLE: &str = "COALITION_PG_BIN";
/// Programs that a folder must hold.
const PROGRAMS: [&str; 5] = ["initdb", "postgres", "pg_ctl", "psql", "createdb"];
/// Folders and the beginnings of the names of their subfolders, one for each version.
const VERSION_FOLDERS: [(&str, &str); 6] = [
    ("/usr/lib/postgresql", ""),
    ("/usr", "pgsql-"),
    ("/usr/local", "pgsql"),
    ("/opt/homebrew/opt", "postgresql"),
    ("/usr/local/opt", "postgresql"),
    ("/Applications/Postgres.app/Contents/Versions", ""),
];
/// Package managers, and the commands that install a server.
const INSTALL_COMMANDS: [(&str, &str); 5] = [
    ("apt-get", "sudo apt-get install -y --no-install-recommends postgresql"),
    ("dnf", "sudo dnf install -y postgresql-server postgresql-contrib"),
    ("apk", "sudo apk add postgresql postgresql-contrib"),
    ("pacman", "sudo pacman -S --noconfirm postgresql"),
    ("brew", "brew install postgresql@17"),
];
/// Where Debian's packages read whether to make a server of the machine's own.
const CREATE_CLUSTER_FOLDER: &str = "/etc/postgresql-common/createcluster.d";

/// The folder of the programs; they are installed if there is none and this process may.
pub(super) fn find_or_install() -> Result<PathBuf, ClusterError> {
    /// Two threads must not install at once.
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(folder) = env::var_os(FOLDER_VARIABLE).map(PathBuf::from) {
        return match first_missing(&folder) {
            None => Ok(folder),
            Some(program) => Err(ClusterError::NoProgram { folder, program }),
        };
    }
    if let Some(folder) = find_folder() {
        return Ok(folder);
    }
    if is_root_on_debian() {
        install()?;
    }
    find_folder().ok_or_else(|| ClusterError::NotInstalled { command: install_command() })
}

/// The first folder that holds everything: of the path, then the highest version elsewhere.
fn find_folder() -> Option<PathBuf> {
    find_on_path("initdb")
        .and_then(|initdb| Some(initdb.canonicalize().ok()?.parent()?.to_owned()))
        .into_iter()
        .chain(folder_of_pg_config())
        .chain(VERSION_FOLDERS.iter().flat_map(|(parent, prefix)| version_folders(parent, prefix)))
        .find(|folder| first_missing(folder).is_none())
}

fn find_on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

/// What `pg_config` says; it often comes without a server.
fn folder_of_pg_config() -> Option<PathBuf> {
    let pg_config = find_on_path("pg_config")?;
    let answer = run(Command::new(pg_config).arg("--bindir")).ok()?;
    Some(PathBuf::from(answer.trim()))
}

/// The `bin` folders of the versions in a folder, the highest first.
fn version_folders(parent: &str, prefix: &str) -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(parent)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix(prefix)?.trim_start_matches('@').split('.').next()?;
            // Without a number it is a link to some version: the last to try.
            Some((version.parse().unwrap_or(0), entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    versions.into_iter().rev().map(|(_, folder)| folder).collect()
}

fn first_missing(folder: &Path) -> Option<&'static str> {
    PROGRAMS.into_iter().find(|program| !folder.join(program).is_file())
}

/// The command for this machine's package manager; that of Debian where none is known.
fn install_command() -> &'static str {
    let known = INSTALL_COMMANDS.iter().find(|(manager, _)| find_on_path(manager).is_some());
    known.unwrap_or(&INSTALL_COMMANDS[0]).1
}

fn is_root_on_debian() -> bool {
    Path::new("/etc/debian_version").exists()
        && find_on_path("apt-get").is_some()
        && run(Command::new("id").arg("-u")).is_ok_and(|uid| uid.trim() == "0")
}

/// Installs the server by Debian's packages, without a cluster of the machine's own.
fn install() -> Result<(), ClusterError> {
    info!("installing PostgreSQL by apt-get");
    let folder = Path::new(CREATE_CLUSTER_FOLDER);
    let setting = folder.join("coalition.conf");
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&setting, "create_main_cluster = false\n"))
        .map_err(|source| at(&setting, source))?;
    apt_get(&["update"])?;
    apt_get(&["install", "-y", "--no-install-recommends", "postgresql"])
}

fn apt_get(arguments: &[&str]) -> Result<(), ClusterError> {
    let mut command = Command::new("apt-get");
    command.args(["-q", "-o", "DPkg::Lock::Timeout=120"]).args(arguments);
    run(command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null()))?;
    Ok(())
}
