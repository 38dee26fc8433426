//! Captures in a folder and below.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use wsdump::check::settings::{COMPRESSED, EXTENSIONS};

/// What a folder holds.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// Captures, sorted by path.
    pub(super) captures: Vec<PathBuf>,
    /// Folders that cannot be read.
    pub(super) errors: Vec<(PathBuf, io::Error)>,
}

impl Walk {
    /// Looks through a folder and those below it, also where links lead; each once, and none
    /// whose name begins with a dot.
    pub(super) fn of(folder: &Path) -> Self {
        let mut walk = Self::default();
        let mut seen = HashSet::new();
        let mut waiting = vec![folder.to_owned()];
        let mut links = Vec::new();
        // Folders are called by their own path rather than that of a link to them.
        while let Some(folder) = waiting.pop().or_else(|| links.pop()) {
            let is_new = fs::canonicalize(&folder).is_ok_and(|real| seen.insert(real));
            if !is_new {
                continue;
            }
            let listed = fs::read_dir(&folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
            let mut listed = match listed {
                Ok(listed) => listed,
                Err(error) => {
                    walk.errors.push((folder, error));
                    continue;
                }
            };
            // The last that waits is looked at first.
            listed.sort_by_key(|entry| Reverse(entry.file_name()));
            for entry in &listed {
                walk.look_at(entry, &mut waiting, &mut links);
            }
        }
        walk.captures.sort();
        walk.errors.sort_by(|(one, _), (other, _)| one.cmp(other));
        walk
    }

    fn look_at(&mut self, entry: &DirEntry, folders: &mut Vec<PathBuf>, links: &mut Vec<PathBuf>) {
        let (name, path) = (entry.file_name(), entry.path());
        if name.as_encoded_bytes().starts_with(b".") {
            return;
        }
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        match fs::metadata(&path) {
            Ok(kind) if kind.is_dir() && is_link => links.push(path),
            Ok(kind) if kind.is_dir() => folders.push(path),
            // Of a pipe or a device, reading might never end.
            Ok(kind) if !kind.is_file() => {}
            // What cannot be looked at is said when it is opened.
            Ok(_) | Err(_) if is_capture(&path) => self.captures.push(path),
            Ok(_) | Err(_) => {}
        }
    }
}

/// Whether a file is called as a capture.
fn is_capture(path: &Path) -> bool {
    let is_one_of = |ending: Option<&OsStr>, known: &[&str]| {
        ending.is_some_and(|ending| known.iter().any(|known| ending.eq_ignore_ascii_case(known)))
    };
    let extension = path.extension();
    if is_one_of(extension, COMPRESSED) {
        let inner = path.file_stem().map(Path::new);
        return is_one_of(inner.and_then(Path::extension), EXTENSIONS);
    }
    is_one_of(extension, EXTENSIONS)
}
