//! The opening handshake, as two HTTP heads tell it (RFC 6455 §4).

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::accept::{accept_for, explain_accept};
use super::deflate::{DeflateParameters, EXTENSION_NAME, Stated};
use super::extension;
use crate::anomaly::{Anomaly, Rule};
use crate::http::{Headers, RequestHead, ResponseHead, is_token};

/// What both sides agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agreement {
    /// Whether Sec-WebSocket-Accept answers the key; `None` when either was not captured.
    pub accept_valid: Option<bool>,
    /// The chosen subprotocol.
    pub subprotocol: Option<String>,
    /// The accepted extensions, with their parameters, as the response has them.
    pub extensions: Vec<String>,
    /// Parameters of permessage-deflate, if it is among them.
    pub deflate: Option<DeflateParameters>,
}

impl Agreement {
    /// Bytes on the heap.
    pub fn heap_bytes(&self) -> usize {
        let subprotocol = self.subprotocol.as_ref().map_or(0, String::capacity);
        let extensions = self.extensions.capacity() * size_of::<String>();
        let texts = self.extensions.iter().map(String::capacity).sum::<usize>();
        subprotocol + extensions + texts
    }
}

/// Whether a request asks for WebSocket: Upgrade has the token `websocket` (RFC 6455 §4.1).
pub fn is_upgrade_request(request: &RequestHead) -> bool {
    request.headers.has_token("Upgrade", "websocket")
        // A head of which only the start was captured, but a field of the handshake.
        || request.truncated && has_websocket_field(&request.headers)
}

/// Whether a request has a Sec-WebSocket-Key, and is therefore meant as an opening
/// handshake even where its Upgrade header does not say so.
pub fn has_key(request: &RequestHead) -> bool {
    request.headers.count("Sec-WebSocket-Key") > 0
}

/// Whether a response agrees to WebSocket.
pub fn is_upgrade_response(response: &ResponseHead) -> bool {
    response.line.status == 101
        && (response.headers.has_token("Upgrade", "websocket")
            || has_websocket_field(&response.headers)
            || response.truncated)
}

fn has_websocket_field(headers: &Headers) -> bool {
    let is_ours = |name: &str| {
        name.get(..14)
            .is_some_and(|start| start.eq_ignore_ascii_case("Sec-WebSocket-"))
    };
    headers.0.iter().any(|(name, _)| is_ours(name))
}

/// Names the rules that an upgrade request breaks (RFC 6455 §4.1, §11.3).
pub fn check_request(request: &RequestHead, found: &mut dyn FnMut(Anomaly)) {
    let headers = &request.headers;
    let mut broken = |rule, detail: String| found(Anomaly::new(rule, detail));
    if let Some(why) = request.malformed {
        broken(Rule::MalformedHead, format!("the request has {}", why.0));
    }
    if request.bare_line_feed {
        broken(Rule::BareLineFeed, "in the request".to_owned());
    }
    if request.line.method != "GET" {
        broken(
            Rule::RequestMethod,
            format!("the method is {}", request.line.method),
        );
    }
    check_target(&request.line.target, &mut broken);
    if request.minor_version < 1 {
        broken(Rule::RequestVersion, "the version is HTTP/1.0".to_owned());
    }
    for name in ["Sec-WebSocket-Key", "Sec-WebSocket-Version"] {
        let count = headers.count(name);
        if count > 1 {
            broken(
                Rule::RepeatedHeader,
                format!("{name} is there {count} times"),
            );
        }
    }
    if let Some(key) = headers.first("Sec-WebSocket-Key") {
        let decoded = BASE64.decode(key);
        if !decoded.as_ref().is_ok_and(|key| key.len() == KEY_LEN) {
            let what = decoded.map_or("no base64".to_owned(), |key| format!("{} bytes", key.len()));
            broken(Rule::BadKey, format!("{key:?} is {what}"));
        }
    }
    let version = headers.first("Sec-WebSocket-Version");
    if let Some(version) = version.filter(|version| *version != VERSION) {
        broken(
            Rule::UnsupportedVersion,
            format!("the version is {version:?}"),
        );
    }
    check_offered_subprotocols(headers, &mut broken);
    check_extension_list(headers, found);
    for element in headers.list(EXTENSIONS) {
        let is_deflate = extension::name(element) == EXTENSION_NAME;
        if is_deflate && extension::complaint(element).is_none() {
            Stated::parse(element, found);
        }
    }
    if request.truncated {
        // Fields may be there and not captured.
        return;
    }
    let mut broken = |rule, detail: String| found(Anomaly::new(rule, detail));
    if !headers.has_token("Upgrade", "websocket") {
        let list = joined(headers, "Upgrade");
        broken(Rule::RequestUpgrade, format!("Upgrade is {list:?}"));
    }
    if headers.count("Sec-WebSocket-Key") == 0 {
        broken(Rule::MissingKey, "Sec-WebSocket-Key is missing".to_owned());
    }
    if headers.count("Sec-WebSocket-Version") == 0 {
        broken(
            Rule::UnsupportedVersion,
            "Sec-WebSocket-Version is missing".to_owned(),
        );
    }
    match headers.count("Host") {
        1 => {}
        0 => broken(Rule::MissingHost, "Host is missing".to_owned()),
        count => broken(Rule::MissingHost, format!("Host is there {count} times")),
    }
    if !headers.has_token("Connection", "Upgrade") {
        let list = joined(headers, "Connection");
        broken(Rule::RequestConnection, format!("Connection is {list:?}"));
    }
}

/// RFC 6455 §3, §4.1 item 3.
fn check_target(target: &str, broken: &mut dyn FnMut(Rule, String)) {
    let has_scheme = |scheme: &str| {
        let start = target.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    if !target.starts_with('/') && !has_scheme("http://") && !has_scheme("https://") {
        broken(Rule::RequestTarget, format!("the target is {target:?}"));
    }
    if target.contains('#') {
        broken(Rule::TargetFragment, format!("the target is {target:?}"));
    }
}

/// RFC 6455 §4.1 item 10. Elements that are empty do not count (RFC 2616 §2.1). Told once a
/// request: a head can hold thousands of them.
fn check_offered_subprotocols(headers: &Headers, broken: &mut dyn FnMut(Rule, String)) {
    const FIELD: &str = "Sec-WebSocket-Protocol";
    let mut seen = HashSet::new();
    let complaint = headers.list(FIELD).find_map(|element| {
        if !is_token(element) {
            Some(format!("{element:?} is no token"))
        } else if !seen.insert(element) {
            Some(format!("{element:?} is offered more than once"))
        } else {
            None
        }
    });
    let is_empty = headers.count(FIELD) > 0 && headers.list(FIELD).next().is_none();
    let empty = is_empty.then(|| "the header names no subprotocol".to_owned());
    if let Some(detail) = complaint.or(empty) {
        broken(Rule::MalformedSubprotocol, detail);
    }
}

/// Whether a server must refuse a request that breaks this rule of the client (RFC 6455
/// §4.2.1 items 1 to 6).
fn must_be_refused(rule: Rule) -> bool {
    matches!(
        rule,
        Rule::RequestMethod
            | Rule::RequestVersion
            | Rule::MissingHost
            | Rule::RequestUpgrade
            | Rule::RequestConnection
            | Rule::MissingKey
            | Rule::BadKey
            | Rule::UnsupportedVersion
    )
}

/// Names the rule that a server breaks when it accepts `request` although it must not.
fn check_acceptance(request: &RequestHead, found: &mut dyn FnMut(Anomaly)) {
    if request.truncated {
        return;
    }
    let mut reasons: Vec<&str> = Vec::new();
    check_request(request, &mut |anomaly| {
        if must_be_refused(anomaly.rule) {
            reasons.push(anomaly.rule.name());
        }
    });
    if !reasons.is_empty() {
        let detail = format!("101 to a request that breaks {}", reasons.join(", "));
        found(Anomaly::new(Rule::AcceptedBadRequest, detail));
    }
}

/// Names the rules that a refusal of `request` breaks (RFC 6455 §4.2.2, §4.4).
///
/// Only where it is certain that the version was refused: by 426, to a request with
/// another version than 13, and not for the sake of another protocol.
pub fn check_refusal(
    request: &RequestHead,
    response: &ResponseHead,
    found: &mut dyn FnMut(Anomaly),
) {
    let version = request.headers.first("Sec-WebSocket-Version");
    let headers = &response.headers;
    let other_protocol = headers.count("Upgrade") > 0 && !headers.has_token("Upgrade", "websocket");
    let (Some(version), 426, false) = (version, response.line.status, other_protocol) else {
        return;
    };
    let named = headers.list("Sec-WebSocket-Version").next().is_some();
    if version != VERSION && !named && !response.truncated {
        let detail = format!("426 to version {version:?}, without Sec-WebSocket-Version");
        found(Anomaly::new(Rule::MissingVersion, detail));
    }
}

/// Reads what the server agreed to, and names the rules that its response breaks
/// (RFC 6455 §4.1 "Once the client's opening handshake has been sent", §4.2.2).
pub fn check_response(
    request: Option<&RequestHead>,
    response: &ResponseHead,
    found: &mut dyn FnMut(Anomaly),
) -> Agreement {
    let headers = &response.headers;
    let mut broken = |rule, detail: String| found(Anomaly::new(rule, detail));
    if let Some(why) = response.malformed {
        broken(Rule::MalformedHead, format!("the response has {}", why.0));
    }
    if response.bare_line_feed {
        broken(Rule::BareLineFeed, "in the response".to_owned());
    }
    if response.minor_version < 1 {
        broken(Rule::ResponseVersion, "the version is HTTP/1.0".to_owned());
    }
    for name in ["Content-Length", "Transfer-Encoding"] {
        if headers.count(name) > 0 {
            broken(Rule::ContentIn101, format!("{name} is there"));
        }
    }
    for name in ["Sec-WebSocket-Accept", "Sec-WebSocket-Protocol"] {
        let count = headers.count(name);
        if count > 1 {
            broken(
                Rule::RepeatedHeader,
                format!("{name} is there {count} times"),
            );
        }
    }
    if !response.truncated {
        let upgrade = joined(headers, "Upgrade");
        if !upgrade.eq_ignore_ascii_case("websocket") {
            broken(Rule::ResponseUpgrade, format!("Upgrade is {upgrade:?}"));
        }
        if !headers.has_token("Connection", "Upgrade") {
            let list = joined(headers, "Connection");
            broken(Rule::ResponseConnection, format!("Connection is {list:?}"));
        }
    }
    if let Some(request) = request {
        check_acceptance(request, found);
    }
    Agreement {
        accept_valid: check_accept(request, response, found),
        subprotocol: check_subprotocol(request, response, found),
        extensions: headers.list(EXTENSIONS).map(str::to_owned).collect(),
        deflate: check_extensions(request, response, found),
    }
}

/// The request's fields, unless not all of them were captured.
fn whole(request: Option<&RequestHead>) -> Option<&Headers> {
    request
        .filter(|head| !head.truncated)
        .map(|head| &head.headers)
}

fn check_subprotocol(
    request: Option<&RequestHead>,
    response: &ResponseHead,
    found: &mut dyn FnMut(Anomaly),
) -> Option<String> {
    let chosen = response.headers.first("Sec-WebSocket-Protocol")?;
    if let Some(headers) = whole(request) {
        let offered: Vec<_> = headers.list("Sec-WebSocket-Protocol").collect();
        if !offered.contains(&chosen) {
            let detail = match offered[..] {
                [] => format!("{chosen:?} chosen, none offered"),
                _ => format!("{chosen:?} chosen, offered: {}", offered.join(", ")),
            };
            found(Anomaly::new(Rule::SubprotocolNotOffered, detail));
        }
    }
    Some(chosen.to_owned())
}

/// The grammar of RFC 6455 §9.1. Told once a head, which can hold thousands of elements.
fn check_extension_list(headers: &Headers, found: &mut dyn FnMut(Anomaly)) {
    let complaint = headers.list(EXTENSIONS).find_map(|element| {
        let why = extension::complaint(element)?;
        Some(format!("{element:?}: {why}"))
    });
    let is_empty = headers.count(EXTENSIONS) > 0 && headers.list(EXTENSIONS).next().is_none();
    let empty = is_empty.then(|| "the header names no extension".to_owned());
    if let Some(detail) = complaint.or(empty) {
        found(Anomaly::new(Rule::MalformedExtension, detail));
    }
}

fn check_extensions(
    request: Option<&RequestHead>,
    response: &ResponseHead,
    found: &mut dyn FnMut(Anomaly),
) -> Option<DeflateParameters> {
    let mut deflate = None;
    check_extension_list(&response.headers, found);
    // Both heads can hold thousands of elements: they are not compared one by one.
    let offered: Option<HashSet<_>> =
        whole(request).map(|headers| headers.list(EXTENSIONS).map(extension::name).collect());
    for element in response.headers.list(EXTENSIONS) {
        let name = extension::name(element);
        if offered.as_ref().is_some_and(|names| !names.contains(name)) {
            found(Anomaly::new(Rule::ExtensionNotOffered, name.to_owned()));
        }
        if name != EXTENSION_NAME {
            continue;
        }
        // Of a malformed element, no more needs to be said.
        let answer = match extension::complaint(element) {
            None => Stated::parse(element, found),
            Some(_) => Stated::parse(element, &mut |_| {}),
        };
        if deflate.is_some() {
            let detail = format!("{EXTENSION_NAME} is accepted more than once");
            found(Anomaly::new(Rule::DeflateResponse, detail));
            continue;
        }
        let offers: Option<Vec<_>> = whole(request).map(|headers| {
            let same = |offer: &&str| extension::name(offer) == name;
            headers.list(EXTENSIONS).filter(same).collect()
        });
        if let Some(offers) = offers.filter(|offers| !offers.is_empty()) {
            check_deflate_answer(answer, &offers, found);
        }
        deflate = Some(answer.agreed());
    }
    deflate
}

/// Checks an answer against the offers of permessage-deflate, of which there is at least
/// one. A server may not accept one that is wrong itself (RFC 7692 §7).
fn check_deflate_answer(answer: Stated, offers: &[&str], found: &mut dyn FnMut(Anomaly)) {
    let mut stated = Vec::with_capacity(offers.len());
    let mut some_right = false;
    for offer in offers {
        // What is wrong with an offer was said at the request.
        let mut right = extension::complaint(offer).is_none();
        stated.push(Stated::parse(offer, &mut |_| right = false));
        some_right |= right;
    }
    if !some_right {
        let detail = format!("accepted: {}", offers.join(", "));
        found(Anomaly::new(Rule::AcceptedBadOffer, detail));
    }
    answer.check_answer(&stated, found);
}

fn joined(headers: &Headers, name: &str) -> String {
    headers.all(name).collect::<Vec<_>>().join(", ")
}

const EXTENSIONS: &str = "Sec-WebSocket-Extensions";

const VERSION: &str = "13";

/// Bytes of a decoded Sec-WebSocket-Key.
const KEY_LEN: usize = 16;

fn check_accept(
    request: Option<&RequestHead>,
    response: &ResponseHead,
    found: &mut dyn FnMut(Anomaly),
) -> Option<bool> {
    let Some(accept) = response.headers.first("Sec-WebSocket-Accept") else {
        if response.truncated {
            return None;
        }
        let detail = "Sec-WebSocket-Accept is missing";
        found(Anomaly::new(Rule::MissingAccept, detail));
        return Some(false);
    };
    let key = request?.headers.first("Sec-WebSocket-Key")?;
    let expected = accept_for(key);
    if accept == expected {
        return Some(true);
    }
    let cause = explain_accept(key, accept).map_or(String::new(), |cause| format!("; {cause}"));
    let detail = format!("{accept:?}, expected {expected:?}{cause}");
    found(Anomaly::new(Rule::WrongAccept, detail));
    Some(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{RequestLine, StatusLine};

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn headers(fields: &[(&str, &str)]) -> Headers {
        let owned = fields
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        Headers(owned.collect())
    }

    fn request(fields: &[(&str, &str)]) -> RequestHead {
        let mut all = vec![
            ("Host", "h"),
            ("Upgrade", "websocket"),
            ("Connection", "keep-alive, Upgrade"),
            ("Sec-WebSocket-Key", KEY),
            ("Sec-WebSocket-Version", "13"),
        ];
        all.retain(|(name, _)| !fields.iter().any(|(other, _)| other == name));
        all.extend(fields.iter().filter(|(_, value)| *value != "-"));
        RequestHead {
            line: RequestLine {
                method: "GET".to_owned(),
                target: "/".to_owned(),
            },
            minor_version: 1,
            headers: headers(&all),
            wire_len: 0,
            bare_line_feed: false,
            truncated: false,
            malformed: None,
        }
    }

    fn response(fields: &[(&str, &str)]) -> ResponseHead {
        let accept = accept_for(KEY);
        let mut all = vec![
            ("Upgrade", "WebSocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Accept", &accept),
        ];
        all.retain(|(name, _)| !fields.iter().any(|(other, _)| other == name));
        all.extend(fields.iter().filter(|(_, value)| *value != "-"));
        ResponseHead {
            line: StatusLine {
                status: 101,
                reason: String::new(),
            },
            minor_version: 1,
            headers: headers(&all),
            wire_len: 0,
            bare_line_feed: false,
            truncated: false,
            malformed: None,
        }
    }

    fn of_request(fields: &[(&str, &str)]) -> Vec<&'static str> {
        let mut names = Vec::new();
        check_request(&request(fields), &mut |anomaly| {
            names.push(anomaly.rule.name());
        });
        names
    }

    fn of_response(
        offer: &[(&str, &str)],
        answer: &[(&str, &str)],
    ) -> (Agreement, Vec<&'static str>) {
        let mut names = Vec::new();
        let request = request(offer);
        let agreement = check_response(Some(&request), &response(answer), &mut |anomaly| {
            names.push(anomaly.rule.name());
        });
        (agreement, names)
    }

    #[test]
    fn a_request_that_keeps_the_rules_gives_no_anomaly() {
        assert!(of_request(&[]).is_empty());
    }

    #[test]
    fn each_rule_of_the_request_is_named_when_broken() {
        let table: [(&[(&str, &str)], &str); 8] = [
            (&[("Host", "-")], "missing-host"),
            (&[("Host", "a"), ("Host", "b")], "missing-host"),
            (&[("Connection", "close")], "request-connection"),
            (&[("Sec-WebSocket-Key", "-")], "missing-key"),
            (&[("Sec-WebSocket-Key", "c2hvcnQ=")], "bad-key"),
            (&[("Sec-WebSocket-Key", "no base64 at all!")], "bad-key"),
            (&[("Sec-WebSocket-Version", "8")], "unsupported-version"),
            (&[("Sec-WebSocket-Version", "-")], "unsupported-version"),
        ];
        for (fields, rule) in table {
            assert_eq!(of_request(fields), [rule], "{fields:?}");
        }
        let twice = [("Sec-WebSocket-Key", KEY), ("Sec-WebSocket-Key", KEY)];
        assert_eq!(of_request(&twice), ["repeated-header"]);
    }

    #[test]
    fn what_is_agreed_is_read_from_the_response() {
        let (agreement, anomalies) = of_response(
            &[
                ("Sec-WebSocket-Protocol", "mqtt, chat"),
                (
                    "Sec-WebSocket-Extensions",
                    "permessage-deflate; client_max_window_bits",
                ),
            ],
            &[
                ("Sec-WebSocket-Protocol", "chat"),
                (
                    "Sec-WebSocket-Extensions",
                    "permessage-deflate; client_max_window_bits=10",
                ),
            ],
        );
        assert!(anomalies.is_empty(), "{anomalies:?}");
        assert_eq!(agreement.accept_valid, Some(true));
        assert_eq!(agreement.subprotocol.as_deref(), Some("chat"));
        let bits = agreement
            .deflate
            .map(|deflate| deflate.client_max_window_bits);
        assert_eq!(bits, Some(10));
    }

    #[test]
    fn each_rule_of_the_response_is_named_when_broken() {
        type Fields<'a> = &'a [(&'a str, &'a str)];
        let table: [(Fields<'_>, Fields<'_>, &str); 8] = [
            (&[], &[("Upgrade", "h2c")], "response-upgrade"),
            (&[], &[("Connection", "close")], "response-connection"),
            (&[], &[("Sec-WebSocket-Accept", "-")], "missing-accept"),
            (&[], &[("Sec-WebSocket-Accept", "x")], "wrong-accept"),
            (&[], &[("Content-Length", "0")], "content-in-101"),
            (
                &[],
                &[("Sec-WebSocket-Protocol", "chat")],
                "subprotocol-not-offered",
            ),
            (
                &[],
                &[("Sec-WebSocket-Extensions", "foo")],
                "extension-not-offered",
            ),
            (
                &[("Sec-WebSocket-Extensions", "permessage-deflate")],
                &[(
                    "Sec-WebSocket-Extensions",
                    "permessage-deflate; client_max_window_bits=9",
                )],
                "deflate-response",
            ),
        ];
        for (offer, answer, rule) in table {
            assert_eq!(of_response(offer, answer).1, [rule], "{answer:?}");
        }
    }
}
