//! Who can be told by which channel: consent, an address, and room under the cap. The same answers
//! serve a preview and the plan of a run.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::Loaded;
use crate::domain::campaign::notice::{NoticeKind, Unreachable, month_of};
use crate::domain::campaign::segment::{Need, Needs};
use crate::domain::campaign::{Channel, Way, When};
use crate::domain::ids::{MemberId, PartyId};
use crate::domain::terms::{Coalition, PartyKind};
use crate::domain::time::Instant;
use crate::store::campaigns::audience::{self, Reading, Window};
use crate::store::notices::{self, Counted};
use crate::store::{Database, StoreError};

/// The purpose that promotional notices need consent to.
const MARKETING: &str = "marketing";

/// What is known of how some members can be reached.
pub struct Contacts {
    window: Window,
    addresses: HashMap<MemberId, BTreeSet<String>>,
}

/// What has to be read to know whom the notices of a plan reach.
pub fn needs() -> Needs {
    Needs { kinds: BTreeSet::from([Need::Consents, Need::Cards]), ..Needs::default() }
}

impl Contacts {
    /// Of members whose consents and cards were read.
    ///
    /// # Errors
    /// If the database fails.
    pub fn of(
        database: &mut Database,
        window: Window,
        range: (i64, i64),
    ) -> Result<Self, StoreError> {
        Ok(Self { window, addresses: audience::addresses(database, range)? })
    }

    /// Of all members of a range.
    ///
    /// # Errors
    /// If the database fails.
    pub fn read(
        database: &mut Database,
        reading: Reading<'_>,
        range: (i64, i64),
    ) -> Result<Self, StoreError> {
        let window = audience::of_range(database, range, reading)?;
        Self::of(database, window, range)
    }

    /// Whether there is consent and an address for a channel, whatever the cap says.
    ///
    /// # Errors
    /// Why not.
    pub fn allow(
        &self,
        member: MemberId,
        channel: Channel,
        sender: Sender<'_>,
        kind: NoticeKind,
    ) -> Result<(), Unreachable> {
        let known = self.window.known(member);
        let agreed = known.is_some_and(|known| known.agreed(MARKETING, channel.consent()));
        if kind == NoticeKind::Promotional && !agreed {
            return Err(Unreachable::NoConsent);
        }
        let has_card = || known.is_some_and(|known| known.wallets.contains(sender.party));
        let has_name =
            |form: &str| self.addresses.get(&member).is_some_and(|forms| forms.contains(form));
        let is_there = match channel {
            Channel::Sms | Channel::Call => has_name("phone"),
            Channel::Email => has_name("email"),
            Channel::Wallet => has_card(),
            // The app of a wallet belongs to who holds its card; others know their own.
            Channel::Push => !sender.is_wallet || has_card(),
        };
        if is_there { Ok(()) } else { Err(Unreachable::NoAddress) }
    }
}

/// Who sends notices.
#[derive(Clone, Copy, Debug)]
pub struct Sender<'a> {
    /// The party.
    pub party: &'a PartyId,
    /// Whether it is a wallet.
    pub is_wallet: bool,
}

impl<'a> Sender<'a> {
    /// The party of a coalition.
    pub fn of(coalition: &Coalition, party: &'a PartyId) -> Self {
        let kind = coalition.parties.get(party).map(|one| one.kind);
        Self { party, is_wallet: kind == Some(PartyKind::Wallet) }
    }
}

/// When a way's notice is to go out for what was granted at one instant and expires at another.
pub fn due_at(
    loaded: &Loaded,
    way: &Way,
    (granted_at, expires_at): (Instant, Option<Instant>),
) -> Instant {
    let zone = &loaded.programme.zone;
    let day = 86_400_000_000;
    let wished = match way.when {
        When::AtGrant => granted_at,
        When::At(instant) => instant.max(granted_at),
        When::DaysAfter(days) => granted_at.plus_micros(i64::from(days) * day),
        When::DaysBeforeExpiry(days) => match expires_at.filter(|at| at.comes()) {
            Some(at) => zone.start_of(zone.day_of(at).minus_days(days)).max(granted_at),
            None => granted_at,
        },
    };
    loaded.rules(way.channel).open_at(NoticeKind::Promotional, zone, wished)
}

/// Takes room under the cap of a channel for members, in their order; for whom there was some.
///
/// # Errors
/// If the database fails.
pub fn take_room(
    database: &mut Database,
    loaded: &Loaded,
    (channel, at): (Channel, Instant),
    members: &[MemberId],
) -> Result<HashSet<MemberId>, StoreError> {
    let kind = NoticeKind::Promotional;
    let counted = counted(loaded, channel, at);
    notices::count(database, &counted, members, loaded.rules(channel).most(kind))
}

/// How many notices of a channel those of a range got who got any.
///
/// # Errors
/// If the database fails.
pub fn room_used(
    database: &mut Database,
    loaded: &Loaded,
    (channel, at): (Channel, Instant),
    range: (i64, i64),
) -> Result<HashMap<MemberId, i64>, StoreError> {
    notices::counts(database, &counted(loaded, channel, at), range)
}

fn counted(loaded: &Loaded, channel: Channel, at: Instant) -> Counted<'_> {
    Counted {
        programme: loaded.programme.id.as_str(),
        channel,
        kind: NoticeKind::Promotional,
        month: month_of(&loaded.programme.zone, at),
    }
}
