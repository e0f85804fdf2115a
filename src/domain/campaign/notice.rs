//! Notices: by which channel, how often in a calendar month, and at which hours.

use serde::{Deserialize, Serialize};

use crate::domain::amount::Money;
use crate::domain::amount::{MONEY_MAX, parse_decimal};
use crate::domain::named::named;
use crate::domain::terms::Invalid;
use crate::domain::time::{Day, Instant, Zone};

named! {
    /// By which way a notice goes.
    Channel:
    /// A push of an app.
    Push "push",
    /// A text message.
    Sms "sms",
    /// A mail.
    Email "email",
    /// A call.
    Call "call",
    /// The card in a wallet: its intro screen and its own notices.
    Wallet "wallet",
}

named! {
    /// What a notice is for.
    NoticeKind:
    /// To sell; only with consent, and under the cap.
    Promotional "promotional",
    /// About what a member did or has; counted apart.
    Transactional "transactional",
}

named! {
    /// Where a notice stands.
    NoticeState:
    /// Its time has not come.
    Planned "planned",
    /// Its party was told to send it.
    Due "due",
    /// It is never sent; why stands beside it.
    Refused "refused",
    /// The party sent it.
    Sent "sent",
    /// It arrived.
    Delivered "delivered",
    /// It was opened.
    Opened "opened",
    /// Something in it was followed.
    Clicked "clicked",
}

named! {
    /// What somebody did who takes part in a campaign.
    Response:
    /// The notice went out.
    Sent "sent",
    /// The notice arrived.
    Delivered "delivered",
    /// The message, or the card, was opened.
    Opened "opened",
    /// The offer was opened.
    OfferOpened "offer_opened",
    /// The site was visited.
    Visited "visited",
}

named! {
    /// Why somebody is not told.
    Unreachable:
    /// There is no consent for the channel.
    NoConsent "no_consent",
    /// There is no phone, address or card to send it to.
    NoAddress "no_address",
    /// So many went out in this month already.
    FrequencyCap "frequency_cap",
}

impl Channel {
    /// The channel whose consent counts. A wallet's card is covered by that for push.
    pub const fn consent(self) -> &'static str {
        match self {
            Self::Wallet => Self::Push.name(),
            other => other.name(),
        }
    }

    /// What counts where nobody said anything: 8 pushes and 3 notices of a card in a month.
    pub const fn usual(self) -> ChannelRules {
        let per_month = match self {
            Self::Push => Some(8),
            Self::Wallet => Some(3),
            _ => None,
        };
        ChannelRules { per_month, transactional_per_month: None, quiet: None, price: Money::ZERO }
    }
}

impl Response {
    /// Where a notice stands after it.
    pub const fn state(self) -> NoticeState {
        match self {
            Self::Sent => NoticeState::Sent,
            Self::Delivered => NoticeState::Delivered,
            Self::Opened => NoticeState::Opened,
            Self::OfferOpened | Self::Visited => NoticeState::Clicked,
        }
    }
}

/// Hours in which nothing promotional goes out: minutes after midnight, from and until.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quiet {
    /// The first quiet minute.
    pub from: u32,
    /// The first minute that is not quiet any more.
    pub until: u32,
}

/// What a channel of a programme allows, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelRules {
    /// Promotional notices to a member in a calendar month; none: as many as there are.
    pub per_month: Option<u32>,
    /// The same for transactional ones.
    pub transactional_per_month: Option<u32>,
    /// Hours in which nothing promotional goes out.
    pub quiet: Option<Quiet>,
    /// What one notice costs.
    pub price: Money,
}

/// What a channel of a programme allows, as written.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct ChannelDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    per_month: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transactional_per_month: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quiet: Option<QuietDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct QuietDocument {
    from: String,
    until: String,
}

impl ChannelDocument {
    /// Checks the document.
    ///
    /// # Errors
    /// If an hour or the price is none.
    pub fn check(&self, money_scale: u32) -> Result<ChannelRules, Invalid> {
        let price = match &self.price {
            None => 0,
            Some(text) => parse_decimal(text, money_scale, MONEY_MAX)
                .map_err(|error| Invalid::at("/price", error.to_string()))?,
        };
        Ok(ChannelRules {
            per_month: self.per_month,
            transactional_per_month: self.transactional_per_month,
            quiet: self.quiet.as_ref().map(QuietDocument::check).transpose()?,
            price: Money(price),
        })
    }
}

impl QuietDocument {
    fn check(&self) -> Result<Quiet, Invalid> {
        let wrong = |field: &str| {
            Invalid::at(format!("/quiet/{field}"), "write a time of the day as \"21:30\"")
        };
        let from = minute_of(&self.from).ok_or_else(|| wrong("from"))?;
        let until = minute_of(&self.until).ok_or_else(|| wrong("until"))?;
        if from == until {
            return Err(Invalid::at("/quiet", "the quiet hours must end at another time"));
        }
        Ok(Quiet { from, until })
    }
}

/// Minutes after midnight of `HH:MM`.
fn minute_of(text: &str) -> Option<u32> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |part: &str| {
        let is_number = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u32>().ok().filter(|_| is_number)
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    (hours < 24 && minutes < 60).then_some(hours * 60 + minutes)
}

impl Quiet {
    /// The first instant from one on at which it is not quiet.
    pub fn after(self, zone: &Zone, at: Instant) -> Instant {
        let day = zone.day_of(at);
        let (from, until) = (zone.at_minute(day, self.from), zone.at_minute(day, self.until));
        if self.from < self.until {
            return if from <= at && at < until { until } else { at };
        }
        if at < until {
            until
        } else if from <= at {
            zone.at_minute(day.plus_days(1), self.until)
        } else {
            at
        }
    }
}

impl ChannelRules {
    /// The first instant from one on at which a notice of a kind may go out.
    pub fn open_at(&self, kind: NoticeKind, zone: &Zone, at: Instant) -> Instant {
        match (kind, self.quiet) {
            (NoticeKind::Promotional, Some(quiet)) => quiet.after(zone, at),
            _ => at,
        }
    }

    /// How many notices of a kind a member gets in a calendar month.
    pub const fn most(&self, kind: NoticeKind) -> Option<u32> {
        match kind {
            NoticeKind::Promotional => self.per_month,
            NoticeKind::Transactional => self.transactional_per_month,
        }
    }
}

/// The calendar month of an instant in a zone, by its first day.
pub fn month_of(zone: &Zone, at: Instant) -> Day {
    zone.day_of(at).with_day_of_month(1)
}

/// When the calendar month after an instant's begins.
pub fn next_month(zone: &Zone, at: Instant) -> Instant {
    zone.start_of(month_of(zone, at).plus_months(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> Zone {
        Zone::named("Europe/Moscow").expect("a zone of the tz database")
    }

    fn at(text: &str) -> Instant {
        Instant::parse(text).expect("an instant")
    }

    #[test]
    fn quiet_hours_may_lie_around_midnight() {
        let night = Quiet { from: 21 * 60, until: 9 * 60 };
        let cases = [
            ("2025-03-03T20:59:59+03:00", "2025-03-03T20:59:59+03:00"),
            ("2025-03-03T21:00:00+03:00", "2025-03-04T09:00:00+03:00"),
            ("2025-03-04T00:00:00+03:00", "2025-03-04T09:00:00+03:00"),
            ("2025-03-04T08:59:59+03:00", "2025-03-04T09:00:00+03:00"),
            ("2025-03-04T09:00:00+03:00", "2025-03-04T09:00:00+03:00"),
        ];
        for (asked, open) in cases {
            assert_eq!(night.after(&zone(), at(asked)), at(open), "{asked}");
        }
        let noon = Quiet { from: 12 * 60, until: 13 * 60 };
        assert_eq!(
            noon.after(&zone(), at("2025-03-03T12:30:00+03:00")),
            at("2025-03-03T13:00:00+03:00")
        );
        let same = at("2025-03-03T13:00:00+03:00");
        assert_eq!(noon.after(&zone(), same), same);
    }

    #[test]
    fn months_are_the_programmes() {
        // 31 March, 21:00 in UTC is April in Moscow.
        let last = at("2025-03-31T20:59:59Z");
        assert_eq!(month_of(&zone(), last).to_string(), "2025-03-01");
        assert_eq!(next_month(&zone(), last), at("2025-03-31T21:00:00Z"));
        assert_eq!(month_of(&zone(), at("2025-03-31T21:00:00Z")).to_string(), "2025-04-01");
    }

    #[test]
    fn hours_and_prices_are_checked() {
        let check = |text: &str| {
            serde_json::from_str::<ChannelDocument>(text).ok().and_then(|one| one.check(2).ok())
        };
        let rules = check(
            r#"{"per_month": 8, "quiet": {"from": "21:00", "until": "09:00"}, "price": "1.50"}"#,
        )
        .expect("rules");
        assert_eq!((rules.per_month, rules.price), (Some(8), Money(150)));
        for wrong in [
            r#"{"quiet": {"from": "21", "until": "09:00"}}"#,
            r#"{"quiet": {"from": "24:00", "until": "09:00"}}"#,
            r#"{"quiet": {"from": "09:00", "until": "09:00"}}"#,
            r#"{"price": "1.505"}"#,
            r#"{"often": 3}"#,
        ] {
            assert!(check(wrong).is_none(), "{wrong}");
        }
    }
}
