//! For every list of commands: how it is cut into batches, which database keeps it, and how often
//! it is sent make no difference, and the books balance.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use coalition::clock::Clock;
use coalition::domain::account::AccountKey;
use coalition::domain::ids::ScheduleId;
use coalition::domain::posting::Body;
use coalition::domain::settlement::CycleId;
use coalition::domain::time::{Day, Instant};
use coalition::domain::transaction::Transaction;
use coalition::engine::{Answer, Engine, Submission, Work};
use coalition::http::answers::Answers;
use coalition::http::wire::transactions::command_of;
use coalition::http::wire::{Reader, fingerprint};
use coalition::store::names::key_hash;
use coalition::store::{Database, Use, audit, cycles, dialect, heads};
use proptest::prelude::*;
use proptest::test_runner::{TestCaseError, TestRunner};

use super::commands::{Op, Writer, ops};
use super::support::{NOON, Request, Store, World, few_cases};

const HOUR_MICROS: i64 = 3_600_000_000;

/// How a list is cut into batches.
#[derive(Clone, Copy, Debug)]
enum Cut<'a> {
    /// Each while between two waits is one batch.
    Whole,
    /// Each command is a batch.
    Ones,
    /// After these commands a new call begins, and the server batches as it likes.
    After(&'a [bool]),
}

/// What a list led to.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Outcome {
    /// Status and body, command by command.
    answers: Vec<(u16, String)>,
    /// The ends of the hash chains.
    chain: Vec<[u8; 32]>,
}

struct Ledger<'a> {
    world: &'a World,
    engine: Engine,
    clock: Arc<Clock>,
}

impl<'a> Ledger<'a> {
    fn open(world: &'a World, batch_max: usize) -> Self {
        let clock = Arc::new(Clock::set(Instant::parse(NOON).expect("an instant")));
        let mut settings = world.settings.engine().expect("the settings are in range");
        settings.batch_max = batch_max;
        let engine = Engine::start(&settings, Arc::clone(&clock), Box::new(Answers));
        Self { world, engine: engine.expect("the engine starts"), clock }
    }

    fn database(&self) -> Database {
        let address = self.world.settings.address().expect("an address");
        address.open(Use::Write).expect("the database is there")
    }

    fn submission(&self, request: &Request) -> Submission {
        let party = request.party.parse().expect("a party");
        let timeline = self.engine.timeline();
        let reader = Reader { coalition: timeline.latest(), now: self.clock.now() };
        let command = command_of(reader, &party, &request.body, false);
        let command = command.unwrap_or_else(|problem| panic!("{}: {problem}", request.body));
        Submission {
            key: key_hash(request.party, &request.key),
            fingerprint: fingerprint("transaction", &request.body),
            work: Work::Post(Box::new(command)),
            signed_by: None,
            party,
        }
    }

    fn call(&self, requests: &[Request]) -> Vec<Answer> {
        let submissions = requests.iter().map(|request| self.submission(request)).collect();
        let waiting = self.engine.submit_in_order(submissions);
        waiting
            .into_iter()
            .map(|one| one.blocking_recv().expect("an answer").expect("it is decided"))
            .collect()
    }

    /// Like a call, but all are in the queue before the first of them is taken out of it.
    fn one_batch(&self, requests: &[Request]) -> Vec<Answer> {
        let mut other = self.database();
        dialect::begin(&mut other).expect("a transaction");
        heads::lock(&mut other, &[0]).expect("the shard is there");
        // It keeps the lane waiting for the lock, and changes nothing.
        let key = AccountKey {
            member: self.world.members[0].parse().expect("a member"),
            programme: "nothing".parse().expect("a programme"),
        };
        let party = "brand".parse().expect("a party");
        let work = Work::Expire(key);
        let first = Submission { party, signed_by: None, key: [0; 16], fingerprint: [0; 32], work };
        drop(self.engine.submit_in_order(vec![first]));
        std::thread::scope(|scope| {
            let calling = scope.spawn(|| self.call(requests));
            std::thread::sleep(Duration::from_millis(15));
            dialect::roll_back(&mut other).expect("the lock is let go");
            calling.join().expect("the call is answered")
        })
    }

    fn run(&self, list: &[(Op, Option<Request>)], cut: Cut<'_>) -> Outcome {
        let mut answers = Vec::new();
        let mut group: Vec<Request> = Vec::new();
        let mut flush = |group: &mut Vec<Request>| {
            let requests = std::mem::take(group);
            let all = match cut {
                _ if requests.is_empty() => Vec::new(),
                Cut::Whole => self.one_batch(&requests),
                _ => self.call(&requests),
            };
            answers.extend(all.into_iter().map(|one| (one.status, one.body.to_string())));
        };
        for (place, (op, request)) in list.iter().enumerate() {
            if let Op::Wait(hours) = op {
                flush(&mut group);
                let to = self.clock.now().plus_micros(i64::from(*hours) * HOUR_MICROS);
                self.clock.advance_to(to);
            }
            group.extend(request.clone());
            let ends = match cut {
                Cut::Whole => false,
                Cut::Ones => true,
                Cut::After(places) => places[place],
            };
            if ends {
                flush(&mut group);
            }
        }
        flush(&mut group);
        Outcome { answers, chain: self.chain() }
    }

    fn chain(&self) -> Vec<[u8; 32]> {
        let heads = heads::all(&mut self.database()).expect("the heads are there");
        heads.into_iter().map(|head| head.hash).collect()
    }

    /// The nets of all parties by the postings, and by the positions.
    fn nets(&self) -> [BTreeMap<String, i64>; 2] {
        let mut database = self.database();
        let journal = audit::journal(&mut database, 0, 0).expect("a page of the journal");
        let (mut posted, mut kept) = (BTreeMap::new(), BTreeMap::new());
        let mut days = Vec::new();
        let add = |sums: &mut BTreeMap<String, i64>, party: &str, change: i64| {
            *sums.entry(party.to_owned()).or_default() += change;
        };
        for (_, _, day, content, _) in journal {
            days.push(day);
            let transaction: Transaction = serde_json::from_str(&content).expect("stored JSON");
            for posting in transaction.postings {
                if let Body::Money { amount, .. } = posting.body {
                    add(&mut posted, posting.from.party().expect("a party").as_str(), -amount.0);
                    add(&mut posted, posting.to.party().expect("a party").as_str(), amount.0);
                }
            }
        }
        days.dedup();
        for day in days {
            let cycle = CycleId { schedule: ScheduleId::main(), first: Day::from_number(day) };
            let lines = cycles::positions_of(&mut database, &cycle);
            for line in lines.expect("the positions are there") {
                add(&mut kept, line.debtor.as_str(), -line.amount.0);
                add(&mut kept, line.creditor.as_str(), line.amount.0);
            }
        }
        [posted, kept]
    }
}

fn check(
    sqlite: &World,
    postgres: Option<&World>,
    ops: Vec<Op>,
    cuts: &[bool],
) -> Vec<(u16, String)> {
    let mut writer = Writer::new("c", &sqlite.members);
    let list: Vec<(Op, Option<Request>)> = ops
        .into_iter()
        .map(|op| {
            let request = writer.request(&op);
            (op, request)
        })
        .collect();
    let run = |world: &World, batch_max, cut| {
        let ledger = Ledger::open(world, batch_max);
        let outcome = ledger.run(&list, cut);
        let requests: Vec<Request> = list.iter().filter_map(|(_, one)| one.clone()).collect();
        for (again, first) in ledger.call(&requests).into_iter().zip(&outcome.answers) {
            assert!(again.replayed);
            assert_eq!((again.status, again.body.to_string()), *first);
        }
        assert_eq!(ledger.chain(), outcome.chain, "asking again changed something");
        let [posted, kept] = ledger.nets();
        assert_eq!(posted, kept, "positions are not what was posted");
        assert_eq!(posted.values().sum::<i64>(), 0);
        world.audit().expect("the audit is clean");
        outcome
    };
    let whole = run(&sqlite.copy(), 1_000, Cut::Whole);
    assert_eq!(run(&sqlite.copy(), 1, Cut::Ones), whole, "one by one");
    assert_eq!(run(&sqlite.copy(), 1_000, Cut::After(cuts)), whole, "in calls");
    if let Some(postgres) = postgres {
        assert_eq!(run(&postgres.copy(), 1_000, Cut::Whole), whole, "on PostgreSQL");
        assert_eq!(run(&postgres.copy(), 1_000, Cut::After(cuts)), whole, "there in calls");
    }
    whole.answers
}

#[test]
fn batches_databases_and_repetition_make_no_difference() {
    let sqlite = World::new(Store::Sqlite, Some(1), 4);
    let is_asked = Store::asked().contains(&Store::Postgres);
    let postgres = is_asked.then(|| World::new(Store::Postgres, Some(1), 4));
    if let Some(postgres) = &postgres {
        assert_eq!(postgres.members, sqlite.members);
    }
    let lists = (ops(4), proptest::collection::vec(any::<bool>(), 30));
    let seen = Cell::new((0, 0));
    let outcome = TestRunner::new(few_cases()).run(&lists, |(ops, cuts)| {
        let answers = check(&sqlite, postgres.as_ref(), ops, &cuts);
        let accepted = answers.iter().filter(|(status, _)| *status == 201).count();
        seen.set((seen.get().0 + accepted, seen.get().1 + answers.len()));
        Ok::<(), TestCaseError>(())
    });
    outcome.expect("nothing makes a difference");
    let (accepted, all) = seen.get();
    eprintln!("{accepted} of {all} commands were accepted");
    assert!(all < accepted * 3, "most commands are refused: {accepted} of {all} were accepted");
}
