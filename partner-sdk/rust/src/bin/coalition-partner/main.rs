//! The command `coalition-partner`: posts files in bulk, signs requests, sends single ones, fetches
//! receipts, and checks statements.
//!
//! Reads its arguments, calls the library, and turns what comes back into words and exit codes.

mod receipt;
mod verify;

use std::error::Error as _;
use std::io::{self, Write as _, stderr, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use coalition_partner::post::{
    BATCH_LINES_MAX, Defaults, FileError, PostError, PostOptions, Progress, post_file,
};
use coalition_partner::proof::Finding;
use coalition_partner::{
    Algorithm, Client, Error, Outgoing, RetryPolicy, Settings, SignatureHeaders, SigningKey,
    random_nonce, sign_for_url,
};
use thiserror::Error as ThisError;

/// Works with a Coalition server as a partner: signs, posts, repeats, and checks statements.
#[derive(Parser)]
#[command(version, after_help = EXIT_CODES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "\
Exit codes:
  0  everything was accepted
  1  something was refused, and the result file or the answer says why; or a statement is not as it
     must be, and the message says where
  2  the arguments, or a file, cannot be used; the message names the line
  3  the server cannot be reached, does not know the key, or stopped taking lines

The key's secret comes from --key-file or from the environment's COALITION_KEY, in base64; it is
never an argument, as other users of the machine could read it.";

const POST_HELP: &str = "\
FILE is CSV with a header (kind,ref,member,at,amount,currency,burn and any other field of the
contract that holds a text), or NDJSON with a transaction of the contract on each line. Empty cells
are left out. A member without a colon that does not start with m_ gets --member-prefix.

A line without an idempotency_key gets one: SHA-256, in hexadecimal, over its kind, a newline, its
ref, a newline, and its JSON without spaces with sorted names, defaults filled in. The same line
thus has the same key in every run, and the server records it once.

The result file has a line for each line of FILE that has its final answer:
  {\"line\":2,\"ref\":\"R-1\",\"status\":201,\"replayed\":false,\"id\":\"tx_0_12\"}
  {\"line\":3,\"ref\":\"R-2\",\"status\":422,\"replayed\":false,\"code\":\"…\",\"detail\":\"…\"}
After a break, run the same command again: it goes on after the last result. If the result file is
lost, the run starts over, and what the server knows is replayed.";

#[derive(Subcommand)]
enum Command {
    /// Posts a file of transactions, and goes on where an earlier run broke off.
    #[command(after_help = format!("{POST_HELP}\n\n{EXIT_CODES}"))]
    Post(PostArguments),
    /// Prints the headers that sign a request, for `curl -H @headers`.
    Sign(SignArguments),
    /// Sends one signed request and prints the answer.
    Call(CallArguments),
    /// Fetches signed receipts of transactions, by which a statement is checked later.
    #[command(after_help = format!("{}\n\n{EXIT_CODES}", receipt::HELP))]
    Receipt(receipt::ReceiptArguments),
    /// Checks a statement without the server: that nothing was changed, left out or rewritten.
    #[command(after_help = verify::HELP)]
    Verify(verify::VerifyArguments),
}

#[derive(Args)]
struct KeyArguments {
    /// The key's id, as the operator issued it.
    #[arg(long, env = "COALITION_KEY_ID")]
    key_id: String,
    /// A file with the key's secret (for ed25519 the seed) in base64; or set `COALITION_KEY`.
    #[arg(long)]
    key_file: Option<PathBuf>,
    /// The key's algorithm: hmac-sha256 or ed25519.
    #[arg(long, env = "COALITION_KEY_ALGORITHM", default_value = "hmac-sha256")]
    algorithm: Algorithm,
}

#[derive(Args)]
struct ServerArguments {
    /// The server, as in `https://coalition.example`.
    #[arg(long, env = "COALITION_SERVER")]
    server: String,
    /// How often a request is sent before giving up.
    #[arg(long, default_value_t = RetryPolicy::default().attempts_max)]
    attempts: u32,
}

#[derive(Args)]
struct PostArguments {
    /// The file, CSV or NDJSON.
    file: PathBuf,
    #[command(flatten)]
    server: ServerArguments,
    #[command(flatten)]
    key: KeyArguments,
    /// The programme of lines that name none.
    #[arg(long)]
    programme: Option<String>,
    /// Lines in one call.
    #[arg(long, default_value_t = 1000, value_parser = parse_batch_lines)]
    batch: usize,
    /// Where the results go [default: FILE.result.ndjson].
    #[arg(long)]
    result: Option<PathBuf>,
    /// Create the members that the file names before its first line is posted.
    #[arg(long)]
    enroll: bool,
    /// What stands before the colon of a member that is a bare value.
    #[arg(long, default_value = "external")]
    member_prefix: String,
}

#[derive(Args)]
struct SignArguments {
    /// The method.
    method: String,
    /// The whole address, as it will be sent.
    url: String,
    #[command(flatten)]
    key: KeyArguments,
    /// A file with the body, byte for byte as it will be sent.
    #[arg(long)]
    body: Option<PathBuf>,
    /// The idempotency key; made if there is a body and this is left out.
    #[arg(long)]
    idempotency_key: Option<String>,
}

#[derive(Args)]
struct CallArguments {
    /// The method.
    method: String,
    /// Path and query, percent-encoded.
    path: String,
    #[command(flatten)]
    server: ServerArguments,
    #[command(flatten)]
    key: KeyArguments,
    /// The body.
    #[arg(long)]
    body: Option<String>,
    /// The idempotency key; made if there is a body and this is left out.
    #[arg(long)]
    idempotency_key: Option<String>,
}

/// Why the command came to no end; each kind has its exit code.
#[derive(Debug, ThisError)]
enum Failure {
    /// Something given cannot be used.
    #[error("{0}")]
    Usage(String),
    /// A file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file could not be posted to its end.
    #[error(transparent)]
    Post(#[from] PostError),
    /// The server gave no answer.
    #[error(transparent)]
    Server(#[from] Error),
    /// A statement is not as it must be.
    #[error("{}: {finding}", path.display())]
    Finding {
        /// The statement's file.
        path: PathBuf,
        /// What was found.
        finding: Finding,
    },
    /// The standard output is closed.
    #[error("the output cannot be written")]
    Output(#[from] io::Error),
}

impl Failure {
    fn exit_code(&self) -> u8 {
        match self {
            Self::Finding { finding, .. } if !finding.is_unreadable() => 1,
            Self::Usage(_)
            | Self::Finding { .. }
            | Self::Output(_)
            | Self::File(_)
            | Self::Post(PostError::File(_))
            | Self::Server(Error::BadAddress(_) | Error::BadRequest(_) | Error::Key(_)) => 2,
            Self::Post(_) | Self::Server(_) => 3,
        }
    }
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Post(arguments) => post(arguments),
        Command::Sign(arguments) => sign(&arguments),
        Command::Call(arguments) => call(&arguments),
        Command::Receipt(arguments) => receipt::receipt(arguments),
        Command::Verify(arguments) => verify::verify(&arguments),
    };
    match done {
        Ok(code) => code,
        Err(failure) => {
            let mut words = failure.to_string();
            let mut cause = failure.source();
            while let Some(error) = cause {
                words.extend([": ", &error.to_string()]);
                cause = error.source();
            }
            // Nobody is left to tell if the stream is closed; the exit code remains.
            let _ = writeln!(stderr(), "error: {words}");
            ExitCode::from(failure.exit_code())
        }
    }
}

fn post(arguments: PostArguments) -> Result<ExitCode, Failure> {
    let settings = settings(&arguments.server);
    let client = client(&arguments.server, &arguments.key, &settings)?;
    let result = arguments.result.unwrap_or_else(|| {
        let mut name = arguments.file.clone().into_os_string();
        name.push(".result.ndjson");
        name.into()
    });
    let options = PostOptions {
        file: arguments.file,
        result,
        defaults: Defaults {
            programme: arguments.programme,
            member_prefix: arguments.member_prefix,
        },
        batch_lines: arguments.batch,
        enroll: arguments.enroll,
        retry: settings.retry,
    };
    let summary = post_file(&client, &options, &mut Progress::on_stderr())?;
    writeln!(stdout(), "{summary}results: {}", options.result.display())?;
    Ok(exit_code(summary.is_all_accepted()))
}

fn sign(arguments: &SignArguments) -> Result<ExitCode, Failure> {
    let key = signing_key(&arguments.key)?;
    let body = arguments.body.as_deref().map(read).transpose()?;
    let idempotency_key = key_of_call(arguments.idempotency_key.as_ref(), body.is_some())?;
    let method = arguments.method.to_uppercase();
    let outgoing = Outgoing {
        method: &method,
        idempotency_key: idempotency_key.as_deref(),
        body: body.as_deref(),
        ..Outgoing::get("/")
    };
    let signed = sign_for_url(&key, &arguments.url, &outgoing)?;
    let SignatureHeaders { content_digest, signature_input, signature } = signed;
    let mut output = stdout().lock();
    if body.is_some() {
        writeln!(output, "Content-Type: application/json")?;
    }
    for (name, value) in [("Idempotency-Key", idempotency_key), ("Content-Digest", content_digest)]
    {
        if let Some(value) = value {
            writeln!(output, "{name}: {value}")?;
        }
    }
    writeln!(output, "Signature-Input: {signature_input}\nSignature: {signature}")?;
    Ok(ExitCode::SUCCESS)
}

fn call(arguments: &CallArguments) -> Result<ExitCode, Failure> {
    let client = client(&arguments.server, &arguments.key, &settings(&arguments.server))?;
    let idempotency_key =
        key_of_call(arguments.idempotency_key.as_ref(), arguments.body.is_some())?;
    let answer = client.connection().send(&Outgoing {
        method: &arguments.method.to_uppercase(),
        idempotency_key: idempotency_key.as_deref(),
        body: arguments.body.as_deref().map(str::as_bytes),
        ..Outgoing::get(&arguments.path)
    })?;
    let request_id = answer.request_id.as_deref().unwrap_or("-");
    let replayed = if answer.replayed { ", replayed" } else { "" };
    writeln!(stderr(), "{}{replayed}, request {request_id}", answer.status)?;
    writeln!(stdout(), "{}", answer.text().trim_end())?;
    match answer.status {
        401 => Ok(ExitCode::from(3)),
        _ => Ok(exit_code(answer.is_accepted())),
    }
}

fn exit_code(is_all_accepted: bool) -> ExitCode {
    if is_all_accepted { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn client(
    server: &ServerArguments,
    key: &KeyArguments,
    settings: &Settings,
) -> Result<Client, Failure> {
    Ok(Client::with_settings(&server.server, signing_key(key)?, settings)?)
}

fn settings(server: &ServerArguments) -> Settings {
    let retry = RetryPolicy { attempts_max: server.attempts, ..RetryPolicy::default() };
    Settings { retry, ..Settings::default() }
}

fn signing_key(arguments: &KeyArguments) -> Result<SigningKey, Failure> {
    let text = match &arguments.key_file {
        Some(path) => String::from_utf8_lossy(&read(path)?).into_owned(),
        None => std::env::var("COALITION_KEY").map_err(|_| {
            Failure::Usage("the key's secret is missing: give --key-file or COALITION_KEY".into())
        })?,
    };
    let key = SigningKey::from_base64(&arguments.key_id, arguments.algorithm, &text);
    Ok(key.map_err(Error::Key)?)
}

/// The key given, or a new one where a body asks for one.
fn key_of_call(given: Option<&String>, has_body: bool) -> Result<Option<String>, Failure> {
    match given {
        None if has_body => Ok(Some(random_nonce().map_err(Error::Random)?)),
        given => Ok(given.cloned()),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    Ok(std::fs::read(path).map_err(|source| FileError::Io { path: path.to_owned(), source })?)
}

fn parse_batch_lines(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(lines) if (1..=BATCH_LINES_MAX).contains(&lines) => Ok(lines),
        _ => Err(format!("give a number from 1 to {BATCH_LINES_MAX}")),
    }
}
