//! WebSocket conversations out of captured packets.
//!
//! wsdump reads a packet capture, puts TCP back in order, finds the HTTP upgrade, decodes
//! every WebSocket frame, and tells what happened as a list of [`Event`](event::Event)s:
//! from the three-way handshake to the close of WebSocket and of TCP. It is an observer,
//! not an endpoint: broken traffic is decoded as far as it goes, and every broken rule has
//! a name ([`Rule`](anomaly::Rule)). Bytes that were never captured are explicit gaps, and
//! nothing is shown that is not certain.
//!
//! # Example
//!
//! The messages of a capture, with who sent them:
//!
//! ```
//! use wsdump::event::{Event, EventKind};
//! use wsdump::{Analyzer, Config, capture};
//!
//! # fn main() -> Result<(), capture::CaptureError> {
//! let mut print = |event: &Event<'_>| {
//!     if let EventKind::Message { message } = event.kind {
//!         let text = message.text().unwrap_or("(bytes)");
//!         println!("{} → {}: {text}", event.source(), event.destination());
//!     }
//! };
//! let mut source = capture::open("testdata/chat.pcap".as_ref())?;
//! let mut analyzer = Analyzer::new(Config::default());
//! while let Some(packet) = source.next_packet()? {
//!     analyzer.push(&packet, &mut print);
//! }
//! analyzer.finish(&mut print);
//! assert_eq!(analyzer.summary().messages, 3);
//! # Ok(())
//! # }
//! ```
//!
//! # A packet's way
//!
//! ```text
//! capture ─▶ wire ─▶ flow ─▶ http ─▶ ws ─▶ event ─▶ report
//!  packets   TCP      in-order  heads    frames,   one list   timeline,
//!            segments chunks             messages  of facts   JSON, summary
//!                     + gaps
//! ```
//!
//! Each arrow is a call with borrowed bytes going up and nothing coming back down. Only
//! [`capture`] reads, and only the program writes; no layer between them does I/O or reads
//! a clock. [`analyzer`] drives the layers; a [`filter`] chooses among events, and [`check`]
//! makes a test of them. A module may use its own layer and those to the left of it, and
//! [`time`], [`anomaly`] and [`limits`], which stand below all.
//!
//! # Features
//!
//! | feature | default | adds |
//! | --- | --- | --- |
//! | `live` | yes | capture from interfaces, by libpcap |

pub mod analyzer;
pub mod anomaly;
pub mod capture;
pub mod check;
pub mod event;
pub mod filter;
pub mod flow;
pub mod http;
pub mod limits;
mod near;
pub mod report;
mod started;
pub mod time;
pub mod wire;
pub mod ws;

pub use analyzer::{Analyzer, Config, Summary};
pub use limits::Limits;
