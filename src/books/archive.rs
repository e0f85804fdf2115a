//! How much a workbook unpacks to, from the directory of its archive, before anything is unpacked.
//!
//! Sheets are read as streams; the other parts are held in memory, so little of them is allowed.

use std::io::{Read, Seek, SeekFrom};

use super::intake::BooksError;

/// The most bytes of all parts that are held in memory.
const HELD_MAX: u64 = 192 << 20;

/// The most bytes of the sheets.
const SHEETS_MAX: u64 = 2 << 30;

/// The most bytes of the directory and what follows it.
const DIRECTORY_MAX: u64 = 1 << 20;

/// The bytes of the record at the end, without its comment.
const END_SIZE: usize = 22;

/// The bytes of an entry of the directory, without its names.
const ENTRY_SIZE: usize = 46;

/// Checks what the parts say of their sizes, and goes back to the beginning.
pub(super) fn check(source: &mut (impl Read + Seek)) -> Result<(), BooksError> {
    let length = source.seek(SeekFrom::End(0))?;
    let start = source.seek(SeekFrom::Start(length.saturating_sub(DIRECTORY_MAX)))?;
    let mut tail = Vec::new();
    source.read_to_end(&mut tail)?;
    source.rewind()?;
    let unreadable = || BooksError::Workbook("this is no workbook".to_owned());
    let end = tail.windows(4).rposition(|mark| mark == b"PK\x05\x06").ok_or_else(unreadable)?;
    let end = tail.get(end..end + END_SIZE).ok_or_else(unreadable)?;
    let directory = u64::from(word(end, 16)).checked_sub(start).ok_or_else(unreadable)?;
    let directory = usize::try_from(directory).map_err(|_| unreadable())?;
    let mut rest = tail.get(directory..).ok_or_else(unreadable)?;
    let (mut held, mut sheets) = (0, 0);
    while rest.starts_with(b"PK\x01\x02") {
        let entry = rest.get(..ENTRY_SIZE).ok_or_else(unreadable)?;
        let name_size = half(entry, 28);
        let name = rest.get(ENTRY_SIZE..ENTRY_SIZE + name_size).ok_or_else(unreadable)?;
        let is_sheet = name.starts_with(b"xl/worksheets/");
        *(if is_sheet { &mut sheets } else { &mut held }) += u64::from(word(entry, 24));
        let size = ENTRY_SIZE + name_size + half(entry, 30) + half(entry, 32);
        rest = rest.get(size..).ok_or_else(unreadable)?;
    }
    if HELD_MAX < held || SHEETS_MAX < sheets { Err(BooksError::TooLarge) } else { Ok(()) }
}

/// Four bytes of a record, the lowest first.
fn word(bytes: &[u8], at: usize) -> u32 {
    let four = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
    u32::from_le_bytes(four)
}

/// Two bytes of a record, the lowest first.
fn half(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use rust_xlsxwriter::Workbook;

    use super::*;

    #[test]
    fn a_workbook_that_unpacks_to_too_much_is_refused_before_that() {
        let mut workbook = Workbook::new();
        workbook.add_worksheet().write(0, 0, "at").expect("a cell");
        let mut bytes = workbook.save_to_buffer().expect("a workbook");
        assert!(check(&mut Cursor::new(&bytes)).is_ok());
        let of_part = |mark: &[u8]| mark.starts_with(b"PK\x01\x02") && mark.ends_with(b"xl/sty");
        let place = bytes.windows(ENTRY_SIZE + 6).position(of_part).expect("the styles");
        bytes[place + 24..place + 28].copy_from_slice(&0x7FFF_FFFF_u32.to_le_bytes());
        let refused = check(&mut Cursor::new(&bytes));
        assert!(matches!(refused, Err(BooksError::TooLarge)), "{refused:?}");
    }
}
