//! Members within a batch: made, and given further names.

use super::batch::Batch;
use super::work::{Enroll, Submission};
use crate::domain::ids::{MemberId, ShardId};
use crate::domain::ledger::NamedBy;
use crate::domain::member::MemberName;
use crate::domain::rejection::Rejection;
use crate::store::names::member_hash;
use crate::store::save_members::NewName;

impl Batch<'_> {
    pub(super) fn enroll(
        &mut self,
        shard: ShardId,
        submission: &Submission,
        enroll: &Enroll,
    ) -> (u16, String) {
        let named: Vec<NamedBy> = submission.new_names();
        if named.iter().any(|named| self.ledger.members.contains_key(named)) {
            return self.shared.present.rejection(&Rejection::IdentifierTaken);
        }
        let head = self.heads.get_mut(&shard.0).expect("the shard of a decision is locked");
        let member = MemberId::new(shard, head.next_member);
        head.next_member += 1;
        self.new_members.members.insert(member);
        for (named, name) in named.into_iter().zip(&enroll.names) {
            self.give_name(named, name, member);
        }
        (201, self.shared.present.member(member))
    }

    pub(super) fn name(
        &mut self,
        submission: &Submission,
        member: &MemberName,
        name: &MemberName,
    ) -> (u16, String) {
        let Some(member) = self.ledger.member(&submission.party, member) else {
            return self.shared.present.rejection(&Rejection::UnknownMember);
        };
        let named = NamedBy::new(&submission.party, name);
        match self.ledger.members.get(&named).map(|&there| self.ledger.current(there)) {
            Some(there) if there != member => {
                return self.shared.present.rejection(&Rejection::IdentifierTaken);
            }
            Some(_) => {}
            None => self.give_name(named, name, member),
        }
        (201, self.shared.present.named(member, name))
    }

    pub(super) fn give_name(&mut self, named: NamedBy, name: &MemberName, member: MemberId) {
        self.new_members.names.push(NewName {
            hash: member_hash(&named).to_vec(),
            member,
            party: named.party.as_ref().map(ToString::to_string),
            name: name.to_string(),
        });
        self.ledger.members.insert(named, member);
    }
}
