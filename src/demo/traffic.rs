//! What happens, day by day: who posts what when. Nothing is sent from here.
//!
//! What follows from a receipt later (its delivery, a refund) is kept until its day comes.

use std::collections::BTreeMap;

use coalition_partner::{
    Capture, CardPayment, Exchange, FundingShare, Grant, Merge, PersonalRule, Transaction, Void,
};

use super::chance::Chance;
use super::people::{People, Person};
use crate::domain::time::{Day, Instant, Zone};

/// Hours of a part of the day, after each of which what happened in it is posted.
pub const PART_HOURS: i64 = 6;
const HOUR_MICROS: i64 = 3_600_000_000;

/// The hours at which people buy, the busy ones more than once.
const SHOP_HOURS: [i64; 14] = [10, 11, 12, 12, 13, 14, 15, 16, 17, 18, 18, 19, 19, 20];
const CARD_HOURS: [i64; 14] = [7, 8, 9, 10, 12, 13, 13, 15, 17, 18, 18, 19, 20, 22];

/// What card holders pay for: supermarkets, cafés, fuel, pharmacies; cash and utilities earn nothing.
const MERCHANTS: [(&str, u64); 10] = [
    ("5411", 4_500),
    ("5411", 2_500),
    ("5411", 6_000),
    ("5812", 3_000),
    ("5812", 1_500),
    ("5541", 4_000),
    ("5912", 2_500),
    ("5732", 30_000),
    ("4900", 6_000),
    ("6011", 20_000),
];

/// One thing that a party posts.
#[derive(Clone, Debug)]
pub struct Deed {
    /// Who posts it.
    pub party: &'static str,
    /// When it happens.
    pub at: Instant,
    /// The idempotency key.
    pub key: String,
    /// What is posted.
    pub transaction: Transaction,
}

/// How many days there are, and which one it is.
#[derive(Clone, Copy, Debug)]
pub struct Date {
    /// The calendar day.
    pub day: Day,
    /// Its place among the days, from 0.
    pub place: u32,
    /// How many days there are.
    pub of: u32,
}

impl Date {
    /// Whether the fashion brand's points can be burned by now.
    pub const fn fashion_is_live(self) -> bool {
        self.of / 2 <= self.place
    }

    /// Whether it is the day on which something happens that does `days` before the end.
    const fn is_before_end(self, days: u32) -> bool {
        self.place == self.of.saturating_sub(days)
    }

    /// More is bought on some days: every sixth and seventh.
    pub const fn rush(self) -> u64 {
        if self.place % 7 >= 5 { 14 } else { 9 }
    }
}

/// All that happens.
pub struct Traffic<'a> {
    /// What decides.
    pub chance: Chance,
    /// Who buys.
    pub people: &'a People,
    zone: Zone,
    later: BTreeMap<i64, Vec<Deed>>,
    today: Vec<Deed>,
    number: u64,
}

impl<'a> Traffic<'a> {
    /// Traffic of some people in the coalition's zone.
    pub fn new(people: &'a People, zone: Zone, seed: u64) -> Self {
        let (later, today) = (BTreeMap::new(), Vec::new());
        Self { chance: Chance::new(seed), people, zone, later, today, number: 0 }
    }

    /// What happens on one day, in the order in which it is posted.
    pub fn of_day(&mut self, date: Date) -> Vec<Deed> {
        self.today = self.later.remove(&date.day.number()).unwrap_or_default();
        let people = self.people;
        for person in people.all.iter().chain(&people.doubles) {
            self.buy(person, date);
            if let Some(card) = &person.card {
                self.pay_by_card(person, card, date);
            }
        }
        self.campaigns(date);
        self.wallet_exchanges(date);
        self.once(date);
        let mut deeds = std::mem::take(&mut self.today);
        deeds.sort_by_key(|deed| (self.part_of(date.day, deed.at), deed.party, deed.at));
        deeds
    }

    /// The part of the day in which an instant lies, from 0.
    pub fn part_of(&self, day: Day, at: Instant) -> i64 {
        (at.0 - self.zone.start_of(day).0).div_euclid(PART_HOURS * HOUR_MICROS)
    }

    /// A new number.
    pub const fn number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }

    /// An instant of a day at which shops are open.
    pub fn shop_hour(&mut self, day: Day) -> Instant {
        self.hour_of(day, &SHOP_HOURS)
    }

    fn hour_of(&mut self, day: Day, hours: &[i64]) -> Instant {
        let hour = *self.chance.pick(hours);
        let seconds = i64::try_from(self.chance.below(3_600)).unwrap_or(0);
        self.zone.start_of(day).plus_micros(hour * HOUR_MICROS + seconds * 1_000_000)
    }

    /// Adds something to the day at hand.
    pub fn now(&mut self, deed: Deed) {
        self.today.push(deed);
    }

    /// Adds something to a later day.
    pub fn later(&mut self, day: Day, deed: Deed) {
        self.later.entry(day.number()).or_default().push(deed);
    }

    fn pay_by_card(&mut self, person: &Person, card: &str, date: Date) {
        for _ in 0..self.chance.below(person.eager + 1) {
            let reference = format!("RRN-{:09}", self.number());
            let (mcc, most) = *self.chance.pick(&MERCHANTS);
            let at = self.hour_of(date.day, &CARD_HOURS);
            let unknown = self.chance.happens(2);
            let payment = CardPayment {
                reference: reference.clone(),
                card_token: if unknown { format!("{card}-lost") } else { card.to_owned() },
                amount: self.chance.price(80, most),
                mcc: Some(mcc.to_owned()),
                currency: None,
                at: Some(at.to_string()),
            };
            let (party, key) = ("agrobank", reference);
            let deed = Deed { party, at, key, transaction: payment.into() };
            // The bank's evening file repeats some payments under keys of its own.
            if self.chance.happens(3) {
                let key = format!("{}/evening-file", deed.key);
                self.now(Deed { at: at.plus_micros(HOUR_MICROS), key, ..deed.clone() });
            }
            self.now(deed);
        }
    }

    /// The wallet's promo bonuses, twice, and the service centre's compensations.
    fn campaigns(&mut self, date: Date) {
        let campaign = match date {
            date if date.place == 2 => Some(("spring", 300, 9)),
            date if date.is_before_end(9) => Some(("autumn", 200, 20)),
            _ => None,
        };
        let people = self.people;
        if let Some((name, points, days)) = campaign {
            let last = date.day.plus_days(days).to_string();
            for person in people.all.iter().filter(|one| one.wallet && one.buys.appliances) {
                let mut grant = self.grant(&format!("promo-{name}"), person, points);
                grant.valid_through = Some(last.clone());
                self.give("pocket", grant, date.day);
            }
        }
        for _ in 0..self.chance.below(4) {
            let person = self.chance.pick(&people.all);
            let points = self.chance.between(5, 30) * 10;
            let mut grant = self.grant("repair", person, points);
            grant.reason = Some("a repair that took too long".to_owned());
            self.give("fixit", grant, date.day);
        }
    }

    fn grant(&mut self, name: &str, person: &Person, points: u64) -> Grant {
        Grant {
            reference: format!("{name}/{}", self.number()),
            programme: "heston-club".to_owned(),
            member: person.name.clone(),
            points: points.to_string(),
            ..Grant::default()
        }
    }

    fn give(&mut self, party: &'static str, grant: Grant, day: Day) {
        let (at, key) = (self.shop_hour(day), grant.reference.clone());
        self.now(Deed { party, at, key, transaction: grant.into() });
    }

    /// Members turn appliance bonuses into fashion points in the wallet.
    fn wallet_exchanges(&mut self, date: Date) {
        if date.place < 4 {
            return;
        }
        let people = self.people;
        for _ in 0..self.chance.below(40) {
            let person = self.chance.pick(&people.all);
            if !person.wallet || !person.buys.appliances {
                continue;
            }
            let exchange = Exchange {
                reference: format!("EX-{}", self.number()),
                from: "heston-club".to_owned(),
                to: "linea-points".to_owned(),
                member: person.name.clone(),
                points: (self.chance.between(2, 32) * 10).to_string(),
            };
            let (at, key) = (self.shop_hour(date.day), exchange.reference.clone());
            self.now(Deed { party: "pocket", at, key, transaction: exchange.into() });
        }
    }

    /// What happens once: rules for good customers, a gift of the brand, profiles that are joined.
    fn once(&mut self, date: Date) {
        let people = self.people;
        if date.place == date.of / 2 {
            for person in people.all.iter().filter(|one| one.buys.electronics).take(10) {
                let rule = PersonalRule {
                    reference: format!("vip-{}", self.number()),
                    programme: "aurora-points".to_owned(),
                    member: person.name.clone(),
                    max_share: Some("0.60".to_owned()),
                };
                let (at, key) = (self.shop_hour(date.day), rule.reference.clone());
                self.now(Deed { party: "aurora", at, key, transaction: rule.into() });
                let mut gift = self.grant("jubilee", person, 500);
                "aurora-points".clone_into(&mut gift.programme);
                let share = |party: &str, share: &str| FundingShare {
                    party: party.to_owned(),
                    share: share.to_owned(),
                };
                gift.funding = Some(vec![share("aurora", "0.75"), share("solpay", "0.25")]);
                gift.price_per_point = Some("0.80".to_owned());
                self.give("aurora", gift, date.day);
            }
        }
        if date.is_before_end(3) {
            for (kept, double) in people.all.iter().zip(&people.doubles) {
                let merge = Merge { keep: kept.name.clone(), drop: double.name.clone() };
                let (at, key) = (self.shop_hour(date.day), format!("merge/{}", double.name));
                self.now(Deed { party: "linea", at, key, transaction: merge.into() });
            }
        }
    }

    /// What becomes of points that were held at a checkout: most pay, some are given back, some
    /// are forgotten until the hold has timed out.
    pub fn after_hold(&mut self, hold: &str, day: Day, purchase: Transaction) {
        let tomorrow = day.plus_days(1);
        let of = hold.to_owned();
        let (deed_day, key, transaction) = match self.chance.below(100) {
            0..60 => (tomorrow, format!("order/{hold}"), purchase),
            60..75 => (
                tomorrow,
                format!("capture/{hold}"),
                Capture { of, points: None, till: None }.into(),
            ),
            75..88 => (tomorrow, format!("void/{hold}"), Void { of }.into()),
            88..94 => {
                let late = Capture { of, points: None, till: None };
                (day.plus_days(5), format!("capture/{hold}"), late.into())
            }
            _ => return,
        };
        let at = self.shop_hour(deed_day);
        self.later(deed_day, Deed { party: "aurora-shop", at, key, transaction });
    }
}
