//! A receiver of webhooks: it keeps what it gets, and answers as a test tells it to.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use coalition::clock::unix_now;
use coalition::settings::Settings;
use coalition_partner::{WebhookHeaders, WebhookKey};
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::support::{Setup, World, text};

/// How long a call may let itself be waited for.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a receiver answers a call.
#[derive(Clone, Debug)]
pub enum Reply {
    /// With a status, and headers.
    Status(u16, &'static [(&'static str, &'static str)]),
    /// It sends its caller elsewhere.
    Redirect(String),
    /// Not at all: the connection stays open.
    Silence,
}

/// A call as it came.
#[derive(Clone, Debug)]
pub struct Call {
    /// Its headers, by their names in small letters.
    pub headers: BTreeMap<String, String>,
    /// Its body.
    pub body: String,
}

impl Call {
    /// The event's id.
    pub fn id(&self) -> &str {
        &self.headers["webhook-id"]
    }

    /// The body.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }

    /// The event's type.
    pub fn kind(&self) -> String {
        text(&self.json(), "type")
    }

    /// Whether it verifies under a key.
    pub fn verifies(&self, key: &str) -> bool {
        let header = |name: &str| self.headers.get(name).map(String::as_str);
        let headers = WebhookHeaders {
            id: header("webhook-id"),
            timestamp: header("webhook-timestamp"),
            signature: header("webhook-signature"),
        };
        let key = WebhookKey::new(key).expect("it is a key");
        key.verify(headers, self.body.as_bytes(), unix_now()).is_ok()
    }
}

/// A receiver.
pub struct Hook {
    /// Its address.
    pub url: String,
    calls: Receiver<Call>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
}

impl Hook {
    /// One that takes everything.
    pub fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
        let (sender, calls) = channel();
        let replies: Arc<Mutex<VecDeque<Reply>>> = Arc::default();
        let answers = Arc::clone(&replies);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (sender, answers) = (sender.clone(), Arc::clone(&answers));
                std::thread::spawn(move || serve(stream, &sender, &answers));
            }
        });
        Self { url, calls, replies }
    }

    /// Answers the next calls so; those after them are taken.
    pub fn replies(&self, next: impl IntoIterator<Item = Reply>) {
        self.replies.lock().expect("nobody failed with it").extend(next);
    }

    /// The next call.
    pub fn next(&self) -> Call {
        self.calls.recv_timeout(PATIENCE).expect("a call comes")
    }

    /// So many calls.
    pub fn take(&self, count: usize) -> Vec<Call> {
        (0..count).map(|_| self.next()).collect()
    }

    /// Whether no call comes for a while.
    pub fn is_quiet(&self) -> bool {
        let waited = self.calls.recv_timeout(Duration::from_millis(800));
        matches!(waited, Err(RecvTimeoutError::Timeout))
    }
}

fn serve(stream: TcpStream, sender: &Sender<Call>, answers: &Mutex<VecDeque<Reply>>) {
    let Ok(mut out) = stream.try_clone() else { return };
    let mut input = BufReader::new(stream);
    while let Some(call) = read_call(&mut input) {
        let reply = answers.lock().expect("nobody failed with it").pop_front();
        // Who no longer wants to know of calls still gets them answered.
        drop(sender.send(call));
        let head = match reply.unwrap_or(Reply::Status(204, &[])) {
            Reply::Silence => {
                // The caller hangs up at its own time.
                let mut rest = Vec::new();
                drop(input.read_to_end(&mut rest));
                return;
            }
            Reply::Redirect(to) => format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\n"),
            Reply::Status(status, headers) => {
                let lines = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
                format!("HTTP/1.1 {status} Said\r\n{}", lines.collect::<String>())
            }
        };
        let length = if head.contains(" 204 ") { "" } else { "content-length: 0\r\n" };
        if out.write_all(format!("{head}{length}\r\n").as_bytes()).is_err() {
            return;
        }
    }
}

fn read_call(input: &mut BufReader<TcpStream>) -> Option<Call> {
    let mut headers = BTreeMap::new();
    let mut line = String::new();
    input.read_line(&mut line).ok().filter(|read| *read > 0)?;
    loop {
        line.clear();
        input.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok())?;
    let mut body = vec![0; length];
    input.read_exact(&mut body).ok()?;
    Some(Call { headers, body: String::from_utf8(body).ok()? })
}

/// A world whose webhooks may go to this machine, and wait two seconds at most.
pub fn setup() -> Setup {
    let usual = Setup::default();
    let settings =
        Settings { webhooks_private: true, webhook_timeout_seconds: 2, ..usual.settings.clone() };
    Setup { settings, ..usual }
}

/// Adds a webhook for some types; its id and its secret.
pub fn add_hook(world: &World, caller: &Caller, url: &str, types: &[&str]) -> (String, String) {
    let body = json!({"url": url, "types": types});
    let answer = caller.post("/v1/webhooks", &world.new_key(), &body);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let made: Value = answer.json().expect("it is JSON");
    (text(&made, "id"), text(&made, "secret"))
}

/// The deliveries of a webhook in a state, once they are as they should be.
pub fn deliveries_when(
    caller: &Caller,
    (webhook, state): (&str, &str),
    is_right: impl Fn(&[Value]) -> bool,
) -> Vec<Value> {
    let target = format!("/v1/webhooks/{webhook}/deliveries?state={state}");
    let started = std::time::Instant::now();
    loop {
        let answer = caller.get(&target);
        let page: Value = answer.json().expect("it is JSON");
        let all = page["data"].as_array().expect("a list").clone();
        if is_right(&all) {
            return all;
        }
        assert!(started.elapsed() < PATIENCE, "{target}: {all:?}");
        std::thread::yield_now();
    }
}
