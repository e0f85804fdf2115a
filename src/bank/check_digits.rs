//! Check digits: ISO 7064 MOD 97-10 of IBANs and creditor references, the key of a Russian
//! account, and the digits of a Russian tax number.

/// The remainder of a text of digits and Latin letters by 97, letters standing for 10 to 35.
///
/// None if another character occurs.
pub fn remainder_97(text: &str) -> Option<u32> {
    text.chars().try_fold(0, |rest: u32, character| {
        let value = character.to_digit(36).filter(|_| character.is_ascii())?;
        Some((rest * if value < 10 { 10 } else { 100 } + value) % 97)
    })
}

/// The two check digits that make `body` followed by `prefix` and them leave 1.
///
/// None if either has a character that is neither digit nor Latin letter.
pub fn digits_97(prefix: &str, body: &str) -> Option<String> {
    let rest = remainder_97(&format!("{body}{prefix}00"))?;
    Some(format!("{:02}", 98 - rest))
}

/// Whether a text that begins with two letters and two check digits is in order.
pub fn fits_97(text: &str) -> bool {
    let Some((head, body)) = text.split_at_checked(4) else { return false };
    let (letters, digits) = head.split_at(2);
    letters.bytes().all(|byte| byte.is_ascii_uppercase())
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && remainder_97(&format!("{body}{head}")) == Some(1)
}

/// Whether the ninth digit of a 20-digit account is the key that its bank's BIK gives.
///
/// The key covers three digits of the BIK and the account. For a bank these are the last three; for
/// the Bank of Russia and the treasury, whose last three are below 050, they may also be a zero and
/// the digits of the place.
pub fn account_key_fits(bik: &str, account: &str) -> bool {
    let (Some(bik_digits), Some(_)) = (digits(bik, 9), digits(account, 20)) else { return false };
    let own = key_is_zero(&bik[6..], account);
    let is_of_central_bank = bik_digits[6] == 0 && bik_digits[7] < 5;
    own || (is_of_central_bank && key_is_zero(&format!("0{}", &bik[4..6]), account))
}

fn key_is_zero(prefix: &str, account: &str) -> bool {
    let values = prefix.chars().chain(account.chars()).filter_map(|one| one.to_digit(10));
    values.zip([7, 1, 3].into_iter().cycle()).map(|(value, weight)| value * weight).sum::<u32>()
        % 10
        == 0
}

/// Whether a Russian tax number (INN) of 10 digits, or 12 of a person, has the right last digits.
pub fn is_inn(text: &str) -> bool {
    const LAST_OF_TEN: [u32; 9] = [2, 4, 10, 3, 5, 9, 4, 6, 8];
    const NEXT_TO_LAST: [u32; 10] = [7, 2, 4, 10, 3, 5, 9, 4, 6, 8];
    const LAST_OF_TWELVE: [u32; 11] = [3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8];
    let check = |values: &[u32], weights: &[u32]| {
        let sum: u32 = values.iter().zip(weights).map(|(value, weight)| value * weight).sum();
        values[weights.len()] == sum % 11 % 10
    };
    if let Some(ten) = digits(text, 10) {
        check(&ten, &LAST_OF_TEN)
    } else if let Some(twelve) = digits(text, 12) {
        check(&twelve, &NEXT_TO_LAST) && check(&twelve, &LAST_OF_TWELVE)
    } else {
        false
    }
}

/// The digits of a text, if it has so many and nothing else.
fn digits(text: &str, count: usize) -> Option<Vec<u32>> {
    let is_digits = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| text.bytes().map(|byte| u32::from(byte - b'0')).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_numbers_are_in_order_and_a_changed_digit_is_seen() {
        for iban in ["DE89370400440532013000", "GB82WEST12345698765432", "NO9386011117947"] {
            assert!(fits_97(iban), "{iban}");
        }
        assert!(!fits_97("DE89370400440532013001"));
        assert!(!fits_97("DE8é370400440532013000"));
        assert!(!fits_97("DE8"));
        for (bik, account) in [
            ("044525225", "30101810400000000225"),
            ("044525974", "30101810145250000974"),
            ("044030827", "30101810200000000827"),
        ] {
            // The key of a bank's own account with the Bank of Russia covers the place.
            assert!(account_key_fits(&format!("{}000", &bik[..6]), account), "{account}");
        }
        assert!(account_key_fits("044525111", "40702810500000000002"));
        assert!(!account_key_fits("044525111", "40702810100000000002"));
        assert!(!account_key_fits("04452511", "40702810500000000002"));
        for inn in ["7707083893", "7728168971", "500100732259"] {
            assert!(is_inn(inn), "{inn}");
        }
        for inn in ["7707083894", "500100732258", "77070838", "", "７７０７０８３８９３"]
        {
            assert!(!is_inn(inn), "{inn}");
        }
    }

    proptest! {
        #[test]
        fn one_wrong_digit_is_always_seen(body in "[0-9A-Z]{1,21}", place in 0_usize..21, by in 1_u32..10) {
            let right = format!("RF{}{body}", digits_97("RF", &body).expect("digits and letters"));
            prop_assert!(fits_97(&right));
            let place = 4 + place % body.len();
            let mut wrong: Vec<char> = right.chars().collect();
            let Some(value) = wrong[place].to_digit(10) else { return Ok(()) };
            wrong[place] = char::from_digit((value + by) % 10, 10).expect("a digit");
            prop_assert!(!fits_97(&wrong.into_iter().collect::<String>()));
        }
    }
}
