//! Giving root up once the interface is open: whoever decodes what others send should not
//! be root.

use std::env;
use std::fmt;

use anyhow::{anyhow, bail};
use privdrop::PrivDrop;
use rustix::process::geteuid;

/// Who the program runs as after it opened what only root may open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Privileges {
    /// As before: nobody else was asked for.
    Kept,
    /// As this user, and no longer as root.
    DroppedTo(String),
}

/// Goes on as `user`, or as the one who called sudo, where nobody was named. `root` keeps
/// root; so does root that neither asked for a user nor came by sudo.
///
/// # Errors
///
/// The user is not known, cannot be become, or there is no root to give up.
pub(crate) fn drop_to(user: Option<&str>) -> anyhow::Result<Privileges> {
    let is_root = geteuid().is_root();
    if let (Some(user), false) = (user, is_root) {
        bail!("-Z {user}: only root can go on as another user, and wsdump was not started as root");
    }
    let caller = || env::var("SUDO_USER").ok().filter(|_| is_root);
    let Some(user) = user.map(str::to_owned).or_else(caller) else {
        return Ok(Privileges::Kept);
    };
    if user == ROOT {
        return Ok(Privileges::Kept);
    }
    let dropped = PrivDrop::default()
        .user(&user)
        .include_default_supplementary_groups()
        .apply();
    dropped.map_err(|error| {
        let reason = error.to_string();
        let reason = reason.trim_start_matches("Privilege drop error: ");
        anyhow!("cannot give up root for user {user}: {reason}; -Z root goes on as root")
    })?;
    if geteuid().is_root() {
        bail!("user {user} is root by another name; -Z root goes on as root");
    }
    Ok(Privileges::DroppedTo(user))
}

const ROOT: &str = "root";

impl fmt::Display for Privileges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept if geteuid().is_root() => f.write_str("as root"),
            Self::Kept => f.write_str("as the user who started it"),
            Self::DroppedTo(user) => write!(f, "as {user}, no longer as root"),
        }
    }
}
