//! A server that is killed under load loses nothing that it acknowledged and doubles nothing that
//! is asked again. SIGKILL, so that nothing is finished or flushed; the database stays up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::load::{Books, Call, Sent, Till, send, work};
use super::support::{Checked, Random, Request, Served, Store, World, ensure, post_batch};

/// Tills that work at once.
const TILLS: u64 = 6;

/// Kills between two audits.
const KILLS_AN_AUDIT: usize = 20;

/// Lines of a call that checks what was acknowledged.
const LINES_CHECKED: usize = 5_000;

/// What a run came to.
#[derive(Default)]
pub struct Figures {
    acknowledged: u64,
    unanswered: u64,
    on_disk_already: u64,
    ready_after: Vec<Duration>,
}

/// Kills a server again and again; `fault` is planted in it.
pub fn kill_again_and_again(store: Store, kills: usize, fault: &str) -> Checked<Figures> {
    let world = World::new(store, None, 24);
    let mut tills: Vec<Till> = (0..TILLS).map(Till::new).collect();
    let mut random = Random::stream(1_000);
    let mut books = Books::default();
    let mut figures = Figures::default();
    let mut served = world.serve_faulty(fault);
    for kill in 1..=kills {
        let sent = work_until_killed(&world, served, &mut tills, random.below(220));
        served = world.serve_faulty(fault);
        figures.ready_after.push(served.ready_after);
        settle(&world, &served.url, sent, (&mut tills, &mut books, &mut figures))?;
        if kill % KILLS_AN_AUDIT == 0 || kill == kills {
            world.audit()?;
        }
    }
    books.compare(&world, &served.url)?;
    Ok(figures)
}

/// Works at a server and kills it so many milliseconds after the load began.
fn work_until_killed(world: &World, served: Served, tills: &mut [Till], after: u64) -> Vec<Sent> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let url = served.url.clone();
        let stop = &stop;
        let working = scope.spawn(move || work(world, &[&url], tills, stop));
        std::thread::sleep(Duration::from_millis(after));
        drop(served);
        stop.store(true, Ordering::SeqCst);
        working.join().expect("the tills work")
    })
}

/// Asks again for what was not answered, and checks what was.
fn settle(
    world: &World,
    url: &str,
    sent: Vec<Sent>,
    (tills, books, figures): (&mut [Till], &mut Books, &mut Figures),
) -> Checked {
    let (answered, unanswered): (Vec<Sent>, Vec<Sent>) =
        sent.into_iter().partition(|one| one.replies.is_some());
    must_stand(world, url, &answered)?;
    let mut all = answered;
    for Sent { call, .. } in unanswered {
        let replies = send(world, url, &call);
        let got = replies.as_ref().ok_or_else(|| format!("no answer again to {call:?}"))?;
        figures.unanswered += count(got.len());
        figures.on_disk_already += count(got.iter().filter(|reply| reply.replayed).count());
        let sent = Sent { call, replies };
        tills[0].learn(&sent);
        all.push(sent);
    }
    for Sent { call, replies } in &all {
        for (request, reply) in call.requests.iter().zip(replies.iter().flatten()) {
            books.enter(request, reply)?;
        }
    }
    figures.acknowledged = books.answers - figures.unanswered;
    Ok(())
}

/// What was acknowledged is answered with the same bytes.
fn must_stand(world: &World, url: &str, answered: &[Sent]) -> Checked {
    for party in ["shop", "brand"] {
        let of_party = |sent: &&Sent| sent.call.requests[0].party == party;
        let known: Vec<_> = answered
            .iter()
            .filter(of_party)
            .flat_map(|sent| sent.call.requests.iter().zip(sent.replies.iter().flatten()))
            .collect();
        let client = world.client(url, party);
        for known in known.chunks(LINES_CHECKED) {
            let requests: Vec<Request> = known.iter().map(|(one, _)| (*one).clone()).collect();
            let again = post_batch(&client, &requests).ok_or("a check was not answered")?;
            for ((request, first), again) in known.iter().zip(again) {
                let same =
                    again.replayed && (again.status, &again.body) == (first.status, &first.body);
                ensure(same, || {
                    format!("{}: first {first:?}, after the kill {again:?}", request.key)
                })?;
            }
        }
    }
    Ok(())
}

fn count(number: usize) -> u64 {
    u64::try_from(number).expect("few")
}

fn kills_of(store: Store) {
    if !Store::asked().contains(&store) {
        return;
    }
    let asked = std::env::var("COALITION_KILLS").ok().and_then(|text| text.parse().ok());
    let kills = asked.unwrap_or(25);
    let figures = kill_again_and_again(store, kills, "").expect("nothing is lost or doubled");
    let mut ready = figures.ready_after;
    ready.sort();
    let (median, longest) = (ready.get(ready.len() / 2), ready.last());
    eprintln!(
        "{store:?}: {kills} kills; {} answers acknowledged before a kill, each there with the same \
         bytes; {} requests without an answer asked again, {} of them on disk already; ready after \
         {median:?} (median), {longest:?} (longest)",
        figures.acknowledged, figures.unanswered, figures.on_disk_already
    );
    assert!(figures.acknowledged > 0 && figures.unanswered > 0, "no kill came under load");
}

#[test]
fn a_killed_server_on_sqlite_loses_and_doubles_nothing() {
    kills_of(Store::Sqlite);
}

#[test]
fn a_killed_server_on_postgres_loses_and_doubles_nothing() {
    kills_of(Store::Postgres);
}

/// A bulk call whose lines are asked again one by one gets the same answers.
#[test]
fn a_bulk_call_and_its_lines_are_one_request_each() {
    for store in Store::asked() {
        let world = World::new(store, None, 4);
        let served = world.serve();
        let mut till = Till::new(77);
        let calls: Vec<Call> = (0..40).map(|_| till.next(&world.members)).collect();
        for call in calls {
            let first = send(&world, &served.url, &call).expect("an answer");
            for (request, first) in call.requests.iter().zip(first) {
                let alone = Call { requests: vec![request.clone()], in_bulk: !call.in_bulk };
                let again = send(&world, &served.url, &alone).expect("an answer").remove(0);
                assert!(again.replayed);
                assert_eq!((again.status, again.body), (first.status, first.body));
            }
        }
    }
}
