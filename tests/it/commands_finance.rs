//! What finance does at a running server by commands: payments and open items, a party's list and
//! its breaks, disputes. What they do is what the API shows.

use std::path::Path;

use coalition_partner::Credentials;
use serde_json::{Value, json};

use crate::bank::{
    DAY, agree, by_hand, get, import, line, open_accounts, trade as trade_for_payment,
};
use crate::commands::{ended, program};
use crate::disputes::published;
use crate::lists::{list, profile};
use crate::reconciliation::{place, trade};
use crate::support::{World, both, both_with, text};

/// A person of finance at a running server.
struct Person<'a> {
    world: &'a World,
    url: String,
    token: String,
}

impl<'a> Person<'a> {
    fn new(world: &'a World, name: &str) -> Self {
        let token = match world.finance_named(name).credentials() {
            Credentials::Bearer(token) => token.clone(),
            _ => unreachable!("people have tokens"),
        };
        Self { world, url: world.url(), token }
    }

    /// How a command ended, what it printed and what it said was wrong.
    fn runs(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let of = ["--server", &self.url, "--token", &self.token];
        ended(&program(self.world, &[&arguments[..1], &of, &arguments[1..]].concat()))
    }

    /// What a command printed, which must end well.
    fn told(&self, arguments: &[&str]) -> String {
        let (code, printed, wrong) = self.runs(arguments);
        assert_eq!((code, wrong.as_str()), (Some(0), ""), "{arguments:?}: {printed}");
        printed.trim_end().to_owned()
    }

    /// The object that a command printed.
    fn shown(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.told(arguments)).expect("it is JSON")
    }
}

fn written(folder: &Path, name: &str, bytes: &[u8]) -> String {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("the file can be written");
    path.display().to_string()
}

#[test]
fn a_cycle_is_instructed_and_open_items_are_ended_by_commands() {
    both_with(&by_hand(), |world| {
        trade_for_payment(world);
        open_accounts(world);
        agree(world, DAY);
        let anna = Person::new(world, "anna");
        let instructed = anna.told(&["payments", "instruct", DAY]);
        assert_eq!(anna.told(&["payments", "instruct", DAY]), instructed, "it changes nothing");
        assert_eq!(anna.told(&["payments", "list", DAY]), instructed);
        let leg = instructed.lines().find(|line| line.contains("\tbank\t")).expect("the bank pays");
        let leg = leg.split('\t').next().expect("its reference comes first");
        import(world, &[line("1", "510.00", ""), line("2", "7.00", ""), line("3", "8.00", "")]);
        let items = anna.told(&["payments", "items"]);
        let ids: Vec<&str> = items.lines().filter_map(|line| line.split('\t').next()).collect();
        assert_eq!(ids, ["item_1", "item_2", "item_3"], "{items}");
        assert!(anna.told(&["payments", "assign", "item_1", leg]).contains("assigned"));
        let gone = anna.told(&["payments", "return", "item_2", "--why", "not ours"]);
        assert!(gone.starts_with("item_2\tunknown\tcredit\t7.00\tRUB\t"), "{gone}");
        anna.told(&["payments", "write-off", "item_3", "--why", "too little to ask"]);
        assert_eq!(anna.told(&["payments", "items"]), "");
        let states: Vec<String> = get(world, "/v1/open-items?state=all")["data"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|item| text(item, "state"))
            .collect();
        assert_eq!(states, ["assigned", "returned", "written_off"]);
        let (code, _, wrong) = anna.runs(&["payments", "assign", "item_1", leg]);
        assert!(code == Some(1) && wrong.contains("open_item_state"), "{wrong}");
    });
}

#[test]
fn a_list_is_sent_and_its_breaks_are_dealt_with_by_commands() {
    both(|world| {
        let mut lines = trade(world, 30);
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let (anna, boris) = (Person::new(world, "anna"), Person::new(world, "boris"));
        let how = written(folder.path(), "shop.yaml", profile("csv").to_string().as_bytes());
        assert_eq!(anna.shown(&["books", "profile", "shop", "--put", &how])["version"], 1);
        assert_eq!(anna.shown(&["books", "profile", "shop"])["version"], 1);
        let whole = written(folder.path(), "whole.csv", &list("csv", &lines));
        let sending = ["books", "send", "--party", "shop", "--cycle", DAY];
        let sent = anna.told(&[&sending[..], &[&whole]].concat());
        assert!(sent.contains("\tdone\treconciled\t"), "{sent}");
        let first = sent.split('\t').next().expect("its id comes first");
        let repeated = anna.told(&[&sending[..], &[&whole]].concat());
        assert!(repeated.starts_with(first), "the same list is the same reconciliation");
        let again = anna.told(&[&sending[..], &["--again", &whole]].concat());
        assert!(!again.starts_with(first) && again.contains("\treconciled\t"), "{again}");

        for (reference, more) in [("R-003", 10_000), ("R-004", 200_000)] {
            let place = place(&lines, reference);
            lines[place].cents += more;
        }
        let wrong = written(folder.path(), "wrong.csv", &list("csv", &lines));
        let (code, printed, said) = anna.runs(&[&sending[..], &[&wrong]].concat());
        assert_eq!((code, said.as_str()), (Some(1), ""), "{printed}");
        let id = printed.split('\t').next().expect("its id comes first");
        assert!(printed.contains("counts\tamount_mismatch\t2"), "{printed}");
        let listed = anna.told(&["books", "list", "--party", "shop"]);
        assert!(listed.starts_with(&format!("{id}\tshop\t{DAY}\tdone\tbreaks\t")), "{listed}");
        assert_eq!(listed.lines().count(), 3, "{listed}");
        assert_eq!(anna.shown(&["books", "show", id])["verdict"], "breaks");
        let open = ["books", "breaks", id, "--class", "amount_mismatch", "--state", "open"];
        assert_eq!(anna.told(&open).lines().count(), 2);

        let small = ["books", "resolve", id, "1", "--as", "adjusted", "--why", "the till was off"];
        assert!(anna.told(&small).starts_with("1\tamount_mismatch\tresolved\tR-003\t"));
        let large = ["books", "resolve", id, "2", "--as", "written-off", "--why", "let it go"];
        assert!(anna.told(&large).starts_with("2\tamount_mismatch\tproposed\tR-004\t"));
        let (code, _, alone) = anna.runs(&["books", "approve", id, "2", "--why", "sure"]);
        assert!(code == Some(1) && alone.contains("second_person_needed"), "{alone}");
        let back = boris.told(&["books", "send-back", id, "2", "--why", "ask the shop"]);
        assert!(back.starts_with("2\tamount_mismatch\topen\t"), "{back}");
        assert!(anna.told(&large).starts_with("2\tamount_mismatch\tproposed\t"), "asked anew");
        let done = boris.told(&["books", "approve", id, "2", "--why", "the shop agrees"]);
        assert!(done.starts_with("2\tamount_mismatch\tresolved\t"), "{done}");
        assert_eq!(anna.told(&open), "");
    });
}

#[test]
fn disputes_are_opened_answered_and_ended_by_commands() {
    both(|world| {
        let receipt = published(world);
        let anna = Person::new(world, "anna");
        let shop = world.party("shop");
        let wish = json!({
            "cycle": DAY, "kind": "wrong_price", "lines": [format!("{receipt}/1")],
            "amount": "60.00", "why": "the price was 0.40"
        });
        let opened = || {
            let answer = shop.post("/v1/disputes", &world.new_key(), &wish);
            text(&answer.json().expect("it is JSON"), "id")
        };
        let (granted, refused) = (opened(), opened());
        let listed = anna.told(&["dispute", "list", "--party", "shop", "--state", "open"]);
        assert_eq!(listed.lines().count(), 2, "{listed}");
        assert!(
            listed.contains(&format!("{granted}\tshop\t{DAY}\twrong_price\t60.00\t0.00\topen"))
        );
        let seen = anna.shown(&["dispute", "acknowledge", &granted, "--reserve", "true"]);
        assert_eq!(seen["reserved"], "60.00");
        let document = "ab".repeat(32);
        let shown = ["--text", "the price list", "--document", &document];
        anna.told(&[&["dispute", "evidence", &granted], &shown[..]].concat());
        anna.told(&["dispute", "propose", &granted, "40.00"]);
        anna.told(&["dispute", "approve", &granted, "40.00"]);
        let target = format!("/v1/disputes/{granted}/approve");
        let last = shop.post(&target, &world.new_key(), &json!({"amount": "40.00"}));
        assert_eq!(last.status, 200, "{}", last.text());
        let history = anna.shown(&["dispute", "show", &granted]);
        assert_eq!(
            (text(&history, "state"), text(&history, "reserved")),
            ("booked".into(), "0.00".into())
        );
        let no = anna.shown(&["dispute", "reject", &refused, "--why", "the price is agreed"]);
        assert_eq!(no["rejected"]["side"], "clearing_house");
        let own = anna.shown(&[
            "dispute",
            "open",
            "--party",
            "shop",
            "--cycle",
            DAY,
            "--programme",
            "club",
            "--kind",
            "fraud",
            "--own-line",
            "R-1 was no sale",
            "--amount",
            "100.00",
            "--why",
            "no article",
        ]);
        let back = anna.shown(&["dispute", "withdraw", &text(&own, "id"), "--why", "it was sold"]);
        assert_eq!(back["state"], "rejected");
        let (code, _, wrong) = anna.runs(&["dispute", "show", "dsp_999"]);
        assert!(code == Some(1) && wrong.contains("not_found"), "{wrong}");
    });
}
