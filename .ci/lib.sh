# What the scripts here have in common; `who` is how they call themselves.
# shellcheck shell=sh

say() { printf '%s: %s\n' "$who" "$*" >&2; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo > /dev/null; then
        sudo "$@"
    else
        say "not root and no sudo; run this yourself: $*"
        exit 1
    fi
}

apt_get_install() {
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -o DPkg::Lock::Timeout=120 install -y --no-install-recommends "$@"
}

# Installs packages of Debian and its kin.
apt_install() {
    apt_get_install "$@" || {
        # The package lists may be empty or old: fetch them only then.
        as_root apt-get -o DPkg::Lock::Timeout=120 update
        apt_get_install "$@"
    }
}

# Builds benchmarks, which have a workspace of their own, and says in which folder they are.
benches() {
    folder=${CARGO_TARGET_DIR:-target}/benches
    cargo build --manifest-path benches/Cargo.toml --release --quiet --target-dir "$folder" \
        "$@" >&2
    echo "$folder/release"
}
