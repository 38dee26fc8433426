//! Fields of TCP: of the packet that completed the event, and what wsdump found out.

use super::{Field, Subject, field_table};
use crate::event::PacketFacts;
use crate::filter::value::FieldType::{Boolean, Label, Protocol, Signed, Text, Unsigned};
use crate::flow::{TcpEvent, TcpEventKind};
use crate::wire::TcpFlags;

pub(super) static FIELDS: &[Field] = field_table! {
    "tcp" Protocol, "TCP, and so all that wsdump tells of a connection",
        |s, emit| emit.present(s.told().is_some());
    "tcp.srcport" Unsigned(2), "Port of who sent what the row tells of",
        |s, emit| emit.numbers(s.sent().map(|[source, _]| source.port()));
    "tcp.dstport" Unsigned(2), "Port of whom it was sent to",
        |s, emit| emit.numbers(s.sent().map(|[_, destination]| destination.port()));
    "tcp.port" Unsigned(2), "Either of both ports",
        |s, emit| emit.numbers(s.ends().into_iter().flatten().map(|end| end.port()));
    "tcp.stream" Unsigned(4), "Index of the connection, from 0: ws.connection less one",
        |s, emit| emit.numbers(s.told().map(|event| event.connection.number.saturating_sub(1)));
    "tcp.len" Unsigned(4), "Payload bytes of the packet",
        |s, emit| emit.numbers(s.segment().map(|facts| facts.payload_len));
    "tcp.seq" Signed, "Sequence number, relative to the SYN; below 0 for what came before it",
        |s, emit| emit.numbers(seq(s));
    "tcp.seq_raw" Unsigned(4), "Sequence number as sent",
        |s, emit| emit.numbers(s.segment().map(|facts| facts.seq.0));
    "tcp.nxtseq" Signed, "Relative sequence number of what comes next",
        |s, emit| emit.numbers(s.segment().and_then(next_seq));
    "tcp.ack" Signed, "Acknowledgment number, relative to the other side's SYN",
        |s, emit| emit.numbers(s.segment().and_then(ack));
    "tcp.ack_raw" Unsigned(4), "Acknowledgment number as sent",
        |s, emit| emit.numbers(s.segment().map(|facts| facts.ack.0));
    "tcp.hdr_len" Unsigned(1), "Length of the TCP header",
        |s, emit| emit.numbers(s.segment().map(|facts| facts.header_len));
    "tcp.flags" Unsigned(2), "The 12 flag bits: tcp.flags & 0x12",
        |s, emit| emit.numbers(s.segment().map(bits));
    "tcp.flags.res" Boolean, "Any of the three reserved bits",
        |s, emit| emit.numbers(s.segment().map(|facts| facts.reserved & 0xE != 0));
    "tcp.flags.ae" Boolean, "Accurate ECN",
        |s, emit| emit.numbers(s.segment().map(|facts| facts.reserved & 1 != 0));
    "tcp.flags.cwr" Boolean, "Congestion window reduced",
        |s, emit| emit.numbers(flag(s, TcpFlags(0x80)));
    "tcp.flags.ece" Boolean, "ECN echo",
        |s, emit| emit.numbers(flag(s, TcpFlags(0x40)));
    "tcp.flags.urg" Boolean, "The urgent pointer is significant",
        |s, emit| emit.numbers(flag(s, TcpFlags(0x20)));
    "tcp.flags.ack" Boolean, "The acknowledgment number is significant",
        |s, emit| emit.numbers(flag(s, TcpFlags::ACK));
    "tcp.flags.push" Boolean, "Push",
        |s, emit| emit.numbers(flag(s, TcpFlags::PSH));
    "tcp.flags.reset" Boolean, "The sender gives the connection up",
        |s, emit| emit.numbers(flag(s, TcpFlags::RST));
    "tcp.flags.syn" Boolean, "The sender opens the connection",
        |s, emit| emit.numbers(flag(s, TcpFlags::SYN));
    "tcp.flags.fin" Boolean, "The sender has sent all it will",
        |s, emit| emit.numbers(flag(s, TcpFlags::FIN));
    "tcp.flags.str" Text, "The flags as letters, a point for each that is not set",
        |s, emit| if let Some(facts) = s.segment() { emit.texts([letters(facts).as_str()]) };
    "tcp.window_size_value" Unsigned(2), "Window field, not scaled",
        |s, emit| emit.numbers(s.segment().map(|facts| facts.window));
    "tcp.checksum" Unsigned(2), "Checksum field, not verified",
        |s, emit| emit.numbers(s.segment().map(|facts| facts.checksum));
    "tcp.options.mss_val" Unsigned(2), "Maximum segment size, in the row of a SYN",
        |s, emit| emit.numbers(mss(s));
    "tcp.connection.syn" Label, "The packet is a SYN without ACK",
        |s, emit| emit.present(syn_ack(s) == Some((true, false)));
    "tcp.connection.synack" Label, "The packet is a SYN with ACK",
        |s, emit| emit.present(syn_ack(s) == Some((true, true)));
    "tcp.connection.fin" Label, "The packet has FIN",
        |s, emit| emit.present(flag(s, TcpFlags::FIN) == Some(true));
    "tcp.connection.rst" Label, "The packet has RST",
        |s, emit| emit.present(flag(s, TcpFlags::RST) == Some(true));
    "tcp.analysis" Label, "Any of the following",
        |s, emit| emit.present(is_analysis(s));
    "tcp.analysis.flags" Label, "The same",
        |s, emit| emit.present(is_analysis(s));
    "tcp.analysis.retransmission" Label, "Payload, SYN or FIN that was captured before",
        |s, emit| emit.present(is(s, TcpEventKind::Retransmission));
    "tcp.analysis.out_of_order" Label, "Data that came after later data",
        |s, emit| emit.present(is(s, TcpEventKind::OutOfOrder));
    "tcp.analysis.lost_segment" Label, "Bytes that were not captured",
        |s, emit| emit.present(is(s, TcpEventKind::Gap));
    "tcp.analysis.keep_alive" Label, "A keep-alive",
        |s, emit| emit.present(is(s, TcpEventKind::KeepAlive));
    "tcp.analysis.zero_window" Label, "The window is closed",
        |s, emit| emit.present(s.segment().is_some_and(closes_window));
    "tcp.analysis.zero_window_probe" Label, "A probe of a window that is closed",
        |s, emit| emit.present(is(s, TcpEventKind::WindowProbe));
};

fn flag(s: &Subject<'_>, flag: TcpFlags) -> Option<bool> {
    let of_packet = s.segment().map(|facts| facts.flags);
    Some(of_packet.or_else(|| Some(told(s)?.flags))?.has(flag))
}

/// A fact of TCP and its numbers, which are there also where the packet is not: in the row
/// of a SYN that was believed late. Those of a gap are of no packet.
fn told<'s>(s: &Subject<'s>) -> Option<&'s TcpEvent> {
    s.tcp().filter(|event| event.kind != TcpEventKind::Gap)
}

fn seq(s: &Subject<'_>) -> Option<i64> {
    let of_packet = s.segment().and_then(|facts| facts.relative_seq);
    of_packet.or_else(|| Some(told(s)?.seq))
}

fn syn_ack(s: &Subject<'_>) -> Option<(bool, bool)> {
    Some((flag(s, TcpFlags::SYN)?, flag(s, TcpFlags::ACK)?))
}

/// In these segments a window of 0 says nothing.
fn closes_window(facts: &PacketFacts) -> bool {
    let others = TcpFlags::SYN.0 | TcpFlags::FIN.0 | TcpFlags::RST.0;
    facts.window == 0 && facts.flags.0 & others == 0
}

fn is(s: &Subject<'_>, kind: TcpEventKind) -> bool {
    s.tcp().is_some_and(|event| event.kind == kind)
}

fn bits(facts: &PacketFacts) -> u16 {
    u16::from(facts.reserved) << 8 | u16::from(facts.flags.0)
}

/// As Wireshark has them: `·······AP···`.
fn letters(facts: &PacketFacts) -> String {
    let bits = bits(facts);
    let letter = |(at, letter)| {
        if bits >> (11 - at) & 1 == 1 {
            letter
        } else {
            '·'
        }
    };
    "RRRACEUAPRSF".chars().enumerate().map(letter).collect()
}

fn next_seq(facts: &PacketFacts) -> Option<i64> {
    let takes_one = facts.flags.has(TcpFlags::SYN) || facts.flags.has(TcpFlags::FIN);
    let len = facts.payload_len.saturating_add(u64::from(takes_one));
    Some(facts.relative_seq?.saturating_add_unsigned(len))
}

/// Without ACK the field means nothing, and is shown as it is.
fn ack(facts: &PacketFacts) -> Option<i64> {
    if facts.flags.has(TcpFlags::ACK) {
        facts.relative_ack
    } else {
        Some(i64::from(facts.ack.0))
    }
}

fn mss(s: &Subject<'_>) -> Option<u16> {
    match s.tcp()?.kind {
        TcpEventKind::Syn { mss } | TcpEventKind::SynAck { mss } => mss,
        _ => None,
    }
}

/// Whether Wireshark would have something to say about it.
fn is_analysis(s: &Subject<'_>) -> bool {
    let of_event = s.tcp().is_some_and(|event| {
        matches!(
            event.kind,
            TcpEventKind::Retransmission
                | TcpEventKind::OutOfOrder
                | TcpEventKind::Gap
                | TcpEventKind::KeepAlive
                | TcpEventKind::WindowProbe
        )
    });
    of_event || s.segment().is_some_and(closes_window)
}
