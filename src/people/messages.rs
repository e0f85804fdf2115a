//! How one-time codes reach people: a gateway over HTTP, or, on a test clock, a list that tests
//! read.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;

use crate::domain::time::Instant;
use crate::outbound::{Outbound, OutboundError, Reach};

/// The most messages that are shown.
const SHOWN_MAX: usize = 1_000;

/// How long a gateway may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How codes are sent.
#[derive(Clone, Debug)]
pub struct Sms {
    /// The gateway and its token; none: there is no gateway.
    pub gateway: Option<(String, Option<String>)>,
    /// The text, with `{code}` in the place of the code.
    pub text: String,
}

/// A message to a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The challenge that it belongs to; a gateway may use it to send nothing twice.
    pub id: String,
    /// E.164.
    pub phone: String,
    /// What it says.
    pub text: String,
    /// When it was written.
    pub at: Instant,
}

/// Why a message was not taken.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No answer.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// An answer other than 2xx.
    #[error("the gateway answered {0}")]
    Refused(u16),
}

/// Who carries messages.
pub trait Carrier: Send + Sync {
    /// Hands a message over. It may block.
    ///
    /// # Errors
    /// If the message was not taken.
    fn send(&self, message: &Message) -> Result<(), SendError>;

    /// The messages that it shows; none: it shows nothing.
    fn shown(&self) -> Option<Vec<Message>> {
        None
    }
}

/// A gateway: `POST url {"id", "to", "text"}` with a bearer token; any 2xx is a yes.
pub struct Gateway {
    url: String,
    token: Option<String>,
    outbound: Outbound,
}

impl Gateway {
    /// The gateway at an address.
    pub fn new(url: String, token: Option<String>) -> Self {
        Self { url, token, outbound: Outbound::new(Reach::Anywhere, TIMEOUT) }
    }
}

impl Carrier for Gateway {
    fn send(&self, message: &Message) -> Result<(), SendError> {
        let body = json!({"id": message.id, "to": message.phone, "text": message.text});
        let mut headers = vec![("content-type", "application/json".to_owned())];
        if let Some(token) = &self.token {
            headers.push(("authorization", format!("Bearer {token}")));
        }
        let reply = self.outbound.post(&self.url, &headers, body.to_string().as_bytes())?;
        if (200..300).contains(&reply.status) {
            Ok(())
        } else {
            Err(SendError::Refused(reply.status))
        }
    }
}

/// Keeps the latest messages to be looked at; sends nothing.
#[derive(Debug, Default)]
pub struct Shown(Mutex<VecDeque<Message>>);

impl Carrier for Shown {
    fn send(&self, message: &Message) -> Result<(), SendError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == SHOWN_MAX {
            kept.pop_front();
        }
        kept.push_back(message.clone());
        Ok(())
    }

    fn shown(&self) -> Option<Vec<Message>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Some(kept.iter().cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    fn message() -> Message {
        let text = "042917 is your code".to_owned();
        Message { id: "code_1".into(), phone: "+79161234567".into(), text, at: Instant(0) }
    }

    /// A gateway that answers one call; what it was sent.
    fn answering(status: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/send", listener.local_addr().expect("an address"));
        let serve = move || {
            let (stream, _) = listener.accept().expect("a call");
            let mut reader = BufReader::new(stream);
            let (mut head, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).expect("a line");
                let lower = line.to_lowercase();
                if let Some(value) = lower.strip_prefix("content-length:") {
                    length = value.trim().parse().expect("a length");
                }
                head += &lower;
                if line == "\r\n" {
                    break;
                }
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("the body");
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            reader.get_mut().write_all(answer.as_bytes()).expect("it can be answered");
            head + &String::from_utf8_lossy(&body)
        };
        (url, std::thread::spawn(serve))
    }

    #[test]
    fn a_gateway_gets_the_message_and_its_no_is_heard() {
        let (url, seen) = answering("202 Accepted");
        Gateway::new(url, Some("sesame".into())).send(&message()).expect("it was taken");
        let seen = seen.join().expect("it ends");
        assert!(seen.contains("authorization: bearer sesame"), "{seen}");
        let body = r#"{"id":"code_1","text":"042917 is your code","to":"+79161234567"}"#;
        assert!(seen.ends_with(body), "{seen}");
        let (url, _) = answering("302 Found");
        let refused = Gateway::new(url, None).send(&message());
        assert!(matches!(refused, Err(SendError::Refused(302))), "{refused:?}");
    }

    #[test]
    fn the_latest_messages_are_shown() {
        let shown = Shown::default();
        for number in 0..=SHOWN_MAX {
            let one = Message { id: number.to_string(), ..message() };
            shown.send(&one).expect("it is kept");
        }
        let kept = shown.shown().expect("it shows them");
        assert_eq!((kept.len(), kept[0].id.as_str()), (SHOWN_MAX, "1"));
    }
}
