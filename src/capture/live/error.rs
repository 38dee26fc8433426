//! What can keep wsdump from capturing, worded so that it says what to do.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why an interface could not be opened, or the interfaces not be listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LiveError {
    /// The user may not capture.
    #[error("{interface}: no permission to capture ({reason}). {}", Remedy { interface, program })]
    NotPermitted {
        /// The interface, as the user named it.
        interface: String,
        /// What libpcap says.
        reason: String,
        /// The program that needs the permission: this one.
        program: PathBuf,
    },
    /// No interface has this name.
    #[error("{interface}: no such interface{}; -D lists those that there are", Nearest(nearest.as_deref()))]
    NoSuchInterface {
        /// The name, as the user typed it.
        interface: String,
        /// The existing name that is most like it, if one is.
        nearest: Option<String>,
    },
    /// The interface is there, but down.
    #[error(
        "{interface}: the interface is down; `{}` brings it up",
        bring_up(interface)
    )]
    Down {
        /// The interface.
        interface: String,
    },
    /// The capture filter cannot be used.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The interface's link type has no number in capture files.
    #[error(
        "{interface}: packets have link type DLT {dlt}, which no capture file has a number for"
    )]
    LinkType {
        /// The interface.
        interface: String,
        /// The system's number for it.
        dlt: i32,
    },
    /// libpcap could not open the interface for another reason.
    #[error("{interface}: cannot be captured from: {reason}")]
    Open {
        /// The interface.
        interface: String,
        /// What libpcap says.
        reason: String,
    },
    /// libpcap could not list the interfaces.
    #[error("interfaces cannot be listed: {reason}")]
    List {
        /// What libpcap says.
        reason: String,
    },
    /// The capture thread could not be started.
    #[error("the capture thread cannot be started: {0}")]
    Thread(io::Error),
}

/// Why a capture filter cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("capture filter '{expression}': {reason}{}", UpTo { expression, understood: *understood })]
pub struct FilterError {
    /// The expression, as the user typed it.
    pub expression: String,
    /// What libpcap says.
    pub reason: String,
    /// Bytes of the expression that are a filter by themselves, where the reason is its
    /// syntax: what is wrong, or missing, comes after them.
    pub understood: Option<usize>,
}

impl FilterError {
    /// Finds the place of a syntax error, which libpcap does not tell: after the longest
    /// run of words from the start for which `compiles` is true.
    pub(super) fn new(
        expression: &str,
        reason: String,
        mut compiles: impl FnMut(&str) -> bool,
    ) -> Self {
        // Other errors (an unknown host, a primitive that does not fit the link type)
        // name what they are about, and to look hosts up again would take its time.
        let understood = reason.contains("syntax error").then(|| {
            let ends = expression
                .char_indices()
                .filter(|&(at, char)| char.is_whitespace() && !expression[..at].trim().is_empty());
            let mut ends: Vec<usize> = ends.map(|(at, _)| at).collect();
            ends.truncate(MAX_TRIES);
            let longest = ends
                .into_iter()
                .rev()
                .find(|&end| compiles(&expression[..end]));
            longest.map_or(0, |end| expression[..end].trim_end().len())
        });
        Self {
            expression: expression.to_owned(),
            reason,
            understood,
        }
    }
}

/// The part of a message that says how far a filter was understood.
struct UpTo<'a> {
    expression: &'a str,
    understood: Option<usize>,
}

impl fmt::Display for UpTo<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let understood = self.understood.and_then(|end| self.expression.get(..end));
        match understood {
            None => Ok(()),
            Some("") => write!(f, " at its first word"),
            Some(start) => write!(f, " after '{}'", start.trim_start()),
        }
    }
}

/// The part of a message that says how to get the permission.
struct Remedy<'a> {
    interface: &'a str,
    program: &'a Path,
}

impl fmt::Display for Remedy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = shell_word(&self.program.to_string_lossy());
        if cfg!(target_os = "linux") {
            write!(
                f,
                "Allow it once for all with `sudo setcap cap_net_raw,cap_net_admin=eip {program}`, \
                 or run wsdump as root: "
            )?;
        } else {
            // Capabilities are Linux'. Elsewhere the right to capture is that to open the
            // BPF devices.
            write!(
                f,
                "Allow it with read permission on /dev/bpf*, or run wsdump as root: "
            )?;
        }
        write!(f, "`sudo {program} -i {}`", shell_word(self.interface))
    }
}

/// The part of a message that names what the user may have meant.
struct Nearest<'a>(Option<&'a str>);

impl fmt::Display for Nearest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(f, "; did you mean {name}?"),
            None => Ok(()),
        }
    }
}

/// The command that brings `interface` up.
fn bring_up(interface: &str) -> String {
    let interface = shell_word(interface);
    if cfg!(target_os = "linux") {
        format!("sudo ip link set {interface} up")
    } else {
        format!("sudo ifconfig {interface} up")
    }
}

/// `word` as it has to be typed in a shell.
fn shell_word(word: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || "/._-+:@%,".contains(char);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// libpcap's own words for what went wrong, without those of the crate around them.
pub(super) fn reason(error: &pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(text) if !text.is_empty() => text.clone(),
        other => other.to_string(),
    }
}

/// Places of a filter that are tried when looking for its error.
const MAX_TRIES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_missing_permission_says_both_ways_to_get_it() {
        let error = LiveError::NotPermitted {
            interface: "lo".to_owned(),
            reason: "Operation not permitted".to_owned(),
            program: PathBuf::from("/opt/my tools/wsdump"),
        };
        assert_eq!(
            error.to_string(),
            "lo: no permission to capture (Operation not permitted). Allow it once for all with \
             `sudo setcap cap_net_raw,cap_net_admin=eip '/opt/my tools/wsdump'`, \
             or run wsdump as root: `sudo '/opt/my tools/wsdump' -i lo`"
        );
    }

    #[test]
    fn a_missing_interface_names_the_nearest_if_one_is_near() {
        let message = |nearest: Option<&str>| {
            let interface = "eht0".to_owned();
            let nearest = nearest.map(str::to_owned);
            LiveError::NoSuchInterface { interface, nearest }.to_string()
        };
        assert_eq!(
            message(Some("eth0")),
            "eht0: no such interface; did you mean eth0?; -D lists those that there are"
        );
        assert_eq!(
            message(None),
            "eht0: no such interface; -D lists those that there are"
        );
    }

    #[test]
    fn words_are_quoted_for_a_shell_where_they_have_to_be() {
        assert_eq!(shell_word("/usr/bin/wsdump"), "/usr/bin/wsdump");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn the_place_of_a_syntax_error_is_after_the_longest_part_that_compiles() {
        let message = |expression: &str, good: &[&str]| {
            FilterError::new(expression, "syntax error".to_owned(), |part| {
                good.contains(&part)
            })
            .to_string()
        };
        let good = ["tcp", "tcp port 80", " tcp"];
        assert_eq!(
            message("tcp port 80 adn udp", &good),
            "capture filter 'tcp port 80 adn udp': syntax error after 'tcp port 80'"
        );
        assert_eq!(
            message(" tcp prot", &good),
            "capture filter ' tcp prot': syntax error after 'tcp'"
        );
        assert_eq!(
            message("tpc", &good),
            "capture filter 'tpc': syntax error at its first word"
        );
    }

    #[test]
    fn an_error_that_names_its_cause_has_no_place() {
        let error = FilterError::new("host nowhere", "unknown host 'nowhere'".to_owned(), |_| {
            true
        });
        assert_eq!(error.understood, None);
    }
}
