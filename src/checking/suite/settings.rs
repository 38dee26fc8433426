//! Settings files, each read once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use wsdump::check::settings::Settings;

use super::Asked;

/// Where settings are.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// In files beside the captures.
    Beside,
    /// In this file, for all captures.
    File(PathBuf),
    /// Nowhere.
    Nowhere,
}

/// Settings by folder; `None` where there is no file.
#[derive(Debug)]
pub(super) struct Loader {
    source: Source,
    /// The one file, if there is but one.
    only: Option<Settings>,
    known: HashMap<PathBuf, Option<Settings>>,
}

impl Loader {
    /// A loader that has read nothing but the one file there is.
    ///
    /// # Errors
    ///
    /// That cannot be read or used.
    pub(super) fn new(source: Source) -> anyhow::Result<Self> {
        let only = match &source {
            Source::File(path) => {
                let text = fs::read_to_string(path);
                let text = text.with_context(|| unreadable(path))?;
                Some(understood(&text, path)?)
            }
            Source::Beside | Source::Nowhere => None,
        };
        Ok(Self {
            source,
            only,
            known: HashMap::new(),
        })
    }

    /// What is asked of `capture` by the settings in its folder, or in the closest one above
    /// up to `top`.
    ///
    /// # Errors
    ///
    /// They cannot be read or used.
    pub(super) fn asked(&mut self, capture: &Path, top: &Path) -> anyhow::Result<Asked> {
        if let (Source::File(file), Some(settings)) = (&self.source, &self.only) {
            return Ok(Asked::by(settings, file, capture));
        }
        // Nothing is beside standard input.
        if matches!(self.source, Source::Nowhere) || capture.as_os_str() == "-" {
            return Ok(Asked::default());
        }
        for folder in capture.ancestors().skip(1) {
            if let Some(settings) = self.load(folder)? {
                let file = folder.join(Settings::FILE_NAME);
                return Ok(Asked::by(settings, &file, capture));
            }
            if folder == top {
                break;
            }
        }
        Ok(Asked::default())
    }

    fn load(&mut self, folder: &Path) -> anyhow::Result<Option<&Settings>> {
        let new = match self.known.entry(folder.to_owned()) {
            Entry::Occupied(known) => return Ok(known.into_mut().as_ref()),
            Entry::Vacant(new) => new,
        };
        let path = folder.join(Settings::FILE_NAME);
        let settings = match fs::read_to_string(&path) {
            Ok(text) => Some(understood(&text, &path)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(error).with_context(|| unreadable(&path));
            }
        };
        Ok(new.insert(settings).as_ref())
    }
}

impl Asked {
    /// What a settings file asks of a capture.
    fn by(settings: &Settings, file: &Path, capture: &Path) -> Self {
        let folder = file.parent().unwrap_or(Path::new(""));
        let path = capture.strip_prefix(folder).unwrap_or(capture);
        let mut options = settings.for_capture(path);
        options.baseline = options.baseline.map(|baseline| folder.join(baseline));
        Self {
            options,
            settings: Some(file.to_owned()),
        }
    }
}

fn understood(text: &str, path: &Path) -> anyhow::Result<Settings> {
    Settings::parse(text).map_err(|error| anyhow!("{}, {error}", path.display()))
}

fn unreadable(path: &Path) -> String {
    format!("{} cannot be read", path.display())
}
