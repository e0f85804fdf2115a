//! A payment order as a text that people read and sign: numbered payments, total, control figures.

use std::fmt::Write;

use super::order::CheckedOrder;

/// The order as a readable list in UTF-8.
pub fn payment_list(order: &CheckedOrder) -> String {
    let mut text = String::new();
    let mut line = |one: &str| writeln!(text, "{one}").expect("a text takes whatever is written");
    line(&format!("Payment order {}", order.message_id));
    line(&format!("Pay on:    {}", order.execution));
    line(&format!("From:      {}", order.from.name()));
    line(&format!("Account:   {}", order.from.number().text()));
    line(&format!("Bank:      {}", order.from.bank().text()));
    for (place, payment) in order.payments.iter().enumerate() {
        let to = &payment.to;
        line("");
        line(&format!("{}. {}", place + 1, to.name()));
        if let Some(tax_id) = to.tax_id() {
            line(&format!("   Tax number: {tax_id}"));
        }
        line(&format!("   Account:    {}", to.number().text()));
        line(&format!("   Bank:       {}", to.bank().text()));
        line(&format!("   Amount:     {} {}", order.amount_text(payment.amount), order.currency));
        line(&format!("   Purpose:    {}", payment.remittance));
        line(&format!("   Reference:  {}", payment.end_to_end_id));
    }
    line("");
    line(&format!("Payments:  {}", order.payments.len()));
    line(&format!("Total:     {} {}", order.amount_text(order.total()), order.currency));
    line(&format!("Accounts:  {} (sum of their last six digits)", account_figure(order)));
    text
}

/// The sum of the last six digits of the payees' accounts: a changed account changes it.
fn account_figure(order: &CheckedOrder) -> u64 {
    let last_six = |text: &str| {
        let digits: Vec<u32> = text.chars().filter_map(|one| one.to_digit(10)).collect();
        let first = digits.len().saturating_sub(6);
        digits[first..].iter().fold(0, |sum: u64, &digit| sum * 10 + u64::from(digit))
    };
    order.payments.iter().map(|payment| last_six(payment.to.number().text())).sum()
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[test]
    fn a_list_is_the_one_that_was_checked_by_hand() {
        let order = samples::russian_order().check().expect("the sample is in order");
        assert_eq!(payment_list(&order), include_str!("fixtures/payment_list.txt"));
    }
}
