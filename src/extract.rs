//! Exports into files: a view in one (`--har`), or each message's payload in a file of its
//! own (`--extract`).

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use wsdump::Summary;
use wsdump::event::{Event, EventKind, EventSink, OtherPacket};
use wsdump::report::{Selection, View, count};
use wsdump::ws::{Message, Text};

/// Files at most: more in one directory are of use to nobody, and fill a disk.
const MAX_FILES: u64 = 100_000;

/// Writes payloads into a directory, and prints a line for each.
///
/// A name is made of numbers and of wsdump's own words only, whatever was captured:
/// `0003-000012-client.json` is what the client of connection 3 sent as its 12th message. No
/// file is written over unless that is asked for, and no link is followed.
pub(crate) struct Extract {
    directory: PathBuf,
    overwrite: bool,
    selection: Selection,
    /// Messages so far, of each connection that is open.
    numbers: HashMap<u64, u64>,
    files: u64,
    /// Messages beyond [`MAX_FILES`].
    left_out: u64,
    lines: Vec<u8>,
    error: Option<io::Error>,
}

impl Extract {
    /// Into `directory`, which is made if it is not there.
    pub(crate) fn new(directory: &Path, overwrite: bool, selection: Selection) -> io::Result<Self> {
        fs::create_dir_all(directory).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                let what = format!("{}: there is a file of that name", directory.display());
                io::Error::new(error.kind(), what)
            }
            _ => named(directory, &error),
        })?;
        Ok(Self {
            directory: directory.to_owned(),
            overwrite,
            selection,
            numbers: HashMap::new(),
            files: 0,
            left_out: 0,
            lines: Vec::new(),
            error: None,
        })
    }

    fn write(&mut self, event: &Event<'_>, message: &Message<'_>) -> io::Result<()> {
        let connection = event.connection.number;
        let number = self.numbers.entry(connection).or_default();
        *number += 1;
        if !self.selection.chooses(event) {
            return Ok(());
        }
        if self.files == MAX_FILES {
            self.left_out += 1;
            return Ok(());
        }
        let side = event.from.sender();
        let part = if message.is_whole() { "" } else { ".part" };
        let extension = extension(message);
        let name = format!("{connection:04}-{number:06}-{side}{part}.{extension}");
        let path = self.directory.join(&name);
        if self.overwrite {
            // Not what a link points to, but the link itself gives way.
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(named(&path, &error));
                }
                _ => {}
            }
        }
        let file = OpenOptions::new().write(true).create_new(true).open(&path);
        let written = file.and_then(|mut file| file.write_all(message.payload));
        written.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                let there = "is there already; --overwrite replaces it";
                io::Error::new(error.kind(), format!("{} {there}", path.display()))
            }
            _ => named(&path, &error),
        })?;
        self.files += 1;
        let bytes = count(message.payload.len() as u64, "byte", "bytes");
        writeln!(self.lines, "{name}  packet {}, {bytes}", event.at.packet)
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// What kind of payload it is, as far as that is sure.
fn extension(message: &Message<'_>) -> &'static str {
    if message.text != Text::Valid {
        return "bin";
    }
    // A number or a word alone is JSON, too, but nobody thinks so.
    let begins = message.payload.trim_ascii_start().first();
    let is_json = matches!(begins, Some(b'{' | b'['))
        && serde_json::from_slice::<serde::de::IgnoredAny>(message.payload).is_ok();
    if is_json { "json" } else { "txt" }
}

/// A view that goes to a file, and not to standard output.
pub(crate) struct ToFile<V> {
    view: V,
    path: PathBuf,
    file: BufWriter<File>,
}

impl<V> ToFile<V> {
    /// Into the file at `path`; an existing one is overwritten.
    pub(crate) fn create(path: &Path, view: V) -> io::Result<Self> {
        let file = File::create(path).map_err(|error| named(path, &error))?;
        Ok(Self {
            view,
            path: path.to_owned(),
            file: BufWriter::new(file),
        })
    }
}

impl<V: View> EventSink for ToFile<V> {
    fn event(&mut self, event: &Event<'_>) {
        self.view.event(event);
    }

    fn other_packet(&mut self, packet: &OtherPacket) {
        self.view.other_packet(packet);
    }
}

impl<V: View> View for ToFile<V> {
    fn release(&mut self, before: u64, _out: &mut dyn Write) -> io::Result<bool> {
        let released = self.view.release(before, &mut self.file);
        released.map_err(|error| named(&self.path, &error))?;
        Ok(false)
    }

    fn forget(&mut self, connection: u64) {
        self.view.forget(connection);
    }

    fn finish(&mut self, summary: &Summary, _out: &mut dyn Write) -> io::Result<()> {
        let finished = self.view.finish(summary, &mut self.file);
        let flushed = finished.and_then(|()| self.file.flush());
        flushed.map_err(|error| named(&self.path, &error))
    }

    fn closing_line(&self) -> Option<String> {
        self.view.closing_line()
    }
}

impl EventSink for Extract {
    fn event(&mut self, event: &Event<'_>) {
        match &event.kind {
            EventKind::Message { message } if self.error.is_none() => {
                self.error = self.write(event, message).err();
            }
            EventKind::Connection(_) => {
                self.numbers.remove(&event.connection.number);
            }
            _ => {}
        }
    }
}

impl View for Extract {
    fn release(&mut self, _before: u64, out: &mut dyn Write) -> io::Result<bool> {
        out.write_all(&self.lines)?;
        let written = !self.lines.is_empty();
        self.lines.clear();
        match self.error.take() {
            Some(error) => Err(error),
            None => Ok(written),
        }
    }

    fn finish(&mut self, _summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        self.release(u64::MAX, out)?;
        if self.left_out > 0 {
            let left_out = count(self.left_out, "message was", "messages were");
            writeln!(
                out,
                "{left_out} not extracted: {MAX_FILES} files are the most; --connection and \
                 --from choose"
            )?;
        }
        Ok(())
    }
}
