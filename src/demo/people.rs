//! The members of the demonstration: who they are, where they buy, how often.

use coalition_partner::NewMember;
use serde_json::{Value, json};

use super::chance::Chance;

/// Shares of members, in a thousand.
const WITH_CARD: u64 = 400;
const WITH_WALLET: u64 = 350;

/// At which brands somebody buys.
#[derive(Clone, Copy, Debug)]
pub struct Buys {
    /// Electronics.
    pub electronics: bool,
    /// Appliances.
    pub appliances: bool,
    /// Clothes.
    pub fashion: bool,
}

/// One member.
#[derive(Clone, Debug)]
pub struct Person {
    /// How the parties name the member.
    pub name: String,
    /// The token of the bank card, where there is one; never a card's number.
    pub card: Option<String>,
    /// What is bought.
    pub buys: Buys,
    /// Has the wallet's card.
    pub wallet: bool,
    /// How often something is bought, 1 to 3.
    pub eager: u64,
}

/// A member with the party that creates it.
pub struct Newcomer {
    /// Who posts it.
    pub party: &'static str,
    /// What is posted.
    pub body: NewMember,
}

/// All members.
pub struct People {
    /// Those who buy.
    pub all: Vec<Person>,
    /// Second profiles of the first members: an e-mail address that the web shop knows.
    pub doubles: Vec<Person>,
    /// How they are created.
    pub newcomers: Vec<Newcomer>,
    /// Cards that are linked later, one by one: the member and the token.
    pub linked_later: Vec<(String, String)>,
}

impl People {
    /// So many members.
    pub fn new(count: u64, chance: &mut Chance) -> Self {
        let mut people = Self {
            all: Vec::new(),
            doubles: Vec::new(),
            newcomers: Vec::new(),
            linked_later: Vec::new(),
        };
        for number in 0..count {
            people.add(number, chance);
        }
        for number in 0..(count / 200).max(1) {
            people.add_double(number);
        }
        people
    }

    fn add(&mut self, number: u64, chance: &mut Chance) {
        let phone = format!("+7916{number:07}");
        let card = chance.happens(WITH_CARD).then(|| format!("tok-{:016x}", chance.below(1 << 62)));
        let person = Person {
            name: format!("phone:{phone}"),
            card: card.clone(),
            buys: Buys {
                electronics: card.is_some() || chance.happens(400),
                appliances: chance.happens(500),
                fashion: chance.happens(600),
            },
            wallet: chance.happens(WITH_WALLET),
            eager: chance.between(1, 3),
        };
        // A bank enrols its card holders; some link their cards later, one by one.
        let later = card.is_some() && chance.happens(50);
        let party = match &person {
            person if person.card.is_some() => "agrobank",
            person if person.buys.electronics => "aurora-shop",
            person if person.buys.appliances => "heston-stores",
            _ => "linea-boutiques",
        };
        self.newcomers.push(Newcomer {
            party,
            body: NewMember {
                phone: Some(phone),
                email: None,
                external_ids: vec![format!("{party}/{number}")],
                card_tokens: card.iter().filter(|_| !later).cloned().collect(),
            },
        });
        if let Some(card) = card.filter(|_| later) {
            self.linked_later.push((person.name.clone(), card));
        }
        self.all.push(person);
    }

    fn add_double(&mut self, number: u64) {
        let email = format!("member{number}@example.org");
        let body = NewMember { email: Some(email.clone()), ..NewMember::default() };
        self.newcomers.push(Newcomer { party: "linea-online", body });
        self.doubles.push(Person {
            name: format!("email:{email}"),
            card: None,
            buys: Buys { electronics: false, appliances: false, fashion: true },
            wallet: false,
            eager: 3,
        });
    }

    /// The lines that one party posts to create its members.
    pub fn lines_of(&self, party: &str) -> Vec<Value> {
        let own = self.newcomers.iter().enumerate().filter(|(_, one)| one.party == party);
        let line = |(number, one): (usize, &Newcomer)| {
            let mut line = json!(one.body);
            line["idempotency_key"] = format!("enrol-{number}").into();
            line
        };
        own.map(line).collect()
    }
}
