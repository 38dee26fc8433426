//! One capture to check: what is asked of it, understood before the first is read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use wsdump::Limits;
use wsdump::check::settings::{Given, Options};
use wsdump::check::{
    Against, Baseline, Checked, Checker, Compared, Conversation, Expectation, Mask, Outcome, Plan,
};

use super::decode;
use super::suite::Entry;

/// A capture, and what is asked of it.
pub(super) struct Task {
    name: String,
    path: PathBuf,
    limits: Limits,
    asked: Result<Asked, String>,
}

struct Asked {
    plan: Plan,
    baseline: Option<PathBuf>,
    compared: Compared,
    update: bool,
}

/// What came of a task.
pub(super) struct Done {
    pub(super) outcome: Outcome,
    /// What else is to say, for standard error.
    pub(super) lines: Vec<String>,
}

impl Task {
    /// What is asked of a capture by its settings and, stronger, by what was typed.
    ///
    /// # Errors
    ///
    /// An expectation, a path or an expression cannot be understood.
    pub(super) fn new(
        entry: Entry,
        typed: &Options,
        limits: Limits,
        update: bool,
    ) -> anyhow::Result<Self> {
        let name = entry.path.display().to_string();
        let asked = match entry.asked {
            Ok(asked) => {
                let file = asked.settings.as_deref();
                let options = typed.clone().or(&asked.options);
                let options = options.of_capture(&entry.path);
                Ok(Asked::new(&options, file, update)?)
            }
            Err(error) => Err(format!("{error:#}")),
        };
        Ok(Self {
            name,
            path: entry.path,
            limits,
            asked,
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Whether there is something to check, and not a folder without captures.
    pub(super) fn is_capture(&self) -> bool {
        self.asked.is_ok()
    }

    pub(super) fn baseline(&self) -> Option<&PathBuf> {
        self.asked.as_ref().ok()?.baseline.as_ref()
    }

    /// Checks the capture.
    pub(super) fn run(&self) -> Done {
        let outcome = |reason: String| Done {
            outcome: Outcome::unreadable(self.name.clone(), reason),
            lines: Vec::new(),
        };
        let asked = match &self.asked {
            Ok(asked) => asked,
            Err(reason) => return outcome(reason.clone()),
        };
        match self.check(asked) {
            Ok(done) => done,
            Err(error) => outcome(format!("{error:#}")),
        }
    }

    fn check(&self, asked: &Asked) -> anyhow::Result<Done> {
        let against = match &asked.baseline {
            None => Against::Nothing,
            Some(path) => asked.against(path)?,
        };
        // What was typed or set was understood before: this is in the baseline.
        let checker = Checker::new(&asked.plan, &against);
        let mut checker = match &asked.baseline {
            Some(path) => checker.with_context(|| path.display().to_string())?,
            None => checker?,
        };
        let decoded = decode(&self.path, self.limits, &mut checker)?;
        let mut lines: Vec<_> = decoded.limits_reached(&self.name).collect();
        let errors: Vec<_> = decoded.errors.iter().map(ToString::to_string).collect();
        let Checked { outcome, recorded } =
            checker.finish(self.name.clone(), &decoded.summary, &errors);
        if let (Some(path), Some(compared), Some(connections)) =
            (&asked.baseline, against.compared(), recorded)
        {
            lines.push(record(path, compared, connections)?);
        }
        Ok(Done { outcome, lines })
    }
}

impl Asked {
    fn new(options: &Options, file: Option<&Path>, update: bool) -> anyhow::Result<Self> {
        let mut plan = Plan {
            policy: options.policy(),
            bounds: options.bounds(),
            expectations: Vec::new(),
        };
        for given in &options.expect {
            let expectation = Expectation::parse(&given.text);
            plan.expectations
                .push(expectation.with_context(|| place(given, file, "--expect"))?);
        }
        let texts = |given: &[Given]| given.iter().map(|given| given.text.clone()).collect();
        for given in &options.ignore {
            Mask::new([&given.text], [""; 0]).with_context(|| place(given, file, "--ignore"))?;
        }
        for given in &options.ignore_text {
            Mask::new([""; 0], [&given.text])
                .with_context(|| place(given, file, "--ignore-text"))?;
        }
        Ok(Self {
            plan,
            baseline: options.baseline.clone(),
            compared: Compared {
                strict: options.strict.unwrap_or_default(),
                headers: options.headers.clone(),
                ignore: texts(&options.ignore),
                ignore_text: texts(&options.ignore_text),
                ignore_order: options.ignore_order.unwrap_or_default(),
                ignore_pings: options.ignore_pings.unwrap_or_default(),
            },
            update,
        })
    }

    /// What is compared, or recorded. What the baseline names already holds as well.
    fn against(&self, path: &Path) -> anyhow::Result<Against> {
        let name = path.display();
        let read = match fs::read(path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                bail!("{name} cannot be read: {error}");
            }
            Err(_) if self.update => None,
            Err(error) => {
                bail!("{name} cannot be read: {error}; record the baseline with --update")
            }
        };
        let baseline = match read.map(|text| Baseline::parse(&text)) {
            // Whoever records anew needs nothing of a file that cannot be understood.
            Some(Err(_)) if self.update => None,
            Some(baseline) => Some(baseline.with_context(|| name.to_string())?),
            None => None,
        };
        let compared = self.compared.clone();
        Ok(match baseline {
            Some(baseline) if self.update => Against::Record(baseline.compared.and(&compared)),
            None => Against::Record(compared),
            Some(baseline) => {
                let baseline = baseline.comparing(&compared);
                let baseline = baseline.with_context(|| name.to_string())?;
                Against::Baseline(name.to_string(), baseline)
            }
        })
    }
}

/// Where something stands that cannot be understood.
fn place(given: &Given, file: Option<&Path>, option: &str) -> String {
    match (given.line, file) {
        (Some(line), Some(file)) => format!("{}, line {line}", file.display()),
        _ => option.to_owned(),
    }
}

/// Writes a baseline: whole, or not at all.
fn record(
    path: &Path,
    compared: &Compared,
    connections: Vec<Conversation>,
) -> anyhow::Result<String> {
    let text = Baseline::new(compared.clone(), connections).to_text();
    let name = path.display();
    if fs::read(path).is_ok_and(|old| old == text.as_bytes()) {
        return Ok(format!("{name} is as it was"));
    }
    write_whole(path, &text).map_err(|error| anyhow!("{name} cannot be written: {error}"))?;
    Ok(format!("recorded {name}"))
}

/// Writes a file under another name first. That has the whole name in it: baselines whose
/// names differ in what looks like an extension are written at the same time.
fn write_whole(path: &Path, text: &str) -> io::Result<()> {
    fs::create_dir_all(path.parent().unwrap_or(Path::new("")))?;
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let written = fs::write(&new, text).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}
