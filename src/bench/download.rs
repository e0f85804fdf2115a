//! Downloads an answer of any length, as it comes.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use super::BenchError;

/// Gets a path with an operator's token and writes the body; how many bytes it has.
///
/// # Errors
/// If the answer is another than 200, or breaks off.
pub fn download(
    address: SocketAddr,
    token: &str,
    path: &str,
    out: &mut dyn Write,
) -> Result<u64, BenchError> {
    let mut stream = TcpStream::connect(address)?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Connection: close\r\n\r\n"
    )?;
    let mut answer = BufReader::with_capacity(256 << 10, stream);
    let status = line(&mut answer)?;
    let mut is_chunked = false;
    loop {
        let header = line(&mut answer)?.to_ascii_lowercase();
        is_chunked |= header == "transfer-encoding: chunked";
        if header.is_empty() {
            break;
        }
    }
    if !status.starts_with("HTTP/1.1 200") || !is_chunked {
        let mut body = String::new();
        answer.take(1_000).read_to_string(&mut body)?;
        return Err(BenchError::Refused(format!("{status}: {body}")));
    }
    Ok(chunks(&mut answer, out)?)
}

/// Writes chunks up to the last one; how many bytes they have.
fn chunks(answer: &mut impl BufRead, out: &mut dyn Write) -> io::Result<u64> {
    let mut total = 0;
    loop {
        let size = line(answer)?;
        let size = u64::from_str_radix(&size, 16).map_err(io::Error::other)?;
        if io::copy(&mut answer.by_ref().take(size), out)? < size {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        total += size;
        if !line(answer)?.is_empty() {
            return Err(io::Error::other("a chunk is longer than it says"));
        }
        if size == 0 {
            out.flush()?;
            return Ok(total);
        }
    }
}

/// A line without its end.
fn line(answer: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    if answer.read_line(&mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(line.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_end_with_an_empty_one() {
        let mut out = Vec::new();
        let all = b"3\r\nabc\r\na\r\n0123456789\r\n0\r\n\r\n";
        assert_eq!(chunks(&mut &all[..], &mut out).expect("chunks"), 13);
        assert_eq!(out, b"abc0123456789");
        for end in [all.len() - 2, 12, 4] {
            assert!(chunks(&mut &all[..end], &mut Vec::new()).is_err(), "cut at {end}");
        }
    }
}
