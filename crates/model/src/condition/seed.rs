//! The simple form of conditions (seed 000).
//!
//! ```text
//! condition = all { OR all }
//! all       = one { AND one }
//! one       = { NOT } ( "(" condition ")" | "success" | "error" | "result" "." "contains" "(" quoted ")" )
//! ```
//! Words are taken in any case. A quoted text stands in single or double quotes; in it a backslash before a quote or
//! another backslash takes that character as it is.

use std::cell::OnceCell;

use super::{ConditionError, Facts, MAX_STEPS, ParseFault, excerpt};

/// Deepest nesting of parentheses.
const MAX_DEPTH: usize = 64;

/// A condition in the simple form.
#[derive(Debug, PartialEq)]
pub(super) enum Term {
    /// `success`
    Success,
    /// `error`: the directive failed.
    Failure,
    /// `result.contains('x')`; the text as [`fold`] leaves it.
    Contains(String),
    Not(Box<Term>),
    All(Vec<Term>),
    Any(Vec<Term>),
}

/// Reads a text in the simple form.
pub(super) fn parse(text: &str) -> Result<Term, ParseFault> {
    let mut reader = Reader { tokens: Tokens { text, at: 0 }, depth: 0 };
    let term = reader.any()?;
    match reader.tokens.next()? {
        (_, Token::End) => Ok(term),
        (at, Token::Symbol(')')) => Err(ParseFault::new(at, "this `)` has no `(` before it")),
        (at, token) => Err(ParseFault::new(at, format!("expected AND or OR instead of {token}"))),
    }
}

impl Term {
    /// Whether it is true of these facts. What decides nothing is not looked at.
    pub(super) fn holds(&self, facts: &Facts<'_>) -> Result<bool, ConditionError> {
        Search { facts, folded: OnceCell::new(), steps_left: MAX_STEPS }.decide(self)
    }
}

struct Search<'a> {
    facts: &'a Facts<'a>,
    folded: OnceCell<String>,
    steps_left: u64,
}

impl Search<'_> {
    fn decide(&mut self, term: &Term) -> Result<bool, ConditionError> {
        match term {
            Term::Success => Ok(self.facts.success),
            Term::Failure => Ok(!self.facts.success),
            Term::Contains(wanted) => self.contains(wanted),
            Term::Not(inner) => Ok(!self.decide(inner)?),
            Term::All(terms) => self.first(terms, false).map(|found| !found),
            Term::Any(terms) => self.first(terms, true),
        }
    }

    /// Whether one of the terms comes out as wanted.
    fn first(&mut self, terms: &[Term], wanted: bool) -> Result<bool, ConditionError> {
        for term in terms {
            if self.decide(term)? == wanted {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn contains(&mut self, wanted: &str) -> Result<bool, ConditionError> {
        let folded = self.folded.get_or_init(|| fold(self.facts.result));
        let steps = 1 + folded.len() as u64 / 512;
        self.steps_left = self.steps_left.checked_sub(steps).ok_or_else(|| {
            ConditionError(format!("the result has {} bytes, too many to be searched this often", folded.len()))
        })?;
        Ok(folded.contains(wanted))
    }
}

/// The text in lowercase (Unicode); the two small sigmas, which differ only by their place in a word, become one.
fn fold(text: &str) -> String {
    let lower = text.to_lowercase();
    if lower.contains('ς') { lower.replace('ς', "σ") } else { lower }
}

struct Reader<'t> {
    tokens: Tokens<'t>,
    depth: usize,
}

impl Reader<'_> {
    fn any(&mut self) -> Result<Term, ParseFault> {
        let mut terms = vec![self.all()?];
        while self.tokens.skip_word("or") {
            terms.push(self.all()?);
        }
        Ok(single_or(terms, Term::Any))
    }

    fn all(&mut self) -> Result<Term, ParseFault> {
        let mut terms = vec![self.one()?];
        while self.tokens.skip_word("and") {
            terms.push(self.one()?);
        }
        Ok(single_or(terms, Term::All))
    }

    fn one(&mut self) -> Result<Term, ParseFault> {
        let mut negated = false;
        while self.tokens.skip_word("not") {
            negated = !negated;
        }
        let term = self.atom()?;
        Ok(if negated { Term::Not(Box::new(term)) } else { term })
    }

    fn atom(&mut self) -> Result<Term, ParseFault> {
        match self.tokens.next()? {
            (at, Token::Symbol('(')) => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    let what = format!("parentheses are nested more than {MAX_DEPTH} deep");
                    return Err(ParseFault::new(at, what).of_this_form());
                }
                let inner = self.any()?;
                self.depth -= 1;
                self.expect(')', "`)`, AND or OR")?;
                Ok(inner)
            }
            (_, Token::Word(word)) if word.eq_ignore_ascii_case("success") => Ok(Term::Success),
            (_, Token::Word(word)) if word.eq_ignore_ascii_case("error") => Ok(Term::Failure),
            (_, Token::Word(word)) if word.eq_ignore_ascii_case("result") => self.contains(),
            (at, token) => {
                let what = format!("expected success, error, result.contains('text'), NOT or `(` instead of {token}");
                Err(ParseFault::new(at, what))
            }
        }
    }

    /// The rest of `result.contains('x')` after `result`.
    fn contains(&mut self) -> Result<Term, ParseFault> {
        self.expect('.', "`.contains('text')`")?;
        match self.tokens.next()? {
            (_, Token::Word(word)) if word.eq_ignore_ascii_case("contains") => {}
            (at, token) => return Err(ParseFault::new(at, format!("expected contains('text') instead of {token}"))),
        }
        self.expect('(', "`(`")?;
        let wanted = match self.tokens.next()? {
            (_, Token::Quoted(wanted)) => fold(&wanted),
            (at, token) => {
                return Err(ParseFault::new(
                    at,
                    format!("expected a text in single or double quotes instead of {token}"),
                ));
            }
        };
        self.expect(')', "`)`")?;
        Ok(Term::Contains(wanted))
    }

    fn expect(&mut self, symbol: char, wanted: &str) -> Result<(), ParseFault> {
        match self.tokens.next()? {
            (_, Token::Symbol(found)) if found == symbol => Ok(()),
            (at, token) => Err(ParseFault::new(at, format!("expected {wanted} instead of {token}"))),
        }
    }
}

fn single_or(mut terms: Vec<Term>, join: fn(Vec<Term>) -> Term) -> Term {
    if terms.len() == 1 { terms.swap_remove(0) } else { join(terms) }
}

enum Token<'t> {
    Word(&'t str),
    Quoted(String),
    Symbol(char),
    End,
}

impl std::fmt::Display for Token<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Token::Word(word) => write!(f, "`{}`", excerpt(word)),
            Token::Quoted(_) => f.write_str("a quoted text"),
            Token::Symbol(symbol) => write!(f, "`{}`", symbol.escape_debug()),
            Token::End => f.write_str("the end"),
        }
    }
}

struct Tokens<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Tokens<'t> {
    /// The next token and the byte at which it begins.
    fn next(&mut self) -> Result<(usize, Token<'t>), ParseFault> {
        let text = self.text;
        let rest = text[self.at..].trim_start();
        let start = text.len() - rest.len();
        let Some(first) = rest.chars().next() else {
            self.at = start;
            return Ok((start, Token::End));
        };
        if first == '\'' || first == '"' {
            return Ok((start, Token::Quoted(self.quoted(start, first)?)));
        }
        let length = word_length(rest);
        if length > 0 {
            self.at = start + length;
            return Ok((start, Token::Word(&rest[..length])));
        }
        self.at = start + first.len_utf8();
        Ok((start, Token::Symbol(first)))
    }

    fn quoted(&mut self, start: usize, quote: char) -> Result<String, ParseFault> {
        let mut content = String::new();
        let mut chars = self.text[start..].char_indices().skip(1).peekable();
        while let Some((at, character)) = chars.next() {
            if character == quote {
                self.at = start + at + 1;
                return Ok(content);
            }
            let escaped = chars.next_if(|(_, next)| character == '\\' && matches!(next, '\'' | '"' | '\\'));
            content.push(escaped.map_or(character, |(_, next)| next));
        }
        Err(ParseFault::new(start, format!("the text that begins here has no closing {quote}")))
    }

    /// Goes past the word if it is the next one.
    fn skip_word(&mut self, word: &str) -> bool {
        let rest = self.text[self.at..].trim_start();
        let found = rest[..word_length(rest)].eq_ignore_ascii_case(word);
        if found {
            self.at = self.text.len() - rest.len() + word.len();
        }
        found
    }
}

fn word_length(text: &str) -> usize {
    text.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(text.len())
}
