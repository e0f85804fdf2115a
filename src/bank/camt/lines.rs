//! The lines of a statement that can be matched: what was booked, payment by payment.

use crate::domain::amount::Money;
use crate::domain::time::Day;

use super::statement::{BankEntry, BankStatement, Counterparty, EntryDetail, EntryStatus, Side};

/// One booked movement of money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BankLine {
    /// Which one it is: the entry's key, and the payment's place in it where there are several.
    pub key: String,
    /// How much, never below zero.
    pub amount: Money,
    /// The ISO 4217 code.
    pub currency: String,
    /// Which way the money went.
    pub side: Side,
    /// Whether the bank says that it takes back or sends back an earlier payment.
    pub is_return: bool,
    /// The day on which it was booked, or else counts from.
    pub day: Option<Day>,
    /// The payer's reference.
    pub end_to_end_id: Option<String>,
    /// Texts in which references may stand.
    pub texts: Vec<String>,
    /// The name of the other side.
    pub name: Option<String>,
    /// The account of the other side.
    pub account: Option<String>,
    /// Why it came back, if it did and the bank tells.
    pub return_reason: Option<String>,
}

/// What a statement booked, in the bank's order.
///
/// An entry of several payments gives a line for each if each has its own amount and they sum to
/// the entry. Otherwise it gives one line without references: which payments it was is not
/// guessed. The lines of an entry always sum to the entry.
pub fn bank_lines(statement: &BankStatement) -> Vec<BankLine> {
    let booked = statement.entries.iter().filter(|entry| entry.status == EntryStatus::Booked);
    booked.flat_map(|entry| lines_of(statement, entry)).collect()
}

fn lines_of(statement: &BankStatement, entry: &BankEntry) -> Vec<BankLine> {
    match entry.details.as_slice() {
        [] => vec![line(statement, entry, &EntryDetail::default())],
        [only] => vec![line(statement, entry, only)],
        several if sum_of(entry, several) == Some(entry.side.signed(entry.amount)) => {
            let numbered = several.iter().enumerate();
            numbered
                .map(|(place, detail)| BankLine {
                    key: format!("{}#{}", entry.key, place + 1),
                    amount: detail.amount.unwrap_or_default(),
                    side: detail.side.unwrap_or(entry.side),
                    ..line(statement, entry, detail)
                })
                .collect()
        }
        _ => {
            let whole = line(statement, entry, &EntryDetail::default());
            vec![BankLine { texts: Vec::new(), ..whole }]
        }
    }
}

/// The sum of the payments with their signs, if each tells its amount.
fn sum_of(entry: &BankEntry, details: &[EntryDetail]) -> Option<i128> {
    details.iter().try_fold(0, |sum: i128, detail| {
        let side = detail.side.unwrap_or(entry.side);
        Some(sum + side.signed(detail.amount?))
    })
}

fn line(statement: &BankStatement, entry: &BankEntry, detail: &EntryDetail) -> BankLine {
    let other = other_side(statement, detail, detail.side.unwrap_or(entry.side));
    let texts = detail.references.iter().chain(&detail.remittance).chain(&entry.note);
    BankLine {
        key: entry.key.clone(),
        amount: entry.amount,
        currency: entry.currency.clone(),
        side: entry.side,
        is_return: entry.is_reversal || detail.return_reason.is_some(),
        day: entry.booked_on.or(entry.value_on),
        end_to_end_id: detail.end_to_end_id.clone(),
        texts: texts.cloned().collect(),
        name: other.name.clone(),
        account: other.account.clone(),
        return_reason: detail.return_reason.clone(),
    }
}

/// Who is on the other side: the payer of what came in, the payee of what went out.
///
/// Some banks leave the roles of the first payment in its return; then the account tells.
fn other_side<'a>(
    statement: &BankStatement,
    detail: &'a EntryDetail,
    side: Side,
) -> &'a Counterparty {
    let (usual, own) = match side {
        Side::Credit => (&detail.debtor, &detail.creditor),
        Side::Debit => (&detail.creditor, &detail.debtor),
    };
    if usual.account.as_ref() == Some(&statement.account) { own } else { usual }
}
