//! `wsdump check CAPTURE...`.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use wsdump::Limits;
use wsdump::check::settings::{Given, Options};
use wsdump::check::{Expectation, ExpectationNames, Look, Report, Verbosity, explain, rules_table};

use super::CheckArguments;
use super::suite::{Source, entries, in_parallel};
use super::task::{Done as TaskDone, Task};
use crate::arguments::apply;
use crate::cli::{Done, cores};
use crate::screen::{NO_STDOUT, Screen};

/// Checks captures, or lists what there is to check.
///
/// # Errors
///
/// What was asked cannot be understood, or the outcome cannot be written.
pub(crate) fn check(arguments: &CheckArguments) -> anyhow::Result<Done> {
    let screen = Screen::Stdout;
    if let Some(text) = listed(arguments, screen) {
        io::stdout().write_all(text.as_bytes()).context(NO_STDOUT)?;
        return Ok(Done::Well);
    }
    let tasks = tasks(arguments)?;
    let look = Look {
        width: screen.width().map(usize::from),
        color: arguments.color.is_on(screen),
        verbosity: match (arguments.quiet, arguments.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        },
    };
    let workers = arguments.jobs.map_or_else(cores, usize::from);
    let totals = screen.write(None, |mut out| -> io::Result<_> {
        let mut report = Report::new(arguments.format, look);
        let mut written = Ok(());
        in_parallel(&tasks, workers, Task::run, |done: TaskDone| {
            for line in done.lines {
                // That it cannot be said there is no failure.
                let _ = writeln!(io::stderr(), "wsdump: {line}");
            }
            // Whoever watches sees each outcome as soon as it is there.
            let outcome = report.outcome(&done.outcome, &mut out);
            written = outcome.and_then(|()| out.flush());
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        written?;
        let totals = report.finish(&mut out)?;
        out.flush()?;
        Ok(totals)
    })?;
    Ok(if totals.failed == 0 {
        Done::Well
    } else {
        Done::Found
    })
}

/// What is listed instead of checking captures, if that is what was asked for.
fn listed(arguments: &CheckArguments, screen: Screen) -> Option<String> {
    if let Some(rule) = arguments.explain {
        return Some(explain(rule));
    }
    if arguments.rules {
        return Some(rules_table(screen.width()) + "\n");
    }
    arguments.names.then(|| ExpectationNames.to_string())
}

/// What is to be done, all of it understood.
fn tasks(arguments: &CheckArguments) -> anyhow::Result<Vec<Task>> {
    let typed = options(arguments)?;
    let source = match &arguments.settings {
        Some(file) => Source::File(file.clone()),
        None if arguments.no_settings => Source::Nowhere,
        None => Source::Beside,
    };
    let limits = apply(&arguments.limit, Limits::default());
    let tasks = entries(&arguments.captures, source)?
        .into_iter()
        .map(|entry| Task::new(entry, &typed, limits, arguments.update))
        .collect::<anyhow::Result<Vec<_>>>()?;
    if arguments.update {
        check_baselines(&tasks)?;
    }
    Ok(tasks)
}

/// What the command line asks of every capture.
fn options(arguments: &CheckArguments) -> anyhow::Result<Options> {
    let on_both = arguments
        .allow
        .iter()
        .find(|rule| arguments.deny.contains(rule));
    if let Some(rule) = on_both {
        bail!(
            "--allow and --deny both have {}; leave one out",
            rule.name()
        );
    }
    let mut expect: Vec<_> = arguments.expect.iter().map(Given::typed).collect();
    for path in &arguments.expect_file {
        expect.extend(expectations(path)?);
    }
    let compared = &arguments.compared;
    let given = |texts: &[String]| texts.iter().map(Given::typed).collect();
    let flag = |is_set: bool| is_set.then_some(true);
    Ok(Options {
        fail_on: arguments.fail_on,
        allow: arguments.allow.clone(),
        deny: arguments.deny.clone(),
        only_rule: arguments.only_rule.clone(),
        expect,
        baseline: arguments.baseline.clone(),
        strict: flag(compared.strict),
        headers: compared.headers.clone(),
        ignore: given(&compared.ignore),
        ignore_text: given(&compared.ignore_text),
        ignore_order: flag(compared.ignore_order),
        ignore_pings: flag(compared.ignore_pings),
        max_handshake: arguments.max_handshake,
        max_pong: arguments.max_pong,
        max_message: arguments.max_message,
        max_retransmissions: arguments.max_retransmissions,
    })
}

/// The expectations of a file, all of them understood: later, nobody knows their lines.
fn expectations(path: &Path) -> anyhow::Result<Vec<Given>> {
    let name = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("{name} cannot be read"))?;
    let lines = text.lines().map(str::trim).enumerate();
    lines
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .map(|(at, line)| {
            Expectation::parse(line).with_context(|| format!("{name}, line {}", at + 1))?;
            Ok(Given::typed(line))
        })
        .collect()
}

/// A baseline can be written from one capture only.
fn check_baselines(tasks: &[Task]) -> anyhow::Result<()> {
    let mut written: HashMap<PathBuf, &str> = HashMap::new();
    // What cannot be checked writes nothing.
    for task in tasks.iter().filter(|task| task.is_capture()) {
        let Some(baseline) = task.baseline() else {
            bail!(
                "{}: --update has no baseline to write; name one with --baseline, or in the settings",
                task.name()
            );
        };
        // Without `.`, so that one file is not written under two names.
        let place = std::path::absolute(baseline)
            .with_context(|| format!("{} cannot be written", baseline.display()))?;
        if let Some(other) = written.insert(place, task.name()) {
            bail!(
                "{} would be written for both {other} and {}; {{name}} in its name stands for that \
                 of the capture",
                baseline.display(),
                task.name()
            );
        }
    }
    Ok(())
}
