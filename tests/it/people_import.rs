//! Files of members from other systems.

use std::io::{Error, Read};
use std::sync::Arc;

use coalition::engine::Engine;
use coalition::http::answers::Answers;
use coalition::people::import::{ImportError, Imported, Importing, Report, import};
use coalition::people::phone::region_of;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::people::profile;
use crate::support::{Club, World, both};

/// An engine of another process on the world's database.
fn engine(world: &World) -> Engine {
    let settings = world.settings.engine().expect("the settings are in range");
    let engine = Engine::start(&settings, Arc::clone(&world.clock), Box::new(Answers));
    engine.expect("the engine starts")
}

fn importing(source: &str, text: &str) -> Importing {
    Importing {
        source: source.to_owned(),
        party: "clearing".parse().expect("a party"),
        has_prefix: true,
        region: region_of("RU").expect("a region"),
        file_hash: Sha256::digest(text.as_bytes()).into(),
        delimiter: b',',
        is_dry: false,
    }
}

fn read(engine: &Engine, importing: &Importing, file: impl Read) -> Result<Imported, ImportError> {
    import(engine, importing, file, |_| {})
}

fn report_of(engine: &Engine, source: &str, text: &str) -> Report {
    let importing = importing(source, text);
    let dry = Importing { is_dry: true, ..importing.clone() };
    let told = read(engine, &dry, text.as_bytes()).expect("the file is read").report;
    let done = read(engine, &importing, text.as_bytes()).expect("the file is read").report;
    assert_eq!(told, done, "a dry run tells what will be");
    done
}

fn members(world: &World) -> i64 {
    crate::migrations::number(&world.settings.database, "SELECT count(*) AS number FROM members")
}

const TILLS: &str = "\
external_id,phone,name,verified,city
1,8 (916) 100-00-01,Анна,yes,Москва
2,89161000002,Борис,yes,Казань
3,,Без телефона,,
4,12345,Не телефон,yes,
5,+7 916 100-00-01,Анна К.,yes,Тверь
";

const SHOP: &str = "\
id,email,phone,name,birth_date,verified,loyalty_level
10,karenina@example.org,+79161000001,Анна Каренина,1985-02-28,yes,gold
11,vera@example.org,,Вера,,yes,
12,,89161000002,Кто-то,,,
13,nobody,,Никто,,,
14,,,Никто,,,
15,petr@example.org,,Пётр,31.12.1990,,
,vera@example.org,,Вера,,yes,
";

#[test]
fn overlapping_sources_give_one_profile_a_person() {
    both(|world| {
        Club::new(world);
        let before = members(world);
        let engine = engine(world);
        let tills = report_of(&engine, "tills", TILLS);
        assert_eq!((tills.rows, tills.new, tills.attached, tills.unresolved), (5, 3, 1, 0));
        assert_eq!(tills.rejected.into_iter().collect::<Vec<_>>(), [("phone".to_owned(), 1)]);
        assert_eq!(tills.named, [(4, "phone".to_owned())]);
        let shop = report_of(&engine, "shop", SHOP);
        assert_eq!((shop.rows, shop.new, shop.attached, shop.unresolved), (7, 3, 2, 1));
        let reasons: Vec<(String, u64)> = shop.rejected.into_iter().collect();
        let due = [("birth_date", 1), ("email", 1)];
        assert_eq!(reasons, due.map(|(reason, count)| (reason.to_owned(), count)));
        assert_eq!(members(world) - before, 6);

        let anna = profile(&world.operator, "phone:+79161000001");
        assert_eq!(anna["profile"]["name"]["value"], "Анна Каренина", "what was shown counts");
        assert_eq!(anna["profile"]["birth_date"]["value"], "1985-02-28");
        assert_eq!(
            anna["member"],
            profile(&world.operator, "email:karenina@example.org")["member"]
        );
        assert_eq!(anna["member"], profile(&world.operator, "external:tills:5")["member"]);
        assert_eq!((&anna["source"], &anna["stage"]), (&json!("import"), &json!("member")));
        let boris = profile(&world.operator, "external:tills:2");
        let other = profile(&world.operator, "external:shop:12");
        assert_ne!(boris["member"], other["member"], "nobody showed that the phone is theirs");

        // A file that was read changes nothing; a longer one of the same source only adds.
        let again = read(&engine, &importing("shop", SHOP), SHOP.as_bytes());
        let again = again.expect("the file is read");
        assert_eq!((again.skipped, again.report.rows), (7, 7));
        assert_eq!(members(world) - before, 6);
        let longer = format!("{SHOP}16,ivan@example.org,,Иван,,yes,\n");
        let longer = report_of(&engine, "shop", &longer);
        assert_eq!((longer.new, longer.attached), (1, 5));
        assert_eq!(members(world) - before, 7);
        let question = "SELECT count(*) AS number FROM merge_proposals";
        let proposed = crate::migrations::number(&world.settings.database, question);
        assert_eq!(proposed, 1, "two are proposed once, whichever came first");
    });
}

/// A file that breaks off.
struct Breaking<'a> {
    text: &'a [u8],
    left: usize,
}

impl Read for Breaking<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        if self.left == 0 {
            return Err(Error::other("the disk is gone"));
        }
        let most = self.left.min(self.text.len());
        let count = (&self.text[..most]).read(buffer)?;
        self.text = &self.text[count..];
        self.left -= count;
        Ok(count)
    }
}

#[test]
fn a_run_that_broke_off_is_carried_on() {
    both(|world| {
        let engine = engine(world);
        let row = |number: u32| format!("{number},+7916{:07},yes\n", number % 5_100);
        let rows: String = (0..5_200).map(row).collect();
        let text = format!("external_id,phone,verified\n{rows}");
        let importing = importing("crm", &text);
        let breaking = Breaking { text: text.as_bytes(), left: text.len() - 100 };
        let broken = read(&engine, &importing, breaking);
        assert!(matches!(broken, Err(ImportError::Csv(_))), "{broken:?}");
        assert_eq!(members(world), 5_000, "the first part is there");
        let done = read(&engine, &importing, text.as_bytes()).expect("the file is read");
        assert_eq!(done.skipped, 5_000);
        assert_eq!((done.report.rows, done.report.new, done.report.attached), (5_200, 5_100, 100));
        assert_eq!(members(world), 5_100);
        // As after a crash before it was written down: what was stored answers for itself.
        let address = world.settings.address().expect("an address");
        let mut database = address.open(coalition::store::Use::Write).expect("it is there");
        let row = coalition::store::imports::find(&mut database, "crm", &importing.file_hash);
        let row = row.expect("it answers").expect("it is there");
        let lost = coalition::store::imports::ImportRow {
            lines: 0,
            report: serde_json::to_string(&Report::default()).expect("plain JSON"),
            finished_at: None,
            ..row
        };
        coalition::store::imports::save(&mut database, &lost).expect("it is saved");
        let again = read(&engine, &importing, text.as_bytes()).expect("the file is read");
        assert_eq!(again.report, done.report);
        assert_eq!(members(world), 5_100);
    });
}
