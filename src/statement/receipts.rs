//! Receipts of what was recorded, signed for one party.
//!
//! Nothing of them is stored: they are made of the journal whenever somebody asks, and come out the
//! same to the byte. What was changed after it was recorded gets none.

use std::collections::BTreeMap;

use super::scan::StatementError;
use crate::domain::entry::{commitments, entries_of};
use crate::domain::ids::{PartyId, TransactionId};
use crate::domain::log::leaf::{leaf_data, leaf_hash};
use crate::domain::log::note::Signer;
use crate::domain::log::receipt::Receipt;
use crate::domain::terms::Coalition;
use crate::domain::transaction::Transaction;
use crate::store::rows::read_json;
use crate::store::save::chain;
use crate::store::views::ChainedTransaction;

/// Who vouches, for whom.
#[derive(Clone, Copy, Debug)]
pub struct Vouching<'a> {
    /// What there is now.
    pub coalition: &'a Coalition,
    /// Who signs.
    pub signer: &'a Signer,
    /// Who is told.
    pub party: &'a PartyId,
}

impl Vouching<'_> {
    /// The receipts of transactions, signed notes one after the other; none: one of them was not
    /// found, or is none of the party's.
    ///
    /// # Errors
    /// If one was changed after it was recorded.
    pub fn receipts(
        &self,
        ids: &[TransactionId],
        found: &BTreeMap<TransactionId, ChainedTransaction>,
    ) -> Result<Option<String>, StatementError> {
        let mut notes = String::new();
        for id in ids {
            let note = found.get(id).map(|one| self.receipt(*id, one)).transpose()?.flatten();
            let Some(note) = note else { return Ok(None) };
            notes.push_str(&note);
        }
        Ok(Some(notes))
    }

    fn receipt(
        &self,
        id: TransactionId,
        stored: &ChainedTransaction,
    ) -> Result<Option<String>, StatementError> {
        let before = stored.before.ok_or(StatementError::Changed(id))?;
        let hash = chain(&before, &stored.content);
        if stored.after != hash {
            return Err(StatementError::Changed(id));
        }
        let transaction: Transaction = read_json(&stored.content, &id.to_string())?;
        if transaction.id != id {
            return Err(StatementError::Changed(id));
        }
        let entries = entries_of(&transaction, self.coalition);
        let leaf = leaf_hash(&leaf_data(&hash, &commitments(&entries, &before)));
        let receipt = Receipt {
            coalition: self.coalition,
            transaction: &transaction,
            entries: &entries,
            leaf,
            party: self.party,
        };
        Ok(receipt.is_due().then(|| self.signer.sign(&receipt.to_string())))
    }
}
