//! A file that is read, perhaps while it is still being written.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, PoisonError},
};

use crate::TableError;

/// A table's file.
#[derive(Debug, Clone)]
pub struct Input {
    path: PathBuf,
    /// Its bytes once it is whole.
    size: u64,
    arrival: Option<Arrival>,
}

impl Input {
    /// A file that is whole.
    pub fn whole(path: &Path) -> Result<Self, TableError> {
        let of_file = |source| TableError::File { path: path.to_owned(), source };
        let size = std::fs::metadata(path).map_err(of_file)?.len();
        Ok(Self { path: path.to_owned(), size, arrival: None })
    }

    /// A file of `size` bytes that exists and is still being written; reading it waits for what has not arrived.
    pub fn arriving(path: &Path, size: u64, arrival: Arrival) -> Self {
        Self { path: path.to_owned(), size, arrival: Some(arrival) }
    }

    /// Its bytes once it is whole.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Its bytes from the first one on.
    pub(crate) fn open(&self) -> Result<Arriving, TableError> {
        let file = File::open(&self.path).map_err(|source| TableError::File { path: self.path.clone(), source })?;
        Ok(Arriving { file, at: 0, arrival: self.arrival.clone() })
    }

    /// The file once all of it is there.
    pub(crate) fn complete(&self) -> Result<File, TableError> {
        if let Some(arrival) = &self.arrival {
            let mut known = 0;
            loop {
                let arrived = arrival.beyond(known).map_err(TableError::Source)?;
                if arrived == known {
                    break;
                }
                known = arrived;
            }
        }
        File::open(&self.path).map_err(|source| TableError::File { path: self.path.clone(), source })
    }
}

/// How much of a file has arrived, told by who writes it to who reads it.
#[derive(Debug, Clone, Default)]
pub struct Arrival(Arc<(Mutex<State>, Condvar)>);

#[derive(Debug, Default)]
struct State {
    bytes: u64,
    end: Option<End>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    BrokenOff,
}

impl Arrival {
    /// The first `bytes` of the file can be read.
    pub fn reached(&self, bytes: u64) {
        self.change(|state| state.bytes = bytes);
    }

    /// The file is whole.
    pub fn complete(&self) {
        self.change(|state| state.end = Some(End::Whole));
    }

    /// Nothing more will arrive.
    pub fn break_off(&self) {
        self.change(|state| state.end = Some(End::BrokenOff));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let (state, changed) = &*self.0;
        change(&mut state.lock().unwrap_or_else(PoisonError::into_inner));
        changed.notify_all();
    }

    /// Waits until more than the first `known` bytes are there; how many, `known` when that is all.
    fn beyond(&self, known: u64) -> io::Result<u64> {
        let (state, changed) = &*self.0;
        let state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = changed.wait_while(state, |state| state.bytes <= known && state.end.is_none()).unwrap_or_else(PoisonError::into_inner);
        match state.end {
            Some(End::BrokenOff) => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file has not arrived whole")),
            _ => Ok(state.bytes.max(known)),
        }
    }
}

/// Reads a file as far as it has arrived, and waits for the rest.
pub(crate) struct Arriving {
    file: File,
    at: u64,
    arrival: Option<Arrival>,
}

impl Read for Arriving {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(arrival) = &self.arrival else { return self.file.read(buffer) };
        let ahead = usize::try_from(arrival.beyond(self.at)? - self.at).unwrap_or(usize::MAX);
        let most = ahead.min(buffer.len());
        let count = self.file.read(buffer.get_mut(..most).unwrap_or_default())?;
        self.at += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Write as _, thread};

    use super::*;

    #[test]
    fn a_file_is_read_while_it_arrives() {
        let folder = tempfile::tempdir().unwrap();
        let (path, arrival) = (folder.path().join("table"), Arrival::default());
        let mut file = File::create(&path).unwrap();
        let input = Input::arriving(&path, 6, arrival.clone());
        let reader = thread::spawn(move || io::read_to_string(input.open().unwrap()).unwrap());
        for (part, bytes) in [("ab", 2), ("cd", 4), ("ef", 6)] {
            file.write_all(part.as_bytes()).unwrap();
            arrival.reached(bytes);
        }
        arrival.complete();
        assert_eq!(reader.join().unwrap(), "abcdef");
    }

    #[test]
    fn a_file_that_breaks_off_is_no_whole_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let arrival = Arrival::default();
        let input = Input::arriving(file.path(), 6, arrival.clone());
        arrival.break_off();
        assert!(io::read_to_string(input.open().unwrap()).is_err());
        assert!(input.complete().is_err());
    }
}
