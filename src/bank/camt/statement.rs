//! What a bank's statement says, free of the message's version.

use crate::domain::amount::Money;
use crate::domain::time::Day;

/// Which way money went, seen from the account that the statement is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Money came in.
    Credit,
    /// Money went out.
    Debit,
}

impl Side {
    /// An amount with the sign that this side gives it.
    pub fn signed(self, amount: Money) -> i128 {
        match self {
            Self::Credit => i128::from(amount.0),
            Self::Debit => -i128::from(amount.0),
        }
    }
}

/// Which message a statement came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// camt.053: a closed statement with balances.
    Statement,
    /// camt.054: a notification during the day, without balances.
    Notification,
}

/// A balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Balance {
    /// How much, never below zero.
    pub amount: Money,
    /// The ISO 4217 code.
    pub currency: String,
    /// Credit if the account has money, debit if it is overdrawn.
    pub side: Side,
}

/// Whether the entries explain the balances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BalanceCheck {
    /// Opening balance and booked entries give the closing balance.
    Holds,
    /// They give another: the closing balance less what they give, in minor units.
    Differs(i128),
    /// A balance is missing, or the currencies differ.
    NotGiven,
}

/// How far the bank is with an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryStatus {
    /// Done; only such entries count.
    Booked,
    /// Expected.
    Pending,
    /// For information.
    Information,
    /// A status of the bank's own.
    Other(String),
}

/// The other side of a payment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counterparty {
    /// Its name.
    pub name: Option<String>,
    /// Its account: an IBAN or another number.
    pub account: Option<String>,
}

/// One payment of an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryDetail {
    /// Its own amount in the entry's currency, if the bank tells it.
    pub amount: Option<Money>,
    /// Its own side, if the bank tells it.
    pub side: Option<Side>,
    /// The payer's reference of the payment; `NOTPROVIDED` is none.
    pub end_to_end_id: Option<String>,
    /// The unique reference of the payment over all banks.
    pub uetr: Option<String>,
    /// The reference that the first bank gave.
    pub transaction_id: Option<String>,
    /// The reference that the account's bank gave to this payment.
    pub bank_ref: Option<String>,
    /// What the payment was for, as free texts.
    pub remittance: Vec<String>,
    /// What the payment was for, as references of their own.
    pub references: Vec<String>,
    /// Who paid.
    pub debtor: Counterparty,
    /// Who was paid.
    pub creditor: Counterparty,
    /// Why the payment came back, if it did; `NARR` if the bank gives no code.
    pub return_reason: Option<String>,
}

/// One entry of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankEntry {
    /// Its place in the statement, from 1.
    pub place: usize,
    /// Which entry it is, in whatever file it comes: see [`BankStatement`].
    pub key: String,
    /// How much.
    pub amount: Money,
    /// The ISO 4217 code.
    pub currency: String,
    /// Which way the money went.
    pub side: Side,
    /// Whether it takes back an earlier entry; the side is that of the money all the same.
    pub is_reversal: bool,
    /// How far the bank is with it.
    pub status: EntryStatus,
    /// The day on which it was booked.
    pub booked_on: Option<Day>,
    /// The day from which it bears interest.
    pub value_on: Option<Day>,
    /// The reference that the account's bank gave.
    pub bank_ref: Option<String>,
    /// The reference of our order (`PmtInfId`), if the bank booked the whole order in one.
    pub batch: Option<String>,
    /// What the bank says besides.
    pub note: Option<String>,
    /// The payments that the entry is made of, if the bank tells them.
    pub details: Vec<EntryDetail>,
}

/// One statement of one account.
///
/// The key of an entry is the account, the side and the bank's reference; a second entry of the
/// statement with the same ones gets a number besides. Without such a reference the key is the
/// account, the statement's id and the entry's place. A file that comes twice has the same keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankStatement {
    /// Which message it came in.
    pub kind: MessageKind,
    /// The message's version: 2 to 8.
    pub version: u32,
    /// The reference of the file.
    pub message_id: Option<String>,
    /// The statement's own reference.
    pub id: String,
    /// The account: an IBAN or another number.
    pub account: String,
    /// The account's currency, if the bank tells it.
    pub currency: Option<String>,
    /// The number in the row of electronic statements, if it is told.
    pub electronic_number: Option<u64>,
    /// The number in the row of statements that count in law, if it is told.
    pub legal_number: Option<u64>,
    /// The booked balance at the beginning.
    pub opening: Option<Balance>,
    /// The booked balance at the end.
    pub closing: Option<Balance>,
    /// The entries, in the bank's order.
    pub entries: Vec<BankEntry>,
}

impl BankStatement {
    /// Whether the opening balance and the booked entries give the closing balance.
    pub fn balance_check(&self) -> BalanceCheck {
        let (Some(opening), Some(closing)) = (&self.opening, &self.closing) else {
            return BalanceCheck::NotGiven;
        };
        let booked = || self.entries.iter().filter(|entry| entry.status == EntryStatus::Booked);
        let currency = &opening.currency;
        if closing.currency != *currency || booked().any(|entry| entry.currency != *currency) {
            return BalanceCheck::NotGiven;
        }
        let moved: i128 = booked().map(|entry| entry.side.signed(entry.amount)).sum();
        let expected = opening.side.signed(opening.amount) + moved;
        match closing.side.signed(closing.amount) - expected {
            0 => BalanceCheck::Holds,
            difference => BalanceCheck::Differs(difference),
        }
    }
}
