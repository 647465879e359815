//! The simple form, by table.

use super::*;

#[test]
fn defects_of_the_sketch_are_gone() {
    // D3: the seed's own example fired on any success.
    let declining = "success AND result.contains('declining')";
    assert_eq!(Given::success("all stable").say(declining), Ok(false));
    assert_eq!(Given::success("Sales are declining").say(declining), Ok(true));
    assert_eq!(Given::failure("declining").say(declining), Ok(false));
    // D4: single quotes were never understood.
    let vulnerabilities = "result.contains('vulnerabilities')";
    assert_eq!(Given::success("3 vulnerabilities found").say(vulnerabilities), Ok(true));
    // D5: a failure was never looked at.
    assert_eq!(Given::failure("boom").say("error"), Ok(true));
    assert_eq!(Given::success("boom").say("error"), Ok(false));
    // D6: a keyword inside a quoted text was taken for a word of the condition.
    let unsuccessful = r#"result.contains("unsuccessful")"#;
    assert_eq!(Given::success("fine").say(unsuccessful), Ok(false));
    assert_eq!(Given::failure("x").say(unsuccessful), Ok(false));
    assert_eq!(Given::success("It was unsuccessful.").say(unsuccessful), Ok(true));
}

#[test]
fn the_simple_form_by_table() {
    let given = Given::success("Found 3 Vulnerabilities AND it's \"done\" in C:\\temp");
    for (text, expected) in [
        ("success", true),
        ("SUCCESS", true),
        ("error", false),
        ("NOT error", true),
        ("not NOT Not error", true),
        ("not not success", true),
        ("(success)", true),
        ("((success)AND(NOT(error)))", true),
        // AND binds tighter than OR, NOT tighter than AND.
        ("success OR error AND error", true),
        ("(success OR error) AND error", false),
        ("error AND error OR success", true),
        ("NOT error AND error", false),
        ("NOT (error AND error)", true),
        ("success or result.contains('x') and error", true),
        ("success And Not error oR error", true),
        // contains ignores case and takes either quote.
        ("result.contains('vulnerabilities')", true),
        ("result.contains(\"VULNERABILITIES\")", true),
        ("RESULT.Contains('found 3')", true),
        (" result . contains ( 'found' ) ", true),
        ("result.contains('')", true),
        ("result.contains('absent')", false),
        // What stands in quotes is text.
        ("result.contains('Vulnerabilities AND it')", true),
        ("result.contains('success AND error')", false),
        ("result.contains(') OR success OR (')", false),
        ("result.contains(\"it's\")", true),
        ("result.contains('it\\'s')", true),
        ("result.contains(\"\\\"done\\\"\")", true),
        ("result.contains('C:\\\\temp')", true),
        ("result.contains('C:\\temp')", true),
        ("result.contains('a')AND success", true),
    ] {
        assert_eq!(given.say(text), Ok(expected), "{text}");
        assert!(is_seed_form(text), "{text}");
    }
}

#[test]
fn case_is_ignored_beyond_ascii() {
    for (result, wanted) in
        [("ÄRGER", "ärger"), ("ärger", "ÄRGER"), ("ΟΔΟΣ", "οδοσ"), ("οδος", "ΟΔΟΣ"), ("ΟΔΟΣΑ", "οδος"), ("ДА", "да")]
    {
        assert_eq!(Given::success(result).say(&format!("result.contains('{wanted}')")), Ok(true), "{result} {wanted}");
    }
    assert_eq!(Given::success("Strasse").say("result.contains('straße')"), Ok(false));
}

#[test]
fn what_reads_as_neither_form_is_refused_with_the_place() {
    for (text, beginning) in [
        ("(success", "at column 9: expected `)`, AND or OR instead of the end"),
        ("success)", "at column 8: this `)` has no `(` before it"),
        (
            "success AND",
            "at column 12: expected success, error, result.contains('text'), NOT or `(` instead of the end",
        ),
        ("AND success", "at column 1: expected success, error, result.contains('text'), NOT or `(` instead of `AND`"),
        ("success success", "at column 9: expected AND or OR instead of `success`"),
        ("success & error", "at column 9: expected AND or OR instead of `&`"),
        ("result.contains('x", "at column 17: the text that begins here has no closing '"),
        ("result.contains(\"x')", "at column 17: the text that begins here has no closing \""),
        ("result contains 'x'", "at column 8: expected `.contains('text')` instead of `contains`"),
        ("result.contains()", "at column 16: contains is written x.contains(y)"),
        ("NOT", "at column 4: expected success"),
        ("()", "at column 2: expected success"),
        ("é", "at column 1: `é` means nothing here; write success, error, result.contains('text')"),
        ("success\u{0}", "at column 8: expected AND or OR instead of `\\0`"),
    ] {
        let refusal = Condition::parse(text).unwrap_err().0;
        assert!(refusal.starts_with(beginning), "{text}: {refusal}");
    }
}
