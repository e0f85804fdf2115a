//! Cards within a batch: issued, frozen, replaced, closed. The head of the member's shard is locked,
//! so that two requests for one card never both make one.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::batch::Batch;
use super::people::Giving;
use super::router::reference_of;
use super::work::{CardWork, Pending, Submission, Work};
use crate::auth::secrets;
use crate::domain::card::{Card, CardNumber, CardState, Rank, Secret, Step, Why};
use crate::domain::command::{Action, Burn, Command};
use crate::domain::ids::{MemberId, PartyId, ProgrammeId};
use crate::domain::ledger::NamedBy;
use crate::domain::member::MemberName;
use crate::domain::person::Source;
use crate::domain::rejection::Rejection;
use crate::domain::terms::Coalition;
use crate::domain::terms::card::CardTerms;
use crate::store::outbox::Fact;
use crate::store::{Database, StoreError, cards, members};

/// Numbers that are drawn at once, of which one that is free is taken.
const DRAWN_AT_ONCE: usize = 16;

/// How often numbers are drawn before a prefix counts as used up.
const DRAWS_MAX: usize = 8;

/// What a batch knows of cards.
#[derive(Debug, Default)]
pub(super) struct Cards {
    states: HashMap<i64, CardState>,
    /// What is told of cards.
    pub facts: Vec<Fact>,
}

impl Cards {
    /// Reads where the cards stand by whose numbers points are to be used.
    pub fn load(
        &mut self,
        connection: &mut Database,
        pending: &[Pending],
    ) -> Result<(), StoreError> {
        let commands = pending.iter().filter_map(|one| match &one.submission.work {
            Work::Post(command) => Some(&**command),
            _ => None,
        });
        let keys: Vec<i64> = commands.flat_map(cards_that_pay).collect();
        if !keys.is_empty() {
            self.states = cards::states(connection, &keys)?;
        }
        Ok(())
    }

    /// The refusal of a command that uses points by the number of a card that is not in use.
    fn refusal(&self, command: &Command) -> Option<Rejection> {
        let states = cards_that_pay(command).into_iter().filter_map(|key| self.states.get(&key));
        let mut inactive = states.filter(|state| **state != CardState::Active);
        inactive.next().map(|state| Rejection::CardNotActive { state: state.name() })
    }
}

/// The keys of the cards by whose numbers a command takes points.
fn cards_that_pay(command: &Command) -> Vec<i64> {
    let takes = match &command.action {
        Action::Purchase { burn: Burn::Exactly(points), .. } => !points.is_zero(),
        action => action.burns(),
    };
    if !takes {
        return Vec::new();
    }
    let names = command.action.members().into_iter();
    let number = |name: &MemberName| match name {
        MemberName::Loyalty(number) => CardNumber::parse(number).map(|number| number.id()),
        _ => None,
    };
    names.filter_map(number).collect()
}

/// A step that is asked for, and the member whom the number names now.
struct Asked<'a> {
    member: MemberId,
    number: &'a CardNumber,
    step: Step,
    why: Option<Why>,
}

type Answered = Result<(u16, String), StoreError>;

impl Batch<'_> {
    /// The refusal of a card that is not in use, unless another comes first: a used reference.
    pub(super) fn card_refusal(&self, command: &Command) -> Option<Rejection> {
        let refusal = self.cards.refusal(command)?;
        let reference = reference_of(command);
        let is_used = reference.is_some_and(|key| self.ledger.references.contains_key(&key));
        Some(refusal).filter(|_| !is_used)
    }

    pub(super) fn card(
        &mut self,
        connection: &mut Database,
        submission: &Submission,
        work: &CardWork,
    ) -> Answered {
        let coalition = Arc::clone(self.coalition());
        let party = &submission.party;
        // A card keeps the member whom it was issued to; its number names whoever that is now.
        let name = submission.names().into_iter().next().map(|named| named.name);
        let member = name.and_then(|name| self.ledger.member(party, &name));
        let done = match (work, member) {
            (CardWork::Issue { .. }, None) => Err(Rejection::UnknownMember),
            (CardWork::Step { .. }, None) => Err(Rejection::UnknownCard),
            (CardWork::Issue { programme, .. }, Some(member)) => {
                self.issue(connection, &coalition, party, (member, programme))?
            }
            (CardWork::Step { number, step, why }, Some(member)) => {
                let asked = Asked { member, number, step: *step, why: *why };
                self.step(connection, &coalition, party, &asked)?
            }
        };
        Ok(match (done, member) {
            (Ok((status, card)), member) => {
                let member = member.unwrap_or(card.member);
                (status, self.shared.present.card(&card, member, &coalition))
            }
            (Err(rejection), _) => self.shared.present.rejection(&rejection),
        })
    }

    fn issue(
        &mut self,
        connection: &mut Database,
        coalition: &Coalition,
        wallet: &PartyId,
        (member, programme): (MemberId, &ProgrammeId),
    ) -> Result<Result<(u16, Card), Rejection>, StoreError> {
        let Some(terms) = coalition.programmes.get(programme).and_then(|one| one.card.as_ref())
        else {
            return Ok(Err(Rejection::NoCards));
        };
        let all = if self.heads.values().any(|head| head.merges > 0) {
            members::with_merged(connection, member)?
        } else {
            vec![member.0]
        };
        let there = cards::in_use(connection, &all, programme.as_str(), wallet.as_str())?;
        if let Some(card) = there {
            let frozen_by = frozen_by(connection, coalition, &card)?;
            let is_blocked = frozen_by.is_some_and(|rank| Rank::Wallet < rank);
            return Ok(if is_blocked { Err(Rejection::CardFrozen) } else { Ok((200, card)) });
        }
        let Some(number) = draw(connection, terms)? else {
            return Ok(Err(Rejection::CardNumbersUsedUp));
        };
        let card = Card {
            number,
            member,
            programme: programme.clone(),
            wallet: wallet.clone(),
            product: terms.product.clone(),
            state: CardState::Active,
            issued_at: self.now,
            changed_at: self.now,
            replaced_by: None,
            secret: new_secret(),
            version: 1,
        };
        self.add_card(connection, coalition, &card, member)?;
        Ok(Ok((201, card)))
    }

    fn add_card(
        &mut self,
        connection: &mut Database,
        coalition: &Coalition,
        card: &Card,
        member: MemberId,
    ) -> Result<(), StoreError> {
        cards::insert(connection, std::slice::from_ref(card))?;
        let name = MemberName::Loyalty(card.number.to_string());
        let giving = Giving { party: &card.wallet, source: Source::Other, now: self.now };
        self.give_name(connection, (NamedBy::new(&card.wallet, &name), member), giving, false)?;
        self.tell("card.issued", coalition, (card, member), json!({}));
        Ok(())
    }

    fn step(
        &mut self,
        connection: &mut Database,
        coalition: &Coalition,
        party: &PartyId,
        asked: &Asked<'_>,
    ) -> Result<Result<(u16, Card), Rejection>, StoreError> {
        let &Asked { member, number, step, why } = asked;
        let card = cards::find(connection, number.id())?;
        let known = card.and_then(|card| Some((Rank::of(party, &card, coalition)?, card)));
        let Some((rank, mut card)) = known else { return Ok(Err(Rejection::UnknownCard)) };
        let frozen_by = frozen_by(connection, coalition, &card)?;
        let after = match card.after(step, rank, frozen_by) {
            Ok(after) => after,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let is_same = after == card.state;
        let rises = step == Step::Freeze && frozen_by < Some(rank);
        if !is_same || rises {
            cards::add_step(connection, (card.number.id(), self.now), step, party, why)?;
        }
        if is_same {
            let successor = card.replaced_by.filter(|_| step == Step::Replace);
            let there = successor.map(|key| cards::find(connection, key)).transpose()?.flatten();
            return Ok(Ok((200, there.unwrap_or(card))));
        }
        let successor = match step {
            Step::Replace => match self.successor(connection, coalition, &card)? {
                Ok(successor) => Some(successor),
                Err(rejection) => return Ok(Err(rejection)),
            },
            _ => None,
        };
        card.state = after;
        card.changed_at = self.now;
        card.version += 1;
        card.replaced_by = successor.as_ref().map(|one| one.number.id());
        cards::update(connection, &card)?;
        self.cards.states.insert(card.number.id(), after);
        let why = why.map(Why::name);
        let by = successor.as_ref().map(|one| one.number.to_string());
        let more = json!({"why": why, "replaced_by": by});
        self.tell("card.changed", coalition, (&card, member), more);
        if let Some(successor) = &successor {
            self.add_card(connection, coalition, successor, member)?;
        }
        Ok(Ok((200, successor.unwrap_or(card))))
    }

    /// The card that takes the place of another.
    fn successor(
        &self,
        connection: &mut Database,
        coalition: &Coalition,
        card: &Card,
    ) -> Result<Result<Card, Rejection>, StoreError> {
        let programme = coalition.programmes.get(&card.programme);
        let Some(terms) = programme.and_then(|one| one.card.as_ref()) else {
            return Ok(Err(Rejection::NoCards));
        };
        let Some(number) = draw(connection, terms)? else {
            return Ok(Err(Rejection::CardNumbersUsedUp));
        };
        Ok(Ok(Card {
            number,
            product: terms.product.clone(),
            state: CardState::Active,
            issued_at: self.now,
            changed_at: self.now,
            secret: new_secret(),
            version: 1,
            ..card.clone()
        }))
    }

    /// Tells the wallet and the brand, who know the number; others have no business with it.
    fn tell(
        &mut self,
        event: &'static str,
        coalition: &Coalition,
        (card, member): (&Card, MemberId),
        more: Value,
    ) {
        let mut data = json!({
            "card": card.number.as_str(),
            "member": member,
            "programme": card.programme,
            "wallet": card.wallet,
            "product": card.product,
            "state": card.state,
            "at": card.changed_at,
        });
        if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
            data.extend(more.into_iter().filter(|(_, value)| !value.is_null()));
        }
        let brand = coalition.programmes.get(&card.programme).map(|one| one.brand.clone());
        let other = brand.filter(|brand| *brand != card.wallet);
        for party in [Some(card.wallet.clone()), other].into_iter().flatten() {
            self.cards.facts.push(Fact {
                event,
                party: Some(party),
                programme: Some(card.programme.clone()),
                member: Some(member),
                data: data.clone(),
            });
        }
    }
}

/// Who froze a card, by rank; none: it is not frozen.
fn frozen_by(
    connection: &mut Database,
    coalition: &Coalition,
    card: &Card,
) -> Result<Option<Rank>, StoreError> {
    if card.state != CardState::Frozen {
        return Ok(None);
    }
    let party = cards::frozen_by(connection, card.number.id())?;
    Ok(party.and_then(|party| Rank::of(&party, card, coalition)))
}

/// A number that is free; none: the prefix is used up. Another server may take it meanwhile; then
/// the unique index refuses and the batch is done again.
fn draw(connection: &mut Database, terms: &CardTerms) -> Result<Option<CardNumber>, StoreError> {
    for _ in 0..DRAWS_MAX {
        let drawn = (0..DRAWN_AT_ONCE).filter_map(|_| CardNumber::draw(&terms.prefix, random()));
        let drawn: Vec<CardNumber> = drawn.collect();
        let taken = cards::taken(connection, &drawn)?;
        let free = drawn.into_iter().find(|one| taken.iter().all(|taken| taken != one.as_str()));
        if free.is_some() {
            return Ok(free);
        }
    }
    Ok(None)
}

fn new_secret() -> Secret {
    Secret(random())
}

fn random<const N: usize>() -> [u8; N] {
    secrets::random_bytes().expect("the operating system has randomness to give")
}
