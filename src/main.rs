//! The command-line program. See the library's documentation for what it is made of.

mod arguments;
mod checking;
mod cli;
mod decode;
mod extract;
mod packets;
mod progress;
mod screen;
#[cfg(feature = "live")]
mod sniff;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use cli::Done;
use wsdump::capture::save::SaveError;

/// `check` or `diff` found something.
const FOUND: u8 = 1;

/// wsdump could not do what was asked.
const FAILED: u8 = 2;

fn main() -> ExitCode {
    let arguments = match arguments::Arguments::try_parse() {
        Ok(arguments) => arguments,
        // Help or version, asked for.
        Err(text) if !text.use_stderr() => {
            return match text.print() {
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    fail(&format!("{}: {error}", screen::NO_STDOUT))
                }
                _ => ExitCode::SUCCESS,
            };
        }
        Err(error) => {
            let rendered = error.render().to_string();
            return fail(rendered.trim_start_matches("error: ").trim_end());
        }
    };
    match cli::run(&arguments) {
        Ok(Done::Well) => ExitCode::SUCCESS,
        Ok(Done::Found) => ExitCode::from(FOUND),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("{error:#}")),
    }
}

fn fail(message: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "wsdump: {message}");
    ExitCode::from(FAILED)
}

/// Whoever reads the output has seen enough, as with `| head`.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let of_rows = error.downcast_ref::<io::Error>();
    let of_packets = error.downcast_ref::<SaveError>();
    of_rows.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
        || of_packets.is_some_and(SaveError::is_closed_pipe)
}
