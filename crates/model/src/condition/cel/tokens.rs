//! A look at the tokens of an expression: whether it may be parsed at all.

use ::cel::parser::pratt_parser::{Lexer, TokenKind};

use crate::condition::ParseFault;

/// Most operators and brackets that may lie in each other. Parsing, checking, evaluating and dropping an expression
/// use the stack for each of them.
const MAX_DEPTH: usize = 100;

/// Refuses what is no expression at all or nested too deep, from the tokens alone.
///
/// The depth of a syntax tree is at most the number of operators and brackets in it. Parts that a comma, `&&` or `||`
/// separates lie beside each other (the parser balances long chains of `&&` and `||`), so only the deepest counts.
pub(super) fn check(text: &str) -> Result<(), ParseFault> {
    let mut lexer = Lexer::new(text);
    let mut outer = Vec::new();
    let mut level = Level::default();
    loop {
        let token = lexer.lex();
        match token.kind {
            TokenKind::TokEnd => return Ok(()),
            TokenKind::TokError => return Err(no_token(text, token.start)),
            TokenKind::TokLeftParen | TokenKind::TokLeftBracket | TokenKind::TokLeftBrace => {
                level.operators += 1;
                outer.push(std::mem::take(&mut level));
            }
            TokenKind::TokRightParen | TokenKind::TokRightBracket | TokenKind::TokRightBrace => {
                let inner = level.depth();
                level = outer.pop().unwrap_or_default();
                level.operators += inner;
            }
            TokenKind::TokComma => {
                level.separate();
                level.choices = 0;
            }
            TokenKind::TokLogicalAnd | TokenKind::TokLogicalOr => {
                level.separate();
                level.joints += 1;
            }
            TokenKind::TokQuestion => {
                level.separate();
                level.choices += 1;
            }
            TokenKind::TokDot
            | TokenKind::TokExclamation
            | TokenKind::TokIn
            | TokenKind::TokMinus
            | TokenKind::TokPlus
            | TokenKind::TokAsterisk
            | TokenKind::TokSlash
            | TokenKind::TokPercent
            | TokenKind::TokEqualEqual
            | TokenKind::TokExclamationEqual
            | TokenKind::TokLess
            | TokenKind::TokLessEqual
            | TokenKind::TokGreater
            | TokenKind::TokGreaterEqual => level.operators += 1,
            _ => {}
        }
        if outer.iter().chain([&level]).map(Level::depth).sum::<usize>() > MAX_DEPTH {
            let what = format!("more than {MAX_DEPTH} operators and brackets lie in each other here");
            return Err(ParseFault::new(token.start, what).of_this_form());
        }
    }
}

fn no_token(text: &str, start: usize) -> ParseFault {
    let what = match text[start..].chars().next() {
        Some(quote @ ('\'' | '"')) => format!("the text that begins here has no closing {quote}"),
        Some('&') => "in CEL, and is written &&".to_owned(),
        Some('|') => "in CEL, or is written ||".to_owned(),
        Some(character) if character.is_ascii_digit() => "this is no number".to_owned(),
        Some(character) => format!("`{}` means nothing here", character.escape_debug()),
        None => "the expression is not complete".to_owned(),
    };
    ParseFault::new(start, what)
}

/// What is known of one pair of brackets while its inside is read.
#[derive(Default)]
struct Level {
    /// Operators and closed brackets since the last separator.
    operators: usize,
    /// The most there were between two separators.
    deepest: usize,
    /// `&&` and `||` so far.
    joints: usize,
    /// `?` since the last comma: each lies in the one before.
    choices: usize,
}

impl Level {
    fn separate(&mut self) {
        self.deepest = self.deepest.max(self.operators + self.choices);
        self.operators = 0;
    }

    fn depth(&self) -> usize {
        let joints = 2 * (usize::BITS - self.joints.leading_zeros()) as usize;
        self.deepest.max(self.operators + self.choices) + joints
    }
}
