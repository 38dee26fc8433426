//! A view on a thread of its own, behind the one that decodes.

use std::io::{self, Write};
use std::mem;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use super::super::View;
use super::Flight;
use super::record::{FULL, Record, Recorder};
use crate::Summary;
use crate::event::{Event, EventSink, OtherPacket};
use crate::started::start;

/// Has `view` render on another thread what this one decodes. What it writes is the same.
///
/// Rows are written a while after they are released: not for who waits for them.
pub fn on_another_thread(view: impl View + Send + 'static) -> Box<dyn View> {
    let (jobs, work) = channel();
    let (finished, done) = channel();
    let thread = start("render", view, move |mut view| {
        render_all(&mut view, &work, &finished);
        view
    });
    let thread = match thread {
        Ok(thread) => thread,
        Err(view) => return Box::new(view),
    };
    Box::new(Behind {
        recorder: Recorder::new(),
        jobs: Some(jobs),
        done,
        flight: Flight::default(),
        spare: Vec::new(),
        thread: Some(thread),
        view: None,
    })
}

fn render_all(view: &mut impl View, work: &Receiver<Job>, finished: &Sender<Job>) {
    for mut job in work {
        job.text.clear();
        job.outcome = job.record.tell(view, &mut job.text);
        let failed = job.outcome.is_err();
        if finished.send(job).is_err() || failed {
            return;
        }
    }
}

struct Behind<V> {
    recorder: Recorder,
    /// `None` once all was told.
    jobs: Option<Sender<Job>>,
    done: Receiver<Job>,
    flight: Flight,
    /// Those that were done, for what comes.
    spare: Vec<Job>,
    /// Until it has ended.
    thread: Option<JoinHandle<Option<V>>>,
    /// Once the thread has ended.
    view: Option<V>,
}

struct Job {
    record: Record,
    /// What was written.
    text: Vec<u8>,
    outcome: io::Result<bool>,
}

/// Records that are on their way at most.
const MOST: usize = 4;

impl<V: View> Behind<V> {
    fn hand_over(&mut self, out: &mut dyn Write) -> io::Result<bool> {
        let mut written = false;
        while self.flight.is_full(MOST) {
            written |= self.write_next(out)?;
        }
        let mut job = self.spare.pop().unwrap_or_else(|| Job {
            record: Record::default(),
            text: Vec::new(),
            outcome: Ok(false),
        });
        job.record = self.recorder.replace(mem::take(&mut job.record));
        self.flight.start(&job.record);
        if let Some(jobs) = &self.jobs {
            // A thread that is gone is found out when its work is waited for.
            let _ = jobs.send(job);
        }
        Ok(written)
    }

    /// Waits for the oldest record that is on its way, and writes what came of it.
    fn write_next(&mut self, out: &mut dyn Write) -> io::Result<bool> {
        let Ok(mut job) = self.done.recv() else {
            self.end();
            return Err(io::Error::other("its view has failed before"));
        };
        self.flight.land(&job.record);
        out.write_all(&job.text)?;
        let written = mem::replace(&mut job.outcome, Ok(false))?;
        job.text.shrink_to(4 * FULL);
        self.spare.push(job);
        Ok(written)
    }

    /// Waits for the thread, and takes its view back.
    fn end(&mut self) {
        self.jobs = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(view)) => self.view = view,
            Some(Err(panic)) => resume_unwind(panic),
            None => {}
        }
    }
}

impl<V> EventSink for Behind<V> {
    fn event(&mut self, event: &Event<'_>) {
        self.recorder.event(event);
    }

    fn other_packet(&mut self, packet: &OtherPacket) {
        self.recorder.other_packet(packet);
    }
}

impl<V: View> View for Behind<V> {
    fn release(&mut self, before: u64, out: &mut dyn Write) -> io::Result<bool> {
        if self.recorder.release(before) {
            self.hand_over(out)
        } else {
            Ok(false)
        }
    }

    fn forget(&mut self, connection: u64) {
        self.recorder.forget(connection);
    }

    fn finish(&mut self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        self.hand_over(out)?;
        while !self.flight.is_empty() {
            self.write_next(out)?;
        }
        self.end();
        match &mut self.view {
            Some(view) => view.finish(summary, out),
            None => Ok(()),
        }
    }

    fn closing_line(&self) -> Option<String> {
        self.view.as_ref().and_then(View::closing_line)
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::tell;
    use super::*;

    /// Writes a letter a release, and fails at one of them.
    struct Failing {
        released: u64,
        fails_at: u64,
    }

    impl EventSink for Failing {
        fn event(&mut self, _event: &Event<'_>) {}
    }

    impl View for Failing {
        fn release(&mut self, _before: u64, out: &mut dyn Write) -> io::Result<bool> {
            self.released += 1;
            if self.released == self.fails_at {
                return Err(io::Error::new(io::ErrorKind::PermissionDenied, "no file"));
            }
            out.write_all(b".")?;
            Ok(true)
        }

        fn finish(&mut self, _summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
            out.write_all(b"!")
        }

        fn closing_line(&self) -> Option<String> {
            Some(format!("{} releases", self.released))
        }
    }

    fn shown(fails_at: u64, out: &mut Vec<u8>) -> io::Result<Option<String>> {
        let mut view = on_another_thread(Failing {
            released: 0,
            fails_at,
        });
        for packet in 1..=1000 {
            tell(&mut *view, packet, 1);
            view.release(packet + 1, out)?;
            // There is nothing to release.
            view.release(packet + 1, out)?;
        }
        view.finish(&Summary::default(), out)?;
        Ok(view.closing_line())
    }

    #[test]
    fn the_view_itself_ends_the_output_and_closes_it() -> io::Result<()> {
        let mut out = Vec::new();
        let line = shown(u64::MAX, &mut out)?;
        assert_eq!(out, [&[b'.'; 1000][..], b"!"].concat());
        assert_eq!(line.as_deref(), Some("1000 releases"));
        Ok(())
    }

    #[test]
    fn an_error_of_the_view_comes_after_what_it_wrote() {
        for fails_at in [1, 2, 500, 1000] {
            let mut out = Vec::new();
            let failed = shown(fails_at, &mut out).map_err(|error| error.kind());
            assert_eq!(failed, Err(io::ErrorKind::PermissionDenied), "{fails_at}");
            assert_eq!(out.len() as u64, fails_at - 1);
        }
    }
}
