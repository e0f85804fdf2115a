//! Faults that can be planted, for the tests that show that the other tests can fail.
//!
//! The variable `COALITION_FAULT` names one; each is a line at the place that it spoils. Without
//! the feature `faults`, which only the tests turn on, [`planted`] is a constant no.

/// Whether a fault is planted.
#[cfg(not(feature = "faults"))]
pub const fn planted(_name: &str) -> bool {
    false
}

/// Whether a fault is planted.
#[cfg(feature = "faults")]
pub fn planted(name: &str) -> bool {
    static PLANTED: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    PLANTED.get_or_init(|| std::env::var("COALITION_FAULT").unwrap_or_default()) == name
}

/// A transaction as it is stored: with `drop_posting` without its last posting.
#[cfg(feature = "faults")]
pub fn stored(
    transaction: &crate::domain::transaction::Transaction,
) -> crate::domain::transaction::Transaction {
    let mut stored = transaction.clone();
    if planted("drop_posting") {
        stored.postings.pop();
    }
    stored
}

/// With `answer_before_commit`: commits a batch that was answered already.
#[cfg(feature = "faults")]
pub fn commit_late(connection: Option<&mut crate::store::Database>) {
    if let Some(connection) = connection.filter(|_| planted("answer_before_commit")) {
        std::thread::sleep(std::time::Duration::from_millis(20));
        crate::store::dialect::commit(connection).expect("a batch of a test can be committed");
    }
}
