//! Writes a capture to measure with.
//!
//! `generate KIND SIZE FILE [CONNECTIONS]`, where SIZE is in bytes, or
//! with K, M or G behind it. Without KIND it lists the kinds.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod traffic;

use std::fs::File;
use std::io::BufWriter;

use anyhow::Context;
use traffic::{KINDS, Kind};
use wsdump::limits::Unit;

fn main() -> anyhow::Result<()> {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let [kind, size, file, connections @ ..] = &words[..] else {
        for kind in KINDS {
            println!("{:8} {}", kind.name, kind.about);
        }
        println!("\nKIND SIZE FILE [CONNECTIONS]");
        return Ok(());
    };
    let mut kind = Kind::named(kind).with_context(|| format!("there is no kind {kind}"))?;
    if let [connections, ..] = connections {
        let connections = connections
            .parse()
            .with_context(|| format!("no number: {connections}"))?;
        kind = kind.with_connections(connections);
    }
    let size = Unit::Bytes
        .read(size)
        .with_context(|| format!("no size: {size}"))?;
    let mut out = BufWriter::with_capacity(1 << 20, File::create(file)?);
    let packets = traffic::write(kind, size, &mut out)?;
    out.into_inner().context(format!("cannot write {file}"))?;
    println!("{file}: {packets} packets");
    Ok(())
}
