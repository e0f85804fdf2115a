//! The server as a process of its own, so that its memory and its start can be measured.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use super::BenchError;

/// How long a server may take to stop.
const STOP_MAX: Duration = Duration::from_secs(30);

/// A server that runs; it is stopped when this is dropped.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// From its spawn to its first answer that it is ready.
    pub started_in: Duration,
    child: Child,
    _output: BufReader<ChildStdout>,
}

impl Server {
    /// Starts this very program as a server on a database that is set up.
    ///
    /// # Errors
    /// If it does not start.
    pub fn start(database: &str, arguments: &[&str]) -> Result<Self, BenchError> {
        let program = std::env::current_exe()?;
        let begun = Instant::now();
        let mut command = Command::new(program);
        command.arg("serve").args(arguments).args(["--listen", "127.0.0.1:0"]);
        command.env("COALITION_DATABASE", database).env("COALITION_LOG", "warn");
        // Cycles are closed when a row says so, not by the schedule.
        command.env("COALITION_SETTLE_SECONDS", "0");
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().ok_or(BenchError::NoAnswer("the server's output"))?;
        let mut output = BufReader::new(output);
        let mut line = String::new();
        output.read_line(&mut line)?;
        let address = line
            .split_once("http://")
            .and_then(|(_, rest)| rest.split(';').next()?.trim().parse().ok())
            .ok_or(BenchError::NoAnswer("the server, which did not start"))?;
        let mut server = Self { address, started_in: Duration::ZERO, child, _output: output };
        if !get(address, "/readyz")?.starts_with("HTTP/1.1 200") {
            return Err(BenchError::NoAnswer("the server, which is not ready"));
        }
        server.started_in = begun.elapsed();
        Ok(server)
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its base address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The signal that it waits for; the standard library can only kill.
        let asked = Command::new("kill").args(["-TERM", &self.id().to_string()]).status();
        let begun = Instant::now();
        while asked.is_ok() && begun.elapsed() < STOP_MAX {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The whole answer to a request without credentials, head and body.
///
/// # Errors
/// If there is none.
pub fn get(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
