//! One notice without a campaign, such as an app asks for.

use super::reach::{self, Contacts, Sender};
use super::{channels_of, next_allowed_by};
use crate::auth::vault::NamesKey;
use crate::domain::campaign::Channel;
use crate::domain::campaign::notice::{NoticeKind, NoticeState, Unreachable, month_of};
use crate::domain::ids::PartyId;
use crate::domain::ledger::NamedBy;
use crate::domain::member::MemberName;
use crate::domain::terms::{Coalition, Programme};
use crate::domain::time::Instant;
use crate::store::campaigns::audience::Reading;
use crate::store::names::NameHash;
use crate::store::notices::{self, Counted, NO_CAMPAIGN, NoticeRow};
use crate::store::{Database, StoreError, members, ties};

/// A notice that somebody asks for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// To whom.
    pub member: MemberName,
    /// Whose own ids count.
    pub named_by: PartyId,
    /// Whether only those are meant who have points or a card in the programme: a brand learns nothing
    /// of others, and does not write to them.
    pub of_programme: bool,
    /// By which channel.
    pub channel: Channel,
    /// Who sends it.
    pub party: PartyId,
    /// What for.
    pub kind: NoticeKind,
    /// What it says.
    pub text: String,
    /// When.
    pub at: Instant,
    /// The hash of the request's key, which makes the notice's id.
    pub key: NameHash,
}

/// Why not, and from when on it is possible.
pub type Refused = (Unreachable, Option<Instant>);

/// A number of 63 bits that a request's key makes.
fn step_of(key: &NameHash) -> i64 {
    let first: [u8; 8] = key[..8].try_into().expect("a hash has 16 bytes");
    i64::from_be_bytes(first) & i64::MAX
}

/// Plans the notice under the cap of its channel. None: there is no such member.
///
/// # Errors
/// If the database fails.
pub fn plan(
    database: &mut Database,
    key: &NamesKey,
    (coalition, programme): (&Coalition, &Programme),
    wish: &Wish,
    now: Instant,
) -> Result<Option<Result<NoticeRow, Refused>>, StoreError> {
    let named = NamedBy::new(&wish.named_by, &wish.member);
    let found = members::resolve(database, key, std::slice::from_ref(&named))?;
    let Some(&member) = found.get(&named) else { return Ok(None) };
    if wish.of_programme && !ties::takes_part(database, member, &programme.id)? {
        return Ok(None);
    }
    let needs = reach::needs();
    let reading = Reading { programme, needs: &needs, now };
    let contacts = Contacts::read(database, reading, (member.0, member.0))?;
    let sender = Sender::of(coalition, &wish.party);
    if let Err(why) = contacts.allow(member, wish.channel, sender, wish.kind) {
        return Ok(Some(Err((why, None))));
    }
    let rules = channels_of(database, programme)?;
    let rules = rules.get(&wish.channel).copied().unwrap_or_else(|| wish.channel.usual());
    let zone = &programme.zone;
    let due_at = rules.open_at(wish.kind, zone, wish.at);
    let counted = Counted {
        programme: programme.id.as_str(),
        channel: wish.channel,
        kind: wish.kind,
        month: month_of(zone, due_at),
    };
    let fit = notices::count(database, &counted, &[member], rules.most(wish.kind))?;
    if fit.is_empty() {
        let next = next_allowed_by(&rules, wish.kind, zone, due_at);
        return Ok(Some(Err((Unreachable::FrequencyCap, Some(next)))));
    }
    let row = NoticeRow {
        campaign: NO_CAMPAIGN.to_owned(),
        step: step_of(&wish.key),
        member: member.0,
        programme: programme.id.to_string(),
        channel: wish.channel.name().to_owned(),
        party: wish.party.to_string(),
        kind: wish.kind.name().to_owned(),
        state: NoticeState::Planned.name().to_owned(),
        reason: None,
        next_at: None,
        way: 0,
        text: Some(wish.text.clone()),
        planned_at: now.0,
        due_at: due_at.0,
        told_at: None,
        sent_at: None,
        delivered_at: None,
        opened_at: None,
        clicked_at: None,
    };
    notices::add(database, std::slice::from_ref(&row))?;
    Ok(Some(Ok(row)))
}
