//! The words of an expression.
//!
//! What a word means depends on where it stands: `80` is a number beside a port and text
//! beside a header, and `10.0.0.1` could be bytes. The lexer therefore leaves every bare
//! word as it is; the parser, which knows the field, reads it.

use std::ops::Range;

use super::error::FilterSyntaxError;

/// A piece of a filter, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'s> {
    pub(super) kind: TokenKind<'s>,
    /// Bytes of the expression.
    pub(super) span: Range<usize>,
}

/// Kinds of piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TokenKind<'s> {
    /// A name, a number, an address, bytes, or text that needs no quotes.
    Word(&'s str),
    /// What stands in double quotes, its escapes resolved.
    Text(Vec<u8>),
    /// What stands in single quotes: one byte.
    Char(u8),
    /// What stands in brackets.
    Brackets(&'s str),
    /// Anything else, by its usual spelling.
    Symbol(Symbol),
    /// The end of the expression.
    End,
}

/// An operator or a mark; several spellings may mean the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Symbol {
    And,
    Or,
    Not,
    Equal,
    AnyEqual,
    AllEqual,
    AnyNotEqual,
    AllNotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Contains,
    Matches,
    In,
    Any,
    All,
    BitwiseAnd,
    OpenParenthesis,
    CloseParenthesis,
    OpenBrace,
    CloseBrace,
    Comma,
    Range,
}

/// Operators that are words.
const WORDS: [(&str, Symbol); 19] = [
    ("and", Symbol::And),
    ("or", Symbol::Or),
    ("not", Symbol::Not),
    ("eq", Symbol::Equal),
    ("any_eq", Symbol::AnyEqual),
    ("all_eq", Symbol::AllEqual),
    ("ne", Symbol::AllNotEqual),
    ("all_ne", Symbol::AllNotEqual),
    ("any_ne", Symbol::AnyNotEqual),
    ("gt", Symbol::Greater),
    ("ge", Symbol::GreaterOrEqual),
    ("lt", Symbol::Less),
    ("le", Symbol::LessOrEqual),
    ("contains", Symbol::Contains),
    ("matches", Symbol::Matches),
    ("in", Symbol::In),
    ("any", Symbol::Any),
    ("all", Symbol::All),
    ("bitwise_and", Symbol::BitwiseAnd),
];

/// Operators that are marks, the longer before those they begin with.
const MARKS: [(&str, Symbol); 20] = [
    ("===", Symbol::AllEqual),
    ("!==", Symbol::AnyNotEqual),
    ("==", Symbol::Equal),
    ("!=", Symbol::AllNotEqual),
    ("~=", Symbol::AnyNotEqual),
    ("<=", Symbol::LessOrEqual),
    (">=", Symbol::GreaterOrEqual),
    ("&&", Symbol::And),
    ("||", Symbol::Or),
    ("..", Symbol::Range),
    ("<", Symbol::Less),
    (">", Symbol::Greater),
    ("~", Symbol::Matches),
    ("!", Symbol::Not),
    ("&", Symbol::BitwiseAnd),
    ("(", Symbol::OpenParenthesis),
    (")", Symbol::CloseParenthesis),
    ("{", Symbol::OpenBrace),
    ("}", Symbol::CloseBrace),
    (",", Symbol::Comma),
];

/// Cuts an expression into its pieces, the last of which is [`TokenKind::End`].
pub(super) fn tokens(expression: &str) -> Result<Vec<Token<'_>>, FilterSyntaxError> {
    let mut tokens = Vec::new();
    let mut at = 0;
    loop {
        let rest = &expression[at..];
        at += rest.len() - rest.trim_start().len();
        let (kind, len) = next(expression, at)?;
        let is_end = kind == TokenKind::End;
        tokens.push(Token {
            kind,
            span: at..at + len,
        });
        if is_end {
            return Ok(tokens);
        }
        at += len;
    }
}

/// The piece at `at`, and its length.
fn next(expression: &str, at: usize) -> Result<(TokenKind<'_>, usize), FilterSyntaxError> {
    let rest = &expression[at..];
    match rest.as_bytes() {
        [] => return Ok((TokenKind::End, 0)),
        [b'"', ..] => return quoted(expression, at),
        [b'r' | b'R', b'"', ..] => return raw(expression, at),
        [b'\'', ..] => return character(expression, at),
        [b'[', ..] => return brackets(expression, at),
        _ => {}
    }
    let mark = MARKS.iter().find(|(mark, _)| rest.starts_with(mark));
    if let Some((mark, symbol)) = mark {
        return Ok((TokenKind::Symbol(*symbol), mark.len()));
    }
    let word = word(rest);
    if word.is_empty() {
        return Err(stray(rest, at));
    }
    let symbol = WORDS.iter().find(|(name, _)| *name == word);
    let kind = symbol.map_or(TokenKind::Word(word), |(_, symbol)| {
        TokenKind::Symbol(*symbol)
    });
    Ok((kind, word.len()))
}

/// The word that `text` begins with.
fn word(text: &str) -> &str {
    let belongs = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ':' | '.' | '/');
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    // Two points are the middle of a range: `1..5`, `10.0.0.1..10.0.0.9`.
    &text[..text[..end].find("..").unwrap_or(end)]
}

/// A character that means nothing.
fn stray(rest: &str, at: usize) -> FilterSyntaxError {
    let c = rest.chars().next().unwrap_or(' ');
    let error = FilterSyntaxError::new(at..at + c.len_utf8(), format!("{c:?} means nothing here"));
    error.hint(match c {
        '=' => "equality is ==",
        '|' => "or is ||",
        ']' => "there is no [ that it closes",
        '#' => "which layer a field is of cannot be chosen: wsdump knows the innermost one",
        '+' | '*' | '%' => "there is no arithmetic but &; text stands in double quotes",
        _ => "text with such characters stands in double quotes",
    })
}

/// `"text"`, at its first quote.
fn quoted(expression: &str, at: usize) -> Result<(TokenKind<'_>, usize), FilterSyntaxError> {
    let mut bytes = Vec::new();
    let mut end = at + 1;
    loop {
        let rest = &expression[end..];
        match rest.chars().next() {
            None => return Err(unclosed(expression, at, '"')),
            Some('"') => return Ok((TokenKind::Text(bytes), end + 1 - at)),
            Some('\\') => end += escape(expression, end, &mut bytes)?,
            Some(c) => {
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                end += c.len_utf8();
            }
        }
    }
}

/// `r"text"`, whose backslashes are backslashes. One before a quote keeps it from ending
/// the text, and stays.
fn raw(expression: &str, at: usize) -> Result<(TokenKind<'_>, usize), FilterSyntaxError> {
    let body = &expression[at + 2..];
    let mut escaped = false;
    for (len, byte) in body.bytes().enumerate() {
        match byte {
            b'"' if !escaped => {
                let text = body.as_bytes()[..len].to_vec();
                return Ok((TokenKind::Text(text), len + 3));
            }
            b'\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    Err(unclosed(expression, at, '"'))
}

/// `'c'`, at its first quote.
fn character(expression: &str, at: usize) -> Result<(TokenKind<'_>, usize), FilterSyntaxError> {
    let mut bytes = Vec::new();
    let mut end = at + 1;
    loop {
        match expression[end..].chars().next() {
            None => return Err(unclosed(expression, at, '\'')),
            Some('\'') => break,
            Some('\\') => end += escape(expression, end, &mut bytes)?,
            Some(c) => {
                bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                end += c.len_utf8();
            }
        }
    }
    match bytes[..] {
        [byte] => Ok((TokenKind::Char(byte), end + 1 - at)),
        _ => Err(FilterSyntaxError::new(
            at..end + 1,
            format!("single quotes hold one byte, and here are {}", bytes.len()),
        )
        .hint("text stands in double quotes")),
    }
}

/// `[…]`, at its bracket. Quotes within keep a bracket from ending it.
fn brackets(expression: &str, at: usize) -> Result<(TokenKind<'_>, usize), FilterSyntaxError> {
    let body = &expression[at + 1..];
    let (mut quoted, mut escaped) = (false, false);
    for (len, byte) in body.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b']' if !quoted => return Ok((TokenKind::Brackets(&body[..len]), len + 2)),
            _ => {}
        }
    }
    Err(unclosed(expression, at, ']'))
}

fn unclosed(expression: &str, at: usize, end: char) -> FilterSyntaxError {
    let problem = format!("the {end} that ends this is missing");
    FilterSyntaxError::new(at..expression.len(), problem)
}

/// Appends what the escape at `at` stands for, as in C, and returns its length.
fn escape(expression: &str, at: usize, bytes: &mut Vec<u8>) -> Result<usize, FilterSyntaxError> {
    let rest = &expression[at + 1..];
    let Some(c) = rest.chars().next() else {
        return Err(FilterSyntaxError::new(
            at..at + 1,
            "the expression ends in the middle of an escape",
        ));
    };
    let (start, most, radix) = match c {
        'x' => (1, 2, 16),
        'u' => (1, 4, 16),
        'U' => (1, 8, 16),
        '0'..='7' => (0, 3, 8),
        _ => {
            let meant = match c {
                'a' => '\x07',
                'b' => '\x08',
                'f' => '\x0c',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'v' => '\x0b',
                '\\' | '"' | '\'' | '?' => c,
                other => return Err(bad_escape(at, 1 + other.len_utf8())),
            };
            bytes.extend_from_slice(meant.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(2);
        }
    };
    let digits = rest[start..].chars().take(most);
    let len = start + digits.take_while(|c| c.is_digit(radix)).count();
    let value = u32::from_str_radix(&rest[start..len], radix).ok();
    let decoded = match c {
        // Characters take all their digits, so that what follows is not one more.
        'u' | 'U' => value
            .filter(|_| len == start + most)
            .and_then(char::from_u32)
            .map(|decoded| bytes.extend_from_slice(decoded.encode_utf8(&mut [0; 4]).as_bytes())),
        _ => value
            .and_then(|value| u8::try_from(value).ok())
            .map(|byte| bytes.push(byte)),
    };
    decoded.map(|()| 1 + len).ok_or(bad_escape(at, 1 + len))
}

fn bad_escape(at: usize, len: usize) -> FilterSyntaxError {
    FilterSyntaxError::new(at..at + len, "this is no escape of a string").hint(
        "a backslash is written \\\\, or the string is raw: r\"…\" keeps its backslashes, as \
         regular expressions want them",
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The pieces in short: words as they are, what is in quotes as Rust has it.
    fn pieces(expression: &str) -> Vec<String> {
        let tokens = tokens(expression).unwrap();
        let short = |token: &Token<'_>| match &token.kind {
            TokenKind::Word(word) => (*word).to_owned(),
            TokenKind::Text(bytes) => format!("\"{}\"", bytes.escape_ascii()),
            TokenKind::Char(byte) => format!("'{}'", byte.escape_ascii()),
            TokenKind::Brackets(body) => format!("[{body}]"),
            TokenKind::Symbol(symbol) => format!("{symbol:?}"),
            TokenKind::End => "End".to_owned(),
        };
        let mut pieces: Vec<_> = tokens.iter().map(short).collect();
        assert_eq!(pieces.pop().unwrap(), "End");
        pieces
    }

    #[test]
    fn an_expression_is_cut_into_words_and_marks() {
        let table: &[(&str, &[&str])] = &[
            ("", &[]),
            (" tcp ", &["tcp"]),
            ("tcp.len==-5", &["tcp.len", "Equal", "-5"]),
            ("a===b", &["a", "AllEqual", "b"]),
            ("a!==b", &["a", "AnyNotEqual", "b"]),
            ("!a!=b", &["Not", "a", "AllNotEqual", "b"]),
            ("a~=b~c", &["a", "AnyNotEqual", "b", "Matches", "c"]),
            ("a&&b&c", &["a", "And", "b", "BitwiseAnd", "c"]),
            (
                "{1..5,::1..::2}",
                &[
                    "OpenBrace",
                    "1",
                    "Range",
                    "5",
                    "Comma",
                    "::1",
                    "Range",
                    "::2",
                    "CloseBrace",
                ],
            ),
            ("a[0:4][1].b", &["a", "[0:4]", "[1]", ".b"]),
            (r#"a["x]"]"#, &["a", r#"["x]"]"#]),
            (
                "10.0.0.0/8 fe80::1 aa:bb-cc",
                &["10.0.0.0/8", "fe80::1", "aa:bb-cc"],
            ),
            ("and andy eq in_", &["And", "andy", "Equal", "in_"]),
            ("grüße", &["grüße"]),
        ];
        for (expression, expected) in table {
            assert_eq!(pieces(expression), *expected, "{expression}");
        }
    }

    #[test]
    fn strings_have_the_escapes_of_c_unless_they_are_raw() {
        let table = [
            (r#""a\"b""#, r#""a\"b""#),
            (
                r#""\x41\101\u00e9\U0001f389\n""#,
                r#""AA\xc3\xa9\xf0\x9f\x8e\x89\n""#,
            ),
            (r#""\x4g""#, r#""\x04g""#),
            (r#""\0\377""#, r#""\x00\xff""#),
            (r#"r"h\w+""#, r#""h\\w+""#),
            (r#"r"a\"b""#, r#""a\\\"b""#),
            (r#"r"a\\""#, r#""a\\\\""#),
            (r"'\''", r"'\''"),
            (r"'\x05'", r"'\x05'"),
        ];
        for (expression, expected) in table {
            assert_eq!(pieces(expression), [expected], "{expression}");
        }
    }

    #[test]
    fn what_cannot_be_cut_says_where() {
        let table = [
            ("a == \"b", 5..7, "the \" that ends this is missing"),
            ("r\"a\\\"", 0..5, "the \" that ends this is missing"),
            ("a['", 1..3, "the ] that ends this is missing"),
            ("'ab'", 0..4, "single quotes hold one byte, and here are 2"),
            ("''", 0..2, "single quotes hold one byte, and here are 0"),
            ("'é'", 0..4, "single quotes hold one byte, and here are 2"),
            (r#""a\w""#, 2..4, "this is no escape of a string"),
            (r#""\xyz""#, 1..3, "this is no escape of a string"),
            (r#""\400""#, 1..5, "this is no escape of a string"),
            (r#""\ud800""#, 1..7, "this is no escape of a string"),
            (
                "\"\\",
                1..2,
                "the expression ends in the middle of an escape",
            ),
            ("a = b", 2..3, "'=' means nothing here"),
            ("a §", 2..4, "'§' means nothing here"),
        ];
        for (expression, span, problem) in table {
            let error = tokens(expression).unwrap_err();
            assert_eq!(error.problem(), problem, "{expression}");
            assert_eq!(error.span(), span, "{expression}");
        }
    }
}
