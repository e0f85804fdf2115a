//! A journal of plain-text accounting, whatever its language: which accounts are opened, what each
//! transaction moves, and the balances that are claimed at the end.
//!
//! Transactions stand on their settlement days, in order. Of the whole ledger the balances of
//! members are claimed from the server's own table of accounts, and those of all other accounts
//! from the postings, so that the reader's arithmetic checks ours. Of a cycle they are what the
//! cycle moved.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::names::{Names, Unit};
use super::{ExportError, Source, Taken, unknown_programme};
use crate::domain::amount::decimal_text;
use crate::domain::ids::{MemberId, ProgrammeId};
use crate::domain::posting::{Body, LedgerAccount, Posting};
use crate::domain::terms::Coalition;
use crate::domain::time::Day;
use crate::domain::transaction::Transaction;
use crate::store::audit;
use crate::store::rows::AccountRow;

/// Balances that are claimed together.
const BALANCES_AT_ONCE: usize = 500;

/// One side of a posting, in a journal's signs.
pub struct Leg<'a> {
    /// The account's name.
    pub account: String,
    /// Smallest units: above zero is a debit.
    pub units: i64,
    /// Of what.
    pub unit: &'a Unit,
}

impl Leg<'_> {
    /// The amount as text, without its commodity.
    pub fn amount(&self) -> String {
        decimal_text(self.units, self.unit.scale)
    }
}

/// Facts that stand with a transaction or a leg: key and value.
pub type Notes = Vec<(&'static str, String)>;

/// How a journal is written.
pub trait Language {
    /// What stands first: options, commodities, parties.
    fn head(
        &self,
        out: &mut dyn Write,
        day: Day,
        coalition: &Coalition,
        names: &Names,
    ) -> io::Result<()>;
    /// An account that is used from a day on.
    fn open(&self, out: &mut dyn Write, day: Day, account: &str, unit: &Unit) -> io::Result<()>;
    /// The line of a transaction and its notes.
    fn title(&self, out: &mut dyn Write, one: &Transaction, notes: &Notes) -> io::Result<()>;
    /// A leg with its notes.
    fn leg(&self, out: &mut dyn Write, leg: &Leg, notes: &Notes) -> io::Result<()>;
    /// What accounts have at the beginning of a day.
    fn balances(&self, out: &mut dyn Write, day: Day, balances: &[Leg]) -> io::Result<()>;
}

/// Writes a journal.
pub fn write(
    source: &mut Source,
    language: &dyn Language,
    (coalition, names): (&Coalition, &Names),
    out: &mut dyn Write,
) -> Result<(), ExportError> {
    let lists_members = source.part.is_whole() && !names.aggregates();
    let mut book = Book { language, names, lists_members, out, day: None, sums: BTreeMap::new() };
    while let Some(taken) = source.next()? {
        let day = taken.one.settlement_day;
        if book.day.is_none() {
            book.language.head(book.out, day, coalition, names)?;
            book.open_members(source, day)?;
        }
        book.day = Some(day);
        book.transaction(&taken)?;
    }
    match book.day {
        Some(day) => book.claim_all(source, day.plus_days(1)),
        None => Ok(language.head(book.out, Day::from_number(0), coalition, names)?),
    }
}

struct Book<'a> {
    language: &'a dyn Language,
    names: &'a Names,
    lists_members: bool,
    out: &'a mut dyn Write,
    /// The day of the last transaction.
    day: Option<Day>,
    /// What was moved in accounts that are not in the table of accounts.
    sums: BTreeMap<String, (&'a Unit, i64)>,
}

impl<'a> Book<'a> {
    fn unit_of(&self, account: &LedgerAccount) -> Result<&'a Unit, ExportError> {
        match account.programme() {
            None => Ok(&self.names.money),
            Some(one) => self.names.points(one).ok_or_else(|| unknown_programme(one)),
        }
    }

    fn transaction(&mut self, taken: &Taken) -> Result<(), ExportError> {
        let mut legs = Vec::with_capacity(taken.postings().len());
        for (_, posting) in taken.postings() {
            let (notes, units) = self.notes_of(&taken.one, posting)?;
            let pair =
                [self.move_units(&posting.from, units)?, self.move_units(&posting.to, -units)?];
            legs.push((notes, pair));
        }
        self.language.title(self.out, &taken.one, &notes_of(&taken.one))?;
        for (notes, pair) in legs {
            for leg in pair {
                self.language.leg(self.out, &leg, &notes)?;
            }
        }
        Ok(())
    }

    fn notes_of(&self, one: &Transaction, posting: &Posting) -> Result<(Notes, i64), ExportError> {
        let (amount, programme, kind, points, price, under, late_for) = match &posting.body {
            Body::Points { points, lot, cost, .. } => {
                let mut notes: Notes = lot.iter().map(|lot| ("lot", lot.to_string())).collect();
                if cost.is_positive() {
                    notes.push(("cost", cost.text(self.names.money.scale)));
                }
                return Ok((notes, points.0));
            }
            Body::Money {
                amount,
                programme,
                obligation,
                reverses,
                points,
                price,
                under,
                late_for,
                ..
            } => (amount, programme, obligation.name(*reverses), points, price, under, late_for),
        };
        let mut notes = vec![("obligation", kind.to_owned())];
        notes.extend(posting.cycle(one).map(|cycle| ("cycle", cycle.to_string())));
        notes.extend(late_for.map(|first| ("late-for", first.to_string())));
        if let Some(programme) = programme {
            let unit = self.names.points(programme).ok_or_else(|| unknown_programme(programme))?;
            notes.push(("programme", programme.to_string()));
            notes.push(("for", points.text(unit.scale)));
        }
        notes.extend(price.map(|price| ("price", price.to_string())));
        notes.extend(under.agreement.iter().map(|party| ("agreement", party.to_string())));
        notes.extend(under.promo.iter().map(|promo| ("promo", promo.to_string())));
        Ok((notes, amount.0))
    }

    /// A leg; its account is opened where that was not done yet.
    fn move_units(&mut self, account: &LedgerAccount, units: i64) -> Result<Leg<'a>, ExportError> {
        let unit = self.unit_of(account)?;
        let name = self.names.account(account);
        if !(self.lists_members && account.member().is_some()) {
            if let Some(sum) = self.sums.get_mut(&name) {
                sum.1 += units;
            } else {
                let day = self.day.unwrap_or(Day::from_number(0));
                self.language.open(self.out, day, &name, unit)?;
                self.sums.insert(name.clone(), (unit, units));
            }
        }
        Ok(Leg { account: name, units, unit })
    }

    fn open_members(&mut self, source: &mut Source, day: Day) -> Result<(), ExportError> {
        if !self.lists_members {
            return Ok(());
        }
        each_account(source, |row| {
            for (account, _) in accounts_of(row)? {
                let unit = self.unit_of(&account)?;
                self.language.open(self.out, day, &self.names.account(&account), unit)?;
            }
            Ok(())
        })
    }

    fn claim_all(&mut self, source: &mut Source, day: Day) -> Result<(), ExportError> {
        let sums = std::mem::take(&mut self.sums);
        let legs =
            |(account, (unit, units)): (String, (&'a Unit, i64))| Leg { account, units, unit };
        let legs: Vec<Leg> = sums.into_iter().map(legs).collect();
        for some in legs.chunks(BALANCES_AT_ONCE) {
            self.language.balances(self.out, day, some)?;
        }
        if !self.lists_members {
            return Ok(());
        }
        let mut waiting: Vec<Leg> = Vec::new();
        each_account(source, |row| {
            for (account, units) in accounts_of(row)? {
                let unit = self.unit_of(&account)?;
                waiting.push(Leg { account: self.names.account(&account), units, unit });
            }
            if waiting.len() >= BALANCES_AT_ONCE {
                self.language.balances(self.out, day, &waiting)?;
                waiting.clear();
            }
            Ok(())
        })?;
        if !waiting.is_empty() {
            self.language.balances(self.out, day, &waiting)?;
        }
        Ok(())
    }
}

/// What stands with a transaction.
fn notes_of(one: &Transaction) -> Notes {
    let mut notes = vec![
        ("id", one.id.to_string()),
        ("party", one.party.to_string()),
        ("kind", one.kind.name().to_owned()),
        ("recorded-at", one.recorded_at.to_string()),
    ];
    // Nobody is the member of what the clearing house does for itself.
    notes.extend(one.member.is_somebody().then(|| ("member", one.member.to_string())));
    notes.extend(one.reference.as_ref().map(|one| ("ref", one.as_str().to_owned())));
    notes.extend(one.at.map(|at| ("at", at.to_string())));
    notes
}

/// Reads the table of accounts page by page.
fn each_account(
    source: &mut Source,
    mut visit: impl FnMut(&AccountRow) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let mut after = (0, String::new());
    loop {
        let page = audit::accounts(&mut source.database, &after)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = (last.member, last.programme.clone());
        page.iter().try_for_each(&mut visit)?;
    }
}

/// The three accounts of a row, with what a journal says that they have.
fn accounts_of(row: &AccountRow) -> Result<[(LedgerAccount, i64); 3], ExportError> {
    let member = MemberId(row.member);
    let programme: ProgrammeId =
        row.programme.parse().map_err(|_| unknown_programme(&row.programme))?;
    Ok([
        (LedgerAccount::Member(member, programme.clone()), -row.points),
        (LedgerAccount::Held(member, programme.clone()), -row.held),
        (LedgerAccount::Debt(member, programme), row.debt),
    ])
}
