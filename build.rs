//! Stops a build that could not link libpcap before it starts, with a message that
//! says what to install. Without this, the linker says so at the very end and names
//! no package.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

const HELP: [&str; 8] = [
    "libpcap was not found; live capture needs its development package:",
    "  Debian, Ubuntu   apt install libpcap-dev",
    "  Alpine           apk add libpcap-dev",
    "  Fedora, RHEL     dnf install libpcap-devel",
    "  Arch             pacman -S libpcap",
    "  Homebrew         brew install libpcap",
    "If it is somewhere the linker does not look, set LIBPCAP_LIBDIR to its folder.",
    "To only read capture files, build without it: cargo build --no-default-features",
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=LIBPCAP_LIBDIR");
    println!("cargo::rerun-if-env-changed=PKG_CONFIG_PATH");

    let live = env::var_os("CARGO_FEATURE_LIVE").is_some();
    if live && can_be_probed() && !links(&["-lpcap"]) && links(&[]) {
        for line in HELP {
            println!("cargo::error={line}");
        }
    }
}

/// A cross build may find its libraries in ways that only its own linker set-up knows,
/// Windows has its library under another name, and documentation is never linked.
fn can_be_probed() -> bool {
    env::var_os("HOST") == env::var_os("TARGET")
        && env::var_os("CARGO_CFG_WINDOWS").is_none()
        && env::var_os("DOCS_RS").is_none()
}

/// Links an empty program with the compiler, linker and flags of the coming build.
///
/// Called without libraries it tells whether linking works at all: if not, libpcap
/// is not to blame, and the build had better say for itself what is wrong.
fn links(libraries: &[&str]) -> bool {
    let Some(out_dir) = env::var_os("OUT_DIR") else {
        return false;
    };
    let out_dir = Path::new(&out_dir);
    let source = out_dir.join("probe.rs");
    if std::fs::write(&source, "fn main() {}\n").is_err() {
        return false;
    }

    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()));
    rustc.arg(&source).arg("-o").arg(out_dir.join("probe"));
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut argument = OsString::from("-Clinker=");
        argument.push(linker);
        rustc.arg(argument);
    }
    if let Ok(flags) = env::var("CARGO_ENCODED_RUSTFLAGS") {
        rustc.args(flags.split('\x1f').filter(|flag| !flag.is_empty()));
    }
    rustc.args(search_paths()).args(libraries);
    let status = rustc.stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Where the `pcap` crate will look: `LIBPCAP_LIBDIR` if set, else as pkg-config says.
fn search_paths() -> Vec<String> {
    if let Ok(folder) = env::var("LIBPCAP_LIBDIR") {
        return vec![format!("-Lnative={folder}")];
    }
    let pkg_config = env::var_os("PKG_CONFIG").unwrap_or_else(|| "pkg-config".into());
    let answer = Command::new(pkg_config)
        .args(["--libs-only-L", "libpcap"])
        .stderr(Stdio::null())
        .output();
    answer.map_or_else(
        |_| Vec::new(),
        |answer| {
            String::from_utf8_lossy(&answer.stdout)
                .split_whitespace()
                .map(str::to_owned)
                .collect()
        },
    )
}
