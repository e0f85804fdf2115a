//! The whole configuration at one instant, and what changes it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Invalid;
use super::agreement::{Agreement, AgreementDocument, Exchange, ExchangeDocument};
use super::party::{Key, Party, PartyKind};
use super::programme::{Mode, Programme};
use super::programme_document::ProgrammeDocument;
use super::schedule::{Period, Schedule, ScheduleDocument};
use super::vat::{VatDocument, VatTable};
use crate::domain::exposure::Limits;
use crate::domain::ids::{KeyId, PartyId, ProgrammeId, ScheduleId, VatTableId};
use crate::domain::settlement::CycleId;
use crate::domain::time::{Instant, Zone};

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
    /// How often accounts are settled, where an agreement names no other schedule.
    #[serde(default)]
    pub cycle: Period,
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
    /// Adds a settlement schedule, or changes what does not move its cycles.
    Schedule(ScheduleDocument),
    /// Adds a table of VAT rates, or rates to a table.
    VatRates(VatDocument),
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
    /// Settlement schedules by id; the coalition's own is always there.
    pub schedules: BTreeMap<ScheduleId, Arc<Schedule>>,
    /// Tables of VAT rates by id.
    pub vat_tables: BTreeMap<VatTableId, Arc<VatTable>>,
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
    /// What each party that has a limit may owe.
    pub limits: BTreeMap<PartyId, Limits>,
    /// Of which parties it is counted what they owe, and by which schedules.
    counted: BTreeMap<PartyId, BTreeSet<ScheduleId>>,
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
    /// Settlement schedules.
    pub schedules: BTreeMap<ScheduleId, ScheduleDocument>,
    /// Tables of VAT rates.
    pub vat_tables: BTreeMap<VatTableId, VatDocument>,
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
        let own = ScheduleDocument::main(document.cycle);
        let schedule = Arc::new(own.check(&zone, money_scale)?);
        let documents = Documents {
            schedules: BTreeMap::from([(own.id.clone(), own)]),
            ..Documents::default()
        };
        let operator = document.operator.clone();
        let kind = PartyKind::Operator;
        let party = Party { id: operator.clone(), kind, name: None, account: None };
        Ok(Self {
            version: 0,
            operator: operator.clone(),
            currency: document.currency.clone(),
            money_scale,
            zone,
            schedules: BTreeMap::from([(schedule.id.clone(), schedule)]),
            vat_tables: BTreeMap::new(),
            parties: BTreeMap::from([(operator, party)]),
            keys: HashMap::new(),
            programmes: BTreeMap::new(),
            agreements: BTreeMap::new(),
            exchanges: BTreeMap::new(),
            limits: BTreeMap::new(),
            counted: BTreeMap::new(),
            documents,
        })
    }

    /// This coalition with one change made, the one of this number.
    ///
    /// # Errors
    /// If the change contradicts what is there: an unknown party, another brand or unit.
    pub fn with(&self, change: &Change, version: i64) -> Result<Self, Invalid> {
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
            Change::Agreement(document) => next.put_agreement(document, version)?,
            Change::Exchange(document) => next.put_exchange(document)?,
            Change::Schedule(document) => next.put_schedule(document)?,
            Change::VatRates(document) => next.put_vat_rates(document)?,
        }
        Ok(next)
    }

    /// The coalition's own schedule.
    ///
    /// # Panics
    /// Never: it is there from the set-up on.
    pub fn own_schedule(&self) -> &Arc<Schedule> {
        &self.schedules[&ScheduleId::main()]
    }

    /// A settlement schedule; the coalition's own where there is none of that name.
    pub fn schedule(&self, id: &ScheduleId) -> &Arc<Schedule> {
        self.schedules.get(id).unwrap_or_else(|| self.own_schedule())
    }

    /// The parties that have a limit now or will have one, each with the open cycles of its caps.
    pub fn limited(&self, now: Instant) -> BTreeMap<PartyId, BTreeSet<CycleId>> {
        let cycle = |schedule: &ScheduleId| self.schedule(schedule).cycle_of(now);
        let cycles = |schedules: &BTreeSet<ScheduleId>| schedules.iter().map(cycle).collect();
        self.counted.iter().map(|(party, schedules)| (party.clone(), cycles(schedules))).collect()
    }

    /// Counts what parties owe for their own limits, and already for those of a later instant.
    pub(super) fn count_for(&mut self, later: Option<&Self>) {
        let own = self.limits.iter();
        let own = own.map(|(party, limits)| (party.clone(), limits.caps.keys().cloned().collect()));
        self.counted = own.collect();
        for (party, schedules) in later.into_iter().flat_map(|later| &later.counted) {
            self.counted.entry(party.clone()).or_default().extend(schedules.iter().cloned());
        }
    }

    /// The agreement of a party with a programme.
    pub fn agreement(&self, programme: &ProgrammeId, party: &PartyId) -> Option<&Arc<Agreement>> {
        self.agreements.get(&(programme.clone(), party.clone()))
    }

    /// The agreements of one party, programme by programme.
    pub fn agreements_of(&self, party: &PartyId) -> impl Iterator<Item = &Arc<Agreement>> {
        self.agreements.values().filter(move |agreement| &agreement.party == party)
    }

    /// Whether a party buys points of any programme in advance.
    pub fn is_prepaid(&self, party: &PartyId) -> bool {
        self.agreements_of(party).any(|agreement| agreement.is_prepaid())
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
        if let Some(account) = &party.account {
            account.check()?;
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

    fn put_agreement(&mut self, document: &AgreementDocument, version: i64) -> Result<(), Invalid> {
        self.known("/party", &document.party)?;
        for party in document.funding_parties() {
            self.known("/earn/funding", party)?;
        }
        let programme = self
            .programmes
            .get(&document.programme)
            .ok_or_else(|| Invalid::at("/programme", "there is no such programme; add it first"))?;
        if !self.schedules.contains_key(&document.schedule) {
            return Err(Invalid::at("/schedule", "there is no such schedule; add it first"));
        }
        let vat = document.charges.as_ref().and_then(|charges| charges.vat.as_ref());
        if vat.is_some_and(|vat| !self.vat_tables.contains_key(&vat.table)) {
            let detail = "there is no such table of rates; add it first";
            return Err(Invalid::at("/charges/vat/table", detail));
        }
        let agreement = document.check(programme.scales, version)?;
        let key = (agreement.programme.clone(), agreement.party.clone());
        self.documents.agreements.insert(key.clone(), document.clone());
        self.agreements.insert(key, Arc::new(agreement));
        self.limits = self.smallest_limits();
        Ok(())
    }

    /// A credit line binds the party as a whole, a cap what it owes by one schedule; where several
    /// agreements have one, the smallest counts.
    fn smallest_limits(&self) -> BTreeMap<PartyId, Limits> {
        let mut all: BTreeMap<PartyId, Limits> = BTreeMap::new();
        for agreement in self.agreements.values() {
            let (cap, line) = (agreement.net_debit_cap, agreement.credit_line);
            if cap.is_none() && line.is_none() {
                continue;
            }
            let limits = all.entry(agreement.party.clone()).or_default();
            if let Some(cap) = cap {
                let smallest = limits.caps.entry(agreement.schedule.clone()).or_insert(cap);
                *smallest = cap.min(*smallest);
            }
            limits.credit_line = limits.credit_line.into_iter().chain(line).min();
        }
        all
    }

    fn put_schedule(&mut self, document: &ScheduleDocument) -> Result<(), Invalid> {
        let schedule = document.check(&self.zone, self.money_scale)?;
        let there = self.schedules.get(&document.id);
        if there.is_some_and(|there| !there.keeps_time_with(&schedule)) {
            let detail = "a schedule's period, cut-off and zone do not change; add another one";
            return Err(Invalid::at("/period", detail));
        }
        self.documents.schedules.insert(document.id.clone(), document.clone());
        self.schedules.insert(document.id.clone(), Arc::new(schedule));
        Ok(())
    }

    fn put_vat_rates(&mut self, document: &VatDocument) -> Result<(), Invalid> {
        let table = document.check()?;
        self.documents.vat_tables.insert(document.id.clone(), document.clone());
        self.vat_tables.insert(document.id.clone(), Arc::new(table));
        Ok(())
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
