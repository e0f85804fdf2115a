//! What a file of members would lead to: the rules of enrolment on hashes of names, and nothing is
//! written.

use std::collections::HashMap;

use super::report::Outcome;
use crate::auth::vault::Vault;
use crate::domain::ids::PartyId;
use crate::domain::ledger::NamedBy;
use crate::engine::Enroll;
use crate::store::names::{NameHash, member_hash};
use crate::store::{Database, StoreError, members};

/// Whose names are whose, as far as the file has been read.
#[derive(Default)]
pub struct DryRun {
    /// Members that are there by their ids; those that would be made by numbers below zero.
    known: HashMap<NameHash, i64>,
    made: i64,
}

impl DryRun {
    /// What rows would lead to, in their order.
    ///
    /// # Errors
    /// If the database fails.
    pub fn enroll(
        &mut self,
        connection: &mut Database,
        vault: &Vault,
        party: &PartyId,
        rows: &[Enroll],
    ) -> Result<Vec<Outcome>, StoreError> {
        let by = |name| NamedBy::new(party, name);
        let names: Vec<NamedBy> = rows.iter().flat_map(|row| row.names.iter().map(by)).collect();
        for (named, member) in members::resolve(connection, vault.names(), &names)? {
            let hash = member_hash(vault.names(), &named);
            self.known.entry(hash).or_insert(member.0);
        }
        Ok(rows.iter().map(|row| self.join(vault, party, row)).collect())
    }

    fn join(&mut self, vault: &Vault, party: &PartyId, row: &Enroll) -> Outcome {
        let hash_of = |name| member_hash(vault.names(), &NamedBy::new(party, name));
        // The names of a row come as phone, e-mail, external id, card.
        let attaching = row.names.iter().filter(|name| row.attaches(name));
        let owner = attaching.into_iter().find_map(|name| self.known.get(&hash_of(name)).copied());
        let member = owner.unwrap_or_else(|| {
            self.made -= 1;
            self.made
        });
        let mut is_unresolved = false;
        for name in &row.names {
            is_unresolved |= *self.known.entry(hash_of(name)).or_insert(member) != member;
        }
        Outcome::Enrolled { is_new: owner.is_none(), is_unresolved }
    }
}
