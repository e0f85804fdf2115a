//! Barcodes, as another decoder reads them.

use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};

use crate::cards_world::{club, club_with, issue};
use crate::support::{World, both, text};

/// Prints kind and text of the barcode in each picture.
const READ: &str = "\
import sys, zxingcpp
from PIL import Image
for name in sys.argv[1:]:
    found = zxingcpp.read_barcodes(Image.open(name))
    print(' '.join(f'{str(one.format)}={one.text}' for one in found))
";

/// A Python with zxing-cpp. Where it is missing there is nothing to compare with, unless
/// `COALITION_TOOLS=required`.
fn python() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let python = home.join(".cache/coalition/venv/bin/python");
    let known = Command::new(&python).args(["-c", "import zxingcpp, PIL"]).output();
    let is_there = known.is_ok_and(|output| output.status.success());
    let required = std::env::var("COALITION_TOOLS").is_ok_and(|value| value == "required");
    assert!(is_there || !required, "zxing-cpp is missing; .ci/tools installs it");
    if !is_there {
        eprintln!("no zxing-cpp on this machine: nothing to compare with");
    }
    is_there.then_some(python)
}

fn picture(world: &World, number: &str, format: &str) -> Vec<u8> {
    let target = format!("/v1/cards/{number}/barcode?format={format}");
    let answer = world.party("wallet").get(&target);
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.body
}

#[test]
fn another_decoder_reads_the_number_off_every_kind() {
    let python = python();
    both(|world| {
        club(world, &json!({"title": "Club"}));
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let kinds = ["ean13", "code128", "qr", "pdf417", "aztec"];
        let (mut files, mut numbers) = (Vec::new(), Vec::new());
        for (place, kind) in kinds.into_iter().enumerate() {
            world.add_programme(&club_with(&json!({"title": "Club", "barcode": kind})));
            let phone = json!({"phone": format!("+7916000010{place}")});
            let number = issue(world, "wallet", &world.add_member(&phone));
            let svg = String::from_utf8(picture(world, &number, "svg")).expect("it is text");
            assert!(svg.starts_with("<svg ") && svg.contains("<path"), "{svg}");
            let file = folder.path().join(format!("{kind}.png"));
            std::fs::write(&file, picture(world, &number, "png")).expect("it can be written");
            files.push(file);
            numbers.push(number);
        }
        let Some(python) = &python else { return };
        let output = Command::new(python).args(["-c", READ]).args(&files).output();
        let output = output.expect("it can be run");
        let read = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let letters = |text: &str| -> String {
            let plain = text.chars().filter(char::is_ascii_alphanumeric);
            plain.collect::<String>().to_lowercase()
        };
        for ((line, kind), number) in read.lines().zip(kinds).zip(&numbers) {
            let (format, said) = line.rsplit_once('=').expect("something was read");
            assert_eq!(said, number, "{line}");
            let due = if kind == "qr" { "qrcode" } else { kind };
            assert!(letters(format).ends_with(due), "{line}");
        }
        assert_eq!(read.lines().count(), kinds.len());
    });
}

#[test]
fn a_rotating_card_shows_the_code_of_this_half_minute() {
    let python = python();
    both(|world| {
        let anna = club(world, &json!({"title": "Club", "rotating": true})).anna;
        let number = issue(world, "wallet", &anna);
        let shown = world.party("wallet").get(&format!("/v1/cards/{number}/rotating"));
        let shown: Value = shown.json().expect("it is JSON");
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("card.png");
        let first = picture(world, &number, "png");
        std::fs::write(&file, &first).expect("it can be written");
        world.move_to("2025-03-03T09:00:30Z");
        assert_ne!(picture(world, &number, "png"), first);
        let Some(python) = &python else { return };
        let output = Command::new(python).args(["-c", READ]).arg(&file).output();
        let read = String::from_utf8_lossy(&output.expect("it can be run").stdout).into_owned();
        assert!(read.trim().ends_with(&format!("={}", text(&shown, "text"))), "{read}");
    });
}
