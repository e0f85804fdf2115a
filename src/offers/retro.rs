//! Points for receipts of the past: a list is read, what it would give is counted, and it is given.
//!
//! A row counts once, by its reference: a list that is read again, whole or in part, gives nothing
//! more. What a receipt gives is what it would have earned with the rules that count now, for somebody
//! of whom nothing else is known. It does not count towards a tier.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Read;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::OfferError;
use super::grant::{Gift, Posted, code_of, posted};
use crate::domain::amount::{MONEY_MAX, Money, Points, parse_decimal};
use crate::domain::command::Kind;
use crate::domain::decide::earned_once;
use crate::domain::ids::{MemberId, PartyId, ProgrammeId, PromoId, Reference};
use crate::domain::ledger::{NamedBy, ReferenceKey};
use crate::domain::member::{MemberName, is_card_number};
use crate::domain::obligation::EarnMoney;
use crate::domain::terms::{Agreement, Coalition, Programme};
use crate::domain::time::{Day, Instant};
use crate::engine::{Engine, EngineError, Submission};
use crate::store::members;

/// Rows that are looked up, and granted, together.
const ROWS_AT_ONCE: usize = 1_000;

/// Lines that are named for each reason.
const LINES_NAMED: usize = 10;

/// The longest reference of a receipt: more stands before it.
const REFERENCE_MAX: usize = 100;

/// What is granted, and how.
#[derive(Clone, Debug)]
pub struct Retro {
    /// In which programme.
    pub programme: ProgrammeId,
    /// Whose receipts they are; it gives the points.
    pub party: PartyId,
    /// The campaign that the points belong to.
    pub tag: PromoId,
    /// The last day of the points; none: as the programme says.
    pub valid_through: Option<Day>,
    /// Whether nothing is granted.
    pub is_dry: bool,
}

/// Rows that give nothing, for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    /// How many.
    pub rows: u64,
    /// The lines of the first of them.
    pub lines: Vec<u64>,
}

/// What became of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows read.
    pub rows: u64,
    /// Rows that give points, or would.
    pub granted: u64,
    /// How many points.
    pub points: Points,
    /// Rows that were granted for before.
    pub known: u64,
    /// Rows whose amount earns nothing.
    pub nothing: u64,
    /// Rows that can't be granted for, by reason.
    pub rejected: BTreeMap<String, Rejected>,
}

impl Report {
    fn reject(&mut self, reason: &str, line: u64) {
        let rejected = self.rejected.entry(reason.to_owned()).or_default();
        rejected.rows += 1;
        if rejected.lines.len() < LINES_NAMED {
            rejected.lines.push(line);
        }
    }
}

/// Why a list was not gone through.
#[derive(Debug, thiserror::Error)]
pub enum RetroError {
    /// There is no such programme, or the party has no agreement with it that says who pays.
    #[error("{0}")]
    Terms(&'static str),
    /// The list can't be read.
    #[error("the list can't be read: {0}")]
    List(#[from] csv::Error),
    /// It was broken off; read again, it goes on.
    #[error(transparent)]
    Failed(#[from] OfferError),
}

#[derive(Deserialize)]
struct ListRow {
    member: String,
    date: String,
    amount: String,
    r#ref: String,
}

/// A row that can be granted for.
struct Receipt {
    line: u64,
    member: NamedBy,
    reference: ReferenceKey,
    /// What the row says: the same reference with anything else is another receipt.
    said: String,
    points: Points,
}

/// Goes through a list with the columns `member`, `date`, `amount` and `ref`.
///
/// # Errors
/// If the terms are missing, the list can't be read, or the database fails.
pub fn run(
    engine: &Engine,
    retro: &Retro,
    list: impl Read,
    now: Instant,
) -> Result<Report, RetroError> {
    let timeline = engine.timeline();
    let terms = Terms::of(timeline.at(now), retro, now)?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(list);
    let (mut report, mut seen) = (Report::default(), HashSet::new());
    let mut chunk = Vec::with_capacity(ROWS_AT_ONCE);
    for (line, row) in (2_u64..).zip(reader.deserialize::<ListRow>()) {
        report.rows += 1;
        match terms.receipt(line, &row?) {
            Ok(receipt) if receipt.points.is_zero() => report.nothing += 1,
            Ok(receipt) if !seen.insert(short_hash(&receipt.reference)) => {
                report.reject("the reference stands in the list twice", line);
            }
            Ok(receipt) => chunk.push(receipt),
            Err(reason) => report.reject(reason, line),
        }
        if chunk.len() == ROWS_AT_ONCE {
            terms.go_through(engine, std::mem::take(&mut chunk), &mut report)?;
        }
    }
    terms.go_through(engine, chunk, &mut report)?;
    Ok(report)
}

fn short_hash(key: &ReferenceKey) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&Sha256::digest(key.reference.as_str().as_bytes())[..16]);
    short
}

/// What counts for the whole list.
struct Terms<'a> {
    retro: &'a Retro,
    programme: &'a Programme,
    agreement: &'a Agreement,
    money: EarnMoney,
    money_scale: u32,
    today: Day,
    /// Which try this is: what was refused may be granted when the list is read again.
    attempt: i64,
}

impl<'a> Terms<'a> {
    fn of(coalition: &'a Coalition, retro: &'a Retro, now: Instant) -> Result<Self, RetroError> {
        let programme = coalition.programmes.get(&retro.programme);
        let programme = programme.ok_or(RetroError::Terms("there is no such programme"))?;
        let agreement = coalition.agreement(&retro.programme, &retro.party);
        let none = "the party has no agreement with the programme that says what it earns";
        let agreement = agreement.ok_or(RetroError::Terms(none))?;
        let earn = agreement.earn.as_ref().ok_or(RetroError::Terms(none))?;
        let money = agreement.grant.clone().unwrap_or_else(|| earn.money.clone());
        if money.of_purchase.is_some() {
            let none = "the agreement prices purchases; say in `grant` what a point costs";
            return Err(RetroError::Terms(none));
        }
        Ok(Self {
            retro,
            programme,
            agreement,
            money,
            money_scale: coalition.money_scale,
            today: programme.zone.day_of(now),
            attempt: now.0,
        })
    }

    fn receipt(&self, line: u64, row: &ListRow) -> Result<Receipt, &'static str> {
        let member = MemberName::parse(&row.member).map_err(|_| "`member` is no name of one")?;
        let day = Day::parse(&row.date).ok_or("`date` is no day, such as 2025-02-28")?;
        if self.today < day {
            return Err("`date` has not come yet");
        }
        let amount = parse_decimal(&row.amount, self.money_scale, MONEY_MAX).map(Money);
        let amount = amount.map_err(|_| "`amount` is no amount, such as 1500.00")?;
        let reference = row.r#ref.parse::<Reference>();
        let reference = reference.map_err(|_| "`ref` is no reference")?;
        if REFERENCE_MAX < reference.as_str().len() || is_card_number(reference.as_str()) {
            return Err("`ref` is no reference");
        }
        let reference = format!("retro:{}", reference.as_str()).parse::<Reference>();
        let party = self.retro.party.clone();
        Ok(Receipt {
            line,
            member: NamedBy::new(&party, &member),
            reference: ReferenceKey {
                reference: reference.map_err(|_| "`ref` is no reference")?,
                kind: Kind::Grant,
                party,
            },
            said: format!("{day} {}", amount.text(self.money_scale)),
            points: earned_once(self.programme, self.agreement, (amount, day)),
        })
    }

    fn go_through(
        &self,
        engine: &Engine,
        receipts: Vec<Receipt>,
        report: &mut Report,
    ) -> Result<(), OfferError> {
        let names: Vec<NamedBy> = receipts.iter().map(|one| one.member.clone()).collect();
        let keys: Vec<ReferenceKey> = receipts.iter().map(|one| one.reference.clone()).collect();
        let (found, known) = engine.read(|database| {
            let found: HashMap<NamedBy, MemberId> =
                members::resolve(database, engine.vault().names(), &names)?;
            Ok((found, members::find_references(database, &keys)?))
        })?;
        let mut fresh = Vec::with_capacity(receipts.len());
        for receipt in receipts {
            if known.contains_key(&receipt.reference) {
                report.known += 1;
            } else if let Some(&member) = found.get(&receipt.member) {
                fresh.push((receipt, member));
            } else {
                report.reject("unknown_member", receipt.line);
            }
        }
        if self.retro.is_dry {
            for (receipt, _) in fresh {
                report.granted += 1;
                report.points += receipt.points;
            }
            return Ok(());
        }
        self.grant(engine, fresh, report)
    }

    fn grant(
        &self,
        engine: &Engine,
        fresh: Vec<(Receipt, MemberId)>,
        report: &mut Report,
    ) -> Result<(), OfferError> {
        let submissions =
            fresh.iter().map(|(receipt, member)| self.submission(receipt, *member)).collect();
        let answers = engine.submit_in_order(submissions);
        for ((receipt, _), answer) in fresh.into_iter().zip(answers) {
            match answer.blocking_recv().unwrap_or(Err(EngineError::Stopping)) {
                Ok(answer) => match posted(&answer) {
                    Posted::Done(_) if answer.replayed || answer.status != 201 => report.known += 1,
                    Posted::Done(_) => {
                        report.granted += 1;
                        report.points += receipt.points;
                    }
                    Posted::Refused(answer) => report.reject(&code_of(&answer), receipt.line),
                },
                Err(EngineError::KeyReused) => {
                    report.reject("this `ref` was granted for with other figures", receipt.line);
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn submission(&self, receipt: &Receipt, member: MemberId) -> Submission {
        let gift = Gift {
            party: self.retro.party.clone(),
            reference: receipt.reference.reference.clone(),
            attempt: self.attempt,
            programme: self.programme.id.clone(),
            member,
            points: receipt.points,
            valid_through: self.retro.valid_through,
            money: Some(self.money.clone()),
            promo: Some(self.retro.tag.clone()),
        };
        let submission = gift.submission();
        let fingerprint = Sha256::digest(receipt.said.as_bytes()).into();
        Submission { fingerprint, ..submission }
    }
}
