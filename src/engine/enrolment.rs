//! Members within a batch: made, found again, and given further names.

use super::batch::Batch;
use super::people::Giving;
use super::work::{Enroll, Enrolled, Joining, Submission};
use crate::domain::ids::{MemberId, ShardId};
use crate::domain::ledger::NamedBy;
use crate::domain::member::MemberName;
use crate::domain::person::{Source, Stage};
use crate::domain::rejection::Rejection;
use crate::store::{Database, StoreError};

/// Status and body; none: the member lives on a shard that is not locked.
type Answered = Option<(u16, String)>;

impl Batch<'_> {
    pub(super) fn enroll(
        &mut self,
        connection: &mut Database,
        shard: ShardId,
        submission: &Submission,
        enroll: &Enroll,
    ) -> Result<Answered, StoreError> {
        let named: Vec<NamedBy> = submission.new_names();
        if let Some(joining) = &enroll.joining {
            return self.join(connection, shard, submission, (enroll, joining));
        }
        if named.iter().any(|named| self.ledger.members.contains_key(named)) {
            return Ok(Some(self.shared.present.rejection(&Rejection::IdentifierTaken)));
        }
        let giving = Giving { party: &submission.party, source: Source::Other, now: self.now };
        let member = self.new_member(shard);
        self.add_person(member, giving, Stage::Member);
        for named in named {
            self.give_name(connection, (named, member), giving, false)?;
        }
        Ok(Some((201, self.shared.present.member(member))))
    }

    fn new_member(&mut self, shard: ShardId) -> MemberId {
        let head = self.heads.get_mut(&shard.0).expect("the shard of a decision is locked");
        let member = MemberId::new(shard, head.next_member);
        head.next_member += 1;
        self.new_members.members.insert(member);
        member
    }

    /// Somebody enrols, perhaps once more: who is known by a name that was shown to be theirs is the
    /// same member. A name of somebody else is left out, and the two are proposed to be joined.
    fn join(
        &mut self,
        connection: &mut Database,
        shard: ShardId,
        submission: &Submission,
        (enroll, joining): (&Enroll, &Joining),
    ) -> Result<Answered, StoreError> {
        let giving = Giving { party: &submission.party, source: joining.source, now: self.now };
        let mut names = submission.new_names();
        names.sort_by_key(|named| order_of(&named.name));
        let owner_of = |batch: &Self, named: &NamedBy| -> Option<MemberId> {
            batch.ledger.members.get(named).map(|&there| batch.ledger.current(there))
        };
        let attaching = names.iter().filter(|named| enroll.attaches(&named.name));
        let owner = attaching.clone().find_map(|named| owner_of(self, named));
        if owner.is_some_and(|owner| !self.heads.contains_key(&owner.shard().0)) {
            return Ok(None);
        }
        let is_new = owner.is_none();
        let member = owner.unwrap_or_else(|| self.new_member(shard));
        if is_new {
            let waits = joining.source.asks_for_code() && joining.verified.is_empty();
            let stage = if waits { Stage::Unconfirmed } else { Stage::Member };
            self.add_person(member, giving, stage);
        }
        let mut proposed = 0;
        for named in names {
            let is_shown = joining.verified.contains(&named.name);
            match owner_of(self, &named) {
                None => self.give_name(connection, (named, member), giving, is_shown)?,
                Some(there) if there == member => {
                    if is_shown && named.name.is_personal() {
                        self.verify_name(&named);
                    }
                }
                Some(there) => {
                    // Who was there first stays, unless this is the one whom a name led to.
                    let pair = if is_new { (there, member) } else { (member, there) };
                    self.propose(pair, &named.name, giving)?;
                    proposed += 1;
                }
            }
        }
        self.learn(connection, member, giving, joining)?;
        let stage = self.stage_of(member);
        let proposed = submission.signed_by.is_none().then_some(proposed);
        let enrolled = Enrolled { member, is_new, stage, proposed };
        Ok(Some(self.shared.present.enrolled(&enrolled)))
    }

    pub(super) fn name(
        &mut self,
        connection: &mut Database,
        submission: &Submission,
        member: &MemberName,
        name: &MemberName,
    ) -> Result<(u16, String), StoreError> {
        let Some(member) = self.ledger.member(&submission.party, member) else {
            return Ok(self.shared.present.rejection(&Rejection::UnknownMember));
        };
        let giving = Giving { party: &submission.party, source: Source::Other, now: self.now };
        let named = NamedBy::new(&submission.party, name);
        match self.ledger.members.get(&named).map(|&there| self.ledger.current(there)) {
            Some(there) if there != member => {
                return Ok(self.shared.present.rejection(&Rejection::IdentifierTaken));
            }
            Some(_) => {}
            None => self.give_name(connection, (named, member), giving, false)?,
        }
        Ok((201, self.shared.present.named(member, name)))
    }
}

/// Which name leads to a member first, where several do.
const fn order_of(name: &MemberName) -> u8 {
    match name {
        MemberName::Phone(_) => 0,
        MemberName::Email(_) => 1,
        MemberName::External(_) => 2,
        _ => 3,
    }
}
