//! Receipts against a statement: what the operator signed for, one by one, and left out of the whole.
//!
//! A statement proves that its lines were recorded; that none is missing its numbers and sums can't
//! prove, as the operator writes them itself. A receipt that was signed when the transaction was
//! recorded can: it says which line the statement of which cycle must have. All that is needed to see
//! it are the two files and the operator's key.

use std::collections::BTreeMap;
use std::io::BufRead;

use sha2::{Digest as _, Sha256};

use super::amount;
use super::finding::{Fault, Finding, Place};
use super::header::{Cut, HOUSE_SHARD, Header};
use super::layout::{LINE_MAX, Lines};
use super::merkle::Hash;
use super::note::VerifierKey;
use super::receipt::{Receipt, ReceiptEntry};
use super::row::Line;
use super::statement::{LineCheck, Verified, verify_statement_with};

/// How the line of a note's signature begins.
const SIGNATURE: &str = "\u{2014} ";

/// Checks a statement, and that it has every line that receipts of its cycle were given for.
///
/// # Errors
/// The first thing that is not as it must be.
pub fn verify_receipts(
    statement: impl BufRead,
    receipts: impl BufRead,
    key: &VerifierKey,
) -> Result<(Verified, Kept), Finding> {
    let mut receipts = Receipts::read(receipts, key)?;
    let verified = verify_statement_with(statement, key, &mut [&mut receipts])?;
    Ok((verified, receipts.kept()?))
}

/// Receipts that a statement keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// How many receipts there are.
    pub receipts: usize,
    /// Their entries that the statement has.
    pub lines: usize,
    /// Their entries that other cycles settle, of which the statement says nothing.
    pub of_other_cycles: usize,
}

/// What a receipt asks of a statement.
struct Promise {
    at: Place,
    currency: String,
    entry: ReceiptEntry,
    state: State,
}

/// What the statement makes of it.
enum State {
    /// Another cycle settles it.
    Elsewhere,
    /// It must have a line, of this amount in the currency's smallest unit.
    Due(i128),
    /// It has the line.
    Met,
}

/// Receipts, each checked by itself, held against a statement while that is read.
///
/// Takes some two hundred bytes of memory for each entry. What is wrong is told by
/// [`Receipts::kept`], once the statement's own signature was checked: what nobody signed proves
/// nothing.
pub struct Receipts {
    operator: String,
    party: Option<(String, Place)>,
    count: usize,
    /// By shard, place in the log and place in the transaction.
    promises: BTreeMap<(i64, i64, u32), Promise>,
    /// The hash of the text of each transaction's receipt.
    texts: BTreeMap<(i64, i64), Hash>,
    finding: Option<Finding>,
}

impl Receipts {
    /// Reads a file of receipts, signed notes one after the other, and checks each by itself.
    ///
    /// # Errors
    /// The first thing that is not as it must be.
    pub fn read(reader: impl BufRead, key: &VerifierKey) -> Result<Self, Finding> {
        let mut all = Self {
            operator: key.name().to_owned(),
            party: None,
            count: 0,
            promises: BTreeMap::new(),
            texts: BTreeMap::new(),
            finding: None,
        };
        let mut lines = Lines::of(reader, Place::Receipt);
        while let Some((at, note)) = next_note(&mut lines)? {
            let opened = key.open(&note).map_err(|error| at.finds(error))?;
            if opened.signatures != 1 {
                return Err(at.finds(Fault::Layout("a receipt has one signature")));
            }
            let digest = Sha256::digest(opened.text).into();
            all.take(Receipt::read(opened.text, at)?, digest, at)?;
        }
        Ok(all)
    }

    /// How many receipts there are.
    pub fn count(&self) -> usize {
        self.count
    }

    fn take(&mut self, receipt: Receipt, digest: Hash, at: Place) -> Result<(), Finding> {
        self.count += 1;
        if receipt.operator != self.operator {
            return Err(at.finds(Fault::differs("operator", receipt.operator, &self.operator)));
        }
        match &self.party {
            Some((party, _)) if *party != receipt.party => {
                return Err(at.finds(Fault::differs("party", receipt.party, party)));
            }
            Some(_) => {}
            None => self.party = Some((receipt.party.clone(), at)),
        }
        let key = (receipt.shard, receipt.seq);
        match self.texts.insert(key, digest) {
            // The same receipt may have been asked for again.
            Some(earlier) if earlier == digest => return Ok(()),
            Some(_) => {
                let transaction = receipt.transaction();
                return Err(at.finds(Fault::TwoReceipts { transaction }));
            }
            None => {}
        }
        for entry in &receipt.entries {
            let state = State::Elsewhere;
            let (entry, currency) = (entry.clone(), receipt.currency.clone());
            let key = (receipt.shard, receipt.seq, entry.place);
            let promise = Promise { at, currency, entry, state };
            if self.promises.insert(key, promise).is_some() {
                return Err(at.finds(Fault::Layout("the receipt has an entry twice")));
            }
        }
        Ok(())
    }

    /// What the statement keeps of the receipts, after it was checked.
    ///
    /// # Errors
    /// The first line that it leaves out or tells otherwise.
    pub fn kept(mut self) -> Result<Kept, Finding> {
        if let Some(finding) = self.finding.take() {
            return Err(finding);
        }
        let mut kept = Kept { receipts: self.count, lines: 0, of_other_cycles: 0 };
        let mut omitted = Vec::new();
        for (key, promise) in &self.promises {
            match promise.state {
                State::Elsewhere => kept.of_other_cycles += 1,
                State::Met => kept.lines += 1,
                State::Due(_) => omitted.push((key, promise.at)),
            }
        }
        let Some(((shard, seq, place), at)) = omitted.first() else { return Ok(kept) };
        let entry = format!("tx_{shard}_{seq}/{place}");
        Err(at.finds(Fault::Omitted { entry, others: omitted.len() - 1 }))
    }

    /// Keeps the first thing that is wrong, until the statement is known to be signed.
    fn find(&mut self, finding: Finding) {
        self.finding.get_or_insert(finding);
    }
}

impl LineCheck for Receipts {
    fn begin(&mut self, header: &Header) -> Result<(), Finding> {
        if let Some((party, at)) = &self.party
            && *party != header.party
        {
            return Err(at.finds(Fault::differs("party", party, &header.party)));
        }
        for ((shard, seq, place), promise) in &mut self.promises {
            if promise.entry.cycle != header.cycle {
                continue;
            }
            let amount = amount::parse(&promise.entry.amount, header.money_scale);
            let amount = amount.filter(|_| promise.currency == header.currency);
            let amount = amount.ok_or_else(|| {
                let told = format!("{} {}", promise.entry.amount, promise.currency);
                promise.at.finds(Fault::malformed("the amount", told))
            })?;
            promise.state = State::Due(amount);
            let covered = header.cut.get(shard).is_some_and(|cut| covers(*shard, *cut, *seq));
            if !covered && self.finding.is_none() {
                let entry = format!("tx_{shard}_{seq}/{place}");
                self.finding = Some(promise.at.finds(Fault::NotCovered { entry }));
            }
        }
        Ok(())
    }

    fn line(&mut self, line: &Line<'_>) -> Result<(), Finding> {
        let key = (line.shard, line.seq, line.place);
        let Some(promise) = self.promises.get_mut(&key) else { return Ok(()) };
        let due = match promise.state {
            State::Due(amount) => amount,
            State::Elsewhere | State::Met => {
                let told = format!("of cycle {}", promise.entry.cycle);
                self.find(line.at.finds(Fault::ToldOtherwise { entry: line.entry_id(), told }));
                return Ok(());
            }
        };
        promise.state = State::Met;
        if (line.is_debit, line.amount) != (promise.entry.is_debit, due) {
            let told = format!("a {} of {}", promise.entry.side(), promise.entry.amount);
            let entry = line.entry_id();
            self.find(line.at.finds(Fault::ToldOtherwise { entry, told }));
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Finding> {
        Ok(())
    }
}

/// Whether a cut covers a place; that of the house covers all before its end.
fn covers(shard: i64, cut: Cut, seq: i64) -> bool {
    (shard == HOUSE_SHARD || cut.first <= seq) && seq <= cut.last
}

/// The next note of a file, and where it begins: its text, an empty line and one signature.
fn next_note<R: BufRead>(lines: &mut Lines<R>) -> Result<Option<(Place, String)>, Finding> {
    if !lines.advance(LINE_MAX)? {
        return Ok(None);
    }
    let at = lines.place();
    let mut note = lines.text()?.to_owned();
    loop {
        let is_end = lines.text()?.starts_with(SIGNATURE);
        if is_end {
            return Ok(Some((at, note)));
        }
        let left = LINE_MAX.saturating_sub(note.len());
        if !lines.advance(left)? {
            return Err(lines.place().finds(Fault::BrokenOff));
        }
        note.push_str(lines.text()?);
    }
}
