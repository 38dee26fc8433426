//! `-w` with files: the packets of the chosen connections, in a file of their own.
//!
//! Which connections are chosen is known when they were seen to their end; their first
//! packets are long gone then. So the captures are read twice: once to choose, once to write.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::Path;

use wsdump::capture::save::{Format, Rotation, SaveError, Saver};
use wsdump::capture::{Packet, PacketSource};
use wsdump::event::{Event, EventSink, OtherPacket};
use wsdump::report::{Selection, View, count};
use wsdump::time::Timestamp;
use wsdump::wire::OtherKind;
use wsdump::{Analyzer, Config, Summary};

/// Notes the connections of which something is chosen.
#[derive(Debug)]
pub(crate) struct Choice {
    selection: Selection,
    connections: BTreeSet<u64>,
    /// Their addresses, lower first: fragments of IP datagrams show no more.
    addresses: BTreeSet<[IpAddr; 2]>,
}

impl Choice {
    pub(crate) fn new(selection: Selection) -> Self {
        Self {
            selection,
            connections: BTreeSet::new(),
            addresses: BTreeSet::new(),
        }
    }

    /// Writes all packets of the chosen connections; says how many.
    ///
    /// Part of a packet that cannot be read was said when it was read first.
    pub(crate) fn write(
        &self,
        source: &mut dyn PacketSource,
        config: Config,
        max_packets: u64,
        mut matches: impl FnMut(&Packet<'_>) -> anyhow::Result<bool>,
        saver: &mut Saver,
    ) -> anyhow::Result<String> {
        // The same numbers come out when the same packets go in.
        let mut analyzer = Analyzer::new(Config {
            all: true,
            ..config
        });
        let mut read = 0;
        while read < max_packets {
            let packet = match source.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => break,
                Err(_) => continue,
            };
            if !matches(&packet)? {
                continue;
            }
            read += 1;
            let mut fragment = Fragment(None);
            let number = analyzer.push(&packet, &mut fragment);
            match (number, fragment.0) {
                (Some(number), _) if self.connections.contains(&number) => {
                    saver.write_with(&packet, Some(&format!("connection {number}")))?;
                }
                (None, Some(addresses)) if self.addresses.contains(&addresses) => {
                    saver.write(&packet)?;
                }
                _ => {}
            }
        }
        saver.flush()?;
        Ok(format!(
            "{} of {} saved to {}",
            count(saver.packets(), "packet", "packets"),
            count(self.connections.len() as u64, "connection", "connections"),
            saver.name()
        ))
    }
}

fn sorted(one: IpAddr, other: IpAddr) -> [IpAddr; 2] {
    [one.min(other), one.max(other)]
}

impl EventSink for Choice {
    fn event(&mut self, event: &Event<'_>) {
        if self.selection.chooses(event) {
            let peers = event.connection;
            if self.connections.insert(peers.number) {
                let addresses = sorted(peers.client.ip(), peers.server.ip());
                self.addresses.insert(addresses);
            }
        }
    }
}

impl View for Choice {
    fn release(&mut self, _before: u64, _out: &mut dyn Write) -> io::Result<bool> {
        Ok(false)
    }

    fn finish(&mut self, _summary: &Summary, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// Addresses of a part of an IP datagram, if the packet is one.
struct Fragment(Option<[IpAddr; 2]>);

impl EventSink for Fragment {
    fn event(&mut self, _event: &Event<'_>) {}

    fn other_packet(&mut self, packet: &OtherPacket) {
        if packet.other.kind == OtherKind::Fragment {
            self.0 = packet
                .other
                .addresses
                .map(|(one, other)| sorted(one, other));
        }
    }
}

/// Opens `path` for packets with comments, which pcapng alone has; `-` is standard output.
pub(crate) fn create(path: &Path) -> Result<Saver, SaveError> {
    if is_stdout(path) {
        return stdout_saver(Format::PcapNg);
    }
    Saver::create(path, Format::PcapNg, Rotation::default(), Timestamp(0))
}

/// Whether `path` stands for standard output.
pub(crate) fn is_stdout(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Writes packets to standard output, without the line buffer that it has for text.
pub(crate) fn stdout_saver(format: Format) -> Result<Saver, SaveError> {
    const NAME: &str = "standard output";
    #[cfg(unix)]
    let out = {
        use std::os::fd::AsFd;
        io::stdout()
            .as_fd()
            .try_clone_to_owned()
            .map(std::fs::File::from)
    };
    #[cfg(not(unix))]
    let out: io::Result<io::Stdout> = Ok(io::stdout());
    match out {
        Ok(out) => Saver::to_writer(NAME, out, format),
        // A handle too many, say: what is buffered by lines does as well.
        Err(_) => Saver::to_writer(NAME, io::stdout(), format),
    }
}
