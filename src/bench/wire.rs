//! The lean client: signed requests as bytes, and a keep-alive connection that reads no more of an
//! answer than its status, its length and its end.
//!
//! It shares the cores with what it measures, so it costs little and knows little: HTTP/1.1, this
//! server's own header lines, and nothing of what the answers say.

use std::io;
use std::net::SocketAddr;

use actix_web::rt::net::TcpStream;
use coalition_partner::{RequestToSign, SigningKey, sign_request};

use crate::clock::unix_now;

/// The media type of one transaction.
pub const JSON: &str = "application/json";
/// The media type of many.
pub const NDJSON: &str = "application/x-ndjson";
/// What ends the head of a message.
const HEAD_END: &[u8] = b"\r\n\r\n";
/// What ends a body that is sent in chunks.
const CHUNKS_END: &[u8] = b"\r\n0\r\n\r\n";

/// Signs requests of one party to one server.
#[derive(Clone)]
pub struct Signer {
    key: SigningKey,
    authority: String,
}

/// One request to be signed.
pub struct Request<'a> {
    /// Where to.
    pub path: &'a str,
    /// What the body is.
    pub media_type: &'a str,
    /// Its key; new for each request, so that it serves as the nonce too.
    pub key: &'a str,
    /// The body.
    pub body: &'a str,
}

impl Signer {
    /// A signer with the key of a party, for the server at an address.
    pub fn new(key: SigningKey, address: SocketAddr) -> Self {
        Self { key, authority: address.to_string() }
    }

    /// The same party at another address.
    pub fn at(&self, address: SocketAddr) -> Self {
        Self::new(self.key.clone(), address)
    }

    /// Writes a signed POST in place of what a buffer holds.
    pub fn write(&self, request: &Request<'_>, out: &mut Vec<u8>) {
        let &Request { path, media_type, key, body } = request;
        let to_sign = RequestToSign {
            method: "POST",
            authority: &self.authority,
            path,
            query: "",
            body: Some(body.as_bytes()),
            idempotency_key: Some(key),
        };
        let signed = sign_request(&self.key, &to_sign, unix_now(), key);
        let digest = signed.content_digest.unwrap_or_default();
        let length = body.len().to_string();
        out.clear();
        for part in [
            "POST ",
            path,
            " HTTP/1.1\r\nhost: ",
            &self.authority,
            "\r\ncontent-type: ",
            media_type,
            "\r\ncontent-length: ",
            &length,
            "\r\nidempotency-key: ",
            key,
            "\r\ncontent-digest: ",
            &digest,
            "\r\nsignature-input: ",
            &signed.signature_input,
            "\r\nsignature: ",
            &signed.signature,
            "\r\n\r\n",
            body,
        ] {
            out.extend_from_slice(part.as_bytes());
        }
    }

    /// Writes a signed GET in place of what a buffer holds.
    pub fn write_get(&self, path: &str, nonce: &str, out: &mut Vec<u8>) {
        let to_sign = RequestToSign {
            method: "GET",
            authority: &self.authority,
            path,
            query: "",
            body: None,
            idempotency_key: None,
        };
        let signed = sign_request(&self.key, &to_sign, unix_now(), nonce);
        out.clear();
        for part in [
            "GET ",
            path,
            " HTTP/1.1\r\nhost: ",
            &self.authority,
            "\r\nsignature-input: ",
            &signed.signature_input,
            "\r\nsignature: ",
            &signed.signature,
            "\r\n\r\n",
        ] {
            out.extend_from_slice(part.as_bytes());
        }
    }
}

/// A connection that is kept.
pub struct Connection {
    stream: TcpStream,
    read: Vec<u8>,
    filled: usize,
}

/// An answer, as far as it is looked at.
pub struct Reply<'a> {
    /// The status, three digits.
    pub status: &'a [u8],
    /// The body; what was sent in chunks still has their sizes between its lines.
    pub body: &'a [u8],
}

impl Reply<'_> {
    /// Whether it was recorded, or read.
    pub fn is_done(&self) -> bool {
        matches!(self.status, b"200" | b"201")
    }
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// If nobody listens.
    pub async fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, read: vec![0; 16_384], filled: 0 })
    }

    /// Sends a request and waits for the whole answer.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn exchange(&mut self, request: &[u8]) -> io::Result<Reply<'_>> {
        self.send(request).await?;
        self.filled = 0;
        let (head, end) = loop {
            self.receive().await?;
            if let Some(found) = whole_answer(&self.read[..self.filled]) {
                break found;
            }
        };
        Ok(Reply { status: &self.read[9..12], body: &self.read[head..end] })
    }

    async fn send(&mut self, mut rest: &[u8]) -> io::Result<()> {
        while !rest.is_empty() {
            match self.stream.try_write(rest) {
                Ok(sent) => rest = &rest[sent..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.stream.writable().await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn receive(&mut self) -> io::Result<()> {
        if self.filled == self.read.len() {
            self.read.resize(self.filled * 2, 0);
        }
        loop {
            self.stream.readable().await?;
            match self.stream.try_read(&mut self.read[self.filled..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(read) => {
                    self.filled += read;
                    return Ok(());
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Where the body begins and ends, once all of the answer is there.
fn whole_answer(read: &[u8]) -> Option<(usize, usize)> {
    let head = read.windows(HEAD_END.len()).position(|window| window == HEAD_END)?;
    let body = head + HEAD_END.len();
    match content_length(&read[..head]) {
        Some(length) => (read.len() >= body + length).then_some((body, body + length)),
        None => read[head..].ends_with(CHUNKS_END).then_some((body, read.len())),
    }
}

/// The announced length; none: the body comes in chunks.
fn content_length(head: &[u8]) -> Option<usize> {
    let line = head.split(|&byte| byte == b'\n').find(|line| {
        let name = line.get(..15);
        name.is_some_and(|name| name.eq_ignore_ascii_case(b"content-length:"))
    })?;
    std::str::from_utf8(&line[15..]).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_at_its_length_or_its_last_chunk() {
        let sized = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(whole_answer(sized), Some((sized.len() - 2, sized.len())));
        assert_eq!(whole_answer(&sized[..sized.len() - 1]), None);
        let chunks = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n";
        assert!(whole_answer(chunks).is_some());
        assert_eq!(whole_answer(&chunks[..chunks.len() - 5]), None);
    }
}
