//! What a field holds, and what it is compared with.

use std::cmp::Ordering;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

/// Type of a field, with Wireshark's names of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// A protocol: it is there or not. Some have bytes to look into.
    Protocol,
    /// It is there or not.
    Label,
    /// True or false.
    Boolean,
    /// A whole number of this many bytes.
    Unsigned(u8),
    /// A number of this many bytes whose values have names.
    Code(u8, Names),
    /// A whole number that may be below zero.
    Signed,
    /// A time in seconds.
    Seconds,
    /// A point in time.
    Time,
    /// A time in milliseconds.
    Milliseconds,
    /// A share in percent.
    Percent,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// A value out of JSON, of any of its types.
    Json,
}

/// Which names the values of a field have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Opcodes of frames.
    Opcode,
    /// Close codes.
    CloseCode,
    /// Protocols within IP.
    IpProtocol,
}

impl FieldType {
    /// Whether values of both types can be compared.
    pub(super) fn is_comparable_with(self, other: Self) -> bool {
        self.family() == other.family()
            || [self, other].contains(&Self::Json)
                && [self, other].iter().all(|kind| {
                    matches!(kind.family(), Family::Number | Family::Bytes | Family::Json)
                })
    }

    /// Whether it has values, and can be compared at all.
    pub(super) fn has_values(self) -> bool {
        self.family() != Family::Presence
    }

    /// Whether its values are bytes, of text or not.
    pub(super) fn is_bytes(self) -> bool {
        matches!(self, Self::Text | Self::Bytes | Self::Json)
    }

    /// Bytes that a value has on the wire, where all have as many.
    pub(super) fn width(self) -> Option<u8> {
        match self {
            Self::Boolean => Some(1),
            Self::Unsigned(bytes) | Self::Code(bytes, _) => Some(bytes),
            Self::Ipv4 => Some(4),
            Self::Ipv6 => Some(16),
            _ => None,
        }
    }

    /// Its name with an article: `an IPv4 address`.
    pub(super) fn described(self) -> String {
        let name = self.to_string();
        let article = if name.starts_with(['u', 'I']) {
            "an"
        } else {
            "a"
        };
        format!("{article} {name}")
    }

    fn family(self) -> Family {
        match self {
            Self::Protocol | Self::Label => Family::Presence,
            Self::Boolean | Self::Unsigned(_) | Self::Code(..) | Self::Signed => Family::Number,
            Self::Seconds => Family::Seconds,
            Self::Time => Family::Time,
            Self::Milliseconds => Family::Milliseconds,
            Self::Percent => Family::Percent,
            Self::Text | Self::Bytes => Family::Bytes,
            Self::Ipv4 => Family::Ipv4,
            Self::Ipv6 => Family::Ipv6,
            Self::Json => Family::Json,
        }
    }
}

/// Types whose values can be compared with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Presence,
    Number,
    Seconds,
    Time,
    Milliseconds,
    Percent,
    Bytes,
    Ipv4,
    Ipv6,
    Json,
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Protocol => "protocol",
            Self::Label => "label",
            Self::Boolean => "boolean",
            Self::Unsigned(1) | Self::Code(1, _) => "unsigned integer (1 byte)",
            Self::Unsigned(bytes) | Self::Code(bytes, _) => {
                return write!(f, "unsigned integer ({bytes} bytes)");
            }
            Self::Signed => "signed integer",
            Self::Seconds => "time offset",
            Self::Time => "date and time",
            Self::Milliseconds => "time in milliseconds",
            Self::Percent => "percentage",
            Self::Text => "character string",
            Self::Bytes => "byte sequence",
            Self::Ipv4 => "IPv4 address",
            Self::Ipv6 => "IPv6 address",
            Self::Json => "JSON value",
        })
    }
}

/// One value of a field.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    /// The field is there, and that is all.
    Present,
    /// Whole numbers; flags as 0 and 1; times in nanoseconds; percent in millionths.
    Number(i128),
    /// A number with a fraction, out of JSON.
    Float(f64),
    /// True or false, out of JSON.
    Boolean(bool),
    /// null, out of JSON.
    Null,
    Address(IpAddr),
    /// Bytes, of text or not.
    Bytes(&'a [u8]),
}

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Constant {
    Number(i128),
    Float(f64),
    Boolean(bool),
    Null,
    /// An address, of which this many bits count.
    Network(IpAddr, u8),
    Bytes(Vec<u8>),
}

impl Constant {
    /// The constant as the right side of a comparison of two values.
    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Self::Number(number) => Value::Number(*number),
            Self::Float(number) => Value::Float(*number),
            Self::Boolean(value) => Value::Boolean(*value),
            Self::Null => Value::Null,
            Self::Network(address, _) => Value::Address(*address),
            Self::Bytes(bytes) => Value::Bytes(bytes),
        }
    }
}

impl Value<'_> {
    /// How the value stands to a constant; `None` where they have no order.
    pub(super) fn compare(&self, constant: &Constant) -> Option<Ordering> {
        match (self, constant) {
            (Self::Address(address), Constant::Network(network, bits)) => {
                masked(*address, *bits).partial_cmp(&masked(*network, *bits))
            }
            (value, constant) => value.order(&constant.value()),
        }
    }

    /// How the value stands to another; `None` where they have no order.
    // Where JSON has a fraction, numbers are doubles on both sides.
    #[allow(clippy::cast_precision_loss)]
    pub(super) fn order(&self, other: &Value<'_>) -> Option<Ordering> {
        match (self, other) {
            (Self::Number(left), Value::Number(right)) => Some(left.cmp(right)),
            (Self::Number(left), Value::Float(right)) => (*left as f64).partial_cmp(right),
            (Self::Float(left), Value::Number(right)) => left.partial_cmp(&(*right as f64)),
            (Self::Float(left), Value::Float(right)) => left.partial_cmp(right),
            (Self::Boolean(left), Value::Boolean(right)) => Some(left.cmp(right)),
            // A flag of the header beside one of JSON.
            (Self::Boolean(left), Value::Number(right @ (0 | 1))) => {
                Some(i128::from(*left).cmp(right))
            }
            (Self::Null, Value::Null) => Some(Ordering::Equal),
            (Self::Address(left), Value::Address(right)) => Some(left.cmp(right)),
            (Self::Bytes(left), Value::Bytes(right)) => Some(left.cmp(right)),
            _ => None,
        }
    }
}

/// The first `bits` bits of an address.
fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32)));
            IpAddr::V4((u32::from(address) & mask.unwrap_or(0)).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128)));
            IpAddr::V6((u128::from(address) & mask.unwrap_or(0)).into())
        }
    }
}

/// Takes the values of a field, one after the other.
pub(super) struct Emit<'m> {
    take: &'m mut dyn FnMut(Value<'_>),
    /// A value came.
    pub(super) came: bool,
}

impl<'m> Emit<'m> {
    pub(super) fn new(take: &'m mut dyn FnMut(Value<'_>)) -> Self {
        Self { take, came: false }
    }

    pub(super) fn value(&mut self, value: Value<'_>) {
        self.came = true;
        (self.take)(value);
    }

    pub(super) fn present(&mut self, is: bool) {
        if is {
            self.value(Value::Present);
        }
    }

    pub(super) fn numbers<N: Into<i128>>(&mut self, numbers: impl IntoIterator<Item = N>) {
        for number in numbers {
            self.value(Value::Number(number.into()));
        }
    }

    pub(super) fn addresses<A: Into<IpAddr>>(&mut self, addresses: impl IntoIterator<Item = A>) {
        for address in addresses {
            self.value(Value::Address(address.into()));
        }
    }

    pub(super) fn texts<'t>(&mut self, texts: impl IntoIterator<Item = &'t str>) {
        for text in texts {
            self.value(Value::Bytes(text.as_bytes()));
        }
    }

    pub(super) fn bytes<'t>(&mut self, bytes: impl IntoIterator<Item = &'t [u8]>) {
        for bytes in bytes {
            self.value(Value::Bytes(bytes));
        }
    }

    pub(super) fn durations(&mut self, durations: impl IntoIterator<Item = Duration>) {
        // More nanoseconds than this hold no duration.
        let nanos = |duration: Duration| i128::try_from(duration.as_nanos()).unwrap_or(i128::MAX);
        self.numbers(durations.into_iter().map(nanos));
    }
}
