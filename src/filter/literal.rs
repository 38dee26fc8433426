//! Literals, read as the type of the field that they are compared with.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::error::FilterSyntaxError;
use super::lexer::{Token, TokenKind};
use super::namespace::Namespace;
use super::value::{Constant, FieldType, Names};
use crate::ws::{CloseCode, OpCode};

/// Reads `token` as a value of a field of type `kind` that the expression calls `name`.
pub(super) fn constant(
    token: &Token<'_>,
    kind: FieldType,
    name: &str,
    namespace: Namespace,
) -> Result<Constant, FilterSyntaxError> {
    let read = match kind {
        FieldType::Protocol | FieldType::Label => None,
        FieldType::Boolean => boolean(token),
        FieldType::Unsigned(_) | FieldType::Signed => number(token),
        FieldType::Code(_, names) => number(token).or_else(|| code(token, names)),
        FieldType::Seconds => word(token).and_then(|word| nanoseconds(word, 9)),
        FieldType::Milliseconds => word(token).and_then(|word| nanoseconds(word, 6)),
        FieldType::Percent => word(token).and_then(|word| decimal(word, 6)),
        FieldType::Time => point_in_time(token),
        FieldType::Text => text(token),
        FieldType::Bytes => bytes(token),
        FieldType::Ipv4 => word(token).and_then(|word| network::<Ipv4Addr>(word, 32)),
        FieldType::Ipv6 => word(token).and_then(|word| network::<Ipv6Addr>(word, 128)),
        FieldType::Json => json(token),
    };
    let Some(constant) = read else {
        return Err(mismatch(token, kind, name, namespace));
    };
    in_range(&constant, token, kind, name)?;
    Ok(constant)
}

/// Reads `token` as bytes to look for in a field of type `kind`.
pub(super) fn part(token: &Token<'_>, kind: FieldType) -> Option<Vec<u8>> {
    let constant = match kind {
        FieldType::Text | FieldType::Json => text(token),
        _ => bytes(token),
    };
    match constant {
        Some(Constant::Bytes(bytes)) => Some(bytes),
        _ => None,
    }
}

/// What a literal of a type looks like.
fn example(kind: FieldType) -> &'static str {
    match kind {
        FieldType::Protocol | FieldType::Label => {
            "whether it is there is all that can be asked: its name alone"
        }
        FieldType::Boolean => "write 1 or true, 0 or false",
        FieldType::Unsigned(_) | FieldType::Signed => "write a whole number: 80, 0x50, 0b1010000",
        FieldType::Code(_, Names::Opcode) => {
            "write a number or a name: 1, Text, Binary, Close, Ping, Pong"
        }
        FieldType::Code(_, Names::CloseCode) => "write a number or a name: 1001, \"Going Away\"",
        FieldType::Code(_, Names::IpProtocol) => "write a number or a name: 6, TCP",
        FieldType::Seconds => "write seconds, or a number with its unit: 0.05, 50ms",
        FieldType::Time => {
            "write a date and time: \"2026-11-21 02:41:28.5\", local unless it ends in Z"
        }
        FieldType::Milliseconds => {
            "write milliseconds, or a number with its unit: 50, 0.5, 200us, 1s"
        }
        FieldType::Percent => "write percent without a sign: 40, 37.5",
        FieldType::Text => "write text in double quotes",
        FieldType::Bytes => "write bytes as 68:65:6c or text in double quotes",
        FieldType::Ipv4 => "write an IPv4 address or network: 10.0.0.1, 10.0.0.0/8",
        FieldType::Ipv6 => "write an IPv6 address or network: ::1, fe80::/10",
        FieldType::Json => "write a number, true, false, null, or text in double quotes",
    }
}

fn mismatch(
    token: &Token<'_>,
    kind: FieldType,
    name: &str,
    namespace: Namespace,
) -> FilterSyntaxError {
    let given = match &token.kind {
        TokenKind::Word(word) => {
            let other_version = match kind {
                FieldType::Ipv4 => word
                    .parse::<Ipv6Addr>()
                    .ok()
                    .map(|_| ("an IPv6 address", "ipv6.")),
                FieldType::Ipv6 => word
                    .parse::<Ipv4Addr>()
                    .ok()
                    .map(|_| ("an IPv4 address", "ip.")),
                _ => None,
            };
            if let Some((what, start)) = other_version {
                let problem = format!("{name} is {}, and {word} is {what}", kind.described());
                let other = format!("{start}{}", name.rsplit('.').next().unwrap_or_default());
                return FilterSyntaxError::new(token.span.clone(), problem)
                    .hint(format!("the field for that is {other}"));
            }
            (*word).to_owned()
        }
        TokenKind::Text(_) => "text in quotes".to_owned(),
        TokenKind::Char(_) => "a character".to_owned(),
        TokenKind::Brackets(_) | TokenKind::Symbol(_) | TokenKind::End => "this".to_owned(),
    };
    let described = kind.described();
    let problem = if kind.has_values() {
        format!("{name} is {described}, and {given} is none")
    } else {
        format!("{name} is {described}: it has no value to compare")
    };
    let mut hint = example(kind).to_owned();
    if let TokenKind::Word(word) = token.kind
        && let (true, Some(near)) = (word.contains('.'), namespace.nearest(word).first())
    {
        hint = format!(
            "{hint}; or did you mean the {} {near}?",
            namespace.words().name
        );
    }
    FilterSyntaxError::new(token.span.clone(), problem).hint(hint)
}

/// Refuses a number that the field can never be.
fn in_range(
    constant: &Constant,
    token: &Token<'_>,
    kind: FieldType,
    name: &str,
) -> Result<(), FilterSyntaxError> {
    let (Constant::Number(number), FieldType::Unsigned(bytes) | FieldType::Code(bytes, _)) =
        (constant, kind)
    else {
        return Ok(());
    };
    let most = (1_i128 << (8 * u32::from(bytes))) - 1;
    if (0..=most).contains(number) {
        return Ok(());
    }
    let problem = format!("{name} is {}: it is never {number}", kind.described());
    let hint = format!("it can be 0 to {most}");
    Err(FilterSyntaxError::new(token.span.clone(), problem).hint(hint))
}

fn word<'s>(token: &Token<'s>) -> Option<&'s str> {
    match token.kind {
        TokenKind::Word(word) => Some(word),
        _ => None,
    }
}

/// What stands in quotes or needs none, as text.
fn as_text<'t>(token: &'t Token<'_>) -> Option<&'t str> {
    match &token.kind {
        TokenKind::Word(word) => Some(word),
        TokenKind::Text(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

fn number(token: &Token<'_>) -> Option<Constant> {
    match token.kind {
        TokenKind::Word(word) => whole_number(word).map(Constant::Number),
        TokenKind::Char(byte) => Some(Constant::Number(byte.into())),
        _ => None,
    }
}

/// Decimal, `0x…`, `0b…`, or octal with a 0 in front.
fn whole_number(word: &str) -> Option<i128> {
    let (negative, digits) = match word.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, word),
    };
    let lower = digits.to_ascii_lowercase();
    let (radix, digits) = if let Some(digits) = lower.strip_prefix("0x") {
        (16, digits)
    } else if let Some(digits) = lower.strip_prefix("0b") {
        (2, digits)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (8, &lower[1..])
    } else {
        (10, &lower[..])
    };
    // `from_str_radix` would take a sign of its own.
    let number = digits
        .chars()
        .all(|c| c.is_digit(radix))
        .then(|| i128::from_str_radix(digits, radix).ok())
        .flatten()?;
    Some(if negative { -number } else { number })
}

fn boolean(token: &Token<'_>) -> Option<Constant> {
    if let Some(number) = number(token) {
        return Some(number);
    }
    // Wireshark calls bits of a header set and not set.
    let value = match as_text(token)?.to_ascii_lowercase().as_str() {
        "true" | "set" => 1,
        "false" | "not set" => 0,
        _ => return None,
    };
    Some(Constant::Number(value))
}

/// The number that a name stands for.
fn code(token: &Token<'_>, names: Names) -> Option<Constant> {
    let name = as_text(token)?;
    let is = |other: &str| other.eq_ignore_ascii_case(name);
    let number: i128 = match names {
        Names::Opcode => {
            // Wireshark's name of a Close frame.
            let name_is = |opcode: &OpCode| is(&opcode.to_string());
            let close = is("Connection Close").then_some(OpCode::Close);
            let found = close.or_else(|| (0..16).map(OpCode::from_first_byte).find(name_is));
            u8::from(found?).into()
        }
        Names::CloseCode => {
            let known = (1000..=1015).chain([3000, 3003, 3008]);
            let mut known = known.filter(|code| is(CloseCode(*code).name()));
            known.next()?.into()
        }
        Names::IpProtocol => match name.to_ascii_lowercase().as_str() {
            "tcp" => 6,
            "udp" => 17,
            "icmp" => 1,
            _ => return None,
        },
    };
    Some(Constant::Number(number))
}

/// A number with its unit, in nanoseconds; without one, in units of as many of them as 1 with
/// this many digits behind it.
fn nanoseconds(word: &str, digits_without_unit: usize) -> Option<Constant> {
    const UNITS: [(&str, usize); 6] = [
        ("ns", 0),
        ("us", 3),
        ("µs", 3),
        ("μs", 3),
        ("ms", 6),
        ("s", 9),
    ];
    let in_unit = UNITS
        .iter()
        .find_map(|(unit, digits)| Some((word.strip_suffix(unit)?, *digits)));
    let (number, digits) = in_unit.unwrap_or((word, digits_without_unit));
    decimal(number, digits)
}

/// A number with a fraction, times 1 with this many digits behind it; further ones are cut
/// off.
fn decimal(number: &str, digits: usize) -> Option<Constant> {
    let (negative, number) = match number.strip_prefix('-') {
        Some(number) => (true, number),
        None => (false, number),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() + fraction.len() == 0 || !are_digits(whole) || !are_digits(fraction) {
        return None;
    }
    // Longer ones are not meant, and this many digits hold every time there is.
    if whole.len() > 20 {
        return None;
    }
    let digits_of_fraction: String = (0..digits)
        .map(|at| fraction.chars().nth(at).unwrap_or('0'))
        .collect();
    let units: i128 = format!("0{whole}{digits_of_fraction}").parse().ok()?;
    Some(Constant::Number(if negative { -units } else { units }))
}

/// A date and time, in local time unless it says otherwise.
fn point_in_time(token: &Token<'_>) -> Option<Constant> {
    let text = as_text(token)?;
    let nanos = |timestamp: jiff::Timestamp| Constant::Number(timestamp.as_nanosecond());
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Some(nanos(timestamp));
    }
    let civil = text.parse::<DateTime>().or_else(|_| {
        // As Wireshark shows it.
        DateTime::strptime("%b %d, %Y %H:%M:%S%.f", text)
    });
    let zoned = civil.ok()?.to_zoned(TimeZone::system()).ok()?;
    Some(nanos(zoned.timestamp()))
}

fn text(token: &Token<'_>) -> Option<Constant> {
    let bytes = match &token.kind {
        TokenKind::Word(word) => word.as_bytes().to_vec(),
        TokenKind::Text(bytes) => bytes.clone(),
        TokenKind::Char(byte) => vec![*byte],
        _ => return None,
    };
    Some(Constant::Bytes(bytes))
}

/// `68:65:6c`, `68-65-6c`, `68.65.6c`, `68656c`, or what stands in quotes.
fn bytes(token: &Token<'_>) -> Option<Constant> {
    match token.kind {
        TokenKind::Word(word) => hexadecimal(word).map(Constant::Bytes),
        _ => text(token),
    }
}

/// A bare word that reads as bytes.
pub(super) fn hexadecimal_word(token: &Token<'_>) -> Option<Constant> {
    word(token).and_then(hexadecimal).map(Constant::Bytes)
}

fn hexadecimal(word: &str) -> Option<Vec<u8>> {
    let word = word.strip_prefix("0x").unwrap_or(word);
    let separator = word.chars().find(|c| matches!(c, ':' | '-' | '.'));
    let pair = |pair: &str| {
        let are_digits = pair.bytes().all(|byte| byte.is_ascii_hexdigit());
        are_digits
            .then(|| u8::from_str_radix(pair, 16).ok())
            .flatten()
    };
    match separator {
        Some(separator) => {
            // One at the end is how a single byte is told from a number.
            let word = word.strip_suffix(separator).unwrap_or(word);
            word.split(separator).map(pair).collect()
        }
        None if word.len().is_multiple_of(2) && word.is_ascii() => (0..word.len() / 2)
            .map(|at| pair(&word[2 * at..2 * at + 2]))
            .collect(),
        None => None,
    }
}

/// An address, or a network with the length of its prefix.
fn network<A: std::str::FromStr + Into<IpAddr>>(word: &str, bits: u8) -> Option<Constant> {
    let (address, prefix) = match word.split_once('/') {
        Some((address, prefix)) => (address, prefix.parse().ok()?),
        None => (word, bits),
    };
    let address: A = address.parse().ok()?;
    (prefix <= bits).then(|| Constant::Network(address.into(), prefix))
}

fn json(token: &Token<'_>) -> Option<Constant> {
    let TokenKind::Word(word) = token.kind else {
        return text(token);
    };
    let fraction = || {
        let looks_so = word.starts_with(|c: char| c.is_ascii_digit() || c == '-');
        word.parse().ok().filter(|_| looks_so).map(Constant::Float)
    };
    match word {
        "true" | "True" | "TRUE" => Some(Constant::Boolean(true)),
        "false" | "False" | "FALSE" => Some(Constant::Boolean(false)),
        "null" => Some(Constant::Null),
        _ => whole_number(word)
            .map(Constant::Number)
            .or_else(fraction)
            .or_else(|| text(token)),
    }
}
