//! The captures that are to be checked: found in folders, each with its settings.

mod parallel;
mod settings;
mod walk;

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use wsdump::check::settings::Options;

pub(crate) use parallel::in_parallel;

use settings::Loader;
pub(crate) use settings::Source;
use walk::Walk;

/// A capture to check, or a folder that has none.
#[derive(Debug)]
pub(crate) struct Entry {
    /// What was typed, or was found in it.
    pub(crate) path: PathBuf,
    /// What is asked of it, or why it cannot be checked.
    pub(crate) asked: anyhow::Result<Asked>,
}

/// What the settings beside a capture ask of it.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    /// Its baseline begins in the folder of the settings file.
    pub(crate) options: Options,
    /// The settings file, to name the place of what cannot be used.
    pub(crate) settings: Option<PathBuf>,
}

/// The captures of what was typed, in order. A file is one, whatever its name; those of a
/// folder are sorted.
///
/// # Errors
///
/// A settings file cannot be used.
pub(crate) fn entries(typed: &[PathBuf], source: Source) -> anyhow::Result<Vec<Entry>> {
    let mut loader = Loader::new(source)?;
    let mut entries = Vec::new();
    for path in typed {
        if !path.is_dir() {
            let own = path.parent().unwrap_or(Path::new(""));
            let asked = loader.asked(path, own)?;
            entries.push(Entry {
                path: path.clone(),
                asked: Ok(asked),
            });
            continue;
        }
        let Walk { captures, errors } = Walk::of(path);
        let is_empty = captures.is_empty() && errors.is_empty();
        for capture in captures {
            let asked = Ok(loader.asked(&capture, path)?);
            entries.push(Entry {
                path: capture,
                asked,
            });
        }
        for (folder, error) in errors {
            let asked = Err(anyhow!("{} cannot be read: {error}", folder.display()));
            entries.push(Entry {
                path: folder,
                asked,
            });
        }
        if is_empty {
            let asked = Err(anyhow!(
                "{} holds no capture: no file that ends in .pcap, .pcapng, .cap or .dmp",
                path.display()
            ));
            entries.push(Entry {
                path: path.clone(),
                asked,
            });
        }
    }
    Ok(entries)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    /// What is typed, and the captures with the bytes that a message may have.
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, Option<u64>)]);

    /// A folder with these files; those of TOML hold the text, others nothing.
    fn folder(files: &[(&str, &str)]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    /// Entries below a folder: path and the bytes that a message may have.
    fn told(folder: &Path, typed: &[&str]) -> Vec<(String, Option<u64>)> {
        let typed: Vec<_> = typed.iter().map(|name| folder.join(name)).collect();
        let below = |path: &Path| {
            let path = path.strip_prefix(folder).unwrap_or(path);
            path.to_string_lossy().replace('\\', "/")
        };
        entries(&typed, Source::Beside)
            .unwrap()
            .iter()
            .map(|entry| match &entry.asked {
                Ok(asked) => (below(&entry.path), asked.options.max_message),
                Err(error) => (
                    error.to_string().replace(&*folder.to_string_lossy(), ""),
                    None,
                ),
            })
            .collect()
    }

    fn named(name: &str, bytes: impl Into<Option<u64>>) -> (String, Option<u64>) {
        (name.to_owned(), bytes.into())
    }

    #[test]
    fn captures_of_folders_are_sorted_and_files_are_taken_as_they_are() {
        let files = [
            "b.pcap",
            "a.pcapng.gz",
            "A.CAP",
            "c/d/e.dmp.zst",
            "c.pcap",
            "notes.txt",
            "x.pcap.txt",
            ".git/f.pcap",
            ".hidden.pcap",
            "wsdump.gz",
        ];
        let folder = folder(&files.map(|name| (name, "")));
        let expected = [
            "notes.txt",
            "A.CAP",
            "a.pcapng.gz",
            "b.pcap",
            "c/d/e.dmp.zst",
            "c.pcap",
        ];
        assert_eq!(
            told(folder.path(), &["notes.txt", ""]),
            expected.map(|name| named(name, None))
        );
    }

    #[test]
    fn the_nearest_settings_up_to_the_folder_that_was_typed_are_those_of_a_capture() {
        let folder = folder(&[
            ("wsdump.toml", "max-message = 1"),
            ("a/b/one.pcap", ""),
            (
                "a/wsdump.toml",
                "max-message = 2\n[[capture]]\nglob = 'b/t*'\nmax-message = 3",
            ),
            ("a/b/two.pcap", ""),
            ("c/three.pcap", ""),
            ("four.pcap", ""),
        ]);
        let table: [Case<'_>; 4] = [
            (
                &[""],
                &[
                    ("a/b/one.pcap", Some(2)),
                    ("a/b/two.pcap", Some(3)),
                    ("c/three.pcap", Some(1)),
                    ("four.pcap", Some(1)),
                ],
            ),
            (&["c"], &[("c/three.pcap", None)]),
            (
                &["a/b", "a/b/two.pcap"],
                &[
                    ("a/b/one.pcap", None),
                    ("a/b/two.pcap", None),
                    ("a/b/two.pcap", None),
                ],
            ),
            (&["four.pcap"], &[("four.pcap", Some(1))]),
        ];
        for (typed, expected) in table {
            let expected: Vec<_> = expected
                .iter()
                .map(|(name, bytes)| named(name, *bytes))
                .collect();
            assert_eq!(told(folder.path(), typed), expected, "{typed:?}");
        }
    }

    #[test]
    fn a_baseline_lies_beside_its_settings() {
        let folder = folder(&[
            ("wsdump.toml", "baseline = 'expected/{name}.json'"),
            ("a/chat.pcap.gz", ""),
        ]);
        let entries = entries(&[folder.path().to_owned()], Source::Beside).unwrap();
        let asked = entries[0].asked.as_ref().unwrap();
        let expected = folder.path().join("expected/chat.json");
        assert_eq!(asked.options.baseline.as_ref(), Some(&expected));
        assert_eq!(asked.settings, Some(folder.path().join("wsdump.toml")));
    }

    #[test]
    fn a_folder_without_captures_is_no_pass() {
        let folder = folder(&[("empty/notes.txt", "")]);
        let expected = "/empty holds no capture: no file that ends in .pcap, .pcapng, .cap or .dmp";
        assert_eq!(told(folder.path(), &["empty"]), [named(expected, None)]);
    }

    #[test]
    fn settings_that_cannot_be_used_are_named_with_their_line() {
        let folder = folder(&[("wsdump.toml", "\nstict = true"), ("a.pcap", "")]);
        let error = entries(&[folder.path().to_owned()], Source::Beside)
            .unwrap_err()
            .to_string();
        let path = folder.path().join("wsdump.toml");
        let expected = format!(
            "{}, line 2: there is no key stict; did you mean strict?",
            path.display()
        );
        assert_eq!(error, expected);
    }

    #[test]
    fn a_file_that_is_not_there_is_left_to_who_opens_it() {
        let folder = folder(&[]);
        assert_eq!(told(folder.path(), &["a.pcap"]), [named("a.pcap", None)]);
    }

    #[cfg(unix)]
    #[test]
    fn links_in_a_circle_come_to_an_end_and_each_folder_is_walked_once() {
        use std::os::unix::fs::symlink;

        let folder = folder(&[
            ("z/a.pcap", ""),
            ("elsewhere/b.pcap", ""),
            ("top/c.pcap", ""),
        ]);
        let top = folder.path().join("top");
        symlink(&top, top.join("loop")).unwrap();
        symlink("no/where", top.join("gone.pcap")).unwrap();
        symlink(folder.path().join("elsewhere"), top.join("linked")).unwrap();
        symlink(folder.path().join("elsewhere"), top.join("linked_again")).unwrap();
        assert_eq!(
            told(folder.path(), &["top"]),
            ["top/c.pcap", "top/gone.pcap", "top/linked/b.pcap"].map(|name| named(name, None))
        );
    }
}
