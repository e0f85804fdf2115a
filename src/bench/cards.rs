//! The rows of cards: what a wallet reads when its app is opened.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::{panic, thread};

use coalition_partner::{Algorithm, SigningKey};

use super::load::{self, Outcome, Pace, Span};
use super::purchases::{Basket, Draw, PROGRAMME, Purchases};
use super::table::{Bar, Hundredths, Judged, Row, doing, grouped, note};
use super::wire::Signer;
use super::world::{SHOP, World};
use super::{Bench, BenchError};
use crate::auth::secrets;
use crate::clock::system_now;
use crate::domain::card::{Card, CardNumber, CardState, Secret};
use crate::domain::ids::{MemberId, PartyId};
use crate::domain::ledger::NamedBy;
use crate::domain::member::MemberName;
use crate::server::ServerError;
use crate::store::names::member_hash;
use crate::store::save_members::{NewMembers, NewName, save_members};
use crate::store::{Address, Use, cards, dialect, members, vault_key};

/// The party that issued all cards.
const WALLET: &str = "wallet";
/// Cards of a commit.
const CARDS_AT_ONCE: usize = 2_000;
/// Receipts a second that are posted beside the reads: three times a million in eight hours.
const POSTS: u64 = 100;
/// The same where posting is at its busiest.
const POSTS_MOST: u64 = 500;
/// The connections of who posts.
const TILLS: usize = 8;
/// Reads a second that are asked for.
const READS: u64 = 5_000;

impl Bench<'_> {
    /// What cards show while receipts are posted: how many a second, and how fast at the rate that
    /// is asked for.
    pub(super) fn card_view(&mut self, world: &World) -> Result<(), BenchError> {
        doing("giving each member a card");
        let numbers = give_cards(&world.database, self.arguments.members)?;
        let signer = wallet(world)?;
        doing("card views on PostgreSQL, beside posting");
        let most = self.views(world, (&signer, &numbers), Pace::Closed, POSTS)?;
        let got = Hundredths(most.per_second().saturating_mul(100));
        self.table.add(Row {
            what: "card view, PostgreSQL".to_owned(),
            figure: format!("{} /s", grouped(most.per_second())),
            beside: format!("{} cards, {POSTS} receipts/s", grouped(self.arguments.members)),
            judged: Some(Judged { got, unit: " /s", bar: Bar::AtLeast(Hundredths(READS * 100)) }),
        })?;
        most.notes().iter().try_for_each(|text| note(text))?;
        for (posts, is_judged) in [(POSTS, true), (POSTS_MOST, false)] {
            let mut steady =
                self.views(world, (&signer, &numbers), Pace::PerSecond(READS), posts)?;
            let got = Hundredths::millis(steady.quantile(990));
            let bar = Bar::Below(Hundredths(2_000));
            self.table.add(Row {
                what: "99 % of card views within".to_owned(),
                figure: format!("{got} ms"),
                beside: format!("at {} /s, {posts} receipts/s", grouped(READS)),
                judged: is_judged.then_some(Judged { got, unit: " ms", bar }),
            })?;
            steady.notes().iter().try_for_each(|text| note(text))?;
        }
        Ok(())
    }

    fn views(
        &self,
        world: &World,
        (signer, numbers): (&Signer, &[CardNumber]),
        pace: Pace,
        posts: u64,
    ) -> Result<Outcome, BenchError> {
        let connections = usize::from(self.arguments.connections);
        let target = world.target(connections, self.postgres.postmaster());
        let (signer, numbers) = (signer.clone(), numbers.to_vec());
        let mut draw = Draw::new(self.arguments.members);
        let name = secrets::new_id().map_err(|error| ServerError::Key(error.to_string()))?;
        let shown = format!("beside-{name}");
        let (mut path, mut nonce, mut count) = (String::new(), String::new(), 0_u64);
        let span = Span::seconds(self.arguments.seconds);
        let views = move |out: &mut Vec<u8>| {
            let bound = u64::try_from(numbers.len()).unwrap_or(1).max(1);
            let drawn = usize::try_from(draw.below(bound)).unwrap_or(0);
            count += 1;
            path.clear();
            nonce.clear();
            let known = "writing to a string does not fail";
            write!(path, "/v1/cards/{}", numbers[drawn]).expect(known);
            write!(nonce, "{name}-{count}").expect(known);
            signer.write_get(&path, &nonce, out);
        };
        let tills = world.target(TILLS, None);
        let (shop, members) = (world.shop.clone(), self.arguments.members);
        let beside = thread::spawn(move || {
            let mut purchases = Purchases::new(&shown, Basket::Earns, 0, members);
            load::run(tills, Pace::PerSecond(posts), span, move |out| purchases.write(&shop, out))
        });
        let outcome = load::run(target, pace, span, views)?;
        let posted = beside.join().unwrap_or_else(|bug| panic::resume_unwind(bug))?;
        note(&format!("{} receipts/s were posted beside it", grouped(posted.per_second())))?;
        match posted.first_refusal {
            Some(refusal) => Err(BenchError::Refused(refusal)),
            None => Ok(outcome),
        }
    }
}

/// Makes the wallet; what signs for it.
fn wallet(world: &World) -> Result<Signer, BenchError> {
    world.operator.create_party(WALLET, "wallet")?;
    let issued = world.operator.issue_hmac_key(WALLET)?.value;
    let secret = issued.secret.ok_or(BenchError::NoAnswer("the key's secret"))?;
    let key = SigningKey::from_base64(&issued.id, Algorithm::HmacSha256, &secret);
    let key = key.map_err(|error| ServerError::Key(error.to_string()))?;
    Ok(Signer::new(key, world.server.address))
}

/// Gives the members `0..members` a card each, by the store's own save; their numbers.
fn give_cards(database: &str, members: u64) -> Result<Vec<CardNumber>, BenchError> {
    let mut connection = Address::parse(database)?.open(Use::Write)?;
    let vault = vault_key::open(&mut connection, None)?;
    let known = "the names of the benchmark are names";
    let shop: PartyId = SHOP.parse().expect(known);
    let external = |number: u64| NamedBy::new(&shop, &MemberName::External(number.to_string()));
    let names: Vec<NamedBy> = (0..members).map(external).collect();
    let found: HashMap<NamedBy, MemberId> =
        members::resolve(&mut connection, vault.names(), &names)?;
    let owners: Vec<MemberId> = found.into_values().collect();
    let mut numbers = Vec::with_capacity(owners.len());
    for owners in owners.chunks(CARDS_AT_ONCE) {
        let all: Vec<Card> = owners.iter().map(|owner| card_of(*owner)).collect();
        dialect::begin(&mut connection)?;
        cards::insert(&mut connection, &all)?;
        let given = all.iter().map(|card| {
            let name = MemberName::Loyalty(card.number.to_string());
            let hash = member_hash(vault.names(), &NamedBy::new(&card.wallet, &name)).to_vec();
            NewName { hash, member: card.member, party: None, name: name.to_string() }
        });
        let new = NewMembers { names: given.collect(), ..NewMembers::default() };
        save_members(&mut connection, &new)?;
        dialect::commit(&mut connection)?;
        numbers.extend(all.into_iter().map(|card| card.number));
    }
    Ok(numbers)
}

fn card_of(member: MemberId) -> Card {
    let known = "the names of the benchmark are names";
    let random = || secrets::random_bytes().expect("the operating system has randomness to give");
    let number = std::iter::repeat_with(|| CardNumber::draw("9643", random())).flatten().next();
    let now = system_now();
    Card {
        number: number.expect("one is drawn in the end"),
        member,
        programme: PROGRAMME.parse().expect(known),
        wallet: WALLET.parse().expect(known),
        product: "card".to_owned(),
        state: CardState::Active,
        issued_at: now,
        changed_at: now,
        replaced_by: None,
        secret: Secret(secrets::random_bytes().expect("the same")),
        version: 1,
    }
}
