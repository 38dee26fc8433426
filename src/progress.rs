//! How far the reading of large captures is, on standard error.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use wsdump::capture::BytesRead;

/// Smaller captures are read before anybody wonders.
const LEAST_BYTES: u64 = 32_000_000;

/// Time between two looks at how far it is.
const INTERVAL: Duration = Duration::from_millis(100);

/// A bar that is there until this is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// A bar for these captures, of which `read` says how much was read; `None` where there
    /// is nobody to see it, or nothing to wait for.
    pub(crate) fn of(captures: &[PathBuf], read: BytesRead) -> Option<Self> {
        if !io::stderr().is_terminal() {
            return None;
        }
        let lengths = captures.iter().map(|path| {
            let metadata = path.metadata().ok()?;
            metadata.is_file().then_some(metadata.len())
        });
        let total = lengths.sum::<Option<u64>>()?;
        if total < LEAST_BYTES {
            return None;
        }
        let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
        let form = "{bar:30} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left";
        // The form is right, and a bar of another one would do.
        if let Ok(style) = ProgressStyle::with_template(form) {
            bar.set_style(style);
        }
        let over = Arc::new(AtomicBool::new(false));
        let thread = {
            let over = Arc::clone(&over);
            thread::Builder::new()
                .name("progress".to_owned())
                .spawn(move || {
                    while !over.load(Ordering::Relaxed) {
                        bar.set_position(read.get());
                        thread::park_timeout(INTERVAL);
                    }
                    bar.finish_and_clear();
                })
        };
        Some(Self {
            over,
            thread: thread.ok(),
        })
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // That it panicked was said by the panic.
            let _ = thread.join();
        }
    }
}
