//! Amounts of money as exact numbers of their smallest unit.

/// Digits of the largest amount of a line; sums of any number of them stay exact.
const DIGITS_MAX: usize = 18;

/// Digits of the largest sum.
const SUM_DIGITS_MAX: usize = 38;

/// An amount such as `72.00` in the smallest unit of a currency with so many decimals.
///
/// Returns none for anything but digits with at most one point, for more decimals than the currency
/// has, and for a leading zero that says nothing.
pub fn parse(text: &str, scale: usize) -> Option<i128> {
    parse_within(text, scale, DIGITS_MAX)
}

/// A sum of amounts, read as they are.
pub fn parse_sum(text: &str, scale: usize) -> Option<i128> {
    parse_within(text, scale, SUM_DIGITS_MAX)
}

/// A sum of amounts of either sign.
pub fn parse_signed(text: &str, scale: usize) -> Option<i128> {
    match text.strip_prefix('-') {
        None => parse_sum(text, scale),
        Some(text) => parse_sum(text, scale).filter(|sum| *sum != 0).map(|sum| -sum),
    }
}

fn parse_within(text: &str, scale: usize, digits_max: usize) -> Option<i128> {
    let (whole, decimals) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = is_digits(whole) && is_digits(decimals) && !whole.is_empty();
    let is_short = whole.len() + scale <= digits_max && decimals.len() <= scale;
    let is_plain = whole == "0" || !whole.starts_with('0');
    if !(is_number && is_short && is_plain) {
        return None;
    }
    format!("{whole}{decimals:0<scale$}").parse().ok()
}

/// An amount as text, with all decimals of the currency.
pub fn print(amount: i128, scale: usize) -> String {
    let sign = if amount < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", amount.unsigned_abs(), width = scale + 1);
    let (whole, decimals) = digits.split_at(digits.len() - scale);
    if scale == 0 { format!("{sign}{digits}") } else { format!("{sign}{whole}.{decimals}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        for (text, scale, units) in
            [("72.00", 2, 7200), ("0.01", 2, 1), ("0", 0, 0), ("15", 0, 15), ("0.00000001", 8, 1)]
        {
            assert_eq!(parse(text, scale), Some(units), "{text}");
            assert_eq!(print(units, scale), text);
        }
        assert_eq!(parse("72", 2), Some(7200));
        assert_eq!(parse("9999999999999999.99", 2), Some(999_999_999_999_999_999));
        for text in
            ["", ".", "1.", ".1", "-1", "+1", "01", "1.000", "1e3", "1,00", " 1", "1.0.0", "٣"]
        {
            assert_eq!(parse(text, 2), None, "{text}");
        }
        assert_eq!(parse("99999999999999999.99", 2), None, "it is too long");
        assert_eq!(parse("1", 19), None, "no currency has so many decimals");
    }
}
