//! Ten thousand changed bytes, each alone: all of them are found.

use coalition_partner::proof::{verify_follows, verify_inclusion_of, verify_statement};

use super::books::{books, verifier_key};

/// Numbers that look like chance and are the same in every run (splitmix64).
pub struct Chance(pub u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).expect("a length");
        usize::try_from(self.next() % end).expect("it is below a length")
    }
}

#[test]
fn every_changed_byte_of_a_statement_or_its_proofs_is_found() {
    let mut books = books();
    let first = books.draft("S-1", None);
    books.record(0, 9);
    books.record(3, 2);
    let draft = books.draft("S-2", Some(&first));
    let key = verifier_key();
    let (statement, proofs) = (draft.file().into_bytes(), books.proofs(&draft).into_bytes());
    let previous = verify_statement(first.file().as_bytes(), &key).expect("it is honest");
    let is_right = |statement: &[u8], proofs: &[u8]| {
        let this = verify_inclusion_of(statement, proofs, &key);
        this.is_ok_and(|this| verify_follows(&previous, &this).is_ok())
    };
    assert!(is_right(&statement, &proofs));

    let mut chance = Chance(1);
    let mut files = [statement, proofs];
    let lengths = (files[0].len(), files[0].len() + files[1].len());
    for _ in 0..10_000 {
        let place = chance.below(lengths.1);
        let (file, at) = place.checked_sub(lengths.0).map_or((0, place), |at| (1, at));
        // Half of the changes are a single bit, half any other byte.
        let change = match chance.below(2) {
            0 => 1 << chance.below(8),
            _ => u8::try_from(1 + chance.below(255)).expect("a byte"),
        };
        files[file][at] ^= change;
        assert!(!is_right(&files[0], &files[1]), "file {file}, byte {at}, {change:#04x}");
        files[file][at] ^= change;
    }
    assert!(is_right(&files[0], &files[1]), "all is as it was");
}

#[test]
fn every_byte_of_a_short_statements_signature_counts() {
    let mut books = books();
    books.record(0, 1);
    let mut draft = books.draft("S-1", None);
    draft.rows.truncate(1);
    let file = draft.file().into_bytes();
    let start = file.windows(12).rposition(|at| at == b"\"signature\":").expect("it is signed");
    let key = verifier_key();
    for at in start - 2..file.len() {
        for change in (0..8).map(|bit| 1 << bit).chain([0x2a, 0xff]) {
            let mut changed = file.clone();
            changed[at] ^= change;
            assert!(verify_statement(&changed[..], &key).is_err(), "byte {at}, {change:#04x}");
        }
    }
}
