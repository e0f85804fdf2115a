//! Flat files, as the command line writes them.

use std::path::Path;
use std::process::Command;

use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

use crate::exports::{ODD_REFERENCE, folder, story};
use crate::support::{Setup, World, both_with};

/// Runs a command of the program on a world's database; what it prints.
pub fn command(world: &World, arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_coalition"))
        .args(["--database", &world.settings.database])
        .args(arguments)
        .output()
        .expect("the program can be run");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).expect("it prints text")
}

/// The lines of a day's file, checked against its last one.
fn checked_lines(file: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(file).expect("the file can be read");
    let (body, end) = text.split_at(text.rfind("#END;").expect("it has an end"));
    let hash = Sha256::digest(body);
    let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(body.as_bytes());
    let heading = reader.headers().expect("it has a heading").clone();
    let lines: Vec<Vec<String>> = reader
        .records()
        .map(|line| line.expect("it is CSV").iter().map(str::to_owned).collect())
        .collect();
    let sum = |name: &str| -> Decimal {
        let place = heading.iter().position(|one| one == name).expect("there is such a column");
        let cells = lines.iter().map(|line| line[place].parse::<Decimal>().unwrap_or_default());
        cells.sum::<Decimal>().normalize()
    };
    let (points, debit, credit) = (sum("points"), sum("debit"), sum("credit"));
    let expected = format!(
        "#END;lines={};points={points};debit={debit};credit={credit};sha256={}\n",
        lines.len(),
        hex::encode(hash)
    );
    assert_eq!(end, expected);
    lines
}

#[test]
fn a_days_file_closes_with_its_sums_and_holds_no_formula() {
    both_with(&Setup::default().with_shards(4), |world| {
        story(world);
        let folder = folder();
        let to = folder.path().join("new").display().to_string();
        let said = command(world, &["export", "--format", "csv", "--to", &to]);
        assert!(said.starts_with("exported 13 transactions in 2 files\n"), "{said}");
        let first = checked_lines(Path::new(&format!("{to}/2025-03-03.csv")));
        let odd = first.iter().find(|line| line[8].ends_with(ODD_REFERENCE));
        assert_eq!(odd.map(|line| line[8].clone()), Some(format!("'{ODD_REFERENCE}")));
        let formula = |cell: &&String| cell.starts_with(['=', '+', '-', '@']);
        assert_eq!(first.iter().flatten().find(formula), None);
        let second = checked_lines(Path::new(&format!("{to}/2025-03-04.csv")));

        let one = folder.path().join("one").display().to_string();
        command(world, &["export", "--format", "csv", "--to", &one, "--cycle", "2025-03-04"]);
        let files: Vec<_> = std::fs::read_dir(&one).expect("the folder is there").collect();
        assert_eq!(files.len(), 1, "no other day, nothing unfinished");
        assert_eq!(checked_lines(Path::new(&format!("{one}/2025-03-04.csv"))), second);
    });
}
