//! Where rows go, and what it can show.

use std::io::{self, BufWriter, IsTerminal, Write};

use terminal_size::terminal_size_of;

use crate::progress::Progress;

/// What went wrong when rows, or what was asked for instead, cannot be put out.
pub(crate) const NO_STDOUT: &str = "standard output cannot be written";

/// Where rows go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Screen {
    Stdout,
    /// Packets take standard output.
    Stderr,
}

impl Screen {
    pub(crate) fn is_terminal(self) -> bool {
        match self {
            Self::Stdout => io::stdout().is_terminal(),
            Self::Stderr => io::stderr().is_terminal(),
        }
    }

    /// Columns of the terminal; `None` where there is none.
    pub(crate) fn width(self) -> Option<u16> {
        let size = match self {
            Self::Stdout => terminal_size_of(io::stdout()),
            Self::Stderr => terminal_size_of(io::stderr()),
        };
        size.map(|(width, _)| width.0)
    }

    /// Lends the buffered output to `write`. Its errors say which output it is.
    /// A bar of progress is there until the first row is on the same terminal, or until the end.
    pub(crate) fn write<T>(
        self,
        progress: Option<Progress>,
        write: impl FnOnce(&mut dyn Write) -> T,
    ) -> T {
        const BUFFER: usize = 64 << 10;
        let is_terminal = self.is_terminal();
        let (in_the_way, beside) = if is_terminal {
            (progress, None)
        } else {
            (None, progress)
        };
        let told = match self {
            Self::Stdout => {
                let out = Named(io::stdout().lock(), NO_STDOUT, in_the_way);
                write(&mut BufWriter::with_capacity(BUFFER, out))
            }
            // Others have something to say there, too.
            Self::Stderr => {
                let out = Named(io::stderr(), "standard error cannot be written", in_the_way);
                write(&mut BufWriter::with_capacity(BUFFER, out))
            }
        };
        drop(beside);
        told
    }
}

/// An output whose errors begin with these words, and what is in its way until something is
/// written.
struct Named<W>(W, &'static str, Option<Progress>);

impl<W> Named<W> {
    fn named<T>(&self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", self.1)))
    }
}

impl<W: Write> Write for Named<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.2 = None;
        let written = self.0.write(bytes);
        self.named(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.0.flush();
        self.named(flushed)
    }
}

/// `NO_COLOR` forbids it when set to anything but nothing, and a dumb terminal has none.
pub(crate) fn environment_allows_color() -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !no_color && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}
