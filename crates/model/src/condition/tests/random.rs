//! Properties of conditions that nobody thought of.

use proptest::prelude::*;

use super::*;

/// A condition in the simple form as one would write it on paper, evaluated as one would by hand.
#[derive(Clone, Debug)]
enum Sketch {
    Success,
    Failure,
    Contains(String),
    Not(Box<Sketch>),
    And(Box<Sketch>, Box<Sketch>),
    Or(Box<Sketch>, Box<Sketch>),
}

impl Sketch {
    fn holds(&self, success: bool, result: &str) -> bool {
        match self {
            Sketch::Success => success,
            Sketch::Failure => !success,
            Sketch::Contains(text) => result.to_lowercase().contains(&text.to_lowercase()),
            Sketch::Not(inner) => !inner.holds(success, result),
            Sketch::And(left, right) => left.holds(success, result) & right.holds(success, result),
            Sketch::Or(left, right) => left.holds(success, result) | right.holds(success, result),
        }
    }

    /// The text, with parentheses only where they are needed around what binds less tightly than `around` (OR 0, AND 1,
    /// NOT 2), or everywhere. `style` picks case, blanks and quotes.
    fn write(&self, around: u8, style: u64) -> String {
        let word = |word: &str| if style & 1 == 0 { word.to_owned() } else { word.to_lowercase() };
        let next = style.rotate_right(3);
        let (binds, text) = match self {
            Sketch::Success => (3, "success".to_owned()),
            Sketch::Failure => (3, "error".to_owned()),
            Sketch::Contains(text) => {
                let (quote, space) = if style & 2 == 0 { ('\'', "") } else { ('"', " ") };
                let escaped = text.replace('\\', "\\\\").replace(quote, &format!("\\{quote}"));
                (3, format!("result.contains{space}({space}{quote}{escaped}{quote})"))
            }
            Sketch::Not(inner) => (2, format!("{} {}", word("NOT"), inner.write(2, next))),
            Sketch::And(left, right) => {
                (1, format!("{} {} {}", left.write(1, next), word("AND"), right.write(1, !next)))
            }
            Sketch::Or(left, right) => (0, format!("{} {} {}", left.write(0, next), word("OR"), right.write(0, !next))),
        };
        if binds < around || style & 4 != 0 { format!("({text})") } else { text }
    }
}

fn sketch() -> impl Strategy<Value = Sketch> {
    let atom = prop_oneof![
        Just(Sketch::Success),
        Just(Sketch::Failure),
        "[abAB'\"\\\\ ]{0,3}|and|OR|success|\\)".prop_map(Sketch::Contains),
    ];
    atom.prop_recursive(5, 24, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Sketch::Not(Box::new(inner))),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| Sketch::And(Box::new(left), Box::new(right))),
            (inner.clone(), inner).prop_map(|(left, right)| Sketch::Or(Box::new(left), Box::new(right))),
        ]
    })
}

/// Pieces of conditions in any order.
fn soup() -> impl Strategy<Value = String> {
    let pieces = [
        "success",
        "error",
        "result",
        ".",
        "contains",
        "(",
        ")",
        "'x'",
        "\"y\"",
        "AND",
        "or",
        "Not",
        "&&",
        "||",
        "!",
        "-",
        "metadata",
        "tags",
        "attempt",
        "execution_time",
        "priority",
        "t",
        "1",
        "0",
        "2.5",
        "1u",
        "b'z'",
        "null",
        "true",
        "[",
        "]",
        "{",
        "}",
        ":",
        "?",
        ",",
        "+",
        "*",
        "/",
        "%",
        "==",
        "!=",
        "<",
        ">=",
        "in",
        "size",
        "all",
        "exists",
        "exists_one",
        "map",
        "filter",
        "has",
        "matches",
        "string",
        "int",
        "type",
        "startsWith",
        "//",
        "\n",
        "`",
        "'",
        "\\",
        "é",
        "@",
        "0x",
        "1e9",
        "r'",
    ];
    proptest::collection::vec(prop_oneof![8 => proptest::sample::select(pieces.to_vec()), 1 => Just(" ")], 0..24)
        .prop_map(|pieces| pieces.join(" "))
}

/// Expressions that parse, most of them senseless.
fn expression() -> impl Strategy<Value = String> {
    let leaves = [
        "success",
        "result",
        "error",
        "metadata",
        "metadata.list",
        "metadata.text",
        "metadata.map",
        "execution_time",
        "tags",
        "priority",
        "attempt",
        "t",
        "0",
        "1",
        "-1",
        "9223372036854775807",
        "2u",
        "0.5",
        "'x'",
        "''",
        "b'y'",
        "null",
        "true",
        "[]",
        "[1, 'a', null]",
        "{}",
        "{'a': 1}",
        "int",
    ];
    proptest::sample::select(leaves.to_vec()).prop_map(str::to_owned).prop_recursive(4, 20, 3, |inner| {
        let binary = ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "in"].to_vec();
        let unary = ["!", "-", "size", "string", "int", "double", "uint", "bool", "bytes", "type", "dyn"].to_vec();
        let member = ["contains", "startsWith", "endsWith"].to_vec();
        let loops = ["all", "exists", "exists_one", "map", "filter"].to_vec();
        let select = proptest::sample::select::<&'static str>;
        prop_oneof![
            (inner.clone(), select(binary), inner.clone())
                .prop_map(|(left, operator, right)| format!("({left} {operator} {right})")),
            (select(unary), inner.clone()).prop_map(|(function, value)| format!("{function}({value})")),
            (inner.clone(), select(member), inner.clone())
                .prop_map(|(target, name, value)| format!("{target}.{name}({value})")),
            (inner.clone(), select(loops), inner.clone())
                .prop_map(|(range, name, body)| format!("{range}.{name}(t, {body})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(test, yes, no)| format!("({test} ? {yes} : {no})")),
            (inner.clone(), inner.clone()).prop_map(|(container, index)| format!("{container}[{index}]")),
            inner.clone().prop_map(|target| format!("has({target}.a)")),
            inner.clone().prop_map(|target| format!("{target}.matches('[a-z]+$')")),
            (inner.clone(), inner).prop_map(|(key, value)| format!("{{{key}: {value}}}")),
        ]
    })
}

fn given() -> Given {
    let metadata = json!({"list": [1, 2.5, "x", null, [true]], "text": "abc", "map": {"a": {"a": 1}}});
    Given {
        tags: vec!["a".to_owned(), "x".to_owned()],
        execution_time: Some(0.5),
        ..Given::success("A b").metadata(metadata)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_simple_form_means_what_it_says(
        sketch in sketch(),
        style in any::<u64>(),
        success in any::<bool>(),
        result in "[abAB'\"\\\\ ]{0,8}|success|Or",
    ) {
        let text = sketch.write(0, style);
        let given = Given { success, ..Given::success(&result) };
        prop_assert_eq!(given.say(&text), Ok(sketch.holds(success, &result)), "{}", text);
        prop_assert!(is_seed_form(&text), "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        if let Err(error) = given().say(&text) {
            prop_assert!(error.len() < 1000);
        }
    }

    #[test]
    fn any_soup_is_read_or_refused_and_the_simple_form_goes_first(text in soup()) {
        let _ = given().say(&text);
        if super::super::seed::parse(&text).is_ok() {
            prop_assert!(is_seed_form(&text), "{}", text);
        }
    }

    #[test]
    fn any_expression_is_decided_or_an_error(text in expression()) {
        let _ = given().say(&text);
        let _ = given().say(&format!("{text} == {text}"));
        let _ = given().say(&format!("bool(string({text}))"));
    }
}
