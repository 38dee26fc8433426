//! What expressions are about: events, whose fields they name, or the figures of a capture.

use std::borrow::Cow;

use super::ast::Quantifier;
use super::field::{FieldRef, fields, figure_names};

/// The names that an expression may use, and how it is spoken of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Namespace {
    /// Fields of events, for display filters.
    Events,
    /// Figures of a capture, for expectations.
    Figures,
}

/// What messages call things, and their examples.
pub(super) struct Words {
    /// An expression as a whole.
    pub(super) expression: &'static str,
    /// What stands on the left of a comparison.
    pub(super) name: &'static str,
    /// The same with its article.
    pub(super) a_name: &'static str,
    /// Where all names are listed.
    pub(super) list: &'static str,
    /// A function in a comparison.
    pub(super) function: &'static str,
    /// A name and a value on their sides.
    pub(super) sides: &'static str,
    /// Two comparisons of one name.
    pub(super) anew: &'static str,
}

const OF_EVENTS: Words = Words {
    expression: "filter",
    name: "field",
    a_name: "a field",
    list: "wsdump --fields",
    function: "len(websocket.payload) > 100",
    sides: "websocket.payload.text == \"ping\"",
    anew: "tcp.port == 80 or tcp.port == 443",
};

const OF_FIGURES: Words = Words {
    expression: "expectation",
    name: "name",
    a_name: "a name",
    list: "wsdump check --names",
    function: "count(close.code) == 1",
    sides: "close.reason == \"bye\"",
    anew: "close.code == 1000 or close.code == 1001",
};

impl Namespace {
    /// What messages call things.
    pub(super) fn words(self) -> &'static Words {
        match self {
            Self::Events => &OF_EVENTS,
            Self::Figures => &OF_FIGURES,
        }
    }

    /// Which of several values have to do where the expression does not say.
    pub(super) fn usual(self) -> Quantifier {
        match self {
            Self::Events => Quantifier::Any,
            // What holds for one connection of many is nothing to rely on.
            Self::Figures => Quantifier::All,
        }
    }

    /// What is called `name`, if anything is; of JSON, all up to the first bracket.
    pub(super) fn named(self, name: &str) -> Option<FieldRef> {
        match self {
            Self::Events => FieldRef::named(name),
            Self::Figures => FieldRef::figure(name),
        }
    }

    /// Names near to one that does not exist, the nearest first.
    pub(super) fn nearest(self, name: &str) -> Vec<Cow<'static, str>> {
        const MOST: usize = 3;
        // A name that long is no mistyped one, and comparing it would take its time.
        if name.len() > 64 {
            return Vec::new();
        }
        let name = name.to_lowercase();
        let limit = 1 + name.chars().count() / 4;
        let names: Vec<_> = match self {
            Self::Events => fields().map(|field| field.name.into()).collect(),
            Self::Figures => figure_names().collect(),
        };
        let near = names
            .into_iter()
            .map(|known| (distance(&name, &known), known));
        let mut near: Vec<_> = near.filter(|(distance, _)| *distance <= limit).collect();
        near.sort_by_key(|(distance, _)| *distance);
        let best = near.first().map_or(0, |(distance, _)| *distance);
        near.retain(|(distance, _)| *distance <= best + 1);
        near.into_iter().take(MOST).map(|(_, name)| name).collect()
    }
}

/// How far a name is from one that exists, in letters. The last part of a name is what people
/// remember, alone or behind the first.
fn distance(name: &str, known: &str) -> usize {
    let first = |name: &str| name.split('.').next().map(str::to_owned);
    let last = name.rsplit('.').next().unwrap_or_default();
    let ends_alike = known
        .strip_suffix(last)
        .is_some_and(|start| start.ends_with('.'));
    let is_part = !name.contains('.') || first(name) == first(known);
    if ends_alike && is_part {
        1
    } else {
        strsim::osa_distance(name, known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearest(namespace: Namespace, table: &[(&str, &str)]) {
        for (name, expected) in table {
            let nearest = namespace.nearest(name);
            let nearest = nearest.first().map_or("", |name| name);
            assert_eq!(nearest, *expected, "{name}");
        }
    }

    #[test]
    fn a_mistyped_field_is_near_to_the_right_one() {
        nearest(
            Namespace::Events,
            &[
                ("tcp.prot", "tcp.port"),
                ("TCP.Port", "tcp.port"),
                ("websocket.opcod", "websocket.opcode"),
                ("opcode", "websocket.opcode"),
                (
                    "websocket.status_code",
                    "websocket.payload.close.status_code",
                ),
                ("ws.mesage.length", "ws.message.length"),
                ("http.response.status", "http.response.code"),
                ("ip.adr", "ip.addr"),
                ("zzz", ""),
            ],
        );
    }

    #[test]
    fn a_mistyped_name_of_a_figure_is_near_to_the_right_one() {
        nearest(
            Namespace::Figures,
            &[
                ("conections", "connections"),
                ("messages.clients", "messages.client"),
                ("error", "anomalies.error"),
                ("close.cod", "close.code"),
                ("handshake.max", "handshake.max_ms"),
                ("anomalies.wrong-acept", "anomalies.wrong-accept"),
                ("zzz", ""),
            ],
        );
    }
}
