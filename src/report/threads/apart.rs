//! Rows that are rendered on several threads, and put in order on one.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Builder};

use super::super::rendered::{Rendered, Renderer};
use super::super::{Ordered, Printer, RowByRow, View};
use super::Flight;
use super::record::{Record, Recorder};
use crate::Summary;
use crate::event::{Event, EventSink, OtherPacket};

/// Has rows rendered on so many other threads, and on this one when it is ahead of them. What
/// is written is the same.
///
/// Rows are written a while after they are released: not for who waits for them.
pub fn on_threads<P: RowByRow>(ordered: Ordered<P>, threads: usize) -> Box<dyn View> {
    let (jobs, work) = channel();
    let work = Arc::new(Mutex::new(work));
    let (finished, done) = channel();
    let mut there = 0;
    for _ in 0..threads {
        let renderer = ordered.renderer().clone();
        let (work, finished) = (Arc::clone(&work), finished.clone());
        let thread = Builder::new().name("render".to_owned());
        let started = thread.spawn(move || render_all(renderer, &work, &finished));
        there += usize::from(started.is_ok());
    }
    if there == 0 {
        return Box::new(ordered);
    }
    Box::new(Apart {
        recorder: Recorder::new(),
        renderer: ordered.renderer().clone(),
        ordered,
        jobs,
        work,
        done,
        flight: Flight::default(),
        most: 2 * (there + 1),
        given: 0,
        written: 0,
        finished: BTreeMap::new(),
        spare: Vec::new(),
    })
}

fn render_all<P: Printer>(
    mut renderer: Renderer<P>,
    work: &Mutex<Receiver<Job>>,
    finished: &Sender<thread::Result<Job>>,
) {
    loop {
        // One waits for work, the others for their turn to wait.
        let job = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(mut job) = job else {
            return;
        };
        // Who waits for the job learns of a panic.
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            job.render(&mut renderer);
            job
        }));
        if finished.send(outcome).is_err() {
            return;
        }
    }
}

struct Apart<P> {
    recorder: Recorder,
    ordered: Ordered<P>,
    /// For what this thread renders.
    renderer: Renderer<P>,
    jobs: Sender<Job>,
    /// The other end of `jobs`.
    work: Arc<Mutex<Receiver<Job>>>,
    done: Receiver<thread::Result<Job>>,
    flight: Flight,
    /// Records that are on their way at most.
    most: usize,
    /// Jobs that were given.
    given: u64,
    /// Jobs whose rows are written, or wait in `ordered`.
    written: u64,
    /// Those behind them that are done, by their numbers.
    finished: BTreeMap<u64, Job>,
    /// Those that were written, for what comes.
    spare: Vec<Job>,
}

#[derive(Default)]
struct Job {
    /// How many were given before it.
    number: u64,
    record: Record,
    rendered: Rendered,
    releases: Vec<Release>,
}

/// What comes before a packet is decided.
struct Release {
    /// Rows that were there.
    rows: usize,
    before: u64,
}

impl Job {
    fn render<P: Printer>(&mut self, renderer: &mut Renderer<P>) {
        let Self {
            record,
            rendered,
            releases,
            ..
        } = self;
        rendered.clear();
        releases.clear();
        let mut page = Page {
            renderer,
            rendered,
            releases,
        };
        // A page writes nothing.
        let _ = record.tell(&mut page, &mut io::sink());
    }
}

/// Takes down the rows of a job, and when they are released.
struct Page<'j, P> {
    renderer: &'j mut Renderer<P>,
    rendered: &'j mut Rendered,
    releases: &'j mut Vec<Release>,
}

impl<P: Printer> EventSink for Page<'_, P> {
    fn event(&mut self, event: &Event<'_>) {
        self.renderer.event(event, self.rendered);
    }

    fn other_packet(&mut self, packet: &OtherPacket) {
        self.renderer.other_packet(packet, self.rendered);
    }
}

impl<P: Printer> View for Page<'_, P> {
    fn release(&mut self, before: u64, _out: &mut dyn Write) -> io::Result<bool> {
        let rows = self.rendered.rows().len();
        self.releases.push(Release { rows, before });
        Ok(false)
    }

    fn finish(&mut self, _summary: &Summary, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

impl<P: RowByRow> Apart<P> {
    fn hand_over(&mut self, out: &mut dyn Write) -> io::Result<bool> {
        let mut written = false;
        while self.flight.is_full(self.most) {
            written |= self.advance(out)?;
        }
        let mut job = self.spare.pop().unwrap_or_default();
        job.number = self.given;
        job.record = self.recorder.replace(mem::take(&mut job.record));
        self.flight.start(&job.record);
        self.given += 1;
        // This thread has the other end, too.
        let _ = self.jobs.send(job);
        Ok(written)
    }

    /// Gets something done: renders what nobody has begun, or waits for what somebody has; and
    /// writes what is next then.
    fn advance(&mut self, out: &mut dyn Write) -> io::Result<bool> {
        if let Some(mut job) = self.unbegun() {
            job.render(&mut self.renderer);
            self.finished.insert(job.number, job);
        } else {
            self.wait();
        }
        while let Ok(job) = self.done.try_recv() {
            self.keep(job);
        }
        let mut written = false;
        while let Some(job) = self.finished.remove(&self.written) {
            written |= self.write(job, out)?;
        }
        Ok(written)
    }

    /// The oldest job that nobody has begun.
    fn unbegun(&self) -> Option<Job> {
        // Whoever has the lock for longer than a moment found no job.
        self.work.try_lock().ok()?.try_recv().ok()
    }

    /// Waits for a job that somebody has begun.
    fn wait(&mut self) {
        if let Ok(job) = self.done.recv() {
            self.keep(job);
        }
    }

    fn keep(&mut self, job: thread::Result<Job>) {
        match job {
            Ok(job) => {
                self.finished.insert(job.number, job);
            }
            Err(panic) => resume_unwind(panic),
        }
    }

    fn write(&mut self, job: Job, out: &mut dyn Write) -> io::Result<bool> {
        self.flight.land(&job.record);
        self.written += 1;
        let mut written = false;
        let mut taken = 0;
        for &Release { rows, before } in &job.releases {
            written |= self
                .ordered
                .release_with(&job.rendered, taken..rows, before, out)?;
            taken = rows;
        }
        let rows = job.rendered.rows().len();
        self.ordered.take(&job.rendered, taken..rows);
        self.spare.push(job);
        Ok(written)
    }
}

impl<P> EventSink for Apart<P> {
    fn event(&mut self, event: &Event<'_>) {
        self.recorder.event(event);
    }

    fn other_packet(&mut self, packet: &OtherPacket) {
        self.recorder.other_packet(packet);
    }
}

impl<P: RowByRow> View for Apart<P> {
    fn release(&mut self, before: u64, out: &mut dyn Write) -> io::Result<bool> {
        if self.recorder.release(before) {
            self.hand_over(out)
        } else {
            Ok(false)
        }
    }

    fn finish(&mut self, summary: &Summary, out: &mut dyn Write) -> io::Result<()> {
        self.hand_over(out)?;
        while !self.flight.is_empty() {
            self.advance(out)?;
        }
        self.ordered.finish(summary, out)
    }

    fn closing_line(&self) -> Option<String> {
        self.ordered.closing_line()
    }
}
