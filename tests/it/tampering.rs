//! What happens when somebody edits the database: for each table that holds books a value is changed
//! behind the server's back, and the audit finds it. A new table must be put into one of the lists.

use std::collections::BTreeSet;

use coalition::audit::audit;
use coalition::store::{Database, Use};
use serde_json::Value;

use crate::bank::{self, DAY};
use crate::migrations::known_tables;
use crate::support::{Setup, World, both_with, code_of};
use crate::tampering_world::play;

/// Tables that hold books: which value is changed to what, and in which row.
const BOOKS: &[(&str, &str, &str, &str)] = &[
    ("transactions", "content", "replace(content, 'R-1', 'R-7')", "content LIKE '%\"R-1\"%'"),
    ("transactions", "hash", ZEROS, ""),
    ("transactions", "seq", "seq + 1000000", ""),
    ("transactions", "member", "member + 1024", "member > 0"),
    ("transactions", "recorded_at", "recorded_at + 1", ""),
    ("transactions", "settlement_day", "settlement_day + 1", ""),
    ("transactions", "reference_hash", ZEROS, "reference_hash IS NOT NULL"),
    ("shard_heads", "next_seq", "next_seq + 1", ""),
    ("shard_heads", "hash", ZEROS, ""),
    ("shard_heads", "frontier", ZEROS, ""),
    ("log_nodes", "hash", ZEROS, ""),
    ("log_nodes", "place", "place + 1", ""),
    ("seals", "size", "size + 1", "size > 1"),
    ("seals", "frontier", ZEROS, ""),
    ("seals", "cycle", "cycle + 1", "size > 1"),
    ("seals", "schedule", "'other'", "size > 1"),
    ("accounts", "points", "points + 1", ""),
    ("accounts", "held", "held + 1", ""),
    ("accounts", "debt", "debt + 1", ""),
    (
        "accounts",
        "metric",
        "replace(metric, '\"spend\":', '\"spend\":1')",
        "metric LIKE '%\"days\"%'",
    ),
    ("accounts", "metric", "replace(metric, '\"receipts\":', '\"receipts\":1')", "points > 0"),
    ("accounts", "metric", "replace(metric, '[[2', '[[1')", "metric LIKE '%[[2%'"),
    ("accounts", "metric", "replace(metric, '\"spend\":0', '\"spend\":1')", "points = 0"),
    ("accounts", "max_share", "'0.99'", "max_share IS NOT NULL"),
    ("accounts", "max_share", "NULL", "max_share IS NOT NULL"),
    ("accounts", "max_share", "'0.99'", "max_share IS NULL AND points > 0"),
    ("accounts", "max_share", "'0.99'", "points = 0"),
    ("accounts", "member", "member + 1048576", "points > 0"),
    ("accounts", "programme", "'other'", "points > 0"),
    ("lots", "granted", "granted + 1", ""),
    ("lots", "remaining", "remaining - 1", "remaining > 1"),
    ("lots", "held", "held + 1", "held < granted - remaining"),
    ("lots", "expired", "expired + 1", ""),
    ("lots", "available_at", "available_at + 1", ""),
    ("lots", "expires_at", "expires_at - 1", ""),
    ("lots", "price", "'0.5'", ""),
    ("lots", "live", "NOT live", ""),
    ("lots", "cost", "cost + 1", ""),
    ("lots", "funding", "replace(funding, '\"bank\"', '\"shop\"')", "funding LIKE '%\"bank\"%'"),
    ("lots", "funding", "NULL", "funding IS NOT NULL AND remaining = 0"),
    ("lots", "funding", "(SELECT max(funding) FROM lots)", "funding IS NULL AND remaining > 0"),
    ("lots", "member", "member + 1024", "remaining > 0"),
    ("lots", "programme", "'other'", "remaining > 0"),
    ("receipts", "state", "replace(state, '\"kept\":', '\"kept\":1')", "state LIKE '%\"kept\":2%'"),
    ("receipts", "state", "replace(state, '\"clawed_back\":', '\"clawed_back\":1')", ""),
    ("receipts", "state", "replace(state, '\"restored\":', '\"restored\":1')", ""),
    (
        "receipts",
        "state",
        "replace(state, '\"delivered\":false', '\"delivered\":true')",
        UNDELIVERED,
    ),
    ("receipts", "state", "replace(state, '\"delivered\":true', '\"delivered\":false')", DELIVERED),
    ("receipts", "state", "replace(state, '[1]', '[0]')", "state LIKE '%[1]%'"),
    ("receipts", "state", "replace(state, ',\"gone\":[1]', '')", "state LIKE '%[1]%'"),
    ("receipts", "state", "replace(state, '[2,0]', '[0,2]')", "state LIKE '%[2,0]%'"),
    ("receipts", "state", "replace(state, '[2,0]', '[2,0,1]')", "state LIKE '%[2,0]%'"),
    ("receipts", "state", "replace(state, '[2,0]', '[0]')", "state LIKE '%[2,0]%'"),
    ("receipts", "origin", "origin + 1048576", ""),
    ("receipts", "shard", "shard + 1", ""),
    ("receipts", GONE, "", UNDELIVERED),
    ("receipts", GONE, "", DELIVERED),
    ("packs", "left_points", "left_points - 1", ""),
    ("packs", "bought", "bought + 1", ""),
    ("packs", "price", "'0.5'", ""),
    ("packs", "party", "'shop'", "party = 'bank'"),
    ("packs", "programme", "'other'", ""),
    ("packs", "starts_at", "starts_at + 1", ""),
    ("packs", "ends_at", "ends_at - 1", ""),
    ("holds", "open", "NOT open", "open"),
    ("holds", "allocations", "replace(allocations, '\"points\":', '\"points\":1')", "open"),
    ("holds", "valid_until", "valid_until - 1", "open"),
    ("holds", "party", "'bank'", "open"),
    ("holds", "programme", "'other'", "open"),
    ("holds", "owes", "replace(owes, ':', ':1')", "open AND owes IS NOT NULL"),
    ("positions", "amount", "amount + 1", ""),
    ("positions", "points", "points + 1", ""),
    ("positions", "postings", "postings + 1", ""),
    ("positions", "debtor", "'bank'", "debtor = 'shop'"),
    ("positions", "creditor", "'bank'", "creditor = 'clearing'"),
    ("positions", "cycle", "cycle + 1", ""),
    ("positions", "late_for", "late_for + 1", ""),
    ("positions", "kind", "'burn_fee'", "kind = 'earn_fee'"),
    ("positions", "currency", "'USD'", ""),
    ("exposures", "net", "net + 1", "cycle = 0 AND party = 'shop'"),
    ("exposures", "held", "held + 1", "cycle = 0 AND party = 'shop'"),
    ("cycles", "figures", "replace(figures, '.00', '.01')", "figures IS NOT NULL"),
    ("cycles", "checkpoints", "replace(checkpoints, 'log/0', 'log/1')", "checkpoints IS NOT NULL"),
    ("cycles", "house_size", "house_size + 1", "house_size IS NOT NULL"),
    ("cycles", "state", "'settled'", ""),
    ("cycles", "cycle", "cycle + 1", ""),
    ("cycles", "schedule", "'other'", ""),
    ("cycle_events", "state", "'settled'", "state = 'instructed'"),
    ("cycle_events", "at", "at + 1", "state = 'closed'"),
    ("cycle_events", "cycle", "cycle + 1", ""),
    ("statements", "head", "replace(head, '.00', '.01')", "party = 'shop'"),
    ("statements", "head", "replace(head, '\"version\":1', '\"version\":2')", "party = 'bank'"),
    ("statements", "tail", "replace(tail, '.00', '.01')", "party = 'shop'"),
    ("statements", "lines", "lines + 1", ""),
    ("statements", "sha256", "replace(sha256, '1', '2')", "sha256 LIKE '%1%'"),
    ("statements", "vouched", "replace(vouched, 'lines', 'linen')", ""),
    ("statements", "party", "'other'", ""),
    ("statements", "cycle", "cycle - 1", ""),
    ("circulation", "points", "points + 1", ""),
    ("circulation", "programme", "'other'", ""),
    ("circulation", "cycle", "cycle + 1", ""),
    ("cycle_sums", "points", "points + 1", ""),
    ("cycle_sums", "kind", "'other'", ""),
    ("cycle_sums", "name", "name + 1", ""),
    ("legs", "amount", "amount + 1", ""),
    ("legs", "paid", "paid + 1", ""),
    ("legs", "due", "due + 1", ""),
    ("legs", "party", "'bank'", "party = 'shop'"),
    ("legs", "direction", "'pay_out'", "direction = 'collect'"),
    ("legs", "reference", "'RF00'", ""),
    ("legs", "cycle", "cycle + 1", ""),
    ("bank_entries", "amount", "amount + 1", "transaction_id IS NOT NULL"),
    ("bank_entries", "entry", "'other'", "transaction_id IS NOT NULL"),
    ("bank_entries", "transaction_id", "transaction_id + 1024", "transaction_id IS NOT NULL"),
    ("open_items", "suspense", "suspense + 1", "suspense <> 0"),
    ("open_items", "item", "item + 1000", "suspense <> 0"),
    ("settings", "value", "'BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc='", "name = 'log_key'"),
];

/// In place of a column: the row is deleted.
const GONE: &str = "*";
const DELIVERED: &str = "state LIKE '%\"delivered\":true%'";
const UNDELIVERED: &str = "state LIKE '%\"delivered\":false%'";

/// Thirty-two bytes that are the hash of nothing.
const ZEROS: &str = "{zeros}";

/// Tables that hold no books, and why nothing in them is one.
const OTHERS: &[(&str, &[&str])] = &[
    (
        "terms: each posting keeps the price, the rule and the version that counted",
        &["configurations"],
    ),
    ("answers as they were given; the journal says what was recorded", &["requests"]),
    (
        "who is who, and what people agreed to",
        &[
            "members",
            "member_names",
            "persons",
            "personal_names",
            "consents",
            "merge_proposals",
            "moved_names",
            "codes",
            "code_counts",
            "member_imports",
        ],
    ),
    ("what people did with an open item; what they booked is in the journal", &["open_item_steps"]),
    (
        "partners' own lists, and what comparing them found; what follows is posted",
        &["book_profiles", "reconciliations", "reconciliation_parts", "breaks", "break_events"],
    ),
    (
        "objections; what is set aside and released is posted, and statements tell how they stood",
        &["disputes", "dispute_events"],
    ),
    (
        "cards and passes: what members show",
        &[
            "cards",
            "card_steps",
            "card_codes",
            "card_intros",
            "passes",
            "pass_head",
            "pass_cursors",
            "pass_devices",
            "pass_objects",
        ],
    ),
    (
        "offers: what was promised and counted; what came of it is posted",
        &[
            "promo_batches",
            "promo_codes",
            "promo_days",
            "promo_uses",
            "compensations",
            "compensation_sums",
            "basket_rules",
            "baskets",
            "offer_numbers",
        ],
    ),
    (
        "telling: what was told to whom",
        &[
            "outbox",
            "outbox_head",
            "webhooks",
            "webhook_replays",
            "deliveries",
            "event_progress",
            "limit_notices",
            "desk_reads",
        ],
    ),
    (
        "campaigns: who takes part and what was counted; points and money are posted",
        &[
            "campaigns",
            "promos",
            "campaign_responses",
            "campaign_passes",
            "campaign_chunks",
            "campaign_budgets",
            "notices",
            "notice_counts",
            "notice_channels",
            "reminder_cursors",
        ],
    ),
    (
        "counted from the journal, and grows again if it is deleted",
        &["member_stats", "member_days", "member_products", "promo_flows", "stat_cursors"],
    ),
];

#[test]
fn every_table_is_among_the_books_or_says_why_not() {
    let books = BOOKS.iter().map(|(table, ..)| (*table).to_owned());
    let others = OTHERS.iter().flat_map(|(_, tables)| tables.iter().map(|one| (*one).to_owned()));
    let (books, others): (BTreeSet<_>, BTreeSet<_>) = (books.collect(), others.collect());
    let both: Vec<_> = books.intersection(&others).collect();
    assert!(both.is_empty(), "{both:?} stand in both lists");
    let listed: BTreeSet<String> = books.union(&others).cloned().collect();
    let known = known_tables();
    let missing: Vec<_> = known.difference(&listed).collect();
    assert!(missing.is_empty(), "{missing:?}: say how a change is found, or why it is no book");
    let gone: Vec<_> = listed.difference(&known).collect();
    assert!(gone.is_empty(), "{gone:?}: there is no such table");
}

fn open(world: &World) -> Database {
    let address = world.settings.address().expect("the address is one");
    address.open(Use::Write).expect("it can be written")
}

/// Runs a statement of SQL; how many rows it touched.
fn run(database: &mut Database, statement: &str) -> usize {
    use diesel::RunQueryDsl as _;
    let asked = diesel::sql_query(statement);
    match database {
        Database::Sqlite(one) => asked.execute(one),
        Database::Postgres(one) => asked.execute(one),
    }
    .unwrap_or_else(|error| panic!("{statement}: {error}"))
}

/// Changes one value of one row, or deletes the row.
fn change(database: &mut Database, (table, column, to, at): (&str, &str, &str, &str)) -> usize {
    let (row, zeros) = match database {
        Database::Sqlite(_) => ("rowid", "zeroblob(32)"),
        Database::Postgres(_) => ("ctid", "decode(repeat('00', 32), 'hex')"),
    };
    let (to, at) = (to.replace(ZEROS, zeros), if at.is_empty() { "1 = 1" } else { at });
    let doing = match column {
        GONE => format!("DELETE FROM {table}"),
        column => format!("UPDATE {table} SET {column} = {to}"),
    };
    let one = format!("SELECT {row} FROM {table} WHERE {at} LIMIT 1");
    run(database, &format!("{doing} WHERE {row} = ({one})"))
}

fn difference(world: &World) -> Option<String> {
    let address = world.settings.address().expect("the address is one");
    audit(&address).expect("it can be audited").difference
}

fn by_hand() -> Setup {
    bank::by_hand().with_shards(1)
}

#[test]
fn a_value_that_is_changed_in_any_book_is_found() {
    both_with(&by_hand(), |world| {
        play(world);
        assert_eq!(difference(world), None);
        let mut wrong = Vec::new();
        for edit @ (table, column, ..) in BOOKS {
            let mut database = open(world);
            run(&mut database, &format!("CREATE TABLE saved AS SELECT * FROM {table}"));
            let touched = change(&mut database, *edit);
            let found = difference(world);
            run(&mut database, &format!("DELETE FROM {table}"));
            run(&mut database, &format!("INSERT INTO {table} SELECT * FROM saved"));
            run(&mut database, "DROP TABLE saved");
            match found {
                Some(found) if touched == 1 => eprintln!("{table}.{column}: {found}"),
                found => wrong.push(format!("{edit:?}: {touched} rows, {found:?}")),
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        assert_eq!(difference(world), None, "all is as it was");
    });
}

#[test]
fn a_changed_statement_is_refused_before_its_first_byte() {
    both_with(&by_hand(), |world| {
        play(world);
        let target = format!("/v1/statements/{DAY}/shop");
        let forms = ["", "?format=csv", "?format=xlsx", "/proofs"];
        for (column, to) in [
            ("head", "replace(head, '.00', '.01')"),
            ("tail", "replace(tail, '.00', '.01')"),
            ("lines", "lines + 1"),
            ("sha256", "replace(sha256, 'a', 'b')"),
            ("vouched", "replace(vouched, 'lines', 'linen')"),
        ] {
            let mut database = open(world);
            run(&mut database, "CREATE TABLE saved AS SELECT * FROM statements");
            let edit = ("statements", column, to, "party = 'shop'");
            assert_eq!(change(&mut database, edit), 1, "{column}");
            for form in forms {
                let refused = world.party("shop").get(&format!("{target}{form}"));
                let told = (refused.status, code_of(&refused));
                assert_eq!(told, (500, "ledger_differs".to_owned()), "{column}{form}");
                assert!(refused.text().contains(&format!("{DAY}/shop")), "{}", refused.text());
            }
            run(&mut database, "DELETE FROM statements");
            run(&mut database, "INSERT INTO statements SELECT * FROM saved");
            run(&mut database, "DROP TABLE saved");
        }
        for form in forms {
            assert_eq!(world.party("shop").get(&format!("{target}{form}")).status, 200, "{form}");
        }
        // What an earlier version published has no note, and is read all the same.
        let statement: Value = world.party("shop").get(&target).json().expect("it is JSON");
        let mut database = open(world);
        assert_eq!(change(&mut database, ("statements", "vouched", "NULL", "party = 'shop'")), 1);
        let again: Value = world.party("shop").get(&target).json().expect("it is JSON");
        assert_eq!(again, statement);
    });
}
