//! A file that is written beside its place and moved there when it is complete.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file in the making. If it is dropped unfinished, nothing is left of it.
pub struct Part {
    file: BufWriter<File>,
    beside: PathBuf,
    to: PathBuf,
    done: bool,
}

impl Part {
    /// Begins a file.
    pub fn create(to: &Path) -> io::Result<Self> {
        let name = to.file_name().ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("{}: no file's name", to.display()))
        })?;
        let mut part_name = std::ffi::OsString::from(".");
        part_name.push(name);
        part_name.push(".part");
        let beside = to.with_file_name(part_name);
        let file = File::create(&beside).map_err(|error| named(&beside, &error))?;
        Ok(Self { file: BufWriter::new(file), beside, to: to.to_owned(), done: false })
    }

    /// Gives the file its name, over what had it before.
    pub fn finish(mut self) -> io::Result<PathBuf> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        std::fs::rename(&self.beside, &self.to).map_err(|error| named(&self.to, &error))?;
        self.done = true;
        Ok(self.to.clone())
    }
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.done {
            drop(std::fs::remove_file(&self.beside));
        }
    }
}

/// An error with the file that it is about.
pub fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
