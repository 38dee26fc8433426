//! Root is given up once the interface is open.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use crate::endpoints::{Endpoints as _, Pair, listen};
use crate::left_out::leave_out;
use crate::said::Client;
use crate::sniffer::{Sniffer, permitted, sniff};

/// The user who owns nothing, by the name that all systems have for it.
const NOBODY: &str = "nobody";

/// Whether the test runs as root, who alone has something to give up; says so if not.
fn is_root() -> bool {
    let directory = tempfile::tempdir().unwrap();
    let is_root = fs::metadata(directory.path()).unwrap().uid() == 0;
    if !is_root {
        leave_out("only root can give root up");
    }
    is_root
}

#[test]
#[cfg(target_os = "linux")]
fn whoever_called_sudo_is_who_it_goes_on_as() {
    if !(permitted() && is_root()) {
        return;
    }
    for by_option in [false, true] {
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(0o777)).unwrap();
        let path = directory.path().join("saved.pcap");
        let (listener, port) = listen();
        let mut command = sniff(&["-v", "-w", path.to_str().unwrap()], port);
        if by_option {
            command.args(["-Z", NOBODY]).env("SUDO_USER", "daemon");
        } else {
            command.env("SUDO_USER", NOBODY);
        }
        let mut sniffer = Sniffer::start(&mut command);
        let mut pair = Pair::connected(&listener);
        pair.text(Client, "hello");
        sniffer.wait_for(|line| line["type"] == "message");
        let owner = fs::metadata(&path).unwrap().uid();
        assert_ne!(owner, 0);
        let tasks = format!("/proc/{}/task", sniffer.id());
        for task in fs::read_dir(tasks).unwrap() {
            let status = fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            // Real, effective and saved: there is no way back.
            let ids = status
                .lines()
                .find(|line| line.starts_with("Uid:"))
                .unwrap();
            let expected = format!("Uid:\t{owner}\t{owner}\t{owner}\t{owner}");
            assert_eq!(ids, expected);
            let capabilities = status.lines().find(|line| line.starts_with("CapEff:"));
            assert_eq!(capabilities, Some("CapEff:\t0000000000000000"));
        }
        let ended = sniffer.interrupt();
        assert!(
            ended.stderr.contains("1 connection, 1 message"),
            "{}",
            ended.stderr
        );
    }
}

#[test]
fn root_stays_root_where_that_is_wanted() {
    if !(permitted() && is_root()) {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("saved.pcap");
    let (_listener, port) = listen();
    let arguments = ["-Z", "root", "-w", path.to_str().unwrap()];
    let sniffer = Sniffer::start(sniff(&arguments, port).env("SUDO_USER", NOBODY));
    assert_eq!(fs::metadata(&path).unwrap().uid(), 0);
    sniffer.interrupt();
}

#[test]
fn a_user_who_cannot_be_become_is_an_error() {
    if !(permitted() && is_root()) {
        return;
    }
    let refused = |arguments: &[&str], message: &str| {
        let output = sniff(arguments, 1).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(message), "{stderr}");
    };
    refused(
        &["-Z", "no-such-user"],
        "cannot give up root for user no-such-user: ",
    );
    let there = Path::new("/").join("wsdump-test.pcap");
    refused(
        &["-Z", NOBODY, "-w", there.to_str().unwrap()],
        "as nobody, root was given up; -Z root goes on as root",
    );
}
