//! From the words of an expression to what they mean.
//!
//! The grammar is Wireshark's. From what binds weakest: `or`; `and`; `not`; comparisons,
//! which may be chained (`a < b < c`); `&`; slices.

use std::ops::Range;

use memchr::memmem::Finder;
use regex::bytes::{Regex, RegexBuilder};

use super::ast::{Operand, Quantifier, Relation, Source, Test};
use super::error::FilterSyntaxError;
use super::field::FieldRef;
use super::lexer::{Symbol, Token, TokenKind, tokens};
use super::literal;
use super::namespace::Namespace;
use super::value::{Constant, FieldType};

/// How deep parentheses, functions, slices and masks may be inside each other. Nobody
/// writes a tenth of it; a parser that calls itself needs a limit.
pub(super) const MAX_DEPTH: usize = 100;

/// An expression that was understood.
#[derive(Clone, Debug)]
pub(super) struct Parsed {
    /// `None` for the empty expression. As a filter it is true of everything.
    pub(super) test: Option<Test>,
    /// A field of a payload is asked for.
    pub(super) needs_payload: bool,
}

/// Understands an expression about what `namespace` has names for.
pub(super) fn parse(expression: &str, namespace: Namespace) -> Result<Parsed, FilterSyntaxError> {
    let understand = || {
        let mut parser = Parser {
            namespace,
            expression,
            tokens: tokens(expression)?,
            at: 0,
            depth: 0,
            needs_payload: false,
        };
        let test = match parser.peek() {
            TokenKind::End => None,
            _ => Some(parser.any_of()?),
        };
        match parser.peek() {
            TokenKind::End => Ok(Parsed {
                test,
                needs_payload: parser.needs_payload,
            }),
            _ => Err(parser.unexpected(&parser.more_or_end())),
        }
    };
    understand().map_err(|error: FilterSyntaxError| {
        let error = match namespace {
            Namespace::Events if looks_like_capture_filter(expression) => {
                error.hint("that reads like a capture filter, as tcpdump has them: those go to -f")
            }
            Namespace::Figures if expression.get(error.span()) == Some("#") => {
                error.hint("text with such characters stands in double quotes")
            }
            _ => error,
        };
        error.in_expression(expression)
    })
}

/// Whether words of pcap-filter(7) are there, and none that is only of this grammar.
fn looks_like_capture_filter(expression: &str) -> bool {
    const WORDS: [&str; 16] = [
        "port",
        "host",
        "net",
        "portrange",
        "src",
        "dst",
        "proto",
        "less",
        "greater",
        "ether",
        "gateway",
        "broadcast",
        "multicast",
        "tcpflags",
        "tcp-syn",
        "tcp-push",
    ];
    let words = || expression.split(|c: char| c.is_whitespace() || "()[]!&|=".contains(c));
    let is_ours = |word: &str| word.contains('.') && Namespace::Events.named(word).is_some();
    words().any(|word| WORDS.contains(&word)) && !words().any(is_ours) && !expression.contains("==")
}

/// What is read, and how far it has been.
pub(super) struct Parser<'s> {
    pub(super) namespace: Namespace,
    expression: &'s str,
    pub(super) tokens: Vec<Token<'s>>,
    pub(super) at: usize,
    depth: usize,
    pub(super) needs_payload: bool,
}

/// What was read where a test may stand: perhaps only its left side.
enum Primary {
    Test(Test),
    Operand(Operand, Range<usize>),
}

impl<'s> Parser<'s> {
    fn token(&self) -> &Token<'s> {
        // The last token is the end, and nothing goes beyond it.
        &self.tokens[self.at.min(self.tokens.len() - 1)]
    }

    pub(super) fn peek(&self) -> &TokenKind<'s> {
        &self.token().kind
    }

    pub(super) fn span(&self) -> Range<usize> {
        self.token().span.clone()
    }

    pub(super) fn advance(&mut self) -> Token<'s> {
        let token = self.token().clone();
        self.at += 1;
        token
    }

    /// Takes the next token if it is this symbol.
    pub(super) fn take(&mut self, symbol: Symbol) -> bool {
        let is = *self.peek() == TokenKind::Symbol(symbol);
        self.at += usize::from(is);
        is
    }

    fn symbol(&self) -> Option<Symbol> {
        match self.peek() {
            TokenKind::Symbol(symbol) => Some(*symbol),
            _ => None,
        }
    }

    /// The source text of a place.
    pub(super) fn text(&self, span: &Range<usize>) -> &'s str {
        &self.expression[span.clone()]
    }

    /// What may follow a test.
    fn more_or_end(&self) -> String {
        let expression = self.namespace.words().expression;
        format!("and, or, or the end of the {expression}")
    }

    pub(super) fn unexpected(&self, expected: &str) -> FilterSyntaxError {
        let span = self.span();
        let found = self.text(&span);
        let error = if found.is_empty() {
            let expression = self.namespace.words().expression;
            let problem = format!("the {expression} ends where {expected} is expected");
            FilterSyntaxError::new(span, problem)
        } else {
            FilterSyntaxError::new(span, format!("{found} stands where {expected} is expected"))
        };
        let lower = found.to_ascii_lowercase();
        match self.peek() {
            TokenKind::Word(_)
                if ["and", "or", "not", "in", "eq", "ne", "contains", "matches"]
                    .contains(&lower.as_str()) =>
            {
                error.hint(format!("operators are in small letters: {lower}"))
            }
            _ => error,
        }
    }

    /// Goes one level deeper for `work`.
    pub(super) fn deeper<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, FilterSyntaxError>,
    ) -> Result<T, FilterSyntaxError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.too_deep());
        }
        let result = work(self);
        self.depth -= 1;
        result
    }

    pub(super) fn too_deep(&self) -> FilterSyntaxError {
        let problem = format!("more than {MAX_DEPTH} levels inside each other");
        FilterSyntaxError::new(self.span(), problem)
    }

    // Tests

    fn any_of(&mut self) -> Result<Test, FilterSyntaxError> {
        let mut tests = vec![self.all_of()?];
        while self.take(Symbol::Or) {
            tests.push(self.all_of()?);
        }
        Ok(one_or(tests, Test::Or))
    }

    fn all_of(&mut self) -> Result<Test, FilterSyntaxError> {
        let mut tests = vec![self.one()?];
        while self.take(Symbol::And) {
            tests.push(self.one()?);
        }
        Ok(one_or(tests, Test::And))
    }

    fn one(&mut self) -> Result<Test, FilterSyntaxError> {
        let mut negated = false;
        while self.take(Symbol::Not) {
            negated = !negated;
        }
        let test = match self.primary()? {
            Primary::Test(test) => test,
            Primary::Operand(operand, span) => self.present(operand, &span)?,
        };
        Ok(if negated {
            Test::Not(Box::new(test))
        } else {
            test
        })
    }

    fn primary(&mut self) -> Result<Primary, FilterSyntaxError> {
        if self.take(Symbol::OpenParenthesis) {
            let inner = self.deeper(Self::in_parentheses)?;
            // `(tcp.flags & 2) == 2`, as in C.
            return match inner {
                Primary::Operand(operand, span) => self.comparison(operand, span, None),
                test @ Primary::Test(_) => Ok(test),
            };
        }
        let quantifier = if self.take(Symbol::Any) {
            Some(Quantifier::Any)
        } else if self.take(Symbol::All) {
            Some(Quantifier::All)
        } else {
            None
        };
        let (operand, span) = self.masked()?;
        self.comparison(operand, span, quantifier)
    }

    /// What stands behind `(`, with the `)`.
    fn in_parentheses(&mut self) -> Result<Primary, FilterSyntaxError> {
        let start = self.at;
        let mut inner = Primary::Test(self.any_of()?);
        let end = self.at;
        if !self.take(Symbol::CloseParenthesis) {
            return Err(self.unexpected("and, or, or )"));
        }
        if let Primary::Test(Test::Present(operand)) = inner {
            let span = self.tokens[start].span.start..self.tokens[end - 1].span.end;
            inner = Primary::Operand(operand, span);
        }
        Ok(inner)
    }

    /// A test whether something is there.
    fn present(&self, operand: Operand, span: &Range<usize>) -> Result<Test, FilterSyntaxError> {
        if let Source::Call(..) = operand.source {
            let problem = format!("{} is always there", self.text(span));
            let example = self.namespace.words().function;
            return Err(FilterSyntaxError::new(span.clone(), problem)
                .hint(format!("compare it with something, such as {example}")));
        }
        if let Source::Field(FieldRef::Figure(figure)) = &operand.source
            && let Some((problem, hint)) = figure.says_nothing_alone()
        {
            return Err(FilterSyntaxError::new(span.clone(), problem).hint(hint));
        }
        Ok(Test::Present(operand))
    }

    /// What follows the left side of a comparison, if anything does.
    fn comparison(
        &mut self,
        left: Operand,
        span: Range<usize>,
        quantifier: Option<Quantifier>,
    ) -> Result<Primary, FilterSyntaxError> {
        let Some(symbol) = self.symbol() else {
            return self.no_comparison(left, span, quantifier);
        };
        let usual = quantifier.unwrap_or(self.namespace.usual());
        let test = match symbol {
            Symbol::Contains => {
                self.advance();
                self.contains(left, &span, usual)?
            }
            Symbol::Matches => {
                self.advance();
                self.matches(left, &span, usual)?
            }
            Symbol::In => {
                self.advance();
                self.within(left, &span, usual)?
            }
            Symbol::Not if self.tokens[self.at + 1].kind == TokenKind::Symbol(Symbol::In) => {
                self.at += 2;
                // What is not in the set for all is in it for none.
                Test::Not(Box::new(self.within(left, &span, usual.other())?))
            }
            _ if relation(symbol).is_some() => self.relations(left, span, quantifier)?,
            _ => return self.no_comparison(left, span, quantifier),
        };
        Ok(Primary::Test(test))
    }

    fn no_comparison(
        &self,
        left: Operand,
        span: Range<usize>,
        quantifier: Option<Quantifier>,
    ) -> Result<Primary, FilterSyntaxError> {
        match quantifier {
            Some(_) => Err(self.unexpected("a comparison")),
            None => Ok(Primary::Operand(left, span)),
        }
    }

    /// `a == b`, `a < b < c`.
    fn relations(
        &mut self,
        mut left: Operand,
        mut span: Range<usize>,
        quantifier: Option<Quantifier>,
    ) -> Result<Test, FilterSyntaxError> {
        let mut tests = Vec::new();
        loop {
            let Some((stated, relation)) = self.symbol().and_then(relation) else {
                return Ok(one_or(tests, Test::And));
            };
            let operator = self.advance().span;
            let usual = self.namespace.usual();
            let quantifier = quantifier.or(stated).unwrap_or(usual);
            if !left.kind.has_values() {
                let problem = format!("{} has no value to compare", self.text(&span));
                return Err(FilterSyntaxError::new(span, problem).hint(format!(
                    "it is {}: its name alone asks whether it is there",
                    left.kind.described()
                )));
            }
            if self.begins_operand(left.kind) {
                let (right, right_span) = self.masked()?;
                self.check_comparable(&left, &span, &right, &right_span)?;
                tests.push(Test::CompareFields(
                    quantifier,
                    relation,
                    left,
                    right.clone(),
                ));
                (left, span) = (right, right_span);
                continue;
            }
            let right = self.right(&left, &span, &operator)?;
            tests.push(Test::Compare(quantifier, relation, left, right));
            return match self.symbol().and_then(self::relation) {
                None => Ok(one_or(tests, Test::And)),
                Some(_) => Err(self.unexpected(&self.more_or_end())),
            };
        }
    }

    fn check_comparable(
        &self,
        left: &Operand,
        span: &Range<usize>,
        right: &Operand,
        right_span: &Range<usize>,
    ) -> Result<(), FilterSyntaxError> {
        if left.kind.is_comparable_with(right.kind) && right.kind.has_values() {
            return Ok(());
        }
        let (left_text, right_text) = (self.text(span), self.text(right_span));
        let problem = format!(
            "{left_text} ({}) and {right_text} ({}) cannot be compared",
            left.kind, right.kind
        );
        let error = FilterSyntaxError::new(right_span.clone(), problem);
        Err(if left.kind.is_bytes() {
            error.hint(format!("for the text write \"{right_text}\""))
        } else {
            error
        })
    }

    /// The value on the right of `left`. Beside a part of a text, what reads as bytes is
    /// bytes.
    fn right(
        &mut self,
        left: &Operand,
        span: &Range<usize>,
        operator: &Range<usize>,
    ) -> Result<Constant, FilterSyntaxError> {
        if let (Source::Slice(..), FieldType::Text) = (&left.source, left.kind)
            && let Some(bytes) = literal::hexadecimal_word(self.token())
        {
            self.advance();
            return Ok(bytes);
        }
        self.constant(left.kind, span, operator)
    }

    /// The value on the right of an operator.
    pub(super) fn constant(
        &mut self,
        kind: FieldType,
        left: &Range<usize>,
        operator: &Range<usize>,
    ) -> Result<Constant, FilterSyntaxError> {
        let expected = format!("a value after {}", self.text(operator));
        self.expect_literal(&expected)?;
        let constant = literal::constant(self.token(), kind, self.text(left), self.namespace)?;
        self.advance();
        Ok(constant)
    }

    fn expect_literal(&self, expected: &str) -> Result<(), FilterSyntaxError> {
        match self.peek() {
            TokenKind::Word(_) | TokenKind::Text(_) | TokenKind::Char(_) => Ok(()),
            _ => Err(self.unexpected(expected)),
        }
    }

    fn contains(
        &mut self,
        left: Operand,
        span: &Range<usize>,
        quantifier: Quantifier,
    ) -> Result<Test, FilterSyntaxError> {
        self.check_bytes(&left, span, "contain")?;
        self.expect_literal("a value after contains")?;
        let token = self.advance();
        let Some(part) = literal::part(&token, left.kind) else {
            let problem = format!("{} are no bytes", self.text(&token.span));
            return Err(FilterSyntaxError::new(token.span, problem)
                .hint("write bytes as 68:65:6c or text in double quotes"));
        };
        let finder = Finder::new(&part).into_owned();
        Ok(Test::Contains(quantifier, left, Box::new(finder)))
    }

    fn matches(
        &mut self,
        left: Operand,
        span: &Range<usize>,
        quantifier: Quantifier,
    ) -> Result<Test, FilterSyntaxError> {
        self.check_bytes(&left, span, "match")?;
        let TokenKind::Text(pattern) = self.peek() else {
            return Err(self.unexpected("a regular expression in double quotes"));
        };
        let is_text = matches!(left.kind, FieldType::Text | FieldType::Json);
        let regex = regex(pattern, is_text).map_err(|problem| {
            FilterSyntaxError::new(self.span(), problem)
                .hint("the grammar is that of the Rust crate regex, without regard to case")
        })?;
        self.advance();
        Ok(Test::Matches(quantifier, left, regex))
    }

    /// Refuses a left side that has no bytes to look into.
    fn check_bytes(
        &self,
        left: &Operand,
        span: &Range<usize>,
        does: &str,
    ) -> Result<(), FilterSyntaxError> {
        const READABLE: [&str; 2] = ["websocket", "http"];
        let name = self.text(span);
        let is_readable = left.kind == FieldType::Protocol && READABLE.contains(&name);
        if left.kind.is_bytes() || is_readable {
            return Ok(());
        }
        let problem = format!(
            "{name} is {}: it cannot {does} anything",
            left.kind.described()
        );
        let hint = match left.kind {
            FieldType::Protocol => "text is looked for in websocket.payload or in http",
            _ => "compare it with == or in {…}",
        };
        Err(FilterSyntaxError::new(span.clone(), problem).hint(hint))
    }

    /// `{1, 3..5}`; older versions of Wireshark had blanks between.
    fn within(
        &mut self,
        left: Operand,
        span: &Range<usize>,
        quantifier: Quantifier,
    ) -> Result<Test, FilterSyntaxError> {
        let quantifier = match self.namespace {
            // As Wireshark has it: any and all in front are not looked at.
            Namespace::Events => Quantifier::Any,
            Namespace::Figures => quantifier,
        };
        let operator = self.tokens[self.at - 1].span.clone();
        if !left.kind.has_values() {
            let problem = format!("{} has no value to compare", self.text(span));
            return Err(FilterSyntaxError::new(span.clone(), problem));
        }
        if !self.take(Symbol::OpenBrace) {
            return Err(self.unexpected("{ after in"));
        }
        let mut ranges = Vec::new();
        loop {
            let from = self.right(&left, span, &operator)?;
            let to = if self.take(Symbol::Range) {
                let range = self.tokens[self.at - 1].span.clone();
                self.right(&left, span, &range)?
            } else {
                from.clone()
            };
            ranges.push((from, to));
            let comma = self.take(Symbol::Comma);
            if self.take(Symbol::CloseBrace) {
                return Ok(Test::In(quantifier, left, ranges));
            }
            if !comma && self.expect_literal("").is_err() {
                return Err(self.unexpected(", or }"));
            }
        }
    }
}

fn one_or(mut tests: Vec<Test>, many: impl FnOnce(Vec<Test>) -> Test) -> Test {
    match tests.len() {
        1 => tests.swap_remove(0),
        _ => many(tests),
    }
}

/// What an operator compares, and which of several values have to do if it says so.
fn relation(symbol: Symbol) -> Option<(Option<Quantifier>, Relation)> {
    use Quantifier::{All, Any};
    Some(match symbol {
        Symbol::Equal => (None, Relation::Equal),
        Symbol::AnyEqual => (Some(Any), Relation::Equal),
        Symbol::AllEqual => (Some(All), Relation::Equal),
        Symbol::AnyNotEqual => (Some(Any), Relation::NotEqual),
        Symbol::AllNotEqual => (Some(All), Relation::NotEqual),
        Symbol::Less => (None, Relation::Less),
        Symbol::LessOrEqual => (None, Relation::LessOrEqual),
        Symbol::Greater => (None, Relation::Greater),
        Symbol::GreaterOrEqual => (None, Relation::GreaterOrEqual),
        _ => return None,
    })
}

/// A regular expression, without regard to case. Characters for text, bytes for bytes.
fn regex(pattern: &[u8], is_text: bool) -> Result<Regex, String> {
    let Ok(pattern) = std::str::from_utf8(pattern) else {
        return Err("a regular expression is UTF-8; write other bytes as \\\\xff".to_owned());
    };
    let regex = RegexBuilder::new(pattern)
        .case_insensitive(true)
        .unicode(is_text)
        .build();
    regex.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "this regular expression is too big".to_owned(),
        error => {
            format!("this is no regular expression: {}", reason(&error))
        }
    })
}

/// What is wrong with a regular expression, in one line: the last of the error's, behind
/// those that draw the place.
pub(crate) fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}
