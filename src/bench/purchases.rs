//! The requests: purchases of members who are drawn at random, the same draw in every run.

use std::fmt::Write as _;

use super::wire::{JSON, Request, Signer};

/// The programme of all rows.
pub const PROGRAMME: &str = "club";

/// Draws numbers (`SplitMix64`); good enough to spread members, and the same in every run.
#[derive(Clone, Debug)]
pub struct Draw(u64);

impl Draw {
    /// A row of draws of its own for each seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number below a bound.
    pub const fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// What members buy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basket {
    /// It earns 59 points and burns none.
    Earns,
    /// It earns 59 points and burns 10.
    EarnsAndBurns,
    /// It burns 3 points and earns none, so that members keep as many lots as they have.
    Burns,
    /// It comes back without its receipt and takes 9 points along; the account is read whole.
    Refunds,
}

impl Basket {
    const fn fields(self) -> &'static str {
        match self {
            Self::Earns => r#""kind":"purchase","amount":"599.00""#,
            Self::EarnsAndBurns => r#""kind":"purchase","amount":"599.00","burn":"10""#,
            Self::Burns => r#""kind":"purchase","amount":"9.00","burn":"3""#,
            Self::Refunds => r#""kind":"refund","amount":"99.00""#,
        }
    }
}

/// Writes purchases one after another.
#[derive(Clone, Debug)]
pub struct Purchases {
    /// Before the number in references and keys; another for each row.
    name: String,
    basket: Basket,
    first_member: u64,
    members: u64,
    draw: Draw,
    number: u64,
}

impl Purchases {
    /// Purchases of the members `first_member..first_member + members`.
    pub fn new(name: &str, basket: Basket, first_member: u64, members: u64) -> Self {
        let name = name.to_owned();
        Self { name, basket, first_member, members, draw: Draw::new(members), number: 0 }
    }

    /// Writes the next one, signed.
    pub fn write(&mut self, signer: &Signer, out: &mut Vec<u8>) {
        let (mut body, mut key) = (String::with_capacity(160), String::with_capacity(24));
        self.next_into(&mut body, &mut key);
        body.push('}');
        let request =
            Request { path: "/v1/transactions", media_type: JSON, key: &key, body: &body };
        signer.write(&request, out);
    }

    /// Writes the next one as a line of a bulk call.
    pub fn line(&mut self, out: &mut String) {
        let mut key = String::with_capacity(24);
        self.next_into(out, &mut key);
        out.extend([",\"idempotency_key\":\"", &key, "\"}"]);
    }

    fn next_into(&mut self, body: &mut String, key: &mut String) {
        self.number += 1;
        let member = self.first_member + self.draw.below(self.members);
        write!(key, "{}-{}", self.name, self.number).expect("writing to a string does not fail");
        write!(
            body,
            "{{\"ref\":\"{key}\",\"programme\":\"{PROGRAMME}\",\
             \"member\":\"external:{member}\",{}",
            self.basket.fields()
        )
        .expect("writing to a string does not fail");
    }
}
