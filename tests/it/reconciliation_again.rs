//! A break that ended without an entry is asked once: later lists with the same difference have it
//! settled.

use serde_json::{Value, json};

use crate::lists::{Line, list, profile};
use crate::reconciliation::{DAY, body, breaks, compare, number_of, place, trade};
use crate::support::{both, code_of};

#[test]
fn what_was_explained_or_written_off_is_asked_once() {
    both(|world| {
        let mut lines = trade(world, 12);
        let changed = place(&lines, "R-003");
        lines[changed].cents += 500;
        lines.remove(place(&lines, "R-005"));
        lines.push(Line::new("X-1", 7_700));
        let shop = world.party("shop").clone();
        let request = json!({"cycle": DAY, "profile": profile("csv")});
        let (first, view) = compare(world, &shop, &request, &list("csv", &lines));
        assert_eq!((&view["verdict"], &view["breaks"]), (&json!("breaks"), &json!({"open": 3})));
        let all = breaks(&shop, &first);
        let ends = [
            ("amount_mismatch", "explained"),
            ("missing_in_file", "written_off"),
            ("missing_in_ledger", "explained"),
        ];
        for (class, resolution) in ends {
            let target = format!("{first}/breaks/{}/resolve", number_of(&all, class));
            let wish = json!({"resolution": resolution, "why": "the till was offline"});
            body(&world.finance().post(&target, &world.new_key(), &wish), 200);
        }
        // The same differences in another list, in another form and order.
        lines.reverse();
        let other = json!({"cycle": DAY, "profile": profile("ndjson")});
        let (second, view) = compare(world, &shop, &other, &list("ndjson", &lines));
        assert_eq!(view["verdict"], "reconciled", "{view}");
        assert_eq!(view["breaks"], json!({"settled": 3}));
        let known = breaks(&shop, &second);
        for (class, resolution) in ends {
            let one = known.iter().find(|one| one["class"] == class).expect("it is listed");
            let by = json!({
                "reconciliation": first.rsplit('/').next(), "number": number_of(&all, class),
                "resolution": resolution,
            });
            assert_eq!((&one["state"], &one["settled_by"]), (&json!("settled"), &by));
        }
        let one = format!("{second}/breaks/1");
        assert_eq!(body(&shop.get(&one), 200)["settled_by"], known[0]["settled_by"]);
        let wish = json!({"resolution": "explained", "why": "again"});
        let again = shop.post(&format!("{one}/resolve"), &world.new_key(), &wish);
        assert_eq!((again.status, code_of(&again).as_str()), (409, "break_state"));
        // A third one leads to the first, and another difference is another break.
        let changed = place(&lines, "R-003");
        lines[changed].cents += 1;
        let (third, view) = compare(world, &shop, &request, &list("csv", &lines));
        assert_eq!(view["verdict"], "breaks", "{view}");
        assert_eq!(view["breaks"], json!({"open": 1, "settled": 2}));
        let open = body(&shop.get(&format!("{third}/breaks?state=open")), 200)["data"].clone();
        assert_eq!(open[0]["class"], "amount_mismatch");
        let known = body(&shop.get(&format!("{third}/breaks?state=settled")), 200)["data"].clone();
        assert_eq!(json!(first.rsplit('/').next()), known[0]["settled_by"]["reconciliation"]);
    });
}

#[test]
fn what_was_said_of_another_programme_or_party_settles_nothing() {
    both(|world| {
        let mut lines = trade(world, 12);
        lines.push(Line::new("X-1", 7_700));
        let shop = world.party("shop").clone();
        let request = json!({"cycle": DAY, "profile": profile("csv"), "programme": "club"});
        let (first, _) = compare(world, &shop, &request, &list("csv", &lines));
        let explain = |run: &str| {
            let target = format!("{run}/breaks/1/resolve");
            let wish = json!({"resolution": "explained", "why": "the till was offline"});
            body(&shop.post(&target, &world.new_key(), &wish), 200);
        };
        explain(&first);
        let all = json!({"cycle": DAY, "profile": profile("ndjson")});
        let is_asked = |view: &Value| {
            assert_eq!(
                (&view["verdict"], &view["breaks"]),
                (&json!("breaks"), &json!({"open": 1}))
            );
        };
        // Another question, though the same list.
        let (second, view) = compare(world, &shop, &all, &list("ndjson", &lines));
        is_asked(&view);
        explain(&second);
        // Another party that has such a line.
        let own = list("ndjson", &[Line::new("X-1", 7_700)]);
        is_asked(&compare(world, world.party("bank"), &all, &own).1);
    });
}
