//! The exported table of breaks beside what the API says of them.

use coalition::domain::time::Day;
use coalition::export::{Format, Selection};
use serde_json::{Value, json};

use crate::exports::{cell, cycle_of, folder, get, rows_of, run_export};
use crate::lists::{Line, list, profile};
use crate::reconciliation::compare;
use crate::support::{Club, both, purchase};

#[test]
fn breaks_are_exported_as_the_api_shows_them() {
    both(|world| {
        let club = Club::new(world);
        for (reference, amount) in [("R-1", "100.00"), ("R-2", "250.00"), ("R-3", "30.00")] {
            world.accept("shop", &purchase(reference, &club.anna, amount));
        }
        world.move_to("2025-03-06T09:00:00Z");
        // One amount is another, one receipt is not in the list, and one only there.
        let lines = [Line::new("R-1", 10_000), Line::new("R-2", 25_500), Line::new("X-1", 7_000)];
        let request = json!({"cycle": "2025-03-03", "profile": profile("csv"), "name": "list"});
        let shop = world.party("shop").clone();
        let (target, _) = compare(world, &shop, &request, &list("csv", &lines));
        let said = get(world, &format!("{target}/breaks"))["data"].clone();
        let said = said.as_array().expect("there are breaks");
        assert_eq!(said.len(), 3);

        let folder = folder();
        let breaks = |selection: Selection| {
            run_export(world, Format::Parquet, folder.path(), selection);
            rows_of(folder.path(), "breaks")
        };
        let rows = breaks(Selection::Whole);
        assert_eq!(rows.len(), said.len());
        for (row, said) in rows.iter().zip(said) {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let names = ["class", "state", "transaction", "ref", "currency", "effect"];
            for name in names {
                assert_eq!(cell(row, name), text(&said[name]), "{name}");
            }
            assert_eq!(cell(row, "their_amount"), text(&said["theirs"]["amount"]));
            assert_eq!(cell(row, "our_amount"), text(&said["ours"]["amount"]));
            assert_eq!(cell(row, "number"), said["number"].to_string());
            let day = ["party", "begun_on"].map(|name| cell(row, name));
            assert_eq!(day, ["shop", "2025-03-06"]);
        }
        let day = |text| Selection::Day(Day::parse(text).expect("it is a day"));
        let counts = [
            breaks(cycle_of("2025-03-03")).len(),
            breaks(cycle_of("2025-03-06")).len(),
            breaks(day("2025-03-03")).len(),
            breaks(day("2025-03-06")).len(),
        ];
        assert_eq!(counts, [3, 0, 0, 3]);
    });
}
