//! Where values come from: fields, figures, paths into JSON, functions, slices and
//! masks.

use std::ops::Range;

use super::ast::{Function, Operand, Part, PartLength, Source};
use super::error::FilterSyntaxError;
use super::field::{FieldRef, Step, steps};
use super::lexer::{Symbol, Token, TokenKind, tokens};
use super::namespace::Namespace;
use super::parser::{MAX_DEPTH, Parser};
use super::value::FieldType;

impl Parser<'_> {
    /// Whether a field or function comes next, and not a literal. Beside text, a word that
    /// names something without a value is text: `ws.type == http`.
    pub(super) fn begins_operand(&self, left: FieldType) -> bool {
        let TokenKind::Word(word) = self.peek() else {
            return false;
        };
        if self.namespace == Namespace::Figures && left.is_bytes() {
            // Names of figures are short words, which may be meant: `close.reason == end`.
            return false;
        }
        let called = self.tokens[self.at + 1].kind == TokenKind::Symbol(Symbol::OpenParenthesis);
        let can_be_compared = |field: FieldRef| field.kind().has_values() || !left.is_bytes();
        called || self.namespace.named(word).is_some_and(can_be_compared)
    }

    /// An operand, perhaps with `& bits`.
    pub(super) fn masked(&mut self) -> Result<(Operand, Range<usize>), FilterSyntaxError> {
        let (mut operand, mut span) = self.operand()?;
        let mut levels = 0;
        while *self.peek() == TokenKind::Symbol(Symbol::BitwiseAnd) {
            let operator = self.advance().span;
            levels += 1;
            if levels > MAX_DEPTH {
                return Err(self.too_deep());
            }
            let kind = match operand.kind {
                // Bits of a code have no names.
                FieldType::Code(bytes, _) => FieldType::Unsigned(bytes),
                FieldType::Boolean
                | FieldType::Unsigned(_)
                | FieldType::Signed
                | FieldType::Ipv4
                | FieldType::Ipv6 => operand.kind,
                other => {
                    let problem = format!(
                        "{} is {}: it has no bits to choose",
                        self.text(&span),
                        other.described()
                    );
                    return Err(FilterSyntaxError::new(span, problem)
                        .hint("& is for numbers and addresses; and is && or and"));
                }
            };
            let mask = self.constant(kind, &span, &operator)?;
            span.end = self.tokens[self.at - 1].span.end;
            operand = Operand {
                source: Source::Mask(Box::new(operand), mask),
                kind,
            };
        }
        Ok((operand, span))
    }

    /// A field or function, perhaps with slices.
    fn operand(&mut self) -> Result<(Operand, Range<usize>), FilterSyntaxError> {
        let span = self.span();
        let word = match *self.peek() {
            TokenKind::Word(word) => word,
            TokenKind::Text(_) | TokenKind::Char(_) => {
                let words = self.namespace.words();
                let (value, a_name) = (self.text(&span), words.a_name);
                let problem = format!("{value} is a value, where {a_name} is expected");
                return Err(FilterSyntaxError::new(span, problem).hint(format!(
                    "the {} stands on the left: {}",
                    words.name, words.sides
                )));
            }
            _ => return Err(self.unexpected(self.namespace.words().a_name)),
        };
        self.advance();
        let mut whole = span.clone();
        let mut operand = if *self.peek() == TokenKind::Symbol(Symbol::OpenParenthesis) {
            self.call(word, &span)?
        } else {
            let Some(field) = self.namespace.named(word) else {
                return Err(unknown(word, span, self.namespace));
            };
            let field = match field {
                FieldRef::Json(path) => FieldRef::Json(self.json_path(path)?),
                other => other,
            };
            self.needs_payload |= field.is_of_payload();
            let kind = field.kind();
            Operand {
                source: Source::Field(field),
                kind,
            }
        };
        whole.end = self.tokens[self.at - 1].span.end;
        let mut levels = 0;
        while let TokenKind::Brackets(body) = *self.peek() {
            levels += 1;
            if levels > MAX_DEPTH {
                return Err(self.too_deep());
            }
            operand = self.slice(operand, &whole, body)?;
            whole.end = self.span().end;
            self.advance();
        }
        Ok((operand, whole))
    }

    /// `len(field)`, at its parenthesis.
    fn call(&mut self, name: &str, span: &Range<usize>) -> Result<Operand, FilterSyntaxError> {
        let Some((_, function)) = Function::ALL.iter().find(|(known, _)| *known == name) else {
            let problem = format!("there is no function {name}");
            return Err(FilterSyntaxError::new(span.clone(), problem)
                .hint("there are len, lower, upper and count"));
        };
        self.advance();
        let (argument, argument_span) = self.deeper(Self::operand)?;
        if !self.take(Symbol::CloseParenthesis) {
            return Err(self.unexpected(&format!("the ) of {name}")));
        }
        let fits = match function {
            Function::Count => true,
            Function::Len => argument.kind.is_bytes() || argument.kind.width().is_some(),
            Function::Lower | Function::Upper => {
                matches!(argument.kind, FieldType::Text | FieldType::Json)
            }
        };
        if !fits {
            let problem = format!(
                "{name} cannot take {}, which is {}",
                self.text(&argument_span),
                argument.kind.described()
            );
            return Err(
                FilterSyntaxError::new(argument_span, problem).hint(match function {
                    Function::Len => "it takes text, bytes, numbers and addresses",
                    _ => "it takes text",
                }),
            );
        }
        Ok(Operand {
            kind: match function {
                Function::Len | Function::Count => FieldType::Unsigned(8),
                Function::Lower | Function::Upper => FieldType::Text,
            },
            source: Source::Call(*function, Box::new(argument)),
        })
    }

    /// The rest of a path into JSON, behind its first names: `[0].id`, `["a b"]`.
    fn json_path(&mut self, mut path: Vec<Step>) -> Result<Vec<Step>, FilterSyntaxError> {
        loop {
            match *self.peek() {
                TokenKind::Brackets(body) => {
                    let body = body.trim();
                    if let Ok(index) = body.parse() {
                        path.push(Step::Index(index));
                    } else if body.starts_with('"') {
                        path.push(Step::Name(self.quoted_name(body)?));
                    } else {
                        // A slice of the text that is there.
                        return Ok(path);
                    }
                    self.advance();
                }
                TokenKind::Word(word) if word.starts_with('.') => {
                    let Some(more) = steps(word) else {
                        let problem = "a name is missing in this path";
                        return Err(FilterSyntaxError::new(self.span(), problem));
                    };
                    path.extend(more);
                    self.advance();
                }
                _ => return Ok(path),
            }
        }
    }

    /// A name in quotes, in brackets.
    fn quoted_name(&self, body: &str) -> Result<String, FilterSyntaxError> {
        let name = match tokens(body).ok().as_deref() {
            Some(
                [
                    Token {
                        kind: TokenKind::Text(name),
                        ..
                    },
                    end,
                ],
            ) if end.kind == TokenKind::End => String::from_utf8(name.clone()).ok(),
            _ => None,
        };
        name.ok_or_else(|| FilterSyntaxError::new(self.span(), "this is no name in quotes"))
    }

    /// `field[0:4]` and its other forms, at the brackets.
    fn slice(
        &self,
        operand: Operand,
        name: &Range<usize>,
        body: &str,
    ) -> Result<Operand, FilterSyntaxError> {
        let kind = match operand.kind {
            FieldType::Text | FieldType::Json => FieldType::Text,
            FieldType::Bytes | FieldType::Ipv4 | FieldType::Ipv6 => FieldType::Bytes,
            other => {
                let problem = format!(
                    "{} is {}: it has no parts",
                    self.text(name),
                    other.described()
                );
                return Err(FilterSyntaxError::new(self.span(), problem)
                    .hint("slices are for text, bytes and addresses"));
            }
        };
        let start = self.span().start + 1;
        let mut parts = Vec::new();
        let mut at = start;
        for text in body.split(',') {
            let span = at..at + text.len();
            at = span.end + 1;
            parts.push(part(text.trim()).map_err(|problem| {
                FilterSyntaxError::new(span, problem).hint(
                    "offset:length, first-last, :end, start:, one offset, or several with commas",
                )
            })?);
        }
        Ok(Operand {
            source: Source::Slice(Box::new(operand), parts),
            kind,
        })
    }
}

fn unknown(word: &str, span: Range<usize>, namespace: Namespace) -> FilterSyntaxError {
    let words = namespace.words();
    if word.starts_with(|c: char| c.is_ascii_digit() || c == '-') {
        let problem = format!("{word} is a value, where {} is expected", words.a_name);
        return FilterSyntaxError::new(span, problem).hint(format!(
            "after and and or the {} is said anew: {}",
            words.name, words.anew
        ));
    }
    let problem = format!("there is no {} {word}", words.name);
    let error = FilterSyntaxError::new(span, problem);
    let near = namespace.nearest(word);
    let mut hint = format!("{} lists them all", words.list);
    if !near.is_empty() {
        hint = format!("did you mean {}? {hint}", near.join(" or "));
    }
    if namespace == Namespace::Figures {
        if Namespace::Events.named(word).is_some() {
            hint = format!("{word} is a field of events, which display filters are about; {hint}");
        }
        return error.hint(hint);
    }
    let header = word.strip_prefix("http.");
    if let Some(header) = header.filter(|rest| !rest.contains('.')) {
        hint = format!("{hint}; any header field is http.header.NAME: http.header.{header}");
    }
    error.hint(hint)
}

/// One part of a slice.
fn part(text: &str) -> Result<Part, String> {
    let number = |text: &str| -> Result<i64, String> {
        let problem = || format!("{text:?} is no offset");
        text.trim().parse().map_err(|_| problem())
    };
    if let Some((start, length)) = text.split_once(':') {
        let start = if start.trim().is_empty() {
            0
        } else {
            number(start)?
        };
        if length.trim().is_empty() {
            let length = PartLength::ToEnd;
            return Ok(Part { start, length });
        }
        let length = number(length)?;
        return match u64::try_from(length) {
            Ok(0) | Err(_) => Err(format!("a part of {length} bytes is none")),
            Ok(length) => Ok(Part {
                start,
                length: PartLength::Bytes(length),
            }),
        };
    }
    // The minus of a first offset below 0 is no range.
    let range = text.char_indices().skip(1).find(|(_, c)| *c == '-');
    if let Some((at, _)) = range {
        let (start, last) = (number(&text[..at])?, number(&text[at + 1..])?);
        if (start < 0) == (last < 0) && start > last {
            return Err(format!("{start} is behind {last}"));
        }
        let length = PartLength::To(last);
        return Ok(Part { start, length });
    }
    Ok(Part {
        start: number(text)?,
        length: PartLength::Bytes(1),
    })
}
