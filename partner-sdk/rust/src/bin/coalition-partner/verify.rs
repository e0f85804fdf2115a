//! `coalition-partner verify`: checks a statement, and says what was checked and what was not.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Write as _, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use coalition_partner::post::FileError;
use coalition_partner::proof::{
    Continuity, Kept, LineCheck, NOTE_MAX, Posted, Proofs, Receipts, Verified, VerifiedFile,
    VerifierKey, verify_file, verify_follows, verify_statement, verify_statement_with,
};

use crate::Failure;

pub const HELP: &str = "\
A statement's own numbers and sums can't show that a line was left out before it was signed: --receipts
can, and what it finds is a proof. Nothing is asked of the server; get the operator's key from the
operator, by another way than the statement, and keep every statement: the next one is checked against it.

Exit codes:
  0  everything that was checked is as it must be
  1  something is not; the message says where and what
  2  the arguments, or a file, cannot be used";

/// What is checked, and against what.
#[derive(Args)]
pub struct VerifyArguments {
    /// The statement, a JSON file.
    statement: PathBuf,
    /// The operator's verifier key, as in `coalition.example+c74f20a3+ARpc2Qc…`.
    #[arg(long, env = "COALITION_VERIFIER_KEY")]
    key: VerifierKey,
    /// The statement before, which this one must continue.
    #[arg(long)]
    previous: Option<PathBuf>,
    /// The key of the statement before, if it was another one.
    #[arg(long, requires = "previous")]
    previous_key: Option<VerifierKey>,
    /// The proofs of the statement's lines, an NDJSON file.
    #[arg(long)]
    proofs: Option<PathBuf>,
    /// Transactions that you got as answers, one id on each line; those without a line are listed.
    #[arg(long)]
    posted: Option<PathBuf>,
    /// Receipts of transactions, as `coalition-partner receipt` fetches them: the statement must have
    /// their lines.
    #[arg(long)]
    receipts: Option<PathBuf>,
    /// The statement in another form, CSV or XLSX; may be given several times.
    #[arg(long)]
    file: Vec<PathBuf>,
    /// The note that was signed for the file, one for each in their order [default: FILE.note].
    #[arg(long, requires = "file")]
    note: Vec<PathBuf>,
}

/// Checks a statement.
pub fn verify(arguments: &VerifyArguments) -> Result<ExitCode, Failure> {
    let found = |path: &Path| {
        let path = path.to_owned();
        move |finding| Failure::Finding { path, finding }
    };
    let mut posted = arguments.posted.as_deref().map(read_posted).transpose()?;
    let mut proofs = match &arguments.proofs {
        Some(path) => Some(Proofs::new(open(path)?)),
        None => None,
    };
    let mut receipts = match &arguments.receipts {
        Some(path) => {
            let read = Receipts::read(open(path)?, &arguments.key);
            Some(read.map_err(found(path))?)
        }
        None => None,
    };
    let mut checks: Vec<&mut dyn LineCheck> = Vec::new();
    checks.extend(proofs.as_mut().map(|check| -> &mut dyn LineCheck { check }));
    checks.extend(posted.as_mut().map(|check| -> &mut dyn LineCheck { check }));
    checks.extend(receipts.as_mut().map(|check| -> &mut dyn LineCheck { check }));
    let path = &arguments.statement;
    let this = verify_statement_with(open(path)?, &arguments.key, &mut checks);
    let this = this.map_err(found(path))?;
    let kept = receipts.map(Receipts::kept).transpose().map_err(found(path))?;
    let continuity = match &arguments.previous {
        None => None,
        Some(path) => {
            let key = arguments.previous_key.as_ref().unwrap_or(&arguments.key);
            let previous = verify_statement(open(path)?, key).map_err(found(path))?;
            let path = &arguments.statement;
            Some(verify_follows(&previous, &this).map_err(found(path))?)
        }
    };
    let files = verify_files(arguments, &this)?;
    say_statement(&this, &arguments.key)?;
    say_continuity(&this, continuity.as_ref())?;
    say_checks(proofs.as_ref(), kept, posted.as_ref())?;
    say_files(&files)?;
    Ok(ExitCode::SUCCESS)
}

fn say_checks<R: BufRead>(
    proofs: Option<&Proofs<R>>,
    kept: Option<Kept>,
    posted: Option<&Posted>,
) -> Result<(), Failure> {
    let mut output = stdout().lock();
    match proofs {
        Some(proofs) => {
            let count = proofs.transactions();
            writeln!(output, "  proofs: all lines, of {count} transactions, stand in the logs")?;
        }
        None => writeln!(output, "  proofs: NOT CHECKED, as --proofs is not given")?,
    }
    match kept {
        Some(Kept { receipts, lines, of_other_cycles }) => writeln!(
            output,
            "  receipts: {receipts}; the statement has all {lines} lines of this cycle; \
             {of_other_cycles} are of other cycles"
        )?,
        None => writeln!(output, "  receipts: NOT CHECKED, as --receipts is not given")?,
    }
    if let Some(posted) = posted {
        let missing: Vec<String> = posted.without_line().collect();
        let (covered, count) = (posted.covered(), missing.len());
        writeln!(output, "  posted: the cycle covers {covered} of the list; {count} have no line")?;
        for id in missing {
            writeln!(output, "    {id}")?;
        }
    }
    Ok(())
}

fn say_files(files: &[(&Path, VerifiedFile)]) -> Result<(), Failure> {
    let mut output = stdout().lock();
    for (path, file) in files {
        let VerifiedFile { form, bytes, sha256 } = file;
        let path = path.display();
        writeln!(output, "  file: {path} is this statement as {form}, {bytes} bytes, {sha256}")?;
    }
    Ok(())
}

/// Checks the other forms of the statement, each by its note.
fn verify_files<'a>(
    arguments: &'a VerifyArguments,
    this: &Verified,
) -> Result<Vec<(&'a Path, VerifiedFile)>, Failure> {
    let VerifyArguments { file: files, note: notes, key, .. } = arguments;
    if !notes.is_empty() && notes.len() != files.len() {
        let words = "give a --note for each --file, or none where they are FILE.note";
        return Err(Failure::Usage(words.to_owned()));
    }
    let mut verified = Vec::new();
    for (place, path) in files.iter().enumerate() {
        let beside = || {
            let mut name = path.clone().into_os_string();
            name.push(".note");
            name.into()
        };
        let note_path: PathBuf = notes.get(place).cloned().unwrap_or_else(beside);
        let mut note = String::new();
        let read = open(&note_path)?.take(NOTE_MAX).read_to_string(&mut note);
        read.map_err(|source| FileError::Io { path: note_path, source })?;
        let file = verify_file(this, key, &note, open(path)?);
        let failure = |finding| Failure::Finding { path: path.clone(), finding };
        verified.push((path.as_path(), file.map_err(failure)?));
    }
    Ok(verified)
}

fn say_statement(this: &Verified, key: &VerifierKey) -> Result<(), Failure> {
    let Verified { header, lines, debit, credit, sha256 } = this;
    let mut output = stdout().lock();
    writeln!(output, "statement {} of {}, cycle {}", header.statement, header.party, header.cycle)?;
    writeln!(output, "  from {} to {}", header.opened_at, header.closed_at)?;
    writeln!(output, "  sha256: {sha256}")?;
    writeln!(output, "  signature: by {}, over every byte", key.name())?;
    let currency = &header.currency;
    writeln!(output, "  lines: {lines}, debit {debit} {currency}, credit {credit} {currency}")?;
    writeln!(output, "  logs: {} signed checkpoints", header.checkpoints.len())?;
    Ok(())
}

fn say_continuity(this: &Verified, continuity: Option<&Continuity>) -> Result<(), Failure> {
    let mut output = stdout().lock();
    match (continuity, &this.header.previous) {
        (Some(Continuity { logs, gaps }), _) => {
            writeln!(output, "  previous: continued; {logs} logs hold all that they held")?;
            for gap in gaps {
                writeln!(
                    output,
                    "    neither statement covers {} to {} of shard {}",
                    gap.first, gap.last, gap.shard
                )?;
            }
        }
        (None, Some(previous)) => writeln!(
            output,
            "  previous: NOT CHECKED, as --previous is not given; it is {}, sha256 {}",
            previous.statement, previous.sha256
        )?,
        (None, None) => writeln!(output, "  previous: none, this is the first")?,
    }
    Ok(())
}

fn read_posted(path: &Path) -> Result<Posted, Failure> {
    Posted::read(open(path)?)
        .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

pub fn open(path: &Path) -> Result<BufReader<File>, Failure> {
    let file = File::open(path);
    Ok(BufReader::new(file.map_err(|source| FileError::Io { path: path.to_owned(), source })?))
}
