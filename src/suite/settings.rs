//! Settings files, each read once.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use wsdump::check::settings::Settings;

use super::Asked;

/// Settings by folder; `None` where there is no file.
#[derive(Debug, Default)]
pub(super) struct Loader {
    known: HashMap<PathBuf, Option<Settings>>,
}

impl Loader {
    /// What is asked of `capture` by the settings in its folder, or in the closest one above
    /// up to `top`.
    ///
    /// # Errors
    ///
    /// They cannot be read or used.
    pub(super) fn asked(&mut self, capture: &Path, top: &Path) -> anyhow::Result<Asked> {
        for folder in capture.ancestors().skip(1) {
            if let Some(settings) = self.load(folder)? {
                let path = capture.strip_prefix(folder).unwrap_or(capture);
                let mut options = settings.for_capture(path);
                options.baseline = options.baseline.map(|baseline| folder.join(baseline));
                return Ok(Asked {
                    options,
                    settings: Some(folder.join(Settings::FILE_NAME)),
                });
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
            Ok(text) => {
                let settings = Settings::parse(&text);
                Some(settings.map_err(|error| anyhow!("{}, {error}", path.display()))?)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(error).with_context(|| format!("{} cannot be read", path.display()));
            }
        };
        Ok(new.insert(settings).as_ref())
    }
}
