//! The grammar of Sec-WebSocket-Extensions (RFC 6455 §9.1).
//!
//! ```text
//! extension       = extension-token *( ";" extension-param )
//! extension-param = token [ "=" ( token | quoted-string ) ]
//! ```

use crate::http::{is_token, parts_outside_quotes};

/// Name of the extension of a list's element.
pub(super) fn name(element: &str) -> &str {
    parts_outside_quotes(element, ';')
        .next()
        .unwrap_or_default()
}

/// How a list's element breaks the grammar.
pub(super) fn complaint(element: &str) -> Option<&'static str> {
    if !is_token(name(element)) {
        return Some("the name is no token");
    }
    parts_outside_quotes(element, ';')
        .skip(1)
        .find_map(|parameter| {
            let (name, value) = match parameter.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (parameter, None),
            };
            if !is_token(name.trim_matches(WHITE)) {
                return Some("a parameter's name is no token");
            }
            let is_right = value.is_none_or(|value| is_value(value.trim_matches(WHITE)));
            (!is_right).then_some("a parameter's value is no token")
        })
}

/// A token; in quotes, what is left without quotes and backslashes must be one.
fn is_value(text: &str) -> bool {
    let quoted = text
        .strip_prefix('"')
        .and_then(|text| text.strip_suffix('"'));
    let Some(quoted) = quoted else {
        return is_token(text);
    };
    let mut escaped = false;
    let unescaped: String = quoted
        .chars()
        .filter(|c| {
            escaped = *c == '\\' && !escaped;
            !escaped
        })
        .collect();
    !escaped && is_token(&unescaped)
}

/// White space that may stand around separators.
const WHITE: [char; 2] = [' ', '\t'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_keep_to_their_grammar() {
        let table = [
            ("permessage-deflate", true),
            ("a; b; c=d ;e = f", true),
            ("a; b=\"c\"", true),
            ("a; b=\"\\c\"", true),
            ("a b", false),
            ("", false),
            ("\"a\"", false),
            ("a;", false),
            ("a;; b", false),
            ("a; b=", false),
            ("a; =b", false),
            ("a; b c", false),
            ("a; b=c=d", false),
            ("a; b=\"\"", false),
            ("a; b=\"c d\"", false),
            ("a; b=\"c;d\"", false),
            ("a; b=\"c", false),
            ("a; b=\"c\\\"", false),
            ("a; b=\"c\\\\\"", false),
        ];
        for (element, right) in table {
            assert_eq!(complaint(element).is_none(), right, "{element}");
        }
    }
}
