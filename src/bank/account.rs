//! Who is paid, and where: names, account numbers and banks, checked when they are made.

use super::check_digits::{account_key_fits, fits_97, is_inn};

/// The longest name of an account's holder, in characters.
pub const NAME_MAX: usize = 140;

/// The number of an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Number {
    /// An international one, capital, without spaces.
    Iban(String),
    /// A national one: 20 digits in Russia.
    Local(String),
}

impl Number {
    /// The number as text.
    pub fn text(&self) -> &str {
        match self {
            Self::Iban(text) | Self::Local(text) => text,
        }
    }
}

/// The bank of an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Bank {
    /// An international code of 8 or 11 characters.
    Bic(String),
    /// A code of the Bank of Russia, 9 digits.
    Bik(String),
}

impl Bank {
    /// The code as text.
    pub fn text(&self) -> &str {
        match self {
            Self::Bic(text) | Self::Bik(text) => text,
        }
    }
}

/// An account with its holder; in order since it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    name: String,
    number: Number,
    bank: Bank,
    tax_id: Option<String>,
}

/// Why an account was refused, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// The name is missing, too long, or has characters that are no text.
    #[error("write the holder's name as 1 to 140 characters on one line")]
    Name,
    /// The check digits of an IBAN are wrong, or it is none.
    #[error("\"{0}\" is no IBAN: compare it with the contract, a character is wrong")]
    Iban(String),
    /// A national number is no number.
    #[error(
        "write the account \"{0}\" as 1 to 34 digits and Latin letters; it has 20 digits in Russia"
    )]
    Local(String),
    /// A bank's international code has another form.
    #[error("write the bank's BIC \"{0}\" as 8 or 11 capital letters and digits")]
    Bic(String),
    /// A Russian bank's code has another form.
    #[error("write the bank's BIK \"{0}\" as 9 digits")]
    Bik(String),
    /// The key of a Russian account is not what its bank's code gives.
    #[error("account {number} cannot be one of bank {bik}: compare both with the contract")]
    Key {
        /// The account.
        number: String,
        /// The bank.
        bik: String,
    },
    /// A Russian tax number is wrong.
    #[error("\"{0}\" is no INN: it has 10 digits, 12 of a person, and the last ones are checked")]
    Inn(String),
    /// A tax number has another form.
    #[error("write the tax number \"{0}\" as 1 to 35 visible characters")]
    TaxId(String),
}

impl Account {
    /// An account, if all of it is in order.
    ///
    /// Spaces in an IBAN are left out. With a Russian bank the number has 20 digits whose key fits
    /// the bank, and a tax number is an INN.
    ///
    /// # Errors
    /// If something is not in order; the error says what to do.
    pub fn new(
        name: &str,
        number: Number,
        bank: Bank,
        tax_id: Option<String>,
    ) -> Result<Self, AccountError> {
        if !is_line(name, NAME_MAX) {
            return Err(AccountError::Name);
        }
        let number = checked_number(number)?;
        check_bank(&number, &bank)?;
        match (&tax_id, &bank) {
            (Some(inn), Bank::Bik(_)) if !is_inn(inn) => {
                return Err(AccountError::Inn(inn.clone()));
            }
            (Some(text), _) if !is_code(text, 35, |one| one.is_ascii_graphic()) => {
                return Err(AccountError::TaxId(text.clone()));
            }
            _ => {}
        }
        Ok(Self { name: name.to_owned(), number, bank, tax_id })
    }

    /// The holder's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The account's number.
    pub const fn number(&self) -> &Number {
        &self.number
    }

    /// The account's bank.
    pub const fn bank(&self) -> &Bank {
        &self.bank
    }

    /// The holder's tax number, if it was given.
    pub fn tax_id(&self) -> Option<&str> {
        self.tax_id.as_deref()
    }
}

fn checked_number(number: Number) -> Result<Number, AccountError> {
    match number {
        Number::Iban(text) => {
            let packed: String = text.chars().filter(|&one| one != ' ').collect();
            let is_iban = (15..=34).contains(&packed.len())
                && packed.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
                && fits_97(&packed);
            if is_iban { Ok(Number::Iban(packed)) } else { Err(AccountError::Iban(text)) }
        }
        Number::Local(text) if is_code(&text, 34, |one| one.is_ascii_alphanumeric()) => {
            Ok(Number::Local(text))
        }
        Number::Local(text) => Err(AccountError::Local(text)),
    }
}

fn check_bank(number: &Number, bank: &Bank) -> Result<(), AccountError> {
    match bank {
        Bank::Bic(text) if !is_bic(text) => Err(AccountError::Bic(text.clone())),
        Bank::Bic(_) => Ok(()),
        Bank::Bik(text) if text.len() != 9 || !text.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(AccountError::Bik(text.clone()))
        }
        Bank::Bik(bik) => {
            let account = number.text();
            if account.len() != 20 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(AccountError::Local(account.to_owned()));
            }
            let key = || AccountError::Key { number: account.to_owned(), bik: bik.clone() };
            account_key_fits(bik, account).then_some(()).ok_or_else(key)
        }
    }
}

fn is_bic(text: &str) -> bool {
    matches!(text.len(), 8 | 11)
        && text.bytes().enumerate().all(|(place, byte)| {
            byte.is_ascii_uppercase() || (byte.is_ascii_digit() && !(4..6).contains(&place))
        })
}

fn is_code(text: &str, max: usize, fits: impl Fn(char) -> bool) -> bool {
    (1..=max).contains(&text.len()) && text.chars().all(fits)
}

/// Whether a text is one line of at most so many characters, all of which XML 1.0 can carry.
pub(super) fn is_line(text: &str, max: usize) -> bool {
    let is_text = |one: char| !one.is_control() && !matches!(one, '\u{FFFE}' | '\u{FFFF}');
    !text.trim().is_empty() && text.chars().count() <= max && text.chars().all(is_text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(text: &str) -> Number {
        Number::Local(text.to_owned())
    }

    fn bik(text: &str) -> Bank {
        Bank::Bik(text.to_owned())
    }

    fn bic(text: &str) -> Bank {
        Bank::Bic(text.to_owned())
    }

    #[test]
    fn an_account_is_in_order_or_says_what_to_do() {
        let number = local("40702810500000000002");
        let shop =
            |tax: &str| Account::new("Shop", number.clone(), bik("044525111"), Some(tax.into()));
        assert_eq!(shop("7707083893").map(|it| it.tax_id.is_some()), Ok(true));
        assert_eq!(shop("7707083894"), Err(AccountError::Inn("7707083894".into())));

        let key = Account::new("Shop", local("40702810100000000002"), bik("044525111"), None);
        let key = key.expect_err("a wrong key").to_string();
        assert!(key.contains("40702810100000000002") && key.contains("044525111"), "{key}");
        let short = Account::new("Shop", local("4070281010000000000"), bik("044525111"), None);
        assert!(matches!(short, Err(AccountError::Local(_))));
        let letters = Account::new("Shop", number.clone(), bik("04452511A"), None);
        assert!(matches!(letters, Err(AccountError::Bik(_))));
    }

    #[test]
    fn an_iban_is_packed_and_checked() {
        let iban = |text: &str| Number::Iban(text.to_owned());
        let made = |text: &str| Account::new("Shop", iban(text), bic("COBADEFFXXX"), None);
        let account = made("DE89 3704 0044 0532 0130 00").expect("an IBAN");
        assert_eq!(account.number().text(), "DE89370400440532013000");
        for wrong in ["DE89370400440532013001", "de89370400440532013000", "DE8937", "DE89ж"] {
            assert!(matches!(made(wrong), Err(AccountError::Iban(_))), "{wrong}");
        }
        for wrong in ["COBADEF", "cobadeff", "COBA1EFF", "COBADEFFXX", "COBADEFFXXXX"] {
            let account = Account::new("Shop", iban("DE89370400440532013000"), bic(wrong), None);
            assert!(matches!(account, Err(AccountError::Bic(_))), "{wrong}");
        }
    }

    #[test]
    fn a_name_is_one_line() {
        let made = |name: &str| Account::new(name, local("1"), bic("COBADEFF"), None);
        assert!(made(&"ж".repeat(140)).is_ok());
        for wrong in ["", "  ", "a\nb", "a\u{0}", "a\u{FFFE}", &"ж".repeat(141)] {
            assert_eq!(made(wrong), Err(AccountError::Name), "{wrong:?}");
        }
    }
}
