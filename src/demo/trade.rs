//! What the shops post: receipts with and without points, deliveries, refunds.

use coalition_partner::{Delivery, Purchase, PurchaseLine, Refund};

use super::people::Person;
use super::traffic::{Date, Deed, Traffic};
use crate::domain::time::Day;

/// What a boutique sells: category, the least and the most it costs.
const CLOTHES: [(&str, u64, u64); 6] = [
    ("dresses", 3_990, 14_990),
    ("knitwear", 2_990, 9_990),
    ("basics", 990, 2_990),
    ("basics", 990, 1_990),
    ("shoes", 4_990, 16_990),
    ("gift-card", 1_000, 5_000),
];

/// A receipt, and what is known of what follows.
struct Sale {
    party: &'static str,
    purchase: Purchase,
    day: Day,
}

impl Traffic<'_> {
    /// What a person buys on a day.
    pub fn buy(&mut self, person: &Person, date: Date) {
        let often = person.eager * date.rush();
        if person.buys.electronics && self.chance.happens(often) {
            self.buy_electronics(person, date);
        }
        if person.buys.appliances && self.chance.happens(often) {
            self.buy_appliance(person, date);
        }
        if person.buys.fashion && self.chance.happens(often * 2) {
            self.buy_clothes(person, date);
        }
    }

    fn buy_electronics(&mut self, person: &Person, date: Date) {
        let amount = self.chance.price(1_500, 90_000);
        let burn = self.chance.happens(400).then(|| "max".to_owned());
        let purchase = Purchase {
            reference: format!("AU-{}", self.number()),
            programme: "aurora-points".to_owned(),
            member: person.name.clone(),
            amount: Some(amount.clone()),
            burn,
            ..Purchase::default()
        };
        let sale = Sale { party: "aurora-shop", purchase, day: date.day };
        let reference = self.sell(sale);
        let days = u32::try_from(self.chance.between(1, 4)).unwrap_or(1);
        let delivered = date.day.plus_days(days);
        self.deliver(&reference, delivered);
        if self.chance.happens(20) {
            // A carrier that reports twice changes nothing.
            self.deliver(&reference, delivered.plus_days(1));
        }
        if self.chance.happens(50) {
            self.take_back("aurora-shop", &reference, &amount, delivered);
        }
    }

    fn buy_appliance(&mut self, person: &Person, date: Date) {
        let amount = self.chance.price(900, 35_000);
        let burn = match self.chance.below(100) {
            0..45 => Some("max".to_owned()),
            // A till that does not ask for a quote first.
            45..47 => Some("9000".to_owned()),
            47..49 => Some("5".to_owned()),
            _ => None,
        };
        let fails = burn.as_deref().is_some_and(|burn| burn != "max");
        let purchase = Purchase {
            reference: format!("HE-{}", self.number()),
            programme: "heston-club".to_owned(),
            member: person.name.clone(),
            amount: Some(amount.clone()),
            burn,
            ..Purchase::default()
        };
        let reference = self.sell(Sale { party: "heston-stores", purchase, day: date.day });
        if !fails && self.chance.happens(40) {
            self.take_back("heston-stores", &reference, &amount, date.day);
        }
    }

    fn buy_clothes(&mut self, person: &Person, date: Date) {
        let party = if self.chance.happens(600) { "linea-boutiques" } else { "linea-online" };
        let lines: Vec<PurchaseLine> = (0..self.chance.between(1, 4))
            .map(|place| {
                let (category, least, most) = *self.chance.pick(&CLOTHES);
                PurchaseLine {
                    id: (place + 1).to_string(),
                    amount: self.chance.price(least, most),
                    brand: Some("linea".to_owned()),
                    category: Some(category.to_owned()),
                    ..PurchaseLine::default()
                }
            })
            .collect();
        let first = lines[0].id.clone();
        let burn = if date.fashion_is_live() {
            self.chance.happens(500).then(|| "max".to_owned())
        } else {
            // A boutique that has not heard that burning is not open yet.
            self.chance.happens(15).then(|| "100".to_owned())
        };
        let fails = !date.fashion_is_live() && burn.is_some();
        let purchase = Purchase {
            reference: format!("LI-{}", self.number()),
            programme: "linea-points".to_owned(),
            member: person.name.clone(),
            lines: Some(lines),
            burn,
            ..Purchase::default()
        };
        let reference = self.sell(Sale { party, purchase, day: date.day });
        let returned = if party == "linea-online" { 180 } else { 50 };
        if !fails && self.chance.happens(returned) {
            let refund = Refund {
                reference: format!("{reference}-R"),
                of: Some(reference),
                lines: Some(vec![first]),
                ..Refund::default()
            };
            self.return_later(party, refund, date.day);
        }
    }

    /// On a later day somebody shows the wallet's card at an appliance store, and pays with points.
    pub fn buy_by_card(&mut self, card: &str, day: Day) {
        let at = self.shop_hour(day);
        let reference = format!("HE-{}", self.number());
        let amount = self.chance.price(900, 9_000);
        if self.chance.happens(80) {
            self.take_back("heston-stores", &reference, &amount, day);
        }
        let purchase = Purchase {
            reference: reference.clone(),
            programme: "heston-club".to_owned(),
            member: format!("loyalty:{card}"),
            amount: Some(amount),
            burn: Some("max".to_owned()),
            at: Some(at.to_string()),
            ..Purchase::default()
        };
        let deed =
            Deed { party: "heston-stores", at, key: reference, transaction: purchase.into() };
        self.later(day, deed);
    }

    /// Posts a receipt; gives back its reference.
    fn sell(&mut self, sale: Sale) -> String {
        let Sale { party, mut purchase, day } = sale;
        let at = self.shop_hour(day);
        purchase.at = Some(at.to_string());
        let reference = purchase.reference.clone();
        self.now(Deed { party, at, key: reference.clone(), transaction: purchase.into() });
        reference
    }

    /// Posts a delivery on a later day.
    pub fn deliver(&mut self, of: &str, day: Day) {
        let at = self.shop_hour(day);
        let delivery = Delivery { of: of.to_owned(), at: Some(at.to_string()) };
        let key = format!("delivery/{of}/{day}");
        let deed = Deed { party: "aurora-shop", at, key, transaction: delivery.into() };
        self.later(day, deed);
    }

    /// Refunds a receipt some days later, in full or a part; now and then one tries twice.
    fn take_back(&mut self, party: &'static str, of: &str, amount: &str, day: Day) {
        let whole = self.chance.happens(700);
        let part = || format!("{}.00", amount.split('.').next().map_or(0, half));
        let refund = Refund {
            reference: format!("{of}-R"),
            of: Some(of.to_owned()),
            amount: Some(if whole { amount.to_owned() } else { part() }),
            ..Refund::default()
        };
        if whole && self.chance.happens(80) {
            let again = Refund { reference: format!("{of}-RR"), ..refund.clone() };
            self.return_later(party, again, day.plus_days(7));
        }
        self.return_later(party, refund, day);
    }

    fn return_later(&mut self, party: &'static str, mut refund: Refund, day: Day) {
        let days = u32::try_from(self.chance.between(1, 6)).unwrap_or(1);
        let day = day.plus_days(days);
        let at = self.shop_hour(day);
        refund.at = Some(at.to_string());
        let key = refund.reference.clone();
        self.later(day, Deed { party, at, key, transaction: refund.into() });
    }
}

/// Half of whole currency units.
fn half(whole: &str) -> u64 {
    whole.parse::<u64>().unwrap_or(2) / 2
}
