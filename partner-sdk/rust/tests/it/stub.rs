//! A server of a few lines: it does with each request what the script says, and keeps them all.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use coalition_partner::{Client, RetryPolicy, Settings, SigningKey};

/// What the server does with a request.
pub enum Step {
    /// Hangs up without an answer.
    HangUp,
    /// Answers with this status line, these headers and this body.
    Answer(&'static str, &'static [&'static str], String),
    /// Answers 200 with the body's first bytes, and hangs up before the rest.
    BreakOff(String),
    /// Answers each line of a batch by the function.
    EachLine(fn(&serde_json::Value) -> serde_json::Value),
}

/// A request as it arrived.
#[derive(Clone)]
pub struct Arrived {
    /// Method and target.
    pub target: String,
    headers: Vec<(String, String)>,
    pub body: String,
    /// The number of the connection, from 0.
    pub connection: usize,
}

impl Arrived {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(own, _)| own == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The nonce of the signature.
    pub fn nonce(&self) -> &str {
        let input = self.header("signature-input").expect("the request is signed");
        input.split(";nonce=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a nonce")
    }
}

/// Starts the server; it ends with its script. The requests come through the channel.
pub fn serve(script: Vec<Step>) -> (String, Receiver<Arrived>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("the listener is bound");
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut script = script.into_iter().peekable();
        for connection in 0.. {
            if script.peek().is_none() {
                return;
            }
            let Ok((stream, _)) = listener.accept() else {
                return;
            };
            let mut reader = BufReader::new(stream);
            while script.peek().is_some() {
                let Some(arrived) = read_request(&mut reader, connection) else {
                    break;
                };
                let step = script.next().expect("a step is left");
                // Before the answer, so that whoever has the answer finds the request too.
                let is_wanted = sender.send(arrived.clone()).is_ok();
                if !is_wanted || !perform(&step, &arrived, reader.get_mut()) {
                    break;
                }
            }
        }
    });
    (format!("http://{address}"), receiver)
}

/// A client that waits for milliseconds where a partner's waits for seconds.
pub fn client(base_url: &str, attempts_max: u32) -> Client {
    let key = SigningKey::hmac("shop:1", b"secret").expect("the key is well formed");
    let settings = Settings { retry: quick(attempts_max), ..Settings::default() };
    Client::with_settings(base_url, key, &settings).expect("the address is well formed")
}

pub fn quick(attempts_max: u32) -> RetryPolicy {
    RetryPolicy {
        attempts_max,
        first_pause: Duration::from_millis(2),
        pause_max: Duration::from_millis(10),
        retry_after_max: Duration::from_millis(10),
    }
}

fn read_request(reader: &mut BufReader<TcpStream>, connection: usize) -> Option<Arrived> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let target = lines.first()?.trim_end_matches(" HTTP/1.1").to_owned();
    let split = |line: &String| {
        line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()))
    };
    let headers: Vec<(String, String)> = lines.iter().skip(1).filter_map(split).collect();
    let mut arrived = Arrived { target, headers, body: String::new(), connection };
    let length = arrived.header("content-length").map_or(0, |text| text.parse().unwrap_or(0));
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    arrived.body = String::from_utf8(body).ok()?;
    Some(arrived)
}

/// Answers, and says whether the connection stays open.
fn perform(step: &Step, arrived: &Arrived, stream: &mut TcpStream) -> bool {
    match step {
        Step::HangUp => false,
        Step::Answer(status, headers, body) => {
            let headers: String = headers.iter().flat_map(|header| [header, "\r\n"]).collect();
            let length = body.len();
            let head = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n");
            stream.write_all(format!("{head}{body}").as_bytes()).is_ok()
        }
        Step::BreakOff(start) => {
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n";
            let _ = stream.write_all(format!("{head}{start}").as_bytes());
            false
        }
        Step::EachLine(answer) => {
            let mut body = String::new();
            for line in arrived.body.lines() {
                let line = serde_json::from_str(line).expect("a line of a batch is JSON");
                body.extend([answer(&line).to_string().as_str(), "\n"]);
            }
            perform(&Step::Answer("200 OK", &[], body), arrived, stream)
        }
    }
}
