//! Statements and proofs as the server hands them out, checked by the SDK without trusting it; and
//! what happens when somebody edits the database.

use coalition::audit::audit;
use coalition::store::schema::transactions;
use coalition::store::{Database, Use};
use coalition_partner::proof::{
    Posted, Verified, VerifierKey, verify_follows, verify_inclusion_of, verify_statement,
    verify_statement_with,
};
use coalition_partner::{Connection, Outgoing, RetryPolicy, Settings};
use diesel::prelude::*;
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::month::{self, JULY, JUNE, MAY, NETS, file, settle, step};
use crate::support::{Club, World, both, both_with, code_of, purchase, text};

/// Bytes that are changed, one at a time.
const CHANGES: u32 = 10_000;

fn key(caller: &Caller) -> VerifierKey {
    let answer: Value = caller.get("/v1/log-key").json().expect("it is JSON");
    text(&answer, "key").parse().expect("it is a verifier key")
}

/// A party's statement, checked with the proofs of its lines.
fn verified(world: &World, cycle: &str, party: &str) -> Verified {
    let caller = world.party(party);
    let (statement, proofs) =
        (file(caller, cycle, party, ""), file(caller, cycle, party, "/proofs"));
    verify_inclusion_of(&statement[..], &proofs[..], &key(caller))
        .unwrap_or_else(|finding| panic!("{cycle}/{party}: {finding}"))
}

/// Shard and place of a transaction.
fn place_of(id: &str) -> (i64, i64) {
    let (shard, seq) = id.strip_prefix("tx_").and_then(|rest| rest.split_once('_')).expect("an id");
    (shard.parse().expect("a shard"), seq.parse().expect("a place"))
}

/// Edits the recorded bytes of a transaction behind the server's back; the bytes that were there.
fn edit(world: &World, id: &str, change: impl FnOnce(&str) -> String) -> String {
    let address = world.settings.address().expect("the address is one");
    let mut database = address.open(Use::Write).expect("it can be written");
    let row = transactions::table.find(place_of(id));
    let select = row.select(transactions::content);
    let before: String = match &mut database {
        Database::Sqlite(one) => select.first(one),
        Database::Postgres(one) => select.first(one),
    }
    .expect("it is recorded");
    let set = transactions::content.eq(change(&before));
    match &mut database {
        Database::Sqlite(one) => diesel::update(row).set(set).execute(one),
        Database::Postgres(one) => diesel::update(row).set(set).execute(one),
    }
    .expect("it can be edited");
    before
}

/// The audit's first difference.
fn difference(world: &World) -> Option<String> {
    let address = world.settings.address().expect("the address is one");
    audit(&address).expect("it can be audited").difference
}

#[test]
fn what_the_server_hands_out_is_verified_by_the_sdk() {
    both_with(&month::before(), |world| {
        month::until_june_is_published(world);
        let june: Vec<Verified> =
            NETS.iter().map(|(party, _)| verified(world, JUNE, party)).collect();
        month::play_july(world);
        world.move_to("2025-08-01T09:00:00Z");
        settle(world, JULY);
        for ((party, _), june) in NETS.iter().zip(&june) {
            assert!(june.lines > 0, "{party}");
            assert_eq!(verified(world, JUNE, party), *june, "{party}");
            // The payment system has no agreement: without a line it gets no statement.
            if *party == "scheme" {
                continue;
            }
            let (may, july) = (verified(world, MAY, party), verified(world, JULY, party));
            for (before, after) in [(&may, june), (june, &july)] {
                let continuity = verify_follows(before, after)
                    .unwrap_or_else(|finding| panic!("{party}: {finding}"));
                assert!(continuity.gaps.is_empty(), "{party}: {:?}", continuity.gaps);
                assert_eq!(continuity.logs, before.header.checkpoints.len());
            }
            assert!(verify_follows(&may, &july).is_err(), "June is left out");
        }
        // Another party's proofs do not open these lines.
        let (bank, shop) = (world.party("bank"), world.party("shop"));
        let (statement, proofs) =
            (file(bank, JUNE, "bank", ""), file(shop, JUNE, "shop", "/proofs"));
        assert!(verify_inclusion_of(&statement[..], &proofs[..], &key(bank)).is_err());
    });
}

#[test]
fn a_statement_after_a_pause_continues_the_last_one_of_its_party() {
    both_with(&month::before(), |world| {
        let member = month::set_up(world);
        month::play_june(world, &member);
        world.move_to("2025-07-01T09:00:00Z");
        settle(world, JUNE);
        month::play_july(world);
        world.move_to("2025-08-01T09:00:00Z");
        let listed = settle(world, JULY);
        assert!(listed.iter().all(|one| one["party"] != "scheme"), "it had nothing in July");
        let grant = json!({"kind": "grant", "ref": "G-2", "programme": "club",
            "member": member, "points": "100"});
        world.accept("brand", &grant);
        world.move_to("2025-09-01T09:00:00Z");
        let august = "monthly.2025-08-01";
        settle(world, august);
        let (first, second) = (verified(world, JUNE, "scheme"), verified(world, august, "scheme"));
        let continuity = verify_follows(&first, &second).expect("it continues June's");
        assert!(!continuity.gaps.is_empty(), "July is in neither");
    });
}

/// Two months of a shop and a bank: a discount, a least fee, tax on top, a net too small to be paid,
/// and in April a part of March.
fn play_charges(world: &mut World, netting: &str) {
    let anna = Club::new(world).anna;
    let schedule = json!({"period": "monthly", "carry_below": "10.00", "netting": netting});
    world.put("/v1/schedules/monthly", &schedule);
    let rates = json!({"id": "general", "rates": [{"from": "2019-01-01", "rate": "0.20"}]});
    world.put("/v1/vat-rates/general", &rates);
    let charges = json!({
        "vat": {"table": "general", "included": false}, "minimum_fee": "50.00",
        "volume": [{"from": "0", "price": "1.00"}, {"from": "100", "price": "0.90"}],
    });
    for (party, charges) in [("shop", charges), ("bank", json!({}))] {
        world.add_agreement(&json!({
            "programme": "club", "party": party, "schedule": "monthly", "charges": charges,
            "earn": {"funding": [{"party": party, "share": "0.9"},
                {"party": "brand", "share": "0.1"}],
                "price_per_point": "1.00", "percentage": "0.95", "fee_per_point": "0.02"},
            "burn": {"reimburse_per_point": "1.00"}
        }));
    }
    world.accept("shop", &purchase("R-1", &anna, "10000.00"));
    world.accept("bank", &purchase("B-1", &anna, "20.00"));
    let mut burning = purchase("R-2", &anna, "80.00");
    burning["burn"] = json!("40");
    world.accept("shop", &burning);
    let refund = |reference: &str, of: &str, amount: &str| json!({"kind": "refund", "ref": reference, "of": of, "amount": amount});
    world.accept("shop", &refund("R-3", "R-1", "700.00"));
    world.move_to("2025-04-02T09:00:00Z");
    // In April nothing is owed, and a part of March comes back: the matrix is turned round.
    world.accept("shop", &refund("R-4", "R-1", "1000.00"));
}

#[test]
fn what_closing_adds_is_verified_however_payments_are_netted() {
    for netting in ["multilateral", "bilateral", "gross"] {
        both(|world| {
            play_charges(world, netting);
            let (march, april) = ("monthly.2025-03-01", "monthly.2025-04-01");
            settle(world, march);
            world.move_to("2025-05-02T09:00:00Z");
            settle(world, april);
            let operator = (&world.operator, "clearing");
            let parties = ["shop", "bank", "brand"].map(|party| (world.party(party), party));
            for (caller, party) in parties.into_iter().chain([operator]) {
                for cycle in [march, april] {
                    let files = ["", "/proofs"].map(|form| file(caller, cycle, party, form));
                    verify_inclusion_of(&files[0][..], &files[1][..], &key(caller))
                        .unwrap_or_else(|finding| panic!("{netting}: {cycle}/{party}: {finding}"));
                }
            }
            let shop = month::statement(world.party("shop"), march, "shop");
            let types = shop["control"]["by_type"].as_object().expect("types");
            assert!(
                ["vat", "adjustment", "fee", "burn"].iter().all(|one| types.contains_key(*one))
            );
            let paid = shop["cash"].as_array().map(Vec::len);
            let with_each = shop["matrix"].as_array().map(Vec::len);
            match netting {
                "multilateral" => assert_eq!(paid, Some(1)),
                "bilateral" => assert_eq!(paid, with_each),
                _ => assert!(with_each < paid, "both sides are paid: {paid:?}"),
            }
        });
    }
}

/// Pseudo-random numbers: `SplitMix64`.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound).expect("small")
    }
}

#[test]
fn every_changed_byte_of_a_statement_is_found() {
    let mut world = World::new(&month::before().with_shards(1), "SQLite");
    month::until_june_is_published(&mut world);
    let caller = world.party("wallet");
    let (honest, key) = (file(caller, JUNE, "wallet", ""), key(caller));
    verify_statement(&honest[..], &key).expect("it is honest");
    let seed = getrandom::u64().expect("randomness");
    eprintln!("seed {seed}");
    let mut random = Random(seed);
    let length = u64::try_from(honest.len()).expect("short");
    let mut changed = honest.clone();
    for _ in 0..CHANGES {
        let place = random.below(length);
        let with = u8::try_from(random.below(255) + 1).expect("a byte");
        changed[place] ^= with;
        assert!(verify_statement(&changed[..], &key).is_err(), "byte {place} ^ {with}");
        changed[place] ^= with;
    }
    assert_eq!(changed, honest);
    world.close();
}

#[test]
fn an_edited_transaction_stops_the_next_publication() {
    both_with(&month::before(), |world| {
        let posted = month::until_june_is_published(world);
        let (first, proofs) = (
            file(world.party("bank"), JUNE, "bank", ""),
            file(world.party("bank"), JUNE, "bank", "/proofs"),
        );
        month::play_july(world);
        world.move_to("2025-08-01T09:00:00Z");
        assert_eq!(step(world, JULY, "close").status, 200);
        let edited = &posted[0];
        let honest = edit(world, edited, |content| content.replacen("B-1", "B-7", 1));

        let refused = step(world, JULY, "publish");
        assert_eq!((refused.status, code_of(&refused).as_str()), (500, "ledger_differs"));
        assert!(refused.text().contains(edited.as_str()), "{}", refused.text());
        let found = difference(world).expect("the audit finds it");
        assert!(found.contains(edited.as_str()), "{found}");
        // No statement and no proof of it is handed out any more; what breaks off is no file.
        let party = world.party("bank");
        let patience = Settings { retry: RetryPolicy::never(), ..Settings::default() };
        let connection = Connection::new(&world.url(), party.credentials().clone(), &patience);
        let connection = connection.expect("the address is one");
        for form in ["", "?format=csv", "/proofs"] {
            let target = format!("/v1/statements/{JUNE}/bank{form}");
            match connection.send(&Outgoing::get(&target)) {
                Err(_) => {}
                Ok(answer) => panic!("{form}: {} {}", answer.status, answer.text()),
            }
        }
        // Who kept the files has not lost anything.
        verify_inclusion_of(&first[..], &proofs[..], &key(party))
            .expect("they stand for themselves");

        edit(world, edited, |_| honest.clone());
        assert_eq!(step(world, JULY, "publish").status, 200);
        assert_eq!(file(party, JUNE, "bank", ""), first);
        verify_follows(&verified(world, JUNE, "bank"), &verified(world, JULY, "bank"))
            .expect("it continues");
    });
}

#[test]
fn receipts_that_a_statement_has_no_line_for_are_named() {
    both_with(&month::before(), |world| {
        let posted = month::until_june_is_published(world);
        let after = text(&month::play_july(world), "id");
        let list = format!("{}\n{after}\n", posted.join("\n"));
        let mut check = Posted::read(list.as_bytes()).expect("ids");
        let caller = world.party("bank");
        let statement = file(caller, JUNE, "bank", "");
        verify_statement_with(&statement[..], &key(caller), &mut [&mut check]).expect("honest");
        assert_eq!(check.covered(), posted.len(), "July's is not of June");
        let mut others = posted[2..].to_vec();
        others.sort_by_key(|id| place_of(id));
        assert_eq!(check.without_line().collect::<Vec<_>>(), others);
    });
}
