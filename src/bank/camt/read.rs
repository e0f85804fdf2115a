//! Reads camt messages element by element. What an element means is told by its path; a path that
//! is not known is passed over.

use std::collections::BTreeMap;

use crate::domain::amount::{AmountError, Money, parse_decimal};
use crate::domain::terms::coalition::currency_scale;
use crate::domain::time::Day;

use super::super::xml::{Step, Walk, decode};
use super::statement::{
    Balance, BankEntry, BankStatement, EntryDetail, EntryStatus, MessageKind, Side,
};
use super::values::{below, cut, format_of, party_field, reference, some, status};
use super::{CamtError, CamtLimits};

/// The largest amount that the schema allows, in minor units: 18 digits.
const AMOUNT_MAX: i64 = 999_999_999_999_999_999;

/// Reads all statements of a camt.053 or camt.054 file.
///
/// # Errors
/// If the file is no such message of version 02 to 08, is larger than the limits, has anything that
/// hostile files have, lacks what every statement must have, or has an amount that its currency
/// cannot have.
pub fn read_camt_053(bytes: &[u8], limits: &CamtLimits) -> Result<Vec<BankStatement>, CamtError> {
    let document = decode(bytes, limits.xml)?;
    let mut walk = Walk::new(&document, limits.xml);
    let mut reading = Reading::default();
    loop {
        match walk.step()? {
            Step::Open => reading.open(&walk, limits)?,
            Step::Close => reading.close(&walk)?,
            Step::End => return Ok(reading.statements),
        }
    }
}

/// What the file has told so far.
#[derive(Default)]
struct Reading {
    /// The message and its version, known from the root.
    format: Option<(MessageKind, u32)>,
    message_id: Option<String>,
    statement: StatementDraft,
    balance: BalanceDraft,
    entry: EntryDraft,
    detail: DetailDraft,
    /// The currency of the amount that is being read.
    currency: Option<String>,
    /// Entries and details so far.
    entries: usize,
    statements: Vec<BankStatement>,
}

#[derive(Default)]
struct StatementDraft {
    id: Option<String>,
    account: Option<String>,
    currency: Option<String>,
    electronic_number: Option<u64>,
    legal_number: Option<u64>,
    balances: BTreeMap<String, Balance>,
    entries: Vec<BankEntry>,
    /// How often a key without its number came.
    keys: BTreeMap<String, usize>,
}

#[derive(Default)]
struct BalanceDraft {
    code: Option<String>,
    amount: Option<(Money, String)>,
    side: Option<Side>,
}

#[derive(Default)]
struct EntryDraft {
    amount: Option<(Money, String)>,
    side: Option<Side>,
    is_reversal: bool,
    status: Option<EntryStatus>,
    booked_on: Option<Day>,
    value_on: Option<Day>,
    bank_ref: Option<String>,
    batch: Option<String>,
    note: Option<String>,
    details: Vec<EntryDetail>,
}

#[derive(Default)]
struct DetailDraft {
    /// `Amt`, or else `AmtDtls/TxAmt/Amt`; in whatever currency.
    amount: Option<(Money, String)>,
    amount_within: Option<(Money, String)>,
    detail: EntryDetail,
}

impl Reading {
    fn open(&mut self, walk: &Walk<'_>, limits: &CamtLimits) -> Result<(), CamtError> {
        let Some((kind, _)) = self.format else {
            self.format = Some(format_of(walk)?);
            return Ok(());
        };
        let Some(path) = below(kind, walk.path()) else { return Ok(()) };
        match path {
            "" => self.statement = StatementDraft::default(),
            "/Bal" => self.balance = BalanceDraft::default(),
            "/Ntry" => self.entry = EntryDraft::default(),
            "/Ntry/NtryDtls/TxDtls" => self.detail = DetailDraft::default(),
            "/Ntry/NtryDtls/TxDtls/RtrInf" => {
                self.detail.detail.return_reason = Some("NARR".to_owned());
            }
            _ if path.ends_with("/Amt") => self.currency = walk.attribute("Ccy"),
            _ => {}
        }
        if matches!(path, "/Ntry" | "/Ntry/NtryDtls/TxDtls") {
            self.entries += 1;
            if self.entries > limits.entries_max {
                return Err(CamtError::TooManyEntries(limits.entries_max));
            }
        }
        Ok(())
    }

    fn close(&mut self, walk: &Walk<'_>) -> Result<(), CamtError> {
        let Some((kind, version)) = self.format else { return Ok(()) };
        let text = walk.text();
        let Some(path) = below(kind, walk.path()) else {
            if walk.path().ends_with("/GrpHdr/MsgId") {
                self.message_id = some(text);
            }
            return Ok(());
        };
        match path {
            "" => self.finish_statement(kind, version)?,
            "/Bal" => self.finish_balance()?,
            "/Ntry" => self.finish_entry(kind)?,
            "/Ntry/NtryDtls/TxDtls" => self.finish_detail(),
            _ if text.is_empty() => {}
            _ => {
                if let Some(path) = path.strip_prefix("/Ntry/NtryDtls/TxDtls/") {
                    self.detail_field(path, text)?;
                } else if let Some(path) = path.strip_prefix("/Ntry/") {
                    self.entry_field(path, text)?;
                } else if let Some(path) = path.strip_prefix("/Bal/") {
                    self.balance_field(path, text)?;
                } else {
                    self.statement_field(path, text)?;
                }
            }
        }
        Ok(())
    }

    fn statement_field(&mut self, path: &str, text: &str) -> Result<(), CamtError> {
        match path {
            "/Id" => self.statement.id = some(text),
            "/ElctrncSeqNb" => self.statement.electronic_number = Some(self.number(text)?),
            "/LglSeqNb" => self.statement.legal_number = Some(self.number(text)?),
            "/Acct/Id/IBAN" | "/Acct/Id/Othr/Id" => self.statement.account = some(text),
            "/Acct/Ccy" => self.statement.currency = some(text),
            _ => {}
        }
        Ok(())
    }

    fn balance_field(&mut self, path: &str, text: &str) -> Result<(), CamtError> {
        match path {
            "Tp/CdOrPrtry/Cd" => self.balance.code = some(text),
            "Amt" => self.balance.amount = Some(self.amount(text)?),
            "CdtDbtInd" => self.balance.side = Some(self.side(text)?),
            _ => {}
        }
        Ok(())
    }

    fn entry_field(&mut self, path: &str, text: &str) -> Result<(), CamtError> {
        match path {
            "Amt" => self.entry.amount = Some(self.amount(text)?),
            "CdtDbtInd" => self.entry.side = Some(self.side(text)?),
            "RvslInd" => self.entry.is_reversal = matches!(text, "true" | "1"),
            "Sts" | "Sts/Cd" | "Sts/Prtry" => self.entry.status = Some(status(text)),
            "BookgDt/Dt" | "BookgDt/DtTm" => self.entry.booked_on = Some(self.day(text)?),
            "ValDt/Dt" | "ValDt/DtTm" => self.entry.value_on = Some(self.day(text)?),
            "AcctSvcrRef" => self.entry.bank_ref = reference(text),
            "NtryDtls/Btch/PmtInfId" => self.entry.batch = reference(text),
            "AddtlNtryInf" => self.entry.note = some(text),
            _ => {}
        }
        Ok(())
    }

    fn detail_field(&mut self, path: &str, text: &str) -> Result<(), CamtError> {
        if let Some(path) = path.strip_prefix("RltdPties/") {
            let detail = &mut self.detail.detail;
            party_field(&mut detail.debtor, path.strip_prefix("Dbtr"), text);
            party_field(&mut detail.creditor, path.strip_prefix("Cdtr"), text);
            return Ok(());
        }
        match path {
            // Payments may be told in currencies that are not known here; they are not counted.
            "Amt" => self.detail.amount = self.foreign_amount(text)?,
            "AmtDtls/TxAmt/Amt" => self.detail.amount_within = self.foreign_amount(text)?,
            "CdtDbtInd" => self.detail.detail.side = Some(self.side(text)?),
            _ => {}
        }
        let detail = &mut self.detail.detail;
        match path {
            "Refs/EndToEndId" => detail.end_to_end_id = reference(text),
            "Refs/UETR" => detail.uetr = reference(text),
            "Refs/TxId" => detail.transaction_id = reference(text),
            "Refs/AcctSvcrRef" => detail.bank_ref = reference(text),
            "RmtInf/Ustrd" | "RmtInf/Strd/AddtlRmtInf" => detail.remittance.push(text.to_owned()),
            "RmtInf/Strd/CdtrRefInf/Ref" | "RmtInf/Strd/RfrdDocInf/Nb" => {
                detail.references.push(text.to_owned());
            }
            "RtrInf/Rsn/Cd" | "RtrInf/Rsn/Prtry" => detail.return_reason = some(text),
            _ => {}
        }
        Ok(())
    }

    fn finish_balance(&mut self) -> Result<(), CamtError> {
        let BalanceDraft { code, amount, side } = std::mem::take(&mut self.balance);
        let (amount, currency) = amount.ok_or_else(|| self.missing("Amt of a balance"))?;
        let side = side.ok_or_else(|| self.missing("CdtDbtInd of a balance"))?;
        // A balance of the bank's own kind has no code, and says nothing here.
        if let Some(code) = code {
            self.statement.balances.insert(code, Balance { amount, currency, side });
        }
        Ok(())
    }

    fn finish_detail(&mut self) {
        let DetailDraft { amount, amount_within, mut detail } = std::mem::take(&mut self.detail);
        let currency = self.entry.amount.as_ref().map(|(_, currency)| currency);
        let mut own = [amount, amount_within].into_iter().flatten();
        let fits = |(amount, own): (Money, String)| (Some(&own) == currency).then_some(amount);
        detail.amount = own.find_map(fits);
        self.entry.details.push(detail);
    }

    fn finish_entry(&mut self, kind: MessageKind) -> Result<(), CamtError> {
        let entry = std::mem::take(&mut self.entry);
        let (amount, currency) = entry.amount.ok_or_else(|| self.missing("Amt"))?;
        let side = entry.side.ok_or_else(|| self.missing("CdtDbtInd"))?;
        let status = entry.status.ok_or_else(|| self.missing("Sts"))?;
        let mut entry = BankEntry {
            place: self.statement.entries.len() + 1,
            key: String::new(),
            amount,
            currency,
            side,
            is_reversal: entry.is_reversal,
            status,
            booked_on: entry.booked_on,
            value_on: entry.value_on,
            bank_ref: entry.bank_ref,
            batch: entry.batch,
            note: entry.note,
            details: entry.details,
        };
        entry.key = self.key(kind, &entry)?;
        self.statement.entries.push(entry);
        Ok(())
    }

    /// The key of an entry: see [`BankStatement`].
    fn key(&mut self, kind: MessageKind, entry: &BankEntry) -> Result<String, CamtError> {
        let account = self.statement.account.clone().ok_or_else(|| self.missing("Acct/Id"))?;
        let Some(bank_ref) = &entry.bank_ref else {
            let id = self.statement.id.clone().ok_or_else(|| self.missing("Id"))?;
            let message = if kind == MessageKind::Statement { "stmt" } else { "ntfctn" };
            return Ok(format!("{account}|{message}|{}|{id}", entry.place));
        };
        // An entry that is only expected must not change the key under which it is booked later.
        let side = match (entry.side, &entry.status) {
            (Side::Credit, EntryStatus::Booked) => "credit",
            (Side::Debit, EntryStatus::Booked) => "debit",
            (Side::Credit, _) => "credit to come",
            (Side::Debit, _) => "debit to come",
        };
        let count = self.statement.keys.entry(format!("{side}|{bank_ref}")).or_default();
        *count += 1;
        Ok(format!("{account}|{side}|{count}|{bank_ref}"))
    }

    fn finish_statement(&mut self, kind: MessageKind, version: u32) -> Result<(), CamtError> {
        let id = self.statement.id.take().ok_or_else(|| self.missing("Id"))?;
        let account = self.statement.account.take().ok_or_else(|| self.missing("Acct/Id"))?;
        let mut draft = std::mem::take(&mut self.statement);
        let opening = draft.balances.remove("OPBD").or_else(|| draft.balances.remove("PRCD"));
        self.statements.push(BankStatement {
            kind,
            version,
            message_id: self.message_id.clone(),
            id,
            account,
            currency: draft.currency,
            electronic_number: draft.electronic_number,
            legal_number: draft.legal_number,
            opening,
            closing: draft.balances.remove("CLBD"),
            entries: draft.entries,
        });
        Ok(())
    }

    /// The amount of the element that ends, in minor units of its currency.
    fn amount(&self, text: &str) -> Result<(Money, String), CamtError> {
        let currency = self.currency.clone().ok_or_else(|| self.missing("Ccy of an amount"))?;
        let scale = currency_scale(&currency)
            .ok_or_else(|| CamtError::Currency { text: currency.clone(), place: self.place() })?;
        let units = parse_decimal(text.strip_prefix('+').unwrap_or(text), scale, AMOUNT_MAX);
        let refused = |reason: AmountError| CamtError::Amount {
            text: cut(text),
            place: self.place(),
            reason,
        };
        units.map(|units| (Money(units), currency)).map_err(refused)
    }

    fn foreign_amount(&self, text: &str) -> Result<Option<(Money, String)>, CamtError> {
        match self.currency.as_deref().and_then(currency_scale) {
            Some(_) => self.amount(text).map(Some),
            None => Ok(None),
        }
    }

    fn side(&self, text: &str) -> Result<Side, CamtError> {
        match text {
            "CRDT" => Ok(Side::Credit),
            "DBIT" => Ok(Side::Debit),
            _ => Err(self.refused(text)),
        }
    }

    fn number(&self, text: &str) -> Result<u64, CamtError> {
        text.parse().map_err(|_| self.refused(text))
    }

    /// The day of a date or of an instant, as the bank's calendar has it.
    fn day(&self, text: &str) -> Result<Day, CamtError> {
        text.get(..10).and_then(Day::parse).ok_or_else(|| self.refused(text))
    }

    fn missing(&self, what: &'static str) -> CamtError {
        CamtError::Missing { what, place: self.place() }
    }

    fn refused(&self, text: &str) -> CamtError {
        CamtError::Value { text: cut(text), place: self.place() }
    }

    /// Where reading is, in words.
    fn place(&self) -> String {
        let statement = self.statement.id.as_deref().map_or_else(|| "?".to_owned(), cut);
        format!("statement {statement}, after entry {}", self.statement.entries.len())
    }
}
