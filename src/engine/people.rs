//! Persons within a batch: rows that are locked, keys that are open, and what is to be saved.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::batch::Batch;
use super::work::{Joining, Submission, Work};
use crate::auth::secrets::random_bytes;
use crate::auth::vault::{PersonKey, Place, Vault, VaultError};
use crate::domain::ids::{MemberId, PartyId, ProgrammeId};
use crate::domain::ledger::NamedBy;
use crate::domain::member::MemberName;
use crate::domain::person::{Field, Known, Profile, Source, Stage};
use crate::domain::rejection::Rejection;
use crate::domain::time::Instant;
use crate::store::consents::{self, ConsentRow};
use crate::store::names::member_hash;
use crate::store::outbox::{self, Fact};
use crate::store::persons::{self, PersonRow, PersonalNameRow};
use crate::store::proposals::{self, ProposalRow};
use crate::store::rows::{read_json, write_json};
use crate::store::save_members::{NewName, save_members};
use crate::store::{Database, StoreError, erasure, members};

/// What a batch knows of persons, and what it changed.
#[derive(Default)]
pub(crate) struct People {
    /// Rows that are locked, or made here.
    rows: BTreeMap<MemberId, PersonRow>,
    changed: BTreeSet<MemberId>,
    keys: HashMap<MemberId, PersonKey>,
    names: Vec<PersonalNameRow>,
    verified: Vec<Vec<u8>>,
    consents: Vec<ConsentRow>,
    proposals: Vec<ProposalRow>,
    facts: Vec<Fact>,
}

impl From<VaultError> for StoreError {
    fn from(error: VaultError) -> Self {
        Self::Damaged(error.to_string())
    }
}

impl People {
    /// A person's key; a new one where nothing was sealed yet.
    fn key_of(&mut self, vault: &Vault, member: MemberId) -> Result<PersonKey, StoreError> {
        if let Some(key) = self.keys.get(&member) {
            return Ok(key.clone());
        }
        let row = self.rows.get_mut(&member).expect("the person's row is at hand");
        let key = if let Some(sealed) = &row.sealed_key {
            vault.open_key(member, sealed)?
        } else {
            let key = PersonKey::new()?;
            row.sealed_key = Some(vault.seal_key(member, &key)?);
            self.changed.insert(member);
            key
        };
        self.keys.insert(member, key.clone());
        Ok(key)
    }
}

/// Who gives something, and where.
#[derive(Clone, Copy)]
pub(super) struct Giving<'a> {
    pub party: &'a PartyId,
    pub source: Source,
    pub now: Instant,
}

impl Batch<'_> {
    /// Reads the persons to whom enrolments may attach, and who of those that burn may not.
    pub(super) fn load_people(
        &mut self,
        connection: &mut Database,
        burning: &BTreeSet<i64>,
    ) -> Result<(), StoreError> {
        let mut owners = BTreeSet::new();
        for pending in self.pending {
            if let Work::Enroll(enroll) = &pending.submission.work
                && enroll.joining.is_some()
            {
                let names = pending.submission.names().into_iter();
                owners.extend(names.filter_map(|named| self.ledger.members.get(&named)));
            }
        }
        let owners: Vec<i64> = owners.into_iter().map(|&member| member.0).collect();
        if !owners.is_empty() {
            self.people.rows = persons::lock(connection, &owners)?;
        }
        if !burning.is_empty() {
            let current = |&member: &i64| self.ledger.current(MemberId(member)).0;
            let burning: Vec<i64> = burning.iter().map(current).collect();
            self.ledger.unconfirmed.extend(persons::unconfirmed(connection, &burning)?);
        }
        Ok(())
    }

    /// The row of a person; a member of earlier days gets one now.
    fn person(
        &mut self,
        connection: &mut Database,
        member: MemberId,
        giving: Giving<'_>,
    ) -> Result<&mut PersonRow, StoreError> {
        match self.people.rows.entry(member) {
            Entry::Occupied(there) => Ok(there.into_mut()),
            Entry::Vacant(place) => {
                let giver = (giving.source, giving.party);
                let new = PersonRow::new(member, giver, Stage::Member, giving.now);
                Ok(place.insert(persons::lock_or_make(connection, &new)?))
            }
        }
    }

    /// A person who is a member from now on.
    pub(super) fn add_person(&mut self, member: MemberId, giving: Giving<'_>, stage: Stage) {
        self.people.rows.insert(
            member,
            PersonRow::new(member, (giving.source, giving.party), stage, giving.now),
        );
        self.people.changed.insert(member);
    }

    /// How far a member is one.
    pub(super) fn stage_of(&self, member: MemberId) -> Stage {
        let row = self.people.rows.get(&member);
        row.and_then(|row| Stage::named(&row.stage)).unwrap_or(Stage::Member)
    }

    /// Gives a member a name. A personal one is sealed.
    pub(super) fn give_name(
        &mut self,
        connection: &mut Database,
        (named, member): (NamedBy, MemberId),
        giving: Giving<'_>,
        is_verified: bool,
    ) -> Result<(), StoreError> {
        let vault = std::sync::Arc::clone(&self.shared.vault);
        let hash = member_hash(vault.names(), &named).to_vec();
        let mut stored = named.name.to_string();
        if named.name.is_personal() {
            self.person(connection, member, giving)?;
            let key = self.people.key_of(&vault, member)?;
            self.people.names.push(PersonalNameRow {
                name_hash: hash.clone(),
                person: member.0,
                sealed: key.seal(member, Place::Name, &stored)?,
                party: giving.party.to_string(),
                given_at: giving.now.0,
                verified_at: is_verified.then_some(giving.now.0),
            });
            stored = format!("{}:", named.name.form());
        }
        self.new_members.names.push(NewName {
            hash,
            member,
            party: named.party.as_ref().map(ToString::to_string),
            name: stored,
        });
        self.ledger.members.insert(named, member);
        Ok(())
    }

    /// A name that is there already was shown to be its member's.
    pub(super) fn verify_name(&mut self, named: &NamedBy) {
        let hash = member_hash(self.shared.vault.names(), named).to_vec();
        match self.people.names.iter_mut().find(|row| row.name_hash == hash) {
            Some(row) => row.verified_at = row.verified_at.or(Some(self.now.0)),
            None => self.people.verified.push(hash),
        }
    }

    /// Takes what is told of a person into the profile: what is new, and what is better known now.
    pub(super) fn learn(
        &mut self,
        connection: &mut Database,
        member: MemberId,
        giving: Giving<'_>,
        joining: &Joining,
    ) -> Result<(), StoreError> {
        let is_shown = !joining.verified.is_empty();
        let row = self.person(connection, member, giving)?;
        let is_confirmed = is_shown && row.stage == Stage::Unconfirmed.name();
        if is_confirmed {
            Stage::Member.name().clone_into(&mut row.stage);
            row.changed_at = giving.now.0;
            self.people.changed.insert(member);
            self.ledger.unconfirmed.remove(&member);
        }
        let given = joining.consents.iter().map(|consent| ConsentRow {
            member: member.0,
            purpose: consent.purpose.name().to_owned(),
            channel: consent.channel.name().to_owned(),
            at: consent.at.0,
            given: consent.given,
            version: consent.version.clone(),
            party: giving.party.to_string(),
        });
        self.people.consents.extend(given);
        if joining.profile.is_empty() {
            return Ok(());
        }
        let vault = std::sync::Arc::clone(&self.shared.vault);
        let key = self.people.key_of(&vault, member)?;
        let row = self.people.rows.get_mut(&member).expect("the person's row is at hand");
        let mut profile = match &row.sealed {
            Some(sealed) => read_json(&key.open(member, Place::Profile, sealed)?, "a profile")?,
            None => Profile::default(),
        };
        for (&field, value) in &joining.profile {
            let known = profile.0.get(&field);
            if known.is_none_or(|known| is_shown && known.value != *value) {
                let (party, source) = (giving.party.clone(), giving.source);
                let known = Known { value: value.clone(), party, source, at: giving.now };
                profile.0.insert(field, known);
            }
        }
        row.sealed = Some(key.seal(member, Place::Profile, &write_json(&profile))?);
        row.city = profile.value(Field::City).map(str::to_owned);
        row.changed_at = giving.now.0;
        self.people.changed.insert(member);
        Ok(())
    }

    /// Proposes to join two profiles that one name leads to.
    pub(super) fn propose(
        &mut self,
        (keep, gone): (MemberId, MemberId),
        name: &MemberName,
        giving: Giving<'_>,
    ) -> Result<(), StoreError> {
        let bytes: [u8; 8] = random_bytes().map_err(|_| VaultError::CannotSeal)?;
        self.people.proposals.push(ProposalRow {
            proposal: i64::from_be_bytes(bytes) >> 2 & (i64::MAX >> 2),
            keep: keep.0,
            gone: gone.0,
            reason: name.form().to_owned(),
            party: giving.party.to_string(),
            state: "open".to_owned(),
            created_at: giving.now.0,
            decided_at: None,
            decided_by: None,
            merged_by: None,
        });
        Ok(())
    }

    /// Saves members and persons so far.
    pub(super) fn save_people(&mut self, connection: &mut Database) -> Result<(), StoreError> {
        let mut members = std::mem::take(&mut self.new_members);
        members.created_at = self.now.0;
        save_members(connection, &members)?;
        let people = &mut self.people;
        let changed = std::mem::take(&mut people.changed);
        let rows: Vec<&PersonRow> =
            changed.iter().filter_map(|member| people.rows.get(member)).collect();
        persons::save(connection, &rows)?;
        persons::add_names(connection, &std::mem::take(&mut people.names))?;
        persons::verify_names(connection, &std::mem::take(&mut people.verified), self.now)?;
        consents::add(connection, &std::mem::take(&mut people.consents))?;
        proposals::add(connection, &std::mem::take(&mut people.proposals))
    }

    /// Tells what no transaction tells; the last thing before the commit.
    pub(super) fn tell_all(&mut self, connection: &mut Database) -> Result<(), StoreError> {
        let mut facts = std::mem::take(&mut self.people.facts);
        facts.append(&mut self.cards.facts);
        for &(gone, kept) in &self.ledger.changes.merges {
            let accounts = self.ledger.changes.accounts.iter().filter(|key| key.member == gone);
            let programmes: Vec<ProgrammeId> = accounts.map(|key| key.programme.clone()).collect();
            let nowhere = programmes.is_empty().then_some(None);
            facts.extend(nowhere.into_iter().chain(programmes.into_iter().map(Some)).map(
                |programme| Fact {
                    event: "member.merged",
                    party: None,
                    programme,
                    member: Some(kept),
                    data: serde_json::json!({"keep": kept, "drop": gone}),
                },
            ));
        }
        outbox::add(connection, self.now, &facts)
    }

    /// Forgets a member. What was posted stands, and says of the member only the id.
    pub(super) fn erase(
        &mut self,
        connection: &mut Database,
        submission: &Submission,
        member: &MemberName,
    ) -> Result<(u16, String), StoreError> {
        let Some(member) = self.ledger.member(&submission.party, member) else {
            return Ok(self.shared.present.rejection(&Rejection::UnknownMember));
        };
        // What this batch has learnt of the member must be there to be taken away.
        self.save_people(connection)?;
        let programmes = erasure::erase(connection, member, self.now)?;
        self.people.rows.remove(&member);
        self.people.keys.remove(&member);
        let names = self.ledger.members.iter();
        let gone: Vec<NamedBy> = names
            .filter(|&(_, &one)| self.ledger.current(one) == member)
            .map(|(named, _)| named.clone())
            .collect();
        for named in gone {
            self.ledger.members.remove(&named);
        }
        self.count_names_moved([member]);
        let data = serde_json::json!({"member": member});
        let fact = |party: Option<PartyId>, programme| Fact {
            event: "member.erased",
            party,
            programme,
            member: Some(member),
            data: data.clone(),
        };
        if programmes.is_empty() {
            self.people.facts.push(fact(Some(submission.party.clone()), None));
        }
        let facts = programmes.into_iter().map(|programme| fact(None, Some(programme)));
        self.people.facts.extend(facts);
        Ok((200, self.shared.present.erased(member, self.now)))
    }
}

impl Batch<'_> {
    /// Looks names up again that were looked up in an earlier epoch, so that what they are used for
    /// keeps its place unless they lead elsewhere now. Those that lead to nobody are taken out.
    pub(super) fn look_again(&mut self, connection: &mut Database) -> Result<(), StoreError> {
        let stale = self.pending.iter().filter(|one| one.target.epoch != self.epoch);
        let stale: HashMap<NamedBy, MemberId> =
            stale.flat_map(|one| one.target.members.iter().cloned()).collect();
        if stale.is_empty() {
            return Ok(());
        }
        let names: Vec<NamedBy> = stale.keys().cloned().collect();
        let found = members::resolve(connection, self.shared.vault.names(), &names)?;
        let ids: Vec<i64> = stale.values().map(|member| member.0).collect();
        let current = members::current(connection, &ids)?;
        for (named, member) in stale {
            match found.get(&named) {
                None => drop(self.ledger.members.remove(&named)),
                // It was merged, which is followed where the name is used.
                Some(there) if current.get(&member) == Some(there) => {}
                Some(_) => drop(self.moved.insert(named)),
            }
        }
        Ok(())
    }

    /// A profile is itself again: what names it had brought is looked up again after the commit, by
    /// every server that remembers some.
    pub(super) fn names_went(&mut self, restored: MemberId, kept: MemberId) {
        let led = self.ledger.members.iter();
        let led = led.filter(|&(named, &one)| {
            self.ledger.current(one) == kept && named.name != MemberName::Id(kept)
        });
        self.moved.extend(led.map(|(named, _)| named.clone()));
        self.count_names_moved([restored, kept]);
    }

    /// Servers remember names: heads that moved on make them look again.
    fn count_names_moved(&mut self, members: impl IntoIterator<Item = MemberId>) {
        for member in members {
            if let Some(head) = self.heads.get_mut(&member.shard().0) {
                head.count_names_moved();
            }
        }
    }
}
