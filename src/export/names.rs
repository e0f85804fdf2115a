//! How the ledger's names are written for programs of plain-text accounting.
//!
//! # Commodities
//!
//! The currency keeps its ISO 4217 code. A programme's points are a commodity of their own: its id
//! in capitals, with `'` for `:`. beancount wants a letter first, a letter or a digit last and 2 to
//! 24 characters; an id that does not fit so, or would be the currency's code, is cut, and ends in
//! eight hexadecimal digits of its SHA-256. The same id gives the same commodity in every export.
//!
//! # Accounts
//!
//! In a journal what leaves an account of the ledger is written above zero there (a debit), and
//! what arrives below zero (a credit): a balance is minus the ledger's. So every account has the
//! sign that accountants expect of its kind:
//!
//! | ledger | journal | its balance |
//! |---|---|---|
//! | `member/M/P` | `Liabilities:Points:P:M` | below zero: points that the programme owes |
//! | `held/M/P` | `Liabilities:Held:P:M` | below zero |
//! | `debt/M/P` | `Assets:Debts:P:M` | above zero: points that the member owes |
//! | `issued/P` | `Expenses:Issued:P` | above zero |
//! | `burned/P` | `Income:Burned:P` | below zero |
//! | `expired/P` | `Income:Expired:P` | below zero |
//! | `party/X` | `Assets:Parties:X` | above zero: the party owes; below: it is owed |
//! | `pool/P/X` | `Liabilities:Pools:P:X` | below zero: money that the pool keeps |
//! | `clearing/C` | `Assets:Clearing:C` | zero when all payments of the cycle are made |
//! | `suspense/X` | `Liabilities:Suspense:X` | below zero: money that nobody has claimed yet |
//!
//! Ids become parts of an account's name with their first letter in capitals; `.`, `_` and `:`
//! become `-D-`, `-U-` and `-C-`. Ids have no capitals, so no two become the same. With
//! `--aggregate` the part of the member is left out.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use crate::domain::ids::ProgrammeId;
use crate::domain::posting::LedgerAccount;
use crate::domain::terms::Coalition;

/// The longest commodity that beancount reads.
const COMMODITY_MAX: usize = 24;

/// Characters of an id before its digest, in a commodity that was cut.
const COMMODITY_STEM: usize = 14;

/// What an amount is counted in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The commodity.
    pub code: String,
    /// Digits after the point.
    pub scale: u32,
    /// Whose points; none: the money.
    pub programme: Option<ProgrammeId>,
}

/// The commodities and the form of account names of one export.
#[derive(Clone, Debug)]
pub struct Names {
    /// The money.
    pub money: Unit,
    points: BTreeMap<ProgrammeId, Unit>,
    aggregate: bool,
}

impl Names {
    /// The names of a coalition; `aggregate` folds the members of a programme into one account.
    pub fn new(coalition: &Coalition, aggregate: bool) -> Self {
        let scales =
            coalition.programmes.iter().map(|(id, programme)| (id, programme.scales.points));
        let money = Unit {
            code: coalition.currency.clone(),
            scale: coalition.money_scale,
            programme: None,
        };
        Self { points: units_of(&money.code, scales), money, aggregate }
    }

    /// Whether members are folded.
    pub const fn aggregates(&self) -> bool {
        self.aggregate
    }

    /// The points of a programme, if the configuration knows it.
    pub fn points(&self, programme: &ProgrammeId) -> Option<&Unit> {
        self.points.get(programme)
    }

    /// All commodities, the money first.
    pub fn units(&self) -> impl Iterator<Item = &Unit> {
        std::iter::once(&self.money).chain(self.points.values())
    }

    /// The name of an account.
    pub fn account(&self, account: &LedgerAccount) -> String {
        let of_member = |kind: &str, member: &dyn std::fmt::Display, programme: &ProgrammeId| {
            let programme = part_of(programme.as_str());
            if self.aggregate {
                format!("{kind}:{programme}")
            } else {
                format!(
                    "{kind}:{programme}:{}",
                    member.to_string().replace('_', "-").replacen('m', "M", 1)
                )
            }
        };
        let of_programme =
            |kind: &str, one: &ProgrammeId| format!("{kind}:{}", part_of(one.as_str()));
        match account {
            LedgerAccount::Member(member, one) => of_member("Liabilities:Points", member, one),
            LedgerAccount::Held(member, one) => of_member("Liabilities:Held", member, one),
            LedgerAccount::Debt(member, one) => of_member("Assets:Debts", member, one),
            LedgerAccount::Issued(one) => of_programme("Expenses:Issued", one),
            LedgerAccount::Burned(one) => of_programme("Income:Burned", one),
            LedgerAccount::Expired(one) => of_programme("Income:Expired", one),
            LedgerAccount::Party(party) => format!("Assets:Parties:{}", part_of(party.as_str())),
            LedgerAccount::Clearing(cycle) => {
                format!("Assets:Clearing:{}", part_of(&cycle.to_string()))
            }
            LedgerAccount::Suspense(operator) => {
                format!("Liabilities:Suspense:{}", part_of(operator.as_str()))
            }
            LedgerAccount::Pool(one, brand) => {
                format!("{}:{}", of_programme("Liabilities:Pools", one), part_of(brand.as_str()))
            }
        }
    }
}

/// An id as a part of an account's name.
fn part_of(id: &str) -> String {
    let mut part = String::with_capacity(id.len());
    for (place, letter) in id.chars().enumerate() {
        match letter {
            '.' => part.push_str("-D-"),
            '_' => part.push_str("-U-"),
            ':' => part.push_str("-C-"),
            other if place == 0 => part.push(other.to_ascii_uppercase()),
            other => part.push(other),
        }
    }
    part
}

/// A commodity for each programme. Ids that can be a commodity as they are go first; of the others
/// each takes the first free one of those that its digest gives.
fn units_of<'a>(
    currency: &str,
    programmes: impl Iterator<Item = (&'a ProgrammeId, u32)>,
) -> BTreeMap<ProgrammeId, Unit> {
    let programmes: Vec<_> = programmes.collect();
    let plain = |id: &ProgrammeId| plain_code(id.as_str()).filter(|code| code != currency);
    let mut taken: BTreeSet<String> = programmes.iter().filter_map(|one| plain(one.0)).collect();
    taken.insert(currency.to_owned());
    let mut units = BTreeMap::new();
    for (id, scale) in programmes {
        let code = plain(id).unwrap_or_else(|| {
            let free = (0_u32..).map(|round| cut_code(id.as_str(), round));
            free.into_iter().find(|code| !taken.contains(code)).unwrap_or_default()
        });
        taken.insert(code.clone());
        units.insert(id.clone(), Unit { code, scale, programme: Some(id.clone()) });
    }
    units
}

/// An id in capitals, if that is a commodity.
fn plain_code(id: &str) -> Option<String> {
    let code = id.to_ascii_uppercase().replace(':', "'");
    let fits = (2..=COMMODITY_MAX).contains(&code.len())
        && code.starts_with(|first: char| first.is_ascii_uppercase())
        && code.ends_with(|last: char| last.is_ascii_alphanumeric());
    fits.then_some(code)
}

/// An id cut, with a digest of it.
fn cut_code(id: &str, round: u32) -> String {
    let letters = id.chars().filter(char::is_ascii_alphanumeric).take(COMMODITY_STEM);
    let stem: String = letters.map(|letter| letter.to_ascii_uppercase()).collect();
    let digest = hex::encode_upper(Sha256::digest(format!("{id}/{round}")));
    let first = if stem.starts_with(|first: char| first.is_ascii_uppercase()) { "" } else { "P" };
    format!("{first}{stem}-{}", &digest[..8])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn id(text: &str) -> ProgrammeId {
        text.parse().expect("it is a name")
    }

    fn codes(currency: &str, ids: &[&str]) -> Vec<String> {
        let ids: Vec<ProgrammeId> = ids.iter().map(|one| id(one)).collect();
        let units = units_of(currency, ids.iter().map(|one| (one, 0)));
        ids.iter().map(|one| units[one].code.clone()).collect()
    }

    #[test]
    fn a_programme_keeps_its_id_in_capitals_where_that_is_a_commodity() {
        assert_eq!(codes("RUB", &["club", "foam.a_b-c:d"]), ["CLUB", "FOAM.A_B-C'D"]);
        let odd = codes("RUB", &["rub", "1st", "a", "club-", "a-name-of-more-than-24-letters"]);
        assert!(odd[0].starts_with("RUB-") && odd[1].starts_with("P1ST-"), "{odd:?}");
        assert!(odd[2].starts_with("A-") && odd[3].starts_with("CLUB-"), "{odd:?}");
        assert!(odd[4].starts_with("ANAMEOFMORETHA-"), "{odd:?}");
        assert_eq!(codes("RUB", &["1st"]), odd[1..2], "the same whatever else there is");
    }

    #[test]
    fn parts_of_accounts_begin_with_a_capital_and_keep_ids_apart() {
        assert_eq!(part_of("red_club.ru:x"), "Red-U-club-D-ru-C-x");
        assert_eq!(part_of("1a"), "1a");
    }

    proptest! {
        #[test]
        fn two_ids_never_share_a_commodity_or_a_part(
            ids in prop::collection::btree_set("[a-c0-1][a-c0-1._:-]{0,3}|[a-b]{24,63}", 1..60)
        ) {
            let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
            let codes = codes("AB", &ids);
            let different: BTreeSet<&String> = codes.iter().collect();
            prop_assert_eq!(different.len(), ids.len());
            for code in &codes {
                prop_assert_eq!(plain_code(&code.to_ascii_lowercase().replace('\'', ":")), Some(code.clone()));
                prop_assert_ne!(code, "AB");
            }
            let parts: BTreeSet<String> = ids.iter().map(|one| part_of(one)).collect();
            prop_assert_eq!(parts.len(), ids.len());
        }
    }
}
