//! CEL, by table.

use super::*;

fn given() -> Given {
    let given = Given::success("Found 3 issues").metadata(json!({
        "count": 5,
        "huge": 18_446_744_073_709_551_615_u64,
        "ratio": 0.5,
        "nothing": null,
        "severity": "high",
        "files": [{"name": "a.rs", "lines": 10}, {"name": "b.rs", "lines": 300}],
        "nested": {"deep": {"er": [1, [2, 3]]}},
        "odd key": true,
    }));
    Given { execution_time: Some(12.5), tags: vec!["ops".to_owned(), "nightly".to_owned()], ..given }
}

#[test]
fn cel_by_table() {
    for (text, expected) in [
        ("success && true", true),
        ("!success", false),
        ("error == ''", true),
        ("success || 1 / 0 == 1", true),
        ("1 / 0 == 1 || success", true),
        ("success ? attempt == 2 : false", true),
        // Texts, with case.
        ("result.contains('issues') && success", true),
        ("result.contains('ISSUES') && success", false),
        ("result.startsWith('Found') && result.endsWith('issues')", true),
        ("result.size() == 14 && size(result) == 14", true),
        ("result + '!' == 'Found 3 issues!'", true),
        ("result.matches('^Found [0-9]+')", true),
        ("matches(result, '(?i)FOUND')", true),
        ("result.matches(r'\\d{2}')", false),
        ("priority == 'high' && attempt in [1, 2]", true),
        ("'nightly' in tags && tags[0] == 'ops'", true),
        ("tags.size() == 2 && size(tags + ['x']) == 3", true),
        ("execution_time > 12 && execution_time < 13.0", true),
        ("execution_time != null", true),
        // Metadata.
        ("metadata.count > 3 && metadata.count == 5.0", true),
        ("metadata['count'] >= 5", true),
        ("metadata['odd key']", true),
        ("metadata.ratio == 0.5 && metadata.nothing == null", true),
        ("metadata.huge == 18446744073709551615u", true),
        ("has(metadata.count) && !has(metadata.absent)", true),
        ("'count' in metadata && !('absent' in metadata)", true),
        ("has(metadata.absent) && metadata.absent > 1", false),
        ("metadata.nested.deep.er[1][0] == 2", true),
        ("metadata.files.exists(file, file.lines > 200)", true),
        ("metadata.files.all(file, file.name.endsWith('.rs'))", true),
        ("metadata.files.exists_one(file, file.name == 'a.rs')", true),
        ("metadata.files.filter(file, file.lines > 200).map(file, file.name) == ['b.rs']", true),
        ("metadata.files.map(file, file.lines > 200, file.name) == ['b.rs']", true),
        ("metadata.all(key, key != '')", true),
        ("size(metadata) == 8", true),
        ("metadata.files.exists(a, metadata.files.exists(b, a.lines > b.lines))", true),
        // A comprehension's variable may bear a known name; outside it means what it did.
        ("tags.exists(success, success == 'ops') && success", true),
        ("tags.exists(metadata, metadata == 'ops') && metadata.count == 5", true),
        // Types.
        ("type(metadata.count) == int && type(metadata.ratio) == double", true),
        ("int('7') + 1 == 8 && string(attempt) == '2' && double(attempt) == 2.0", true),
        ("dyn(metadata.severity) == 'high'", true),
        ("{'a': [1, 2]}.a[1] == 2", true),
        ("metadata.count // a comment\n == 5", true),
    ] {
        assert_eq!(given().say(text), Ok(expected), "{text}");
        assert!(!is_seed_form(text), "{text}");
    }
}

#[test]
fn what_was_not_said_is_empty_or_null() {
    let given = Given::failure("timeout");
    assert_eq!(given.say("error == 'timeout' && !success"), Ok(true));
    assert_eq!(given.say("execution_time == null"), Ok(true));
    let given = Given { error: None, ..Given::failure("") };
    assert_eq!(given.say("!success && error == ''"), Ok(true));
}

#[test]
fn refusals_by_table() {
    for (text, beginning) in [
        (
            "foo == 1",
            "at column 1: unknown variable `foo`; known are success, result, error, metadata, execution_time, tags, \
             priority, attempt",
        ),
        ("success && Success", "at column 12: unknown variable `Success`; known are success"),
        ("tags.exists(t, t == 'a') && t == 'a'", "at column 29: unknown variable `t`"),
        ("tags.exists(t, t == u)", "at column 21: unknown variable `u`"),
        ("tags.exists(t, tags.exists(u, u == t) && u == t)", "at column 42: unknown variable `u`"),
        ("foo.bar.baz == 1", "at column 1: unknown variable `foo`"),
        (".success", "at column 1: unknown variable `.success`"),
        ("foo(1)", "at column 1: unknown function `foo`; known are size, contains, startsWith, endsWith, matches"),
        ("result.lower() == 'x'", "at column 13: unknown function `lower`; known are size"),
        ("optional.none() == 1", "at column 14: unknown function `none`"),
        ("contains(result, 'x')", "at column 1: contains is written x.contains(y)"),
        ("size() == 1", "at column 1: size is written size(y) or x.size()"),
        ("tags.exists(t)", "at column 12: exists is written list.exists(x, condition on x)"),
        ("has(metadata) && success", "at column 5: has takes a key of something, as in has(metadata.key)"),
        ("tags.all(1, true)", "at column 10: this must be a simple name, as x in list.exists(x, x > 1)"),
        ("Message{a: 1} == 1", "at column 1: unknown type `Message`"),
        ("metadata.?a == 1", "at column 9: unsupported syntax '.?'"),
        ("if", "at column 1: reserved identifier: if"),
        ("1 == `a`", "at column 6: unexpected quoted identifier"),
        ("99999999999999999999 == 1", "at column 1: invalid int literal"),
        ("attempt == 1a", "at column 12: this is no number"),
        ("attempt == 'a", "at column 12: the text that begins here has no closing '"),
        ("attempt == '\\q'", "at column 12: a backslash here means nothing; write"),
        ("attempt # 1", "at column 9: `#` means nothing here"),
        ("attempt == 1 | 2", "at column 14: in CEL, or is written ||"),
        // Kinds that can never fit.
        ("result", "at column 1: a condition is true or false, but `result` is a text"),
        ("attempt + 1", "at column 9: a condition is true or false, but what `+` gives is a number"),
        ("error && success", "at column 1: `&&` takes true or false, but `error` is a text: in CEL write !success"),
        ("!error", "at column 2: `!` takes true or false, but `error` is a text: in CEL write !success"),
        ("error == null", "at column 7: `==` takes two of a kind, but `error` is a text, this null"),
        ("attempt > '1'", "at column 9: `>` takes two of a kind, but `attempt` is a number, '1' a text"),
        ("result.success", "at column 1: `.success` takes a map, but `result` is a text"),
        ("tags.contains('a')", "at column 1: contains() takes a text, but `tags` is a list"),
        ("'a' in result", "at column 8: `in` takes a list or a map, but `result` is a text"),
        ("attempt.exists(a, true)", "at column 1: a comprehension takes a list or a map, but `attempt` is a number"),
        ("tags.all(t, 'a')", "at column 13: `&&` takes true or false, but 'a' is a text"),
        // Patterns.
        ("result.matches(priority)", "at column 16: the pattern of matches() must be written out as a text"),
        ("result.matches('(')", "at column 16: this is no regular expression: unclosed group"),
        ("result.matches('(?:.{100}){100}')", "at column 16: this pattern is too large"),
    ] {
        let refusal = Condition::parse(text).unwrap_err().0;
        assert!(refusal.starts_with(beginning), "{text}: {refusal}");
    }
}

#[test]
fn what_cannot_be_decided_is_an_error() {
    for (text, beginning) in [
        ("metadata.absent == 1", "there is no key `absent`: ask has(…) first"),
        ("metadata['absent'] == 1", "there is no key `absent`"),
        ("metadata.severity", "comes out as a value of type string, not as true or false"),
        ("metadata.severity.deeper == 1", "`.` cannot be applied to (string, string)"),
        ("metadata.severity > 3", "`>` cannot be applied to (string, int)"),
        ("metadata.count && true", "`&&` cannot be applied to (int, bool)"),
        ("tags[2] == 'x'", "Index out of bounds: Int(2)"),
        ("tags[-1] == 'x'", "Index out of bounds: Int(-1)"),
        ("attempt / 0 == 1", "Division by zero of Int(2)"),
        ("attempt % 0 == 1", "Remainder by zero of Int(2)"),
        ("9223372036854775807 + attempt == 1", "Overflow from binary operator 'add'"),
        ("-(-9223372036854775807 - 1) == 1", "Overflow from binary operator 'negate'"),
        ("(-9223372036854775807 - 1) / -1 == 1", "Overflow from binary operator 'div'"),
        ("(-9223372036854775807 - 1) % -1 == 1", "Overflow from binary operator 'rem'"),
        ("int(result) == 1", "Error executing function 'int'"),
        ("int(1e300) == 1", "Error executing function 'int'"),
        ("{'a': 1, 'a': 2}.a == 1", "Failed with repeated key"),
        ("{null: 1}.size() == 1", "Unable to use value 'Null' as a key"),
    ] {
        let error = given().say(text).unwrap_err();
        assert!(error.starts_with(beginning), "{text}: {error}");
    }
    let given = Given { execution_time: None, ..given() };
    assert_eq!(given.say("execution_time > 1.0"), Err("`>` cannot be applied to (null_type, double)".to_owned()));
}

#[test]
fn numbers_that_are_none_are_no_panic() {
    for time in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0] {
        let given = Given { execution_time: Some(time), ..given() };
        assert!(given.say("execution_time == execution_time || execution_time != 1.0").is_ok());
        let _ = given.say("int(execution_time) == 0");
        let _ = given.say("tags[execution_time] == 'ops'");
        let _ = given.say("execution_time < 1.0");
    }
}
