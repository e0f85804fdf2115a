//! Notes of statements' files: a CSV or XLSX file is the one that was signed for, to the byte.

use coalition_partner::proof::{Fault, Verified, VerifierKey, verify_file, verify_statement};
use serde_json::Value;

use crate::caller::Caller;
use crate::month::{self, JULY, JUNE, file, settle};
use crate::support::{World, both_with, code_of, text};

fn key(caller: &Caller) -> VerifierKey {
    let answer: Value = caller.get("/v1/log-key").json().expect("it is JSON");
    text(&answer, "key").parse().expect("it is a verifier key")
}

fn note(caller: &Caller, cycle: &str, party: &str, form: &str) -> String {
    let bytes = file(caller, cycle, party, &format!("/signature{form}"));
    String::from_utf8(bytes).expect("a note is text")
}

fn verified(caller: &Caller, cycle: &str, party: &str) -> Verified {
    verify_statement(&file(caller, cycle, party, "")[..], &key(caller)).expect("it is honest")
}

/// Pseudo-random numbers: `SplitMix64`.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let bound = u64::try_from(bound).expect("a length");
        usize::try_from((mixed ^ (mixed >> 31)) % bound).expect("small")
    }
}

const FORMS: [(&str, &str); 4] = [
    ("?format=json", "json"),
    ("?format=csv", "csv"),
    ("?format=csv&delimiter=comma", "csv-comma"),
    ("?format=xlsx", "xlsx"),
];

#[test]
fn each_form_has_a_note_that_is_of_its_bytes_and_of_no_others() {
    both_with(&month::before(), |world| {
        month::until_june_is_published(world);
        let caller = world.party("bank");
        let (this, key) = (verified(caller, JUNE, "bank"), key(caller));
        let files = FORMS.map(|(form, _)| file(caller, JUNE, "bank", form));
        let notes = FORMS.map(|(form, _)| note(caller, JUNE, "bank", form));
        for (place, (_, name)) in FORMS.iter().enumerate() {
            let checked = verify_file(&this, &key, &notes[place], &files[place][..]);
            let checked = checked.unwrap_or_else(|finding| panic!("{name}: {finding}"));
            assert_eq!(checked.form, *name);
            assert_eq!(checked.bytes, u64::try_from(files[place].len()).expect("short"));
            for (other, file) in files.iter().enumerate().filter(|(other, _)| *other != place) {
                let found = verify_file(&this, &key, &notes[place], &file[..]);
                assert!(found.is_err(), "{name} is not {}", FORMS[other].1);
            }
            assert_eq!(note(caller, JUNE, "bank", FORMS[place].0), notes[place], "the same again");
        }
        // A note of another party's statement, or of another month, is of another statement.
        let shop = world.party("shop");
        let of_shop = note(shop, JUNE, "shop", "?format=csv");
        let found = verify_file(&this, &key, &of_shop, &files[1][..]).expect_err("it is another");
        assert!(found.to_string().starts_with("the note: what it is of is "), "{found}");
        month::play_july(world);
        world.move_to("2025-08-01T09:00:00Z");
        settle(world, JULY);
        let of_july = note(caller, JULY, "bank", "?format=csv");
        assert!(verify_file(&this, &key, &of_july, &files[1][..]).is_err());
        let july = verified(caller, JULY, "bank");
        assert!(verify_file(&july, &key, &notes[1], &files[1][..]).is_err());
        // The id is the same, and the statement is not.
        let other = Verified { sha256: july.sha256, ..this.clone() };
        let found = verify_file(&other, &key, &notes[1], &files[1][..]).expect_err("it is another");
        assert!(found.to_string().starts_with("the note: statement is "), "{found}");
        // Somebody else's key signed nothing of it.
        let elsewhere = "clearing+7b0b3c1d+AQ==".parse::<VerifierKey>();
        assert!(elsewhere.is_err());
        let unsigned = notes[1].replacen("form csv", "form txt", 1);
        let found = verify_file(&this, &key, &unsigned, &files[1][..]).expect_err("not signed");
        assert!(matches!(found.fault, Fault::Note(_)), "{found}");
        let refused = caller.get(&format!("/v1/statements/{JUNE}/bank/signature?format=pdf"));
        assert_eq!((refused.status, code_of(&refused).as_str()), (400, "invalid_request"));
        let refused =
            caller.get(&format!("/v1/statements/{JUNE}/bank/signature?format=csv&delimiter=x"));
        assert_eq!((refused.status, code_of(&refused).as_str()), (400, "invalid_request"));
        assert_eq!(caller.get(&format!("/v1/statements/{JUNE}/shop/signature")).status, 404);
    });
}

#[test]
fn every_changed_byte_of_a_csv_or_xlsx_file_is_found() {
    let mut world = World::new(&month::before().with_shards(1), "SQLite");
    month::until_june_is_published(&mut world);
    let caller = world.party("bank");
    let (this, key) = (verified(caller, JUNE, "bank"), key(caller));
    let seed = getrandom::u64().expect("randomness");
    eprintln!("seed {seed}");
    let mut random = Random(seed);
    for (form, changes) in [("?format=csv", 10_000), ("?format=xlsx", 2_500)] {
        let mut bytes = file(caller, JUNE, "bank", form);
        let note = note(caller, JUNE, "bank", form);
        let check = |bytes: &[u8]| verify_file(&this, &key, &note, bytes);
        check(&bytes).expect("it is honest");
        for _ in 0..changes {
            let place = random.below(bytes.len());
            let with = u8::try_from(random.below(255) + 1).expect("a byte");
            bytes[place] ^= with;
            let found = check(&bytes).expect_err("it is found");
            assert!(found.to_string().starts_with("the file: its sha256 is "), "{form}: {found}");
            bytes[place] ^= with;
        }
        for shorter in [0, 1, bytes.len() - 1] {
            let found = check(&bytes[..shorter]).expect_err("it is found");
            assert!(found.to_string().starts_with("the file: its length is "), "{found}");
        }
        bytes.push(b'\n');
        assert!(check(&bytes).is_err(), "{form}: something was added");
        let mut changed = note.clone().into_bytes();
        let file = file(caller, JUNE, "bank", form);
        for place in 0..changed.len() {
            changed[place] ^= 1;
            let text = String::from_utf8_lossy(&changed).into_owned();
            assert!(
                verify_file(&this, &key, &text, &file[..]).is_err(),
                "byte {place} of the note"
            );
            changed[place] ^= 1;
        }
    }
    world.close();
}

#[test]
fn what_was_kept_of_a_statement_is_signed_only_if_it_is_what_was_published() {
    both_with(&month::before(), |world| {
        month::until_june_is_published(world);
        let honest = note(world.party("bank"), JUNE, "bank", "?format=xlsx");
        let edit = |from: &str, to: &str| {
            let sql = format!(
                "UPDATE statements SET tail = replace(tail, '{from}', '{to}') WHERE party = 'bank'"
            );
            crate::campaign_world::execute(world, &sql);
        };
        edit("\"you_pay\"", "\"you_get\"");
        for form in ["?format=xlsx", "?format=csv", ""] {
            let target = format!("/v1/statements/{JUNE}/bank/signature{form}");
            // It is known before a byte leaves.
            assert_eq!(broken_off(world, &target), Some(500), "{form}");
        }
        edit("\"you_get\"", "\"you_pay\"");
        assert_eq!(note(world.party("bank"), JUNE, "bank", "?format=xlsx"), honest);
    });
}

/// An answer's status; none: the server broke it off.
fn broken_off(world: &World, target: &str) -> Option<u16> {
    use coalition_partner::{Connection, Outgoing, RetryPolicy, Settings};
    let patience = Settings { retry: RetryPolicy::never(), ..Settings::default() };
    let credentials = world.party("bank").credentials().clone();
    let connection = Connection::new(&world.url(), credentials, &patience);
    let answer = connection.expect("the address is one").send(&Outgoing::get(target));
    answer.ok().map(|answer| answer.status)
}
