//! Payments of a cycle, and what a bank booked that is no payment of any: open items.
//!
//! Money of the clearing house's bank account has a sign here: what comes in is above zero.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::CycleId;
use super::netting::Leg;
use crate::domain::amount::{Money, Points};
use crate::domain::ids::{NameError, PartyId};
use crate::domain::posting::{LedgerAccount, ObligationKind, Owed, Posting, Under};
use crate::domain::time::{Day, Instant};

/// How far a payment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// Nothing was booked yet.
    Instructed,
    /// A part was booked.
    PartPaid,
    /// All was booked.
    Paid,
    /// Something was booked and came back.
    Returned,
}

/// A payment that was instructed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payment {
    /// The reference that it carries through the banks.
    pub reference: String,
    /// The cycle that it settles.
    pub cycle: CycleId,
    /// Who pays or is paid how much.
    pub leg: Leg,
    /// The day on which it is to be paid.
    pub due: Day,
    /// How much was booked, less what came back; from zero to the whole.
    pub paid: Money,
    /// Whether something came back since it was last paid in full.
    pub returned: bool,
}

impl Payment {
    /// What is still to be paid.
    pub fn open(&self) -> Money {
        self.leg.amount - self.paid
    }

    /// How far it is.
    pub fn state(&self) -> PaymentState {
        if self.open().is_zero() {
            PaymentState::Paid
        } else if self.returned {
            PaymentState::Returned
        } else if self.paid.is_zero() {
            PaymentState::Instructed
        } else {
            PaymentState::PartPaid
        }
    }

    /// The posting of so much of it; below zero: of so much that came back.
    pub fn posting(&self, amount: Money) -> Posting {
        let clearing = LedgerAccount::Clearing(self.cycle.clone());
        let party = LedgerAccount::Party(self.leg.party.clone());
        let is_in = Money::ZERO < self.leg.direction.signed(amount);
        let (from, to) = if is_in { (clearing, party) } else { (party, clearing) };
        let schedule = self.cycle.schedule.clone();
        let under = Arc::new(Under { schedule, ..Under::default() });
        let reverses = amount < Money::ZERO;
        Posting::money(from, to, moved(Money(amount.0.abs()), reverses, under))
    }
}

/// The posting of money of which nobody knows whose it is: in if `amount` is above zero. The clearing
/// house has it in its account and owes it to somebody. `reverses`: it is known now.
pub fn suspense(operator: &PartyId, amount: Money, reverses: bool) -> Posting {
    let house = LedgerAccount::Party(operator.clone());
    let suspense = LedgerAccount::Suspense(operator.clone());
    let is_in = (Money::ZERO < amount) != reverses;
    let (from, to) = if is_in { (house, suspense) } else { (suspense, house) };
    Posting::money(from, to, moved(Money(amount.0.abs()), reverses, Arc::default()))
}

fn moved(amount: Money, reverses: bool, under: Arc<Under>) -> Owed {
    let obligation = ObligationKind::Payment;
    let points = Points::ZERO;
    Owed { amount, programme: None, obligation, reverses, points, price: None, under }
}

/// An open item. Printed `item_NUMBER`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ItemId(pub i64);

impl fmt::Display for ItemId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "item_{}", self.0)
    }
}

impl FromStr for ItemId {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let number = text.strip_prefix("item_").and_then(|number| number.parse().ok());
        let id = Self(number.ok_or(NameError::NotId)?);
        // Only the printed form is an id: no leading zeros, no sign.
        if 0 < id.0 && id.to_string() == text { Ok(id) } else { Err(NameError::NotId) }
    }
}

impl Serialize for ItemId {
    fn serialize<S: Serializer>(&self, sink: S) -> Result<S::Ok, S::Error> {
        sink.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ItemId {
    fn deserialize<D: Deserializer<'de>>(source: D) -> Result<Self, D::Error> {
        String::deserialize(source)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A choice of words that stand in the API and in the database.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$each])* $variant,)*
        }

        impl $name {
            /// The name in the API and in the database.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// What a name means.
            pub fn named(name: &str) -> Option<Self> {
                [$(Self::$variant),*].into_iter().find(|one| one.name() == name)
            }
        }
    };
}

words! {
    /// Why an item is open.
    ItemKind {
        /// A part of a payment came; the item has what is missing.
        PartPayment "part_payment",
        /// More came than was open.
        OverPayment "over_payment",
        /// A payment came back.
        Return "return",
        /// It is the payment of nothing that is known.
        Unknown "unknown",
    }
}

words! {
    /// What became of an open item.
    ItemState {
        /// It waits.
        Open "open",
        /// What was missing came, or was overtaken by another item.
        Done "done",
        /// Its money belongs to a payment.
        Assigned "assigned",
        /// Its money goes back.
        Returned "returned",
        /// The clearing house keeps it, or bears it.
        WrittenOff "written_off",
    }
}

words! {
    /// How a person ends an open item.
    Ending {
        /// Its money belongs to a payment.
        Assign "assign",
        /// Its money goes back where it came from.
        Return "return",
        /// The clearing house keeps it, or bears it.
        WriteOff "write_off",
    }
}

/// Something that a bank booked and that somebody has to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenItem {
    /// Its number.
    pub id: ItemId,
    /// Why it is open.
    pub kind: ItemKind,
    /// What became of it.
    pub state: ItemState,
    /// What the bank booked, by its key.
    pub entry: String,
    /// The reference of the payment that it is about.
    pub leg: Option<String>,
    /// How much it is about: in above zero, out below.
    pub amount: Money,
    /// ISO 4217 code; money in another one than the coalition's is not in the ledger.
    pub currency: String,
    /// How much of it is in the suspense account: in above zero, out below.
    pub suspense: Money,
    /// The day on which the bank booked it.
    pub booked_on: Option<Day>,
    /// When it was opened.
    pub opened_at: Instant,
    /// What happened.
    pub text: String,
    /// The reference of the payment that gives the money back.
    pub reference: Option<String>,
    /// The entry by which the bank booked that payment.
    pub confirmed_by: Option<String>,
}

/// What a person did with an open item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemStep {
    /// Whether it was only proposed: a second person has to do it.
    pub is_proposal: bool,
    /// How it ends.
    pub ending: Ending,
    /// The payment that the money belongs to.
    pub leg: Option<String>,
    /// How much: in above zero, out below.
    pub amount: Money,
    /// Who.
    pub author: String,
    /// When.
    pub at: Instant,
    /// Why.
    pub why: String,
}

#[cfg(test)]
mod tests {
    use super::super::netting::Direction;
    use super::*;

    fn payment(direction: Direction) -> Payment {
        let leg = Leg {
            party: "shop".parse().expect("a party"),
            direction,
            amount: Money(100),
            counterparty: None,
        };
        Payment {
            reference: "RF38NET20261122".to_owned(),
            cycle: "monthly.2026-06-01".parse().expect("a cycle"),
            leg,
            due: Day::parse("2026-07-10").expect("a day"),
            paid: Money::ZERO,
            returned: false,
        }
    }

    fn sides(posting: &Posting) -> (String, String) {
        (posting.from.to_string(), posting.to.to_string())
    }

    #[test]
    fn what_a_party_pays_comes_out_of_clearing_to_its_account_and_back() {
        let (clearing, shop) = ("clearing/monthly.2026-06-01", "party/shop");
        for (direction, from, to) in
            [(Direction::Collect, clearing, shop), (Direction::PayOut, shop, clearing)]
        {
            let payment = payment(direction);
            let there = payment.posting(Money(40));
            assert_eq!(sides(&there), (from.to_owned(), to.to_owned()));
            let back = payment.posting(Money(-40));
            assert_eq!(sides(&back), (to.to_owned(), from.to_owned()));
            assert_eq!((there.amount(), back.amount()), (Some(Money(40)), Some(Money(40))));
        }
    }

    #[test]
    fn money_of_nobody_is_owed_by_the_house_until_it_is_known() {
        let operator: PartyId = "clearing".parse().expect("a party");
        let text = |amount, reverses| sides(&suspense(&operator, Money(amount), reverses));
        let (house, nobody) = ("party/clearing".to_owned(), "suspense/clearing".to_owned());
        assert_eq!(text(5, false), (house.clone(), nobody.clone()));
        assert_eq!(text(5, true), (nobody.clone(), house.clone()));
        assert_eq!(text(-5, false), (nobody.clone(), house.clone()));
        assert_eq!(text(-5, true), (house, nobody));
    }

    #[test]
    fn a_payments_state_says_what_is_open() {
        let mut payment = payment(Direction::Collect);
        assert_eq!(payment.state(), PaymentState::Instructed);
        payment.paid = Money(1);
        assert_eq!((payment.state(), payment.open()), (PaymentState::PartPaid, Money(99)));
        payment.returned = true;
        assert_eq!(payment.state(), PaymentState::Returned);
        payment.paid = Money(100);
        assert_eq!(payment.state(), PaymentState::Paid);
    }

    #[test]
    fn items_print_and_parse() {
        assert_eq!("item_12".parse(), Ok(ItemId(12)));
        for text in ["item_", "item_0", "item_-1", "item_01", "12"] {
            assert_eq!(text.parse::<ItemId>(), Err(NameError::NotId), "{text}");
        }
        assert_eq!(Ending::named(Ending::WriteOff.name()), Some(Ending::WriteOff));
    }
}
