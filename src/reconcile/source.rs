//! A list that lies in parts in the database, as one source of bytes.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use crate::domain::adjustment::ReconciliationId;
use crate::store::Address;
use crate::store::{Database, StoreError, Use, reconciliations};

/// The parts one after another, over a connection of its own; only one part is in memory.
pub(super) struct Parts {
    database: Database,
    run: ReconciliationId,
    next: i64,
    part: Cursor<Vec<u8>>,
}

impl Parts {
    fn open(address: &Address, run: ReconciliationId) -> Result<Self, StoreError> {
        let database = address.open(Use::Read)?;
        Ok(Self { database, run, next: 1, part: Cursor::default() })
    }
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.part.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            let bytes = reconciliations::part_bytes(&mut self.database, self.run, self.next)
                .map_err(|error| io::Error::other(error.chain()))?;
            let Some(bytes) = bytes else { return Ok(0) };
            self.part = Cursor::new(bytes);
            self.next += 1;
        }
    }
}

/// A list: streamed, or in memory where the reader has to go back in it.
pub(super) enum Source {
    /// Text is read once from the beginning to the end.
    Streamed(Box<Parts>),
    /// A workbook is an archive; it is small.
    Whole(Cursor<Vec<u8>>),
}

impl Source {
    /// The list of a run as a stream.
    pub(super) fn streamed(address: &Address, run: ReconciliationId) -> Result<Self, StoreError> {
        Parts::open(address, run).map(Box::new).map(Self::Streamed)
    }

    /// The list of a run in memory, up to a little more than `most` bytes: a longer one is cut, and
    /// whoever reads it refuses it.
    pub(super) fn whole(
        address: &Address,
        run: ReconciliationId,
        most: u64,
    ) -> Result<Self, StoreError> {
        let mut bytes = Vec::new();
        let parts = Parts::open(address, run)?;
        parts
            .take(most + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| StoreError::Unreachable(error.to_string()))?;
        Ok(Self::Whole(Cursor::new(bytes)))
    }
}

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Streamed(parts) => parts.read(buffer),
            Self::Whole(bytes) => bytes.read(buffer),
        }
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::Streamed(_) => Err(io::ErrorKind::Unsupported.into()),
            Self::Whole(bytes) => bytes.seek(to),
        }
    }
}
