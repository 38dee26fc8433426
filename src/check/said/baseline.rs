//! A recorded capture, to compare later ones with: readable JSON, made for review.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::conversation::is_false;
use super::layout::laid_out;
use super::{Conversation, Mask, MaskError, Scope};

/// What was said in a capture once, and what of it is compared.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Baseline {
    /// Version of this form: [`Baseline::VERSION`].
    pub wsdump_baseline: u64,
    /// What is compared, and what not.
    #[serde(default, skip_serializing_if = "Compared::is_default")]
    pub compared: Compared,
    /// Conversations, in order of their first packets.
    pub connections: Vec<Conversation>,
    /// What is left out besides, and only after that.
    #[serde(skip)]
    further: Mask,
}

/// What of a capture is compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Compared {
    /// Fragmentation and compression too.
    #[serde(default, skip_serializing_if = "is_false")]
    pub strict: bool,
    /// Names of header fields to compare.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    /// `JSONPaths` (RFC 9535) of what is left out of payloads that are JSON.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// Regular expressions for what is left out of text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore_text: Vec<String>,
    /// Not the order in which connections come.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ignore_order: bool,
    /// Not Pings and Pongs.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ignore_pings: bool,
}

/// A baseline that cannot be read.
#[derive(Debug, Error)]
pub enum BaselineError {
    /// It is no JSON, or not of this form.
    #[error("this is no baseline: {0}; record it anew with --update")]
    Form(serde_json::Error),
    /// It was written by another version of wsdump.
    #[error(
        "the baseline has version {0}, and this wsdump reads version {version}; record it anew \
         with --update",
        version = Baseline::VERSION
    )]
    Version(u64),
    /// It does not hold what is to be compared.
    #[error("the baseline was recorded without {0}; record it anew with --update")]
    NotRecorded(String),
    /// What is left out cannot be understood.
    #[error(transparent)]
    Mask(#[from] MaskError),
}

impl Baseline {
    /// Version of the form that is written and read.
    pub const VERSION: u64 = 1;

    /// A baseline of these conversations.
    pub fn new(compared: Compared, connections: Vec<Conversation>) -> Self {
        Self {
            wsdump_baseline: Self::VERSION,
            compared,
            connections,
            further: Mask::default(),
        }
    }

    /// The baseline for a comparison in which this is compared, and left out besides what it
    /// leaves out itself.
    ///
    /// # Errors
    ///
    /// It was recorded without something that is to be compared; or a path or expression
    /// cannot be understood.
    pub fn comparing(mut self, asked: &Compared) -> Result<Self, BaselineError> {
        if asked.strict && !self.compared.strict {
            return Err(BaselineError::NotRecorded(
                "fragmentation (--strict)".to_owned(),
            ));
        }
        let is_known = |name: &&String| {
            let mut known = self.compared.headers.iter();
            known.any(|known| known.eq_ignore_ascii_case(name))
        };
        if let Some(name) = asked.headers.iter().find(|name| !is_known(name)) {
            return Err(BaselineError::NotRecorded(format!(
                "the header field {name}"
            )));
        }
        // What it leaves out itself is gone: to leave it out of what is left would leave out
        // more than there was in the capture.
        let new = |asked: &[String], own: &[String]| -> Vec<_> {
            let new = asked.iter().filter(|one| !own.contains(one));
            new.cloned().collect()
        };
        let own = &mut self.compared;
        let further = Mask::new(
            new(&asked.ignore, &own.ignore),
            new(&asked.ignore_text, &own.ignore_text),
        )?;
        own.ignore_order |= asked.ignore_order;
        own.ignore_pings |= asked.ignore_pings;
        for conversation in &mut self.connections {
            conversation.leave_out(&further, own.ignore_pings);
        }
        self.further = self.further.and_then(further);
        Ok(self)
    }

    /// What a [`Recorder`](super::Recorder) has to record to compare it with this.
    ///
    /// # Errors
    ///
    /// A path or expression that cannot be understood.
    pub fn scope(&self) -> Result<Scope, MaskError> {
        let scope = self.compared.scope()?;
        Ok(Scope {
            mask: scope.mask.and_then(self.further.clone()),
            ..scope
        })
    }

    /// The baseline as a file: JSON, in which what fits stands on one line, so that a message
    /// that changes is a line that changes.
    pub fn to_text(&self) -> String {
        // Structures of strings and numbers can always be made JSON.
        laid_out(&serde_json::to_string(self).unwrap_or_default())
    }

    /// Reads a baseline.
    ///
    /// # Errors
    ///
    /// The text is none, or one of another version.
    pub fn parse(text: &[u8]) -> Result<Self, BaselineError> {
        #[derive(Deserialize)]
        struct Version {
            wsdump_baseline: u64,
        }
        if let Ok(Version { wsdump_baseline }) = serde_json::from_slice(text)
            && wsdump_baseline != Self::VERSION
        {
            return Err(BaselineError::Version(wsdump_baseline));
        }
        serde_json::from_slice(text).map_err(BaselineError::Form)
    }
}

impl Compared {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Both together: what either compares or leaves out.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        let join = |list: &mut Vec<String>, more: &[String]| {
            for one in more {
                if !list.contains(one) {
                    list.push(one.clone());
                }
            }
        };
        self.strict |= other.strict;
        self.ignore_order |= other.ignore_order;
        self.ignore_pings |= other.ignore_pings;
        join(&mut self.headers, &other.headers);
        join(&mut self.ignore, &other.ignore);
        join(&mut self.ignore_text, &other.ignore_text);
        self
    }

    /// What a [`Recorder`](super::Recorder) has to record for it.
    ///
    /// # Errors
    ///
    /// A path or expression that cannot be understood.
    pub fn scope(&self) -> Result<Scope, MaskError> {
        Ok(Scope {
            strict: self.strict,
            headers: self.headers.clone(),
            ignore_pings: self.ignore_pings,
            mask: Mask::new(&self.ignore, &self.ignore_text)?,
        })
    }
}
