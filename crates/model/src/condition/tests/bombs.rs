//! Conditions meant to run for ever, to fill the memory or to overflow the stack.

use std::time::{Duration, Instant};

use super::*;

/// Parses and evaluates in a thread with a stack of 2 MiB, as the server's threads have, and drops everything there.
#[expect(clippy::disallowed_methods, reason = "measures how long it takes")]
fn survive(condition: &str, given: Given) -> Result<bool, String> {
    let text = condition.to_owned();
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        let began = Instant::now();
        let answer = given.say(&text);
        (answer, began.elapsed())
    });
    let (answer, took) = thread.unwrap().join().unwrap();
    // It takes under 50 ms when built for release; the rest is for unoptimised builds on busy machines.
    assert!(took < Duration::from_secs(5), "{condition:.60} took {took:?}");
    answer
}

/// The piece, over and over, until the text is as long as a condition may be.
fn fill(before: &str, piece: &str, after: &str) -> String {
    let times = (MAX_LENGTH - before.len() - after.len()) / piece.len();
    format!("{before}{}{after}", piece.repeat(times))
}

#[test]
fn deep_texts_are_refused_before_they_are_parsed() {
    for text in [
        fill("", "(", "success"),
        fill("", "(", ""),
        fill("", ")", ""),
        fill("", "!", "success"),
        fill("", "-", "1 == 1"),
        fill("", "-!", "1 == 1"),
        fill("", "- ", "1 == 1"),
        fill("", "[", ""),
        fill("", "{", ""),
        fill("", "{1:", ""),
        fill("metadata", ".a", " == 1"),
        fill("metadata", "[0]", " == 1"),
        fill("metadata", "[metadata", " == 1"),
        fill("", "success?success:", "success"),
        fill("success", "?success", ""),
        fill("", "1+", "1 == 1"),
        fill("", "(1+", "1"),
        fill("", "1<", "1"),
        fill("1", " in [1]", ""),
        fill("", "f(", ""),
        fill("result", ".f()", ""),
        fill("tags", ".map(t,t)", " == []"),
        fill("tags", ".all(t,tags", ""),
        fill("", "has(", "metadata.a"),
        fill("success OR ", "(NOT ", "success"),
        fill("success && (", "((1)+", "1"),
    ] {
        let refusal = survive(&text, Given::success("")).unwrap_err();
        assert!(refusal.len() < 1000, "{text:.20}: {refusal}");
    }
}

#[test]
fn long_flat_texts_are_read() {
    for (text, expected) in [
        (fill("", "success OR ", "success"), true),
        (fill("", "NOT ", "success"), true),
        (fill("", "not (error) and ", "success"), true),
        (fill("", "success||", "success"), true),
        (fill("", "!success&&success||", "success"), true),
        (fill("attempt in [", "2,", "2]"), true),
        (fill("{", "'a':1,", "'b':1}.size() == 2 || success"), true),
        (fill("result == '", "x", "'"), false),
    ] {
        // An even or odd number of NOTs fits; only that it is read matters there.
        let answer = survive(&text, Given::success(""));
        assert!(answer == Ok(expected) || text.starts_with("NOT"), "{text:.20}: {answer:?}");
    }
}

#[test]
fn the_deepest_that_is_read_is_evaluated_and_dropped() {
    let wrap = |before: &str, times: usize, inside: &str, after: &str| {
        format!("{}{inside}{}", before.repeat(times), after.repeat(times))
    };
    for text in [
        format!("{} == 27", wrap("1+", 26, "1", "")),
        format!("{} == 27", wrap("(1+", 26, "1", ")")),
        wrap("!bool(", 13, "success", ")"),
        wrap("!success?success:", 26, "success", ""),
        wrap("success?(", 13, "success", "):success"),
        format!("metadata{} == 1", ".a".repeat(26)),
        format!("{} != []", wrap("[", 26, "1", "]")),
        format!("tags{} == []", ".filter(t,true)".repeat(20)),
        format!("['a'].all(x, ['b'].all(y, {}))", wrap("!bool(", 10, "success", ")")),
        wrap("(", 64, "success", ")"),
        wrap("not (success and ", 64, "success", ")"),
    ] {
        let condition = Condition::parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert!(!format!("{condition:?}").is_empty());
        let given = Given::success("").metadata(json!({"a": 1}));
        let answer = survive(&text, given);
        assert!(answer.is_ok() || text.starts_with("metadata"), "{text}: {answer:?}");
    }
    let refusal = Condition::parse(&format!("{} == 28", wrap("1+", 27, "1", ""))).unwrap_err().0;
    assert!(refusal.contains("nested too deep"), "{refusal}");
    let refusal = Condition::parse(&wrap("(", 65, "success", ")")).unwrap_err().0;
    assert_eq!(refusal, "at column 65: parentheses are nested more than 64 deep");
}

#[test]
fn loops_that_multiply_are_refused_when_read() {
    let numbers = "[0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9]";
    let nested = format!("{numbers}.map(a, {numbers}.map(b, {numbers}.map(c, a * b * c))) == []");
    assert!(survive(&nested, Given::success("")).unwrap_err().contains("nest at most 2 deep"));
    for text in [
        format!("{numbers}.map(a, {numbers}.map(b, {numbers})) == []"),
        format!("{numbers}.all(a, {numbers}.all(b, {}true))", "a*b>=0&&".repeat(20)),
        format!("[1].map(a, {numbers}.map(b, {numbers})).map(c, c.map(d, d.map(e, {numbers}))) == []"),
        format!("[[1]]{} == []", ".map(a,[a,a])".repeat(20)),
        format!("['x']{} == []", ".map(a,a+a)".repeat(20)),
        format!("['x']{} == []", ".map(a,string(a+a))".repeat(20)),
        format!("[{{'a':[1]}}]{}.size() == 0", ".map(a,{'a':[a,a]})".repeat(19)),
        format!("[[1]]{} == []", ".map(a,a+a+a+a)".repeat(12)),
        format!("{numbers}.exists(a, {numbers}.exists(b, {}))", "!bool(false) && a/0 == 1 && ".repeat(12) + "true"),
    ] {
        let refusal = survive(&text, Given::success("")).unwrap_err();
        assert!(
            refusal.contains("more than 100000 steps") || refusal.contains("nest at most 2"),
            "{text:.60}: {refusal}"
        );
    }
}

#[test]
fn loops_over_large_data_are_refused_before_they_begin() {
    let numbers: Vec<_> = (0..2_000).collect();
    let text = "x".repeat(4 << 20);
    let given = || Given::success(&text).metadata(json!({"numbers": numbers, "text": "y".repeat(1 << 20), "small": 1}));
    for text in [
        "metadata.numbers.all(a, metadata.numbers.all(b, a + b >= 0))",
        "metadata.numbers.map(a, metadata.numbers) == []",
        "metadata.numbers.map(a, metadata.text + metadata.text) == []",
        "metadata.numbers.map(a, string(a) + result) == []",
        "metadata.numbers.all(a, !result.contains('xxxxy'))",
        "metadata.numbers.all(a, metadata == metadata)",
        "metadata.numbers.exists(a, metadata.numbers[0.5] == 1)",
        "metadata.numbers in metadata.numbers",
        "metadata.numbers.all(a, result.matches('y$'))",
        "result.matches('(?:.?){40}y$')",
        "[result].map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a).map(a, a + a) == []",
    ] {
        let error = survive(text, given()).unwrap_err();
        assert_eq!(error, "on a result of this size it could take more than 100000 steps", "{text}");
    }
    // What costs little goes on as ever.
    for text in [
        "metadata.numbers.all(a, a >= 0)",
        "metadata.numbers.map(a, a * 2).size() == 2000",
        "metadata.small == 1 && !result.contains('y')",
        "!metadata.text.matches('(?i)error|fail')",
        "success AND NOT result.contains('y') AND NOT result.contains('z')",
    ] {
        assert_eq!(survive(text, given()), Ok(true), "{text}");
    }
}

#[test]
fn searching_a_large_result_again_and_again_is_an_error() {
    let text = fill("", "result.contains('xxxxxxxxy') or ", "success");
    assert_eq!(survive(&text, Given::success("short")), Ok(true));
    let error = survive(&text, Given::success(&"x".repeat(4 << 20))).unwrap_err();
    assert_eq!(error, "the result has 4194304 bytes, too many to be searched this often");
}

#[test]
fn large_and_deep_metadata_is_an_error_only_where_it_is_looked_at() {
    let wide = json!({"wide": vec![0; 200_000], "small": 1});
    assert_eq!(survive("metadata.small == 1", Given::success("").metadata(wide.clone())), Ok(true));
    let error = survive("metadata.wide.size() > 1", Given::success("").metadata(wide)).unwrap_err();
    assert_eq!(error, "the metadata that the condition looks at is too large or nested too deep");

    let mut deep = json!(1);
    for _ in 0..500 {
        deep = json!([deep]);
    }
    let deep = json!({"deep": deep, "small": 1});
    assert_eq!(survive("metadata['small'] == 1", Given::success("").metadata(deep.clone())), Ok(true));
    let error = survive("metadata != {}", Given::success("").metadata(deep)).unwrap_err();
    assert_eq!(error, "the metadata that the condition looks at is too large or nested too deep");

    let mut deep = json!(1);
    for _ in 0..60 {
        deep = json!({"a": deep});
    }
    let path = format!("metadata{} != 1 && metadata == metadata && string(metadata.a.a) == ''", ".a".repeat(20));
    assert!(survive(&path, Given::success("").metadata(deep)).is_err());
}

#[test]
fn patterns_are_bounded() {
    for pattern in ["(a{1000}){1000}", "((((((a{9}){9}){9}){9}){9}){9}){9}", r"\\pL{500}", "(?i)[\\\\pL]{300}"] {
        let refusal = survive(&format!("result.matches('{pattern}')"), Given::success("")).unwrap_err();
        assert!(refusal.contains("pattern is too large"), "{pattern}: {refusal}");
    }
    let long = format!("result.matches('{}')", "a".repeat(257));
    assert!(survive(&long, Given::success("")).unwrap_err().contains("this pattern has 257 bytes, more than the 256"));
    let nested = format!("result.matches('{}a{}')", "(".repeat(100), ")".repeat(100));
    assert!(survive(&nested, Given::success("")).unwrap_err().contains("this is no regular expression"));
    // Many that are small enough one by one.
    for piece in ["''.matches('(?:\\\\w?){20}')||", "''.matches('a')||", "''.matches('(?i)\\\\pL')||"] {
        let refusal = survive(&fill("", piece, "success"), Given::success("")).unwrap_err();
        assert!(refusal.contains("pattern is too large"), "{piece}: {refusal}");
    }
    let several =
        r"['a@b.de', '2026-11-20', 'x'].exists(t, t.matches(r'^\w+@\w+\.\w+$') && !t.matches(r'\d{4}-\d\d-\d\d'))";
    assert_eq!(survive(several, Given::success("")), Ok(true));
}

#[test]
fn errors_that_quote_values_are_short() {
    let given = || Given::success(&"é".repeat(100_000)).metadata(json!({"list": vec![7; 5_000]}));
    for text in [
        "metadata.list + 1 == []",
        "metadata.list[0.5] == 1",
        "int(result) == 1",
        "result[0] == ''",
        "metadata[result] == 1",
    ] {
        let error = survive(text, given()).unwrap_err();
        assert!(error.len() < 1000, "{text}: {} bytes", error.len());
    }
}
