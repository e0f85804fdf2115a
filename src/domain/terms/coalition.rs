//! The whole configuration at one instant, and the line of its changes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Invalid;
use super::agreement::{Agreement, AgreementDocument, Exchange, ExchangeDocument};
use super::party::{Key, Party, PartyKind};
use super::programme::{Mode, Programme};
use super::programme_document::ProgrammeDocument;
use crate::domain::amount::Money;
use crate::domain::ids::{KeyId, PartyId, ProgrammeId};
use crate::domain::time::{Instant, Zone};

/// How often accounts are settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cycle {
    /// Every local day.
    #[default]
    Daily,
}

/// The coalition itself as written: set once, when the server is set up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CoalitionDocument {
    /// The party that runs the server.
    pub operator: PartyId,
    /// ISO 4217 code of the money.
    pub currency: String,
    /// The zone of settlement days, and of programmes that name none.
    pub timezone: String,
    /// How often accounts are settled.
    #[serde(default)]
    pub cycle: Cycle,
}

/// One change of the configuration.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "document")]
pub enum Change {
    /// Sets up the coalition; its operator becomes a party.
    Coalition(CoalitionDocument),
    /// Adds a party.
    Party(Party),
    /// Adds or revokes a key.
    Key(Key),
    /// Adds or replaces a programme.
    Programme(Box<ProgrammeDocument>),
    /// Opens, soft-launches or pauses a programme.
    Mode {
        /// Which.
        programme: ProgrammeId,
        /// To what.
        mode: Mode,
    },
    /// Adds or replaces an agreement.
    Agreement(Box<AgreementDocument>),
    /// Adds or replaces an exchange.
    Exchange(ExchangeDocument),
}

/// A change, numbered and dated.
#[derive(Clone, Debug)]
pub struct Versioned {
    /// Its number, from 1 without gaps.
    pub version: i64,
    /// From when on it counts.
    pub effective_at: Instant,
    /// What changes.
    pub change: Change,
}

/// All that was agreed, as it counts at one instant.
#[derive(Clone, Debug)]
pub struct Coalition {
    /// The number of the latest change that counts.
    pub version: i64,
    /// The party that runs the server.
    pub operator: PartyId,
    /// ISO 4217 code.
    pub currency: String,
    /// Decimals of the currency.
    pub money_scale: u32,
    /// The zone of settlement days.
    pub zone: Zone,
    /// Parties by id.
    pub parties: BTreeMap<PartyId, Party>,
    /// Keys by id.
    pub keys: HashMap<KeyId, Key>,
    /// Programmes by id.
    pub programmes: BTreeMap<ProgrammeId, Arc<Programme>>,
    /// Agreements by programme and party.
    pub agreements: BTreeMap<(ProgrammeId, PartyId), Arc<Agreement>>,
    /// Exchanges by both programmes.
    pub exchanges: BTreeMap<(ProgrammeId, ProgrammeId), Exchange>,
    /// The smallest net debit cap of each party that has one.
    pub caps: BTreeMap<PartyId, Money>,
    /// The documents in force, for those who ask.
    pub documents: Documents,
}

/// What was written, in force.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    /// Programmes.
    pub programmes: BTreeMap<ProgrammeId, ProgrammeDocument>,
    /// Agreements.
    pub agreements: BTreeMap<(ProgrammeId, PartyId), AgreementDocument>,
    /// Exchanges.
    pub exchanges: BTreeMap<(ProgrammeId, ProgrammeId), ExchangeDocument>,
}

impl Coalition {
    /// A coalition with its operator and nothing else.
    ///
    /// # Errors
    /// If the currency or the zone is not known.
    pub fn new(document: &CoalitionDocument) -> Result<Self, Invalid> {
        let money_scale = currency_scale(&document.currency)
            .ok_or_else(|| Invalid::at("/currency", "use an ISO 4217 code, such as RUB"))?;
        let zone = Zone::named(&document.timezone)
            .ok_or_else(|| Invalid::at("/timezone", "use a name of the tz database"))?;
        let operator = document.operator.clone();
        let party = Party { id: operator.clone(), kind: PartyKind::Operator, name: None };
        Ok(Self {
            version: 0,
            operator: operator.clone(),
            currency: document.currency.clone(),
            money_scale,
            zone,
            parties: BTreeMap::from([(operator, party)]),
            keys: HashMap::new(),
            programmes: BTreeMap::new(),
            agreements: BTreeMap::new(),
            exchanges: BTreeMap::new(),
            caps: BTreeMap::new(),
            documents: Documents::default(),
        })
    }

    /// This coalition with one change made.
    ///
    /// # Errors
    /// If the change contradicts what is there: an unknown party, another brand or unit.
    pub fn with(&self, change: &Change) -> Result<Self, Invalid> {
        let mut next = self.clone();
        match change {
            Change::Coalition(_) => {
                return Err(Invalid::at("", "the coalition is set up only once"));
            }
            Change::Party(party) => next.add_party(party)?,
            Change::Key(key) => {
                self.known("/party", &key.party)?;
                next.keys.insert(key.id.clone(), key.clone());
            }
            Change::Programme(document) => next.put_programme(document)?,
            Change::Mode { programme, mode } => {
                let mut document = self
                    .documents
                    .programmes
                    .get(programme)
                    .cloned()
                    .ok_or_else(|| Invalid::at("/programme", "there is no such programme"))?;
                document.mode = *mode;
                next.put_programme(&document)?;
            }
            Change::Agreement(document) => next.put_agreement(document)?,
            Change::Exchange(document) => next.put_exchange(document)?,
        }
        Ok(next)
    }

    /// The agreement of a party with a programme.
    pub fn agreement(&self, programme: &ProgrammeId, party: &PartyId) -> Option<&Arc<Agreement>> {
        self.agreements.get(&(programme.clone(), party.clone()))
    }

    /// The agreements of one party, programme by programme.
    pub fn agreements_of(&self, party: &PartyId) -> impl Iterator<Item = &Arc<Agreement>> {
        self.agreements.values().filter(move |agreement| &agreement.party == party)
    }

    /// Whether a party sees a programme's balances: its brand, or one that has an agreement.
    pub fn sees(&self, party: &PartyId, programme: &ProgrammeId) -> bool {
        self.programmes.get(programme).is_some_and(|one| &one.brand == party)
            || self.agreement(programme, party).is_some()
            || self.parties.get(party).is_some_and(|one| one.kind == PartyKind::Wallet)
    }

    fn known(&self, pointer: &str, party: &PartyId) -> Result<&Party, Invalid> {
        self.parties.get(party).ok_or_else(|| {
            Invalid::at(pointer, format!("there is no party `{party}`; add it first"))
        })
    }

    fn add_party(&mut self, party: &Party) -> Result<(), Invalid> {
        if party.kind == PartyKind::Operator && party.id != self.operator {
            return Err(Invalid::at("/kind", "a coalition has one operator"));
        }
        if let Some(there) = self.parties.get(&party.id)
            && there.kind != party.kind
        {
            return Err(Invalid::at("/id", "a party of this id exists with another kind"));
        }
        self.parties.insert(party.id.clone(), party.clone());
        Ok(())
    }

    fn put_programme(&mut self, document: &ProgrammeDocument) -> Result<(), Invalid> {
        let programme = document.check(&self.zone, self.money_scale)?;
        if self.known("/brand", &programme.brand)?.kind != PartyKind::Brand {
            return Err(Invalid::at("/brand", "a programme belongs to a party of kind brand"));
        }
        if let Some(there) = self.programmes.get(&programme.id) {
            if there.brand != programme.brand {
                return Err(Invalid::at("/brand", "a programme's brand does not change"));
            }
            if there.scales != programme.scales {
                return Err(Invalid::at("/unit/scale", "a unit's scale does not change"));
            }
        }
        for share in &programme.breakage {
            self.known("/breakage", &share.party)?;
        }
        self.documents.programmes.insert(programme.id.clone(), document.clone());
        self.programmes.insert(programme.id.clone(), Arc::new(programme));
        Ok(())
    }

    fn put_agreement(&mut self, document: &AgreementDocument) -> Result<(), Invalid> {
        self.known("/party", &document.party)?;
        for party in document.funding_parties() {
            self.known("/earn/funding", party)?;
        }
        let programme = self
            .programmes
            .get(&document.programme)
            .ok_or_else(|| Invalid::at("/programme", "there is no such programme; add it first"))?;
        let agreement = document.check(programme.scales)?;
        let key = (agreement.programme.clone(), agreement.party.clone());
        self.documents.agreements.insert(key.clone(), document.clone());
        self.agreements.insert(key, Arc::new(agreement));
        self.caps = self.smallest_caps();
        Ok(())
    }

    /// A cap binds the party as a whole; where several agreements have one, the smallest counts.
    fn smallest_caps(&self) -> BTreeMap<PartyId, Money> {
        let mut caps: BTreeMap<PartyId, Money> = BTreeMap::new();
        for agreement in self.agreements.values() {
            if let Some(cap) = agreement.net_debit_cap {
                let smallest = caps.entry(agreement.party.clone()).or_insert(cap);
                *smallest = cap.min(*smallest);
            }
        }
        caps
    }

    fn put_exchange(&mut self, document: &ExchangeDocument) -> Result<(), Invalid> {
        let exchange = document.check()?;
        for (pointer, programme) in [("/from", &exchange.from), ("/to", &exchange.to)] {
            if !self.programmes.contains_key(programme) {
                return Err(Invalid::at(pointer, "there is no such programme; add it first"));
            }
        }
        let key = (exchange.from.clone(), exchange.to.clone());
        self.documents.exchanges.insert(key.clone(), document.clone());
        self.exchanges.insert(key, exchange);
        Ok(())
    }
}

/// The configuration over time: what counts at which instant.
#[derive(Clone, Debug)]
pub struct Timeline {
    /// The number of the latest change, in force or yet to come.
    pub version: i64,
    /// What counts from each instant on, oldest first; never empty.
    states: Vec<(Instant, Arc<Coalition>)>,
}

impl Timeline {
    /// Makes all changes in the order in which they take effect.
    ///
    /// # Errors
    /// If there is no coalition yet, or a change contradicts those before it.
    pub fn new(changes: &[Versioned]) -> Result<Self, Invalid> {
        let mut ordered: Vec<&Versioned> = changes.iter().collect();
        ordered.sort_by_key(|one| (one.effective_at, one.version));
        let mut states: Vec<(Instant, Arc<Coalition>)> = Vec::new();
        let mut current: Option<Coalition> = None;
        for one in ordered {
            let mut next = match (&one.change, &current) {
                (Change::Coalition(document), None) => Coalition::new(document)?,
                (change, Some(coalition)) => coalition.with(change)?,
                (_, None) => return Err(Invalid::at("", "the coalition is not set up")),
            };
            next.version = one.version.max(current.as_ref().map_or(0, |one| one.version));
            if states.last().is_some_and(|last| last.0 == one.effective_at) {
                states.pop();
            }
            states.push((one.effective_at, Arc::new(next.clone())));
            current = Some(next);
        }
        if states.is_empty() {
            return Err(Invalid::at("", "the coalition is not set up"));
        }
        let version = changes.iter().map(|one| one.version).max().unwrap_or(0);
        Ok(Self { version, states })
    }

    /// What counts at an instant.
    ///
    /// # Panics
    /// Never: a timeline has at least the state from its set-up.
    pub fn at(&self, now: Instant) -> &Arc<Coalition> {
        let place = self.states.partition_point(|state| state.0 <= now);
        &self.states[place.saturating_sub(1)].1
    }

    /// The latest state, in force or yet to come.
    pub fn latest(&self) -> &Arc<Coalition> {
        &self.states[self.states.len() - 1].1
    }
}

/// Decimals of an ISO 4217 currency; none if the code is not known here.
pub fn currency_scale(code: &str) -> Option<u32> {
    const TWO: [&str; 26] = [
        "RUB", "USD", "EUR", "GBP", "KZT", "BYN", "AMD", "KGS", "UZS", "TJS", "CNY", "AED", "CHF",
        "TRY", "INR", "GEL", "AZN", "PLN", "CZK", "SEK", "NOK", "DKK", "AUD", "CAD", "BRL", "RSD",
    ];
    match code {
        "JPY" | "KRW" | "VND" | "ISK" | "CLP" => Some(0),
        "KWD" | "BHD" | "TND" | "OMR" | "JOD" => Some(3),
        "CLF" | "UYW" => Some(4),
        _ if TWO.contains(&code) => Some(2),
        _ => None,
    }
}
