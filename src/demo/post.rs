//! Posts what happens through the signed API, in bulk calls, and counts the answers.

use std::collections::BTreeMap;

use coalition_partner::{BatchLine, Hold, LineResult, Purchase, QuoteRequest};
use serde_json::{Value, json};

use super::DemoError;
use super::people::People;
use super::stage::Stage;
use super::traffic::{Date, Deed, Traffic};

/// Lines of one call.
const LINES_AT_ONCE: usize = 1_000;

/// Lines that the bank sends again every day, as after a broken connection.
const LINES_AGAIN: usize = 20;

/// The fewest points that the web shop's checkout holds.
const POINTS_WORTH_HOLDING: u64 = 30;

/// What was answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Lines that were accepted.
    pub accepted: u64,
    /// Lines that had been answered before, and were answered the same.
    pub replayed: u64,
    /// Refusals by code.
    pub refused: BTreeMap<String, u64>,
    /// Quotes.
    pub quotes: u64,
}

impl Tally {
    fn count(&mut self, line: &LineResult) {
        match &line.problem {
            _ if line.replayed => self.replayed += 1,
            None => self.accepted += 1,
            Some(problem) => {
                *self.refused.entry(problem.code.as_str().to_owned()).or_default() += 1;
            }
        }
    }

    /// All lines.
    pub fn lines(&self) -> u64 {
        self.accepted + self.replayed + self.refused.values().sum::<u64>()
    }
}

/// Posts and counts.
pub struct Poster<'a> {
    stage: &'a Stage,
    /// What was answered so far.
    pub tally: Tally,
}

impl<'a> Poster<'a> {
    /// Posts on a stage.
    pub fn new(stage: &'a Stage) -> Self {
        Self { stage, tally: Tally::default() }
    }

    /// Creates the members, and links some cards one by one.
    pub fn enrol(&self, people: &People) -> Result<(), DemoError> {
        for party in self.stage.parties.keys() {
            for lines in people.lines_of(party).chunks(LINES_AT_ONCE) {
                let mut text = String::new();
                for line in lines {
                    text.push_str(&line.to_string());
                    text.push('\n');
                }
                let client = self.stage.party(party);
                for line in client.batch_text("/v1/members:batch", text.as_bytes())? {
                    must_be_new(party, &line?)?;
                }
            }
        }
        for (member, card) in &people.linked_later {
            self.stage.party("agrobank").link_card_token(member, card, &format!("link/{card}"))?;
        }
        Ok(())
    }

    /// Posts what happened in one part of a day, party by party. Gives back how many lines.
    pub fn post(&mut self, deeds: &[Deed]) -> Result<usize, DemoError> {
        for deeds in deeds.chunk_by(|one, other| one.party == other.party) {
            let party = deeds[0].party;
            // What carries an instant of its own comes first: a call is then one batch or two.
            let (dated, undated): (Vec<&Deed>, Vec<&Deed>) =
                deeds.iter().partition(|deed| is_dated(deed));
            let lines: Vec<BatchLine> = dated.into_iter().chain(undated).map(line_of).collect();
            for lines in lines.chunks(LINES_AT_ONCE) {
                self.send(party, lines)?;
            }
            if party == "agrobank" {
                self.send(party, &lines[..lines.len().min(LINES_AGAIN)])?;
            }
        }
        Ok(deeds.len())
    }

    /// Sends lines of one party; gives back which of them were accepted.
    fn send(&mut self, party: &str, lines: &[BatchLine]) -> Result<Vec<bool>, DemoError> {
        let mut accepted = Vec::with_capacity(lines.len());
        for line in self.stage.party(party).batch(lines)? {
            let line = line?;
            accepted.push(line.problem.is_none());
            self.tally.count(&line);
        }
        Ok(accepted)
    }

    /// The web shop's checkouts: it asks for a quote and holds what the member may burn.
    pub fn check_out(&mut self, traffic: &mut Traffic<'_>, date: Date) -> Result<(), DemoError> {
        let people = traffic.people;
        let mut lines = Vec::new();
        let mut orders = Vec::new();
        for _ in 0..people.all.len().div_ceil(150) {
            let person = traffic.chance.pick(&people.all);
            if !person.buys.electronics {
                continue;
            }
            let amount = traffic.chance.price(1_500, 40_000);
            let Some(points) = self.quote(&person.name, &amount)? else { continue };
            let hold = format!("CH-{}", traffic.number());
            let purchase = Purchase {
                reference: format!("{hold}-order"),
                programme: "aurora-points".to_owned(),
                member: person.name.clone(),
                amount: Some(amount),
                hold: Some(hold.clone()),
                ..Purchase::default()
            };
            let request = Hold {
                reference: hold.clone(),
                programme: "aurora-points".to_owned(),
                member: person.name.clone(),
                points,
                valid_for: None,
            };
            lines.push(BatchLine { idempotency_key: hold.clone(), transaction: request.into() });
            orders.push((hold, purchase));
        }
        let held = self.send("aurora-shop", &lines)?;
        for ((hold, purchase), held) in orders.into_iter().zip(held) {
            if held {
                traffic.after_hold(&hold, date.day, purchase.into());
            }
        }
        Ok(())
    }

    fn quote(&mut self, member: &str, amount: &str) -> Result<Option<String>, DemoError> {
        let quote = self.stage.party("aurora-shop").quote(&QuoteRequest {
            programme: "aurora-points".to_owned(),
            member: member.to_owned(),
            amount: Some(amount.to_owned()),
            ..QuoteRequest::default()
        })?;
        self.tally.quotes += 1;
        let most = quote.value.max_burn.unwrap_or_default();
        let is_worth_it = most.parse::<u64>().is_ok_and(|most| POINTS_WORTH_HOLDING <= most);
        Ok(is_worth_it.then_some(most))
    }

    /// The fashion brand opens burning.
    pub fn open_fashion(&self) -> Result<(), DemoError> {
        let path = "/v1/programmes/linea-points/mode";
        let answer =
            self.stage.party("linea").post(path, "open-burning", &json!({"mode": "live"}))?;
        super::stage::must_accept(path, &answer).map(drop)
    }
}

fn line_of(deed: &Deed) -> BatchLine {
    BatchLine { idempotency_key: deed.key.clone(), transaction: deed.transaction.clone() }
}

fn is_dated(deed: &Deed) -> bool {
    use coalition_partner::Transaction as Kind;
    match &deed.transaction {
        Kind::Purchase(one) => one.at.is_some(),
        Kind::CardPayment(one) => one.at.is_some(),
        Kind::Delivery(one) => one.at.is_some(),
        Kind::Refund(one) => one.at.is_some(),
        _ => false,
    }
}

fn must_be_new(party: &str, line: &LineResult) -> Result<(), DemoError> {
    let Some(problem) = &line.problem else { return Ok(()) };
    let what = format!("a member of {party}");
    Err(DemoError::Refused { what, answer: Value::from(problem.detail.clone()).to_string() })
}
