//! What hostile and broken files do to the reader: they are refused, and nothing breaks.

use proptest::prelude::*;

use super::super::xml::XmlError;
use super::tests::{NOTE, V02, V04, V06, V08, read};
use super::*;

#[track_caller]
fn refused(file: &str) -> CamtError {
    read(file).expect_err("the file is to be refused")
}

#[test]
fn a_document_type_is_refused_whatever_it_declares() {
    let laughs = "<!DOCTYPE Document [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">\
                  <!ENTITY c \"&b;&b;&b;&b;&b;&b;&b;&b;\">]>";
    let outside = "<!DOCTYPE Document [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>";
    let schema = "<!DOCTYPE Document SYSTEM \"http://example.invalid/a.dtd\">";
    for declared in [laughs, outside, schema, "<!DOCTYPE Document>"] {
        let file = V08.replacen("<Document", &format!("{declared}<Document"), 1);
        assert_eq!(refused(&file), CamtError::Xml(XmlError::DocumentType));
    }
    let file = V08.replace("FILE-08", "&x;");
    assert_eq!(refused(&file), CamtError::Xml(XmlError::Entity("x".into())));
}

#[test]
fn size_depth_and_length_are_bounded() {
    let deep = "<a>".repeat(40) + &"</a>".repeat(40);
    let file = V08.replace("<Ntry>", &format!("{deep}<Ntry>"));
    assert_eq!(refused(&file), CamtError::Xml(XmlError::TooDeep(32)));
    let deep = "<a>".repeat(100_000);
    let file = V08.replacen("<Ntry>", &deep, 1);
    assert_eq!(refused(&file), CamtError::Xml(XmlError::TooDeep(32)));

    let long = "x".repeat(20_000);
    let too_long = CamtError::Xml(XmlError::TooLong(16 * 1024));
    for (place, with) in [
        ("FILE-08", long.clone()),
        ("FILE-08", "&amp;".repeat(20_000)),
        ("FILE-08", format!("<![CDATA[{long}]]>")),
        ("<Ntry>", format!("<Ntry a=\"{long}\">")),
        ("<Ntry>", format!("<{long}/><Ntry>")),
    ] {
        assert_eq!(refused(&V08.replacen(place, &with, 1)), too_long, "{place}");
    }
    let many = (0..40).fold(String::new(), |all, place| format!("{all} xmlns:a{place}=\"u\""));
    let file = V08.replacen("<Ntry>", &format!("<Ntry{many}>"), 1);
    assert!(matches!(refused(&file), CamtError::Xml(XmlError::Malformed { .. })));

    let small = XmlLimits { bytes_max: 100, ..XmlLimits::default() };
    let limits = CamtLimits { xml: small, ..CamtLimits::default() };
    let error = read_camt_053(V08.as_bytes(), &limits).expect_err("too large");
    assert_eq!(error, CamtError::Xml(XmlError::TooLarge(100)));
    let limits = CamtLimits { entries_max: 4, ..CamtLimits::default() };
    let error = read_camt_053(V08.as_bytes(), &limits).expect_err("two entries, three payments");
    assert_eq!(error, CamtError::TooManyEntries(4));
}

#[test]
fn only_known_messages_and_versions_are_read() {
    for other in [
        "camt.053.001.01",
        "camt.053.001.09",
        "camt.053.001.8",
        "camt.052.001.08",
        "camt.053.002.08",
        "pain.001.001.09",
        "",
    ] {
        let error = refused(&V08.replace("camt.053.001.08", other));
        assert!(matches!(error, CamtError::Format(_)), "{other}: {error}");
    }
    let bare = V08.replace(" xmlns=\"urn:iso:std:iso:20022:tech:xsd:camt.053.001.08\"", "");
    assert_eq!(refused(&bare), CamtError::Format(String::new()));
    for version in ["03", "05", "07"] {
        assert!(read(&V02.replace("camt.053.001.02", &format!("camt.053.001.{version}"))).is_ok());
    }
}

#[test]
fn what_is_no_xml_is_refused() {
    let half = &V08[..V08.len() / 2];
    let double = format!("{V08}{}", &V08[V08.find("<Document").expect("the root")..]);
    let tail = format!("{V08}text");
    let crossed = V08.replace("</Sts>", "</Stz>");
    for file in ["", "  ", "<", "<Document", half, &double, &tail, &crossed, "\u{0}"] {
        assert!(read(file).is_err(), "{file:?}");
    }
    for character in ["\u{1}", "&#1;", "&#0;", "&#xFFFE;", "&#x110000;", "&#;", "& "] {
        assert!(read(&V08.replace("FILE-08", character)).is_err(), "{character:?}");
    }
    let utf_16: Vec<u8> = V08.encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(read_camt_053(&utf_16, &CamtLimits::default()).is_err());
    let declared = V08.replace("UTF-8", "UTF-16");
    assert!(matches!(refused(&declared), CamtError::Xml(XmlError::Encoding(_))));
}

#[test]
fn an_amount_is_read_exactly_or_the_file_is_refused() {
    for wrong in ["110.001", "-110.00", "1e2", "", "110,00", "9999999999999999999", "1 000.00"] {
        let file = V08.replace("\"RUB\">110.00<", &format!("\"RUB\">{wrong}<"));
        let error = refused(&file);
        let is_told = matches!(&error, CamtError::Amount { .. } | CamtError::Missing { .. });
        assert!(is_told, "{wrong}: {error}");
    }
    let huge = V08.replace("\"RUB\">110.00<", "\"RUB\">9999999999999999.99<");
    assert!(read(&huge).is_ok());
    let precise = V08.replace("\"RUB\">110.00<", "\"RUB\">+110.00000<");
    assert_eq!(read(&precise), read(V08));
    let unknown = V08.replace("RUB", "XXX");
    assert!(matches!(refused(&unknown), CamtError::Currency { .. }));
    let yen = V06.replace("5000<", "5000.5<");
    assert!(matches!(refused(&yen), CamtError::Amount { .. }));
}

#[test]
fn what_every_bank_must_tell_is_asked_for() {
    for (left_out, what) in [
        ("<CdtDbtInd>DBIT</CdtDbtInd>", "CdtDbtInd"),
        ("<Sts><Cd>BOOK</Cd></Sts>", "Sts"),
        ("<Id>S-231</Id>", "Id"),
        (
            "<Acct><Id><Othr><Id>40702810900000000001</Id></Othr></Id><Ccy>RUB</Ccy></Acct>",
            "Acct/Id",
        ),
        (" Ccy=\"RUB\"", "Ccy of an amount"),
    ] {
        let CamtError::Missing { what: missing, .. } = refused(&V08.replace(left_out, "")) else {
            panic!("{what} is missing")
        };
        assert_eq!(missing, what);
    }
    let side = V08.replace(">CRDT<", ">PLUS<");
    assert!(matches!(refused(&side), CamtError::Value { .. }));
    let day = V08.replace("<BookgDt><Dt>2026-11-23<", "<BookgDt><Dt>23.11.2026<");
    assert!(matches!(refused(&day), CamtError::Value { .. }));
}

fn fixture() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![V02, V04, V06, V08, NOTE])
}

proptest! {
    #[test]
    fn random_bytes_never_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(read_camt_053(&bytes, &CamtLimits::default()).is_err());
    }

    #[test]
    fn a_changed_file_never_breaks_the_reader(
        file in fixture(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..3), 1..8),
    ) {
        let mut bytes = file.as_bytes().to_vec();
        for (place, byte, kind) in changes {
            let place = place.index(bytes.len());
            match kind {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                _ => { bytes.remove(place); }
            }
        }
        if let Ok(statements) = read_camt_053(&bytes, &CamtLimits::default()) {
            for statement in &statements {
                let booked = statement.entries.iter().filter(|it| it.status == EntryStatus::Booked);
                let entries: i128 = booked.map(|it| it.side.signed(it.amount)).sum();
                let lines = bank_lines(statement);
                let lines: i128 = lines.iter().map(|it| it.side.signed(it.amount)).sum();
                prop_assert_eq!(entries, lines, "the lines sum to the entries");
                let _ = statement.balance_check();
            }
        }
    }

    #[test]
    fn moved_pieces_of_a_file_never_break_the_reader(
        file in fixture(),
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
        length in 1_usize..300,
    ) {
        let mut bytes = file.as_bytes().to_vec();
        let from = from.index(bytes.len());
        let end = (from + length).min(bytes.len());
        let piece: Vec<u8> = bytes[from..end].to_vec();
        let to = to.index(bytes.len());
        bytes.splice(to..to, piece);
        let _ = read_camt_053(&bytes, &CamtLimits::default());
    }
}
