//! What parties report back of notices, and of those who take part in a campaign without one.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::notices::parse_id;
use super::{CampaignError, Loaded, find};
use crate::auth::vault::NamesKey;
use crate::domain::campaign::notice::Response;
use crate::domain::ids::{MemberId, PartyId};
use crate::domain::ledger::NamedBy;
use crate::domain::member::MemberName;
use crate::domain::terms::Coalition;
use crate::domain::time::Instant;
use crate::store::campaigns::takings::{self, Answered};
use crate::store::notices::{self, NO_CAMPAIGN};
use crate::store::{Database, members};

/// What a report is about.
#[derive(Clone, Debug)]
pub enum About {
    /// A notice, by its id.
    Notice(String),
    /// A member of a campaign: the control group gets no notice.
    Member(String, MemberName),
}

/// A report.
#[derive(Clone, Debug)]
pub struct Reported {
    /// What it is about.
    pub about: About,
    /// What happened.
    pub what: Response,
    /// When.
    pub at: Instant,
}

/// What became of reports.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// How many were taken, now or before.
    pub accepted: usize,
    /// The places of those about something that the reporter does not know.
    pub unknown: Vec<usize>,
}

/// Keeps reports, each once; the first of a kind counts. A party reports of its own notices and of
/// campaigns that it tells for or whose brand it is.
///
/// # Errors
/// If the database fails.
pub fn keep(
    database: &mut Database,
    names: &NamesKey,
    coalition: &Coalition,
    party: Option<&PartyId>,
    reports: &[Reported],
) -> Result<Kept, CampaignError> {
    let mut keeping =
        Keeping { names, coalition, party, campaigns: BTreeMap::new(), answers: BTreeMap::new() };
    let mut unknown = BTreeSet::new();
    let mut by_campaign: BTreeMap<&str, Vec<(usize, &MemberName)>> = BTreeMap::new();
    for (place, one) in reports.iter().enumerate() {
        match &one.about {
            About::Notice(id) => {
                if !keeping.notice(database, id, one)? {
                    unknown.insert(place);
                }
            }
            About::Member(campaign, member) => {
                by_campaign.entry(campaign).or_default().push((place, member));
            }
        }
    }
    for (campaign, named) in by_campaign {
        unknown.extend(keeping.members(database, campaign, &named, reports)?);
    }
    let answers: Vec<Answered> = keeping.answers.into_values().collect();
    takings::answer(database, &answers)?;
    Ok(Kept { accepted: reports.len() - unknown.len(), unknown: unknown.into_iter().collect() })
}

struct Keeping<'a> {
    names: &'a NamesKey,
    coalition: &'a Coalition,
    party: Option<&'a PartyId>,
    campaigns: BTreeMap<String, Option<Loaded>>,
    /// In one order, which all writers keep.
    answers: BTreeMap<(String, MemberId, Response), Answered>,
}

impl Keeping<'_> {
    fn answer(&mut self, campaign: &str, member: MemberId, (response, at): (Response, Instant)) {
        let new = Answered { campaign: campaign.to_owned(), member, response, at };
        let kept = self.answers.entry((campaign.to_owned(), member, response)).or_insert(new);
        kept.at = kept.at.min(at);
    }

    fn campaign(
        &mut self,
        database: &mut Database,
        id: &str,
    ) -> Result<Option<&Loaded>, CampaignError> {
        if !self.campaigns.contains_key(id) {
            let found = match find(database, id, self.coalition) {
                Ok(loaded) => Some(loaded),
                Err(CampaignError::Store(error)) => return Err(error.into()),
                Err(_) => None,
            };
            self.campaigns.insert(id.to_owned(), found);
        }
        Ok(self.campaigns.get(id).and_then(Option::as_ref))
    }

    fn notice(
        &mut self,
        database: &mut Database,
        id: &str,
        one: &Reported,
    ) -> Result<bool, CampaignError> {
        let Some((campaign, step, member)) = parse_id(id) else { return Ok(false) };
        let Some(row) = notices::find(database, (&campaign, step, member))? else {
            return Ok(false);
        };
        let programme = row.programme.parse().ok();
        let programme = programme.and_then(|id| self.coalition.programmes.get(&id));
        let may = self.party.is_none_or(|party| {
            row.party == party.as_str() || programme.is_some_and(|one| one.brand == *party)
        });
        // What was never told of was never sent.
        if !may || row.told_at.is_none() {
            return Ok(false);
        }
        notices::respond(database, &row, one.what, one.at)?;
        if campaign != NO_CAMPAIGN {
            self.answer(&campaign, member, (one.what, one.at));
        }
        Ok(true)
    }

    /// Keeps reports by members of a campaign. Gives back the places of those that are none.
    fn members(
        &mut self,
        database: &mut Database,
        campaign: &str,
        named: &[(usize, &MemberName)],
        reports: &[Reported],
    ) -> Result<Vec<usize>, CampaignError> {
        let party = self.party;
        let operator = self.coalition.operator.clone();
        let all = || named.iter().map(|(place, _)| *place).collect();
        let Some(loaded) = self.campaign(database, campaign)? else { return Ok(all()) };
        let tells = |party: &PartyId| {
            let mut ways = loaded.campaign.steps.iter().flat_map(|step| &step.ways);
            ways.any(|way| way.party == *party) || loaded.programme.brand == *party
        };
        if !party.is_none_or(tells) {
            return Ok(all());
        }
        let by = |name: &MemberName| NamedBy::new(party.unwrap_or(&operator), name);
        let asked: Vec<NamedBy> = named.iter().map(|(_, name)| by(name)).collect();
        let found: HashMap<NamedBy, MemberId> = members::resolve(database, self.names, &asked)?;
        let ids: Vec<i64> = found.values().map(|member| member.0).collect();
        let taking_part = takings::taking_part(database, campaign, &ids)?;
        let mut unknown = Vec::new();
        for ((place, _), name) in named.iter().zip(&asked) {
            match found.get(name).filter(|member| taking_part.contains(&member.0)) {
                None => unknown.push(*place),
                Some(&member) => {
                    let one = &reports[*place];
                    self.answer(campaign, member, (one.what, one.at));
                }
            }
        }
        Ok(unknown)
    }
}
