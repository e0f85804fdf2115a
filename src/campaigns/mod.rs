//! Campaigns at work: granting, telling, reminding, and what came of it. The rules are
//! `domain::campaign`; here they meet the engine and the database.
//!
//! Whatever is done here may be done again, by this server or another one, without doing it twice:
//! a grant has a reference of the campaign and the member, a notice and a place in a group are
//! rows that exist once, a fact is written in the commit of what it tells.

pub mod jobs;
pub mod notices;
pub mod preview;
pub mod reach;
pub mod reminders;
pub mod report;
pub mod responses;
pub mod run;
pub mod single;
pub mod stats;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::campaign::arms::arm_of;
use crate::domain::campaign::notice::{NoticeKind, next_month};
use crate::domain::campaign::segment::{Need, Needs};
use crate::domain::campaign::{
    Arm, Campaign, CampaignDocument, CampaignState, Channel, ChannelRules,
};
use crate::domain::ids::{MemberId, PartyId};
use crate::domain::obligation::EarnMoney;
use crate::domain::terms::{Coalition, Invalid, Programme};
use crate::domain::time::{Instant, Zone};
use crate::engine::EngineError;
use crate::store::campaigns::{self, CampaignRow};
use crate::store::rows::read_json;
use crate::store::{Database, StoreError};

/// Why a campaign did not come on.
#[derive(Debug, thiserror::Error)]
pub enum CampaignError {
    /// There is no such campaign.
    #[error("there is no such campaign")]
    NotFound,
    /// Its state does not allow it.
    #[error("the campaign is {}: {detail}", state.name())]
    State {
        /// Where it stands.
        state: CampaignState,
        /// What to do.
        detail: &'static str,
    },
    /// It can't be taken as it is written.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The engine does not take commands in.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A campaign with what counts for it now.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// As it is stored.
    pub row: CampaignRow,
    /// Where it stands.
    pub state: CampaignState,
    /// The campaign, checked.
    pub campaign: Campaign,
    /// Its programme.
    pub programme: Arc<Programme>,
    /// Whoever is known to these is the programme's: its brand, who takes part in it, and the clearing
    /// house itself.
    pub known_to: Vec<PartyId>,
    /// Who pays where the campaign does not say.
    pub agreed: Option<EarnMoney>,
    /// What its programme's channels allow.
    pub channels: BTreeMap<Channel, ChannelRules>,
}

impl Loaded {
    /// The group of a member.
    pub fn arm(&self, member: MemberId) -> Arm {
        match &self.campaign.control {
            Some(control) => arm_of(&self.campaign.salt, member, control.share),
            None => Arm::Test,
        }
    }

    /// What a channel allows; the campaign's own cap counts where it is lower.
    pub fn rules(&self, channel: Channel) -> ChannelRules {
        let rules = self.channels.get(&channel).copied().unwrap_or_else(|| channel.usual());
        let own = self.campaign.caps.get(&channel).copied();
        let per_month = match (rules.per_month, own) {
            (Some(all), Some(own)) => Some(all.min(own)),
            (all, own) => all.or(own),
        };
        ChannelRules { per_month, ..rules }
    }
}

/// What has to be read of members to run a campaign.
pub fn needs_of(loaded: &Loaded) -> Needs {
    let mut needs = loaded.campaign.audience.needs();
    if loaded.campaign.needs_last_receipt() {
        needs.kinds.insert(Need::Totals);
    }
    needs
}

/// What the channels of a programme allow, where somebody said so.
///
/// # Errors
/// If the database fails.
pub fn channels_of(
    database: &mut Database,
    programme: &Programme,
) -> Result<BTreeMap<Channel, ChannelRules>, StoreError> {
    let rows = campaigns::channels(database, &programme.id)?;
    let rules = rows.into_iter().map(|row| {
        let rules = row.document.check(programme.scales.money);
        rules.map(|rules| (row.channel, rules)).map_err(|_| {
            StoreError::Damaged(format!("the channel {} of {}", row.channel.name(), programme.id))
        })
    });
    rules.collect()
}

/// When a notice of a kind is possible again after the cap of an instant's month was reached.
pub fn next_allowed_by(
    rules: &ChannelRules,
    kind: NoticeKind,
    zone: &Zone,
    at: Instant,
) -> Instant {
    rules.open_at(kind, zone, next_month(zone, at))
}

/// Reads what a stored campaign means now.
///
/// # Errors
/// If the configuration does not fit it any more, or the database fails.
pub fn load(
    database: &mut Database,
    row: CampaignRow,
    coalition: &Coalition,
) -> Result<Loaded, CampaignError> {
    let document: CampaignDocument = read_json(&row.document, "a campaign")?;
    let campaign = document.check(coalition)?;
    let programme = coalition.programmes.get(&campaign.programme);
    let programme = Arc::clone(programme.ok_or(CampaignError::NotFound)?);
    let key = (campaign.programme.clone(), campaign.party.clone());
    let agreed = coalition.agreements.get(&key).and_then(|agreement| agreement.grant.clone());
    let channels = channels_of(database, &programme)?;
    let partners = coalition.agreements.keys().filter(|(id, _)| *id == programme.id);
    let mut known_to: Vec<PartyId> = partners.map(|(_, party)| party.clone()).collect();
    known_to.extend([programme.brand.clone(), coalition.operator.clone()]);
    let state = row.state()?;
    Ok(Loaded { row, state, campaign, programme, known_to, agreed, channels })
}

/// A campaign by its name, with what it means now.
///
/// # Errors
/// If there is none, or [`load`] fails.
pub fn find(
    database: &mut Database,
    id: &str,
    coalition: &Coalition,
) -> Result<Loaded, CampaignError> {
    let row = campaigns::find(database, id)?.ok_or(CampaignError::NotFound)?;
    load(database, row, coalition)
}
