//! Answers that are written while they are computed: a thread writes, the connection reads.

use std::io::{self, Write};

use actix_web::HttpResponse;
use actix_web::web::Bytes;
use tokio::sync::mpsc::{Sender, channel};

/// Bytes that are sent at once.
const CHUNK: usize = 64 * 1024;

/// Chunks that wait for a slow reader; then the writing thread waits.
const CHUNKS_WAITING: usize = 4;

/// Where a thread writes an answer.
pub struct ChunkWriter {
    sender: Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

impl ChunkWriter {
    fn send(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = Bytes::from(std::mem::take(&mut self.buffer));
        let gone = |_| io::Error::new(io::ErrorKind::BrokenPipe, "the reader went away");
        self.sender.blocking_send(Ok(chunk)).map_err(gone)
    }
}

impl Write for ChunkWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.send()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send()
    }
}

/// An answer that a thread writes. If it fails midway the connection breaks off, so that nobody
/// takes a part for the whole.
pub fn streamed(
    content_type: &str,
    file_name: &str,
    write: impl FnOnce(&mut ChunkWriter) -> io::Result<()> + Send + 'static,
) -> HttpResponse {
    let (sender, receiver) = channel(CHUNKS_WAITING);
    tokio::task::spawn_blocking(move || {
        let mut writer = ChunkWriter { sender, buffer: Vec::with_capacity(CHUNK) };
        let written = write(&mut writer).and_then(|()| writer.flush());
        if let Err(error) = written {
            tracing::error!(error = error.to_string(), "an answer broke off");
            // The reader may have gone away itself.
            drop(writer.sender.blocking_send(Err(error)));
        }
    });
    let chunks = futures_util::stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    });
    let disposition = format!("attachment; filename=\"{file_name}\"");
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header(("content-disposition", disposition))
        .streaming(chunks)
}
