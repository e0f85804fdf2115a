//! What single texts of camt messages mean.

use super::super::xml::Walk;
use super::CamtError;
use super::statement::{Counterparty, EntryStatus, MessageKind};

/// The message and the version of a file, from its root.
pub(super) fn format_of(walk: &Walk<'_>) -> Result<(MessageKind, u32), CamtError> {
    let refused = || CamtError::Format(cut(walk.namespace()));
    let name = walk.namespace().strip_prefix("urn:iso:std:iso:20022:tech:xsd:camt.");
    let (message, version) = name.and_then(|it| it.split_once(".001.")).ok_or_else(refused)?;
    let kind = match message {
        "053" => MessageKind::Statement,
        "054" => MessageKind::Notification,
        _ => return Err(refused()),
    };
    let version = ["02", "03", "04", "05", "06", "07", "08"].iter().position(|it| *it == version);
    let version = version.and_then(|place| u32::try_from(place + 2).ok()).ok_or_else(refused)?;
    if walk.path() == "/Document" { Ok((kind, version)) } else { Err(refused()) }
}

/// The path below the statement, if it lies there.
pub(super) fn below(kind: MessageKind, path: &str) -> Option<&str> {
    path.strip_prefix(match kind {
        MessageKind::Statement => "/Document/BkToCstmrStmt/Stmt",
        MessageKind::Notification => "/Document/BkToCstmrDbtCdtNtfctn/Ntfctn",
    })
    .filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Takes a field of a party: older versions have its name directly, newer ones below `Pty`.
pub(super) fn party_field(party: &mut Counterparty, path: Option<&str>, text: &str) {
    match path {
        Some("/Nm" | "/Pty/Nm" | "/Agt/FinInstnId/Nm") => party.name = some(text),
        Some("Acct/Id/IBAN" | "Acct/Id/Othr/Id") => party.account = some(text),
        _ => {}
    }
}

/// How far the bank is with an entry.
pub(super) fn status(text: &str) -> EntryStatus {
    match text {
        "BOOK" => EntryStatus::Booked,
        "PDNG" => EntryStatus::Pending,
        "INFO" => EntryStatus::Information,
        _ => EntryStatus::Other(text.to_owned()),
    }
}

/// A reference, unless it says that there is none.
pub(super) fn reference(text: &str) -> Option<String> {
    if text.eq_ignore_ascii_case("NOTPROVIDED") { None } else { some(text) }
}

/// A text, unless it is empty.
pub(super) fn some(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// As much of a hostile text as a message shows.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}
