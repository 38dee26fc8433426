//! A user who may not capture.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};

use crate::refusals::refused;
use crate::sniffer::LOOPBACK;

/// A copy of the program has no permission of its own, and no user but root has one.
#[test]
fn without_permission_it_says_both_ways_to_get_it() {
    let folder = tempfile::tempdir().unwrap();
    let open_to_all = Permissions::from_mode(0o755);
    fs::set_permissions(folder.path(), open_to_all.clone()).unwrap();
    let copy = folder.path().canonicalize().unwrap().join("wsdump");
    // Another program copies: a file that this one has open for writing, were it only in a
    // process that another test is starting, cannot be run.
    let original = assert_cmd::cargo::cargo_bin!("wsdump");
    let copied = Command::new("cp")
        .arg(original)
        .arg(&copy)
        .status()
        .unwrap();
    assert!(copied.success());
    fs::set_permissions(&copy, open_to_all).unwrap();

    let mut command = Command::new(&copy);
    command
        .args(["-i", LOOPBACK])
        .current_dir("/")
        .stdin(Stdio::null());
    if fs::metadata(&copy).unwrap().uid() == 0 {
        command.uid(NOBODY).gid(NOBODY);
    }
    let message = refused(command.output().unwrap());
    let path = copy.display();
    let start = format!("{LOOPBACK}: no permission to capture (");
    assert!(message.starts_with(&start), "{message}");
    let remedies = format!(
        "Allow it once for all with `sudo setcap cap_net_raw,cap_net_admin=eip {path}`, or run \
         wsdump as root: `sudo {path} -i {LOOPBACK}`"
    );
    assert!(message.ends_with(&remedies), "{message}");
}

/// The user who owns nothing.
const NOBODY: u32 = 65_534;
