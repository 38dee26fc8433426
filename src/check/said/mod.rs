//! What was said in a capture, recorded: for baselines, and for comparing.

mod baseline;
mod conversation;
mod json;
mod layout;
mod mask;
mod payload;
mod recorder;
mod splice;

pub use baseline::{Baseline, BaselineError, Compared};
pub use conversation::{Close, Control, Conversation, DataOpcode, Handshake, Message, Sent};
pub use json::JsonText;
pub use mask::{LEFT_OUT, Mask, MaskError};
pub use recorder::{Recorder, Scope};

pub(super) use layout::{readable, spaced};
pub(super) use payload::start_of;
