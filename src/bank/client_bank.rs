//! A payment order as the text that Russian client-bank programs take: `1CClientBankExchange`,
//! version 1.03, windows-1251, a key and a value on each line.
//!
//! The form has no place for a reference of its own, so the reference stands in the purpose, where
//! the statement gives it back. It knows roubles and Russian accounts only.

use std::fmt::Display;

use encoding_rs::WINDOWS_1251;

use crate::domain::time::Day;

use super::account::{Account, Bank};
use super::order::{CheckedOrder, OrderError, Payment};

/// The order as client-bank text in windows-1251 with CRLF.
///
/// # Errors
/// If the order is in another currency, names an account outside of Russia, or has a character that
/// windows-1251 lacks.
pub fn client_bank_1c(order: &CheckedOrder) -> Result<Vec<u8>, OrderError> {
    check_is_russian(order)?;
    let mut text = Text(Vec::new());
    let account = order.from.number().text();
    text.line("1CClientBankExchange")?;
    text.pair("ВерсияФормата", "1.03")?;
    text.pair("Кодировка", "Windows")?;
    text.pair("Отправитель", "Coalition")?;
    text.pair("Получатель", "")?;
    text.pair("ДатаСоздания", day_text(order.zone.day_of(order.created_at)))?;
    text.pair("ДатаНачала", day_text(order.execution))?;
    text.pair("ДатаКонца", day_text(order.execution))?;
    text.pair("РасчСчет", account)?;
    text.pair("Документ", "Платежное поручение")?;
    for (place, payment) in order.payments.iter().enumerate() {
        write_payment(&mut text, order, place + 1, payment)?;
    }
    text.line("КонецФайла")?;
    Ok(text.0)
}

fn check_is_russian(order: &CheckedOrder) -> Result<(), OrderError> {
    if order.currency != "RUB" || order.money_scale != 2 {
        return Err(OrderError::NotRussian("roubles only"));
    }
    let mut accounts = order.payments.iter().map(|payment| &payment.to).chain([&order.from]);
    if accounts.all(|account| matches!(account.bank(), Bank::Bik(_))) {
        Ok(())
    } else {
        Err(OrderError::NotRussian("only accounts of banks with a BIK"))
    }
}

fn write_payment(
    text: &mut Text,
    order: &CheckedOrder,
    number: usize,
    payment: &Payment,
) -> Result<(), OrderError> {
    text.pair("СекцияДокумент", "Платежное поручение")?;
    text.pair("Номер", number)?;
    text.pair("Дата", day_text(order.execution))?;
    text.pair("Сумма", order.amount_text(payment.amount))?;
    write_account(text, "Плательщик", &order.from)?;
    write_account(text, "Получатель", &payment.to)?;
    text.pair("ВидОплаты", "01")?;
    text.pair("Очередность", 5)?;
    text.pair("НазначениеПлатежа", purpose(payment))?;
    text.line("КонецДокумента")
}

fn write_account(text: &mut Text, side: &str, account: &Account) -> Result<(), OrderError> {
    text.pair(&format!("{side}Счет"), account.number().text())?;
    text.pair(side, account.name())?;
    if let Some(tax_id) = account.tax_id() {
        text.pair(&format!("{side}ИНН"), tax_id)?;
    }
    text.pair(&format!("{side}БИК"), account.bank().text())
}

/// What a payment is for, with its reference.
fn purpose(payment: &Payment) -> String {
    let (remittance, id) = (&payment.remittance, &payment.end_to_end_id);
    if remittance.contains(id.as_str()) { remittance.clone() } else { format!("{remittance} {id}") }
}

/// A day as `dd.mm.yyyy`.
fn day_text(day: Day) -> String {
    let text = day.to_string();
    let parts: Vec<&str> = text.rsplit('-').collect();
    parts.join(".")
}

/// Lines of windows-1251.
struct Text(Vec<u8>);

impl Text {
    fn line(&mut self, line: &str) -> Result<(), OrderError> {
        let (bytes, _, is_lossy) = WINDOWS_1251.encode(line);
        if is_lossy {
            let is_unknown = |one: &char| WINDOWS_1251.encode(one.encode_utf8(&mut [0; 4])).2;
            let character = line.chars().find(is_unknown).unwrap_or(char::REPLACEMENT_CHARACTER);
            return Err(OrderError::Character { character, text: line.to_owned() });
        }
        self.0.extend_from_slice(&bytes);
        self.0.extend_from_slice(b"\r\n");
        Ok(())
    }

    fn pair(&mut self, key: &str, value: impl Display) -> Result<(), OrderError> {
        self.line(&format!("{key}={value}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn an_order_is_the_text_that_was_checked_by_hand() {
        let order = samples::russian_order().check().expect("the sample is in order");
        let bytes = client_bank_1c(&order).expect("it is Russian");
        let (text, _, is_lossy) = WINDOWS_1251.decode(&bytes);
        assert!(!is_lossy);
        let expected = include_str!("fixtures/client_bank.txt").replace('\n', "\r\n");
        assert_eq!(text, expected);
        assert!(bytes.windows(6).any(|six| six == b"\xCD\xEE\xEC\xE5\xF0="), "the key of a number");
    }

    #[test]
    fn what_the_text_cannot_carry_is_refused() {
        let euro = samples::euro_order().check().expect("the sample is in order");
        assert_eq!(client_bank_1c(&euro), Err(OrderError::NotRussian("roubles only")));

        let mut order = samples::euro_order();
        order.currency = "RUB".to_owned();
        let order = order.check().expect("it is in order");
        assert!(matches!(client_bank_1c(&order), Err(OrderError::NotRussian(_))));

        let mut order = samples::russian_order();
        order.payments[0].remittance = "Бонусы \u{1F680}".to_owned();
        let order = order.check().expect("it is in order");
        let error = client_bank_1c(&order).expect_err("no such character");
        assert!(matches!(error, OrderError::Character { character: '\u{1F680}', .. }), "{error}");
    }
}
