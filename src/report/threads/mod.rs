//! Views on other threads than the one that decodes.
//!
//! The thread that decodes keeps what it would tell a view in a [`Record`]; others tell it
//! again. A view whose rows depend on those before them is on a thread of its own, and writes
//! into a buffer ([`on_another_thread`]). Where each row is rendered by itself, several threads
//! render, and so does the one that decodes where it is ahead of them; it puts the rows in order
//! then ([`on_threads`]). Either way it alone writes, and what it writes is what it would have
//! written without them, to the byte: a release is told again where it was told, so that even
//! what is released because too much waits is the same.
//!
//! Emptied records go back to be filled again. Few are on their way at a time, so that all stay
//! in a cache, and none is made that nobody has time for.

mod apart;
mod behind;
mod record;

pub use apart::on_threads;
pub use behind::on_another_thread;
use record::{FULL, Record};

/// Records that are on their way from one thread to another and back.
#[derive(Debug, Default)]
struct Flight {
    records: usize,
    weight: usize,
}

impl Flight {
    /// Whether another one has to wait until one of `most` is back, or of fewer that are large.
    fn is_full(&self, most: usize) -> bool {
        self.records >= most || (self.records > 0 && self.weight >= most * FULL)
    }

    fn is_empty(&self) -> bool {
        self.records == 0
    }

    fn start(&mut self, record: &Record) {
        self.records += 1;
        self.weight += record.weight();
    }

    fn land(&mut self, record: &Record) {
        self.records -= 1;
        self.weight -= record.weight();
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use super::super::testing::{Numbers, tell};
    use super::super::{Ordered, Printer, Row, RowByRow, Selection, View};
    use super::*;
    use crate::Summary;
    use crate::event::Event;

    const PACKETS: u64 = 20_000;

    /// Tells of many packets, some of them late, as when an opening is decided, and releases
    /// what is decided; what was written, and what was said of it.
    fn shown(view: &mut dyn View) -> io::Result<(Vec<u8>, Option<String>)> {
        let mut out = Vec::new();
        for packet in 1..=PACKETS {
            let undecided = packet - packet % 50;
            tell(view, packet, packet % 7);
            if packet % 50 == 49 {
                tell(view, undecided, 9);
            }
            view.release(undecided, &mut out)?;
        }
        view.finish(&Summary::default(), &mut out)?;
        Ok((out, view.closing_line()))
    }

    #[test]
    fn threads_write_what_one_writes() -> io::Result<()> {
        for max_pending in [0, 60, 1 << 20] {
            let ordered =
                || Ordered::new(Numbers, Selection::default()).with_max_pending(max_pending);
            let expected = shown(&mut ordered())?;
            assert!(expected.0.len() > 100_000);
            assert_eq!(expected.1.is_some(), max_pending < 100, "{:?}", expected.1);
            for threads in [0, 1, 2, 5] {
                let told = shown(&mut *on_threads(ordered(), threads))?;
                assert!(told == expected, "{threads} threads, {max_pending} bytes");
            }
            let told = shown(&mut *on_another_thread(ordered()))?;
            assert!(told == expected, "another thread, {max_pending} bytes");
        }
        Ok(())
    }

    /// Panics at a row in the middle.
    #[derive(Clone)]
    struct Panicking(u64);

    impl Printer for Panicking {
        fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) -> usize {
            assert!(event.at.packet != self.0, "no row for this one");
            out.push(b'.');
            0
        }

        fn prefix(&mut self, _row: &Row, _out: &mut Vec<u8>) {}
    }

    impl RowByRow for Panicking {}

    #[test]
    #[should_panic(expected = "no row for this one")]
    fn a_panic_on_one_of_the_threads_is_not_lost() {
        let ordered = Ordered::new(Panicking(PACKETS / 2), Selection::default());
        let _ = shown(&mut *on_threads(ordered, 2));
    }

    #[test]
    #[should_panic(expected = "no row for this one")]
    fn a_panic_on_the_other_thread_is_not_lost() {
        let ordered = Ordered::new(Panicking(PACKETS / 2), Selection::default());
        let _ = shown(&mut *on_another_thread(ordered));
    }

    #[test]
    fn who_cannot_be_written_to_ends_it() {
        /// Takes so many bytes.
        struct Narrow(usize);

        impl Write for Narrow {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                if self.0 < bytes.len() {
                    return Err(io::Error::new(io::ErrorKind::StorageFull, "full"));
                }
                self.0 -= bytes.len();
                Ok(bytes.len())
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }

        let ordered = || Ordered::new(Numbers, Selection::default());
        for mut view in [on_threads(ordered(), 2), on_another_thread(ordered())] {
            let mut out = Narrow(10_000);
            let failed = (1..=PACKETS).find_map(|packet| {
                tell(&mut *view, packet, 1);
                view.release(packet, &mut out).err()
            });
            let kind = failed.map(|error| error.kind());
            assert_eq!(kind, Some(io::ErrorKind::StorageFull));
        }
    }
}
