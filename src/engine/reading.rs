//! What a batch reads before it decides.

use super::batch::Batch;
use super::router::{originals_of, reference_of};
use super::work::Work;
use crate::domain::account::AccountKey;
use crate::domain::command::Action;
use crate::store::heads::Head;
use crate::store::load::Wanted;

impl Batch<'_> {
    pub(super) fn wanted(&self) -> Wanted {
        let mut wanted = Wanted {
            may_be_merged: self.heads.values().any(Head::has_merges),
            ..Wanted::default()
        };
        for pending in self.pending {
            let named = pending.target.members.iter().map(|(_, member)| *member);
            wanted.members.extend(named.clone());
            match &pending.submission.work {
                Work::Post(command) => {
                    wanted.originals.extend(originals_of(pending));
                    if self.coalition().is_prepaid(&command.party) {
                        wanted.prepaid.insert(command.party.clone());
                    }
                    if self.looks_first {
                        wanted.references.extend(reference_of(command));
                    }
                    match &command.action {
                        Action::UnlinkedRefund { .. } | Action::Merge { .. } => {
                            wanted.whole.extend(named);
                        }
                        Action::Unmerge { of, gone, .. } => {
                            wanted.transactions.push(*of);
                            wanted.members.insert(*gone);
                            wanted.whole.extend(named);
                        }
                        action if action.burns() => {
                            let keys = action.programmes().into_iter().flat_map(|programme| {
                                named.clone().map(|member| AccountKey {
                                    member,
                                    programme: programme.clone(),
                                })
                            });
                            wanted.burning.extend(keys);
                        }
                        _ => {}
                    }
                }
                Work::Expire(key) => {
                    wanted.members.insert(key.member);
                    wanted.due.insert(key.clone());
                }
                Work::Enroll(_) | Work::Name { .. } | Work::Card(_) | Work::Erase(_) => {}
            }
        }
        wanted.limited = self.coalition().limited(self.now);
        wanted
    }
}
