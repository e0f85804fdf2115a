//! Webhooks over kills: of the server that sends, and of the receiver. Every event arrives, under
//! one id and with one body; a consumer that drops what it has seen sees each once.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant as Stopwatch};

use serde_json::{Value, json};

use super::load::{Till, work};
use super::support::{Random, Served, Store, World};

/// Kills of the sender on each database.
const KILLS: u64 = 5;

/// Tills that work at once.
const TILLS: u64 = 4;

/// A lease of a killed server and a second call of a receiver that was down take half of this.
const ARRIVES_WITHIN: Duration = Duration::from_secs(90);

/// A receiver that can be taken down and put up again.
struct Receiver {
    address: SocketAddr,
    is_down: Arc<AtomicBool>,
    refused: Arc<AtomicU64>,
    /// What came, by id: the body, and how often.
    got: Arc<Mutex<BTreeMap<String, (String, u64)>>>,
}

impl Receiver {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("an address");
        let (is_down, refused) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let got: Arc<Mutex<BTreeMap<String, (String, u64)>>> = Arc::default();
        let receiver = Self { address, is_down, refused, got };
        let (is_down, refused) = (Arc::clone(&receiver.is_down), Arc::clone(&receiver.refused));
        let got = Arc::clone(&receiver.got);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (is_down, refused) = (Arc::clone(&is_down), Arc::clone(&refused));
                let got = Arc::clone(&got);
                std::thread::spawn(move || {
                    let mut input = BufReader::new(stream);
                    while let Some((id, body)) = read_call(&mut input) {
                        // Who is down takes nothing in and hangs up.
                        if is_down.load(Ordering::SeqCst) {
                            refused.fetch_add(1, Ordering::SeqCst);
                            return;
                        }
                        let mut all = got.lock().expect("nobody failed with it");
                        let there = all.entry(id.clone()).or_insert_with(|| (body.clone(), 0));
                        assert_eq!(there.0, body, "{id} has one body");
                        there.1 += 1;
                        drop(all);
                        let answer = b"HTTP/1.1 204 Taken\r\n\r\n";
                        if input.get_mut().write_all(answer).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        receiver
    }

    fn count(&self) -> usize {
        self.got.lock().expect("nobody failed with it").len()
    }
}

fn read_call(input: &mut BufReader<TcpStream>) -> Option<(String, String)> {
    let (mut id, mut length) = (None, None);
    let mut line = String::new();
    loop {
        line.clear();
        input.read_line(&mut line).ok().filter(|read| *read > 0)?;
        if line.trim_end().is_empty() {
            break;
        }
        if let Some((name, value)) = line.trim_end().split_once(": ") {
            match name.to_lowercase().as_str() {
                "webhook-id" => id = Some(value.to_owned()),
                "content-length" => length = value.parse().ok(),
                _ => {}
            }
        }
    }
    let mut body = vec![0; length?];
    input.read_exact(&mut body).ok()?;
    Some((id?, String::from_utf8(body).ok()?))
}

/// Works at a server for a while and kills it.
fn work_until_killed(world: &World, served: Served, tills: &mut [Till], after: u64) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (url, stop) = (served.url.clone(), &stop);
        let working = scope.spawn(move || work(world, &[&url], tills, stop));
        std::thread::sleep(Duration::from_millis(after));
        drop(served);
        stop.store(true, Ordering::SeqCst);
        working.join().expect("the tills work");
    });
}

/// All events, as the operator pulls them: bodies by id.
fn pulled(world: &World, url: &str) -> BTreeMap<String, Value> {
    let operator = world.operator(url);
    let (mut all, mut query) = (BTreeMap::new(), "?limit=200".to_owned());
    loop {
        let answer = operator.get(&format!("/v1/events{query}")).expect("an answer");
        let page: Value = answer.json().expect("JSON");
        for event in page["data"].as_array().expect("a list") {
            let id = event["id"].as_str().expect("an id").to_owned();
            assert!(all.insert(id, event.clone()).is_none(), "an event is pulled once");
        }
        if page["page"]["more"] == false {
            return all;
        }
        let next = page["page"]["next"].as_str().expect("a cursor");
        query = format!("?limit=200&cursor={next}");
    }
}

fn arrives(store: Store) {
    if !Store::asked().contains(&store) {
        return;
    }
    let world = World::new(store, None, 12);
    let receiver = Receiver::new();
    let mut served = world.serve();
    let hook = json!({"party": "clearing", "url": format!("http://{}/hook", receiver.address)});
    let made = world.operator(&served.url).post("/v1/webhooks", "hook", &hook).expect("an answer");
    assert_eq!(made.status, 201, "{}", made.text());
    let mut tills: Vec<Till> = (700..700 + TILLS).map(Till::new).collect();
    let mut random = Random::stream(7_000);
    for kill in 0..KILLS {
        if kill == KILLS / 2 {
            receiver.is_down.store(true, Ordering::SeqCst);
        }
        work_until_killed(&world, served, &mut tills, 300 + random.below(500));
        served = world.serve();
        if receiver.is_down.load(Ordering::SeqCst) {
            let started = Stopwatch::now();
            while receiver.refused.load(Ordering::SeqCst) == 0 {
                assert!(started.elapsed() < ARRIVES_WITHIN, "nobody called while it was down");
                std::thread::sleep(Duration::from_millis(20));
            }
            receiver.is_down.store(false, Ordering::SeqCst);
        }
    }
    let all = pulled(&world, &served.url);
    let started = Stopwatch::now();
    while receiver.count() < all.len() {
        assert!(started.elapsed() < ARRIVES_WITHIN, "{} of {} came", receiver.count(), all.len());
        std::thread::sleep(Duration::from_millis(100));
    }
    let got = receiver.got.lock().expect("nobody failed with it");
    assert!(got.keys().eq(all.keys()), "what came is what happened");
    for (id, (body, _)) in got.iter() {
        let body: Value = serde_json::from_str(body).expect("JSON");
        for field in ["type", "timestamp", "data"] {
            assert_eq!(body[field], all[id][field], "{id}");
        }
    }
    let calls: u64 = got.values().map(|(_, count)| count).sum();
    let doubled = got.values().filter(|(_, count)| *count > 1).count();
    eprintln!(
        "{store:?}: {} events over {KILLS} kills, in {calls} calls; {doubled} came more than once; \
         all there {:?} after the last kill",
        got.len(),
        started.elapsed()
    );
    assert!(all.len() > 100, "there was little to tell");
}

#[test]
fn every_event_of_a_killed_server_on_sqlite_arrives() {
    arrives(Store::Sqlite);
}

#[test]
fn every_event_of_a_killed_server_on_postgres_arrives() {
    arrives(Store::Postgres);
}
