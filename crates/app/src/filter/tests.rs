//! What filters accept, refuse, answer and cost. Time and memory follow from the steps that are counted;
//! `examples/filter_cost.rs` measures them.

use fanfare_domain::event::Attributes;
use proptest::prelude::*;

use super::{Facts, Filter, FilterError, FilterRefused, Subject};

fn refused(text: &str) -> String {
    Filter::compile(text).unwrap_err().to_string()
}

fn verdict_on(text: &str, data: &str) -> Result<bool, FilterError> {
    let attributes = [("region".to_owned(), vec!["eu".to_owned(), "us".to_owned()])];
    let attributes = Attributes::new(attributes.into()).unwrap();
    let subject = Subject::new(Facts {
        event_type: "invoice.paid",
        subcategory: None,
        attributes: &attributes,
        data: data.as_bytes(),
    })?;
    Filter::compile(text).unwrap().matches(&subject)
}

const INVOICE: &str = r#"{"amount": 120.5, "whole": 7, "big": 18446744073709551615, "currency": "EUR",
    "note": "pa\u0069d", "paid": true, "none": null, "a-b": 1, "list": [1, 2.0, 3],
    "lines": [{"sku": "x1", "n": 2}, {"sku": "y2", "n": 40}], "of": {"customer": {"vip": true}}}"#;

#[test]
fn filters_say_whether_data_is_asked_for() {
    for (text, expected) in [
        ("data.amount > 100", true),
        ("data.amount >= 1000", false),
        ("data.whole == 7.0 && data.whole < 7.5", true),
        ("data.big == 18446744073709551615u", true),
        ("data.currency in ['EUR', 'CHF']", true),
        ("data.note == 'paid' && data.paid", true),
        ("data.none == null && !has(data.absent)", true),
        ("data['a-b'] == 1", true),
        ("has(data.of.customer.vip) && data.of.customer.vip", true),
        ("data.lines.exists(l, l.sku == 'y2' && l.n > 30)", true),
        ("data.lines.all(l, l.n > 30)", false),
        ("data.lines.filter(l, l.n > 30).size() == 1", true),
        ("data.lines.map(l, l.n) == [2, 40]", true),
        ("data.lines.exists_one(l, l.sku.startsWith('x'))", true),
        ("data.lines[1].sku.endsWith('2')", true),
        ("data.currency.matches('^E[A-Z]R$')", true),
        ("data.currency + '!' == 'EUR!'", true),
        ("size(data.lines) == 2 && size(data.currency) == 3", true),
        ("2 in data.list", true),
        ("'amount' in data", true),
        ("type == 'invoice.paid' && type(data.paid) == bool", true),
        ("subcategory == null", true),
        ("'eu' in attributes.region && !('plan' in attributes)", true),
        ("has(data.vip) ? data.vip : data.amount > 100", true),
        ("int(data.amount) % 60 == 0", true),
        ("data.absent == 1 || data.paid", true),
    ] {
        assert_eq!(verdict_on(text, INVOICE), Ok(expected), "{text}");
    }
    assert_eq!(verdict_on("data == 7", "7"), Ok(true));
    assert_eq!(verdict_on("data == null", "null"), Ok(true));
    assert_eq!(verdict_on("data[0] == 'é'", "[\"é\"]"), Ok(true));
}

#[test]
fn a_mistake_is_told_with_its_place() {
    for (text, told) in [
        ("", "must not be empty"),
        (" \n", "must not be empty"),
        (
            "dta.x == 1",
            "line 1, column 1: unknown variable \"dta\"; there are data, type",
        ),
        (
            "data.x == 1 &&\n  dta",
            "line 2, column 3: unknown variable",
        ),
        ("'é' == dta", "line 1, column 8: unknown variable"),
        ("data.x ==", "line 1, column 10: "),
        ("'é' ==", "line 1, column 7: "),
        ("((data.x)", "line 1, column 10: "),
        ("data.x = 1", "line 1, column 8: "),
        (
            "data.x.lower() == 'a'",
            "unknown function \"lower\"; there are size, contains",
        ),
        ("contains(data.x, 'a')", "write it as text.contains(…)"),
        ("data.x.int() == 1", "write it as int(…)"),
        (
            "data.x.contains()",
            "contains() takes 1 argument(s), 0 are given",
        ),
        ("data.all(x)", "write it as list.all(each, condition)"),
        ("has(data)", "has()"),
        (
            "data.x.matches('(')",
            "line 1, column 16: the pattern can't be used: unclosed group",
        ),
        ("data.x.matches(data.y)", "must be written out"),
        (
            "data.x + 1",
            "line 1, column 8: this is of the type int, where true or false is needed",
        ),
        (
            "data.x && 'a'",
            "line 1, column 11: this is of the type string",
        ),
        (
            "data.x ? 1 : true",
            "line 1, column 10: this is of the type int",
        ),
        ("!data.map(x, x)", "this is of the type list"),
        ("Invoice{a: 1}.a == 1", "there are no messages here"),
        ("data.?x == 1", "unsupported syntax"),
        ("@meter == 1", "line 1, column 1: "),
        ("__weigh__(data)", "unknown function"),
        (
            "data.all(a, a > 0) && a > 0",
            "line 1, column 23: unknown variable \"a\"",
        ),
    ] {
        let detail = refused(text);
        assert!(detail.contains(told), "{text:?}: {detail:?}");
    }
}

#[test]
fn what_is_too_large_is_refused_before_it_is_parsed_or_kept() {
    let many = |part: &str, times: usize| part.repeat(times);
    assert_eq!(
        Filter::compile(&many("a", 4097)).unwrap_err(),
        FilterRefused::TooLong(4097)
    );
    for (text, told) in [
        (many("(", 25), "column 25: more than 24 brackets"),
        (many("[", 4000), "more than 24 brackets"),
        (format!("data{}", many(".a", 500)), "more than 1000 names"),
        (format!("data{} == 1", many(".a", 100)), "levels deep"),
        (format!("data.x{} == 1", many(" + 1", 480)), "levels deep"),
        (format!("data{}", many(".map(x, x)", 100)), "levels deep"),
        (
            "data.all(a, data.all(b, data.all(c, data.all(d, true))))".to_owned(),
            "more than 3 loops",
        ),
        ("data.x.matches('(a{1000}){1000}')".to_owned(), "too large"),
        ("data.x.matches('(a{100}){100}')".to_owned(), "too large"),
        (many("'", 4001), "1000 names"),
    ] {
        let detail = refused(&text);
        assert!(
            detail.contains(told),
            "{}: {detail:?}",
            &text[..40.min(text.len())]
        );
    }
    assert!(Filter::compile(&format!("data.x in [{}1]", many("1,", 450))).is_ok());
    assert!(Filter::compile(&format!("{}data.x == 1", many("-", 900))).is_ok());
}

#[test]
fn what_would_take_too_long_is_stopped() {
    let list =
        |item: &str, times: usize| format!("[{}{item}]", format!("{item},").repeat(times - 1));
    let (thousand, many) = (list("1", 1_000), list("1", 130_000));
    let (maps, text) = (
        list("{\"a\":1}", 30_000),
        format!("\"{}\"", "a".repeat(262_000)),
    );
    let ten = "[1,2,3,4,5,6,7,8,9,10]";
    for (data, filter) in [
        (&thousand, "data.all(a, data.all(b, a + b > 0))".to_owned()),
        (
            &thousand,
            "data.all(a, data.all(b, data.all(c, a + b + c > 0)))".to_owned(),
        ),
        (&thousand, "data.map(a, data.map(b, data)) == []".to_owned()),
        (&thousand, "data.all(a, data == data)".to_owned()),
        (&thousand, "data.all(a, data - data || true)".to_owned()),
        (&thousand, "data.all(a, data < data || true)".to_owned()),
        (&thousand, "data.exists(a, a in data && false)".to_owned()),
        (&many, "data.all(a, a > 0)".to_owned()),
        (&many, "(data + data) + (data + data) == []".to_owned()),
        (&maps, "data.map(a, a) == data".to_owned()),
        (&maps, format!("{ten}.map(x, [data, data, data]) == []")),
        (
            &text,
            "data.matches('(a?){40}a{40}b') || data.matches('(a|aa)*c$')".to_owned(),
        ),
        (
            &text,
            format!("{ten}.all(a, {ten}.all(b, data + data != data))"),
        ),
        // Doubling at each step.
        (
            &text,
            format!("['x']{}.size() == 1", ".map(a, a + a)".repeat(20))
                .replace('x', &"y".repeat(3_000)),
        ),
        (
            &thousand,
            format!("[data]{}.size() == 1", ".map(a, [a, a, a, a])".repeat(7)),
        ),
    ] {
        let verdict = verdict_on(&filter, data);
        assert_eq!(
            verdict,
            Err(FilterError::TooCostly),
            "{}",
            &filter[..filter.len().min(80)]
        );
    }
}

#[test]
fn usual_filters_are_far_from_the_bound() {
    let lines = (0..1_000).map(|n| format!(r#"{{"sku":"s{n}","n":{n},"tags":["a","b"]}}"#));
    let data = format!("{{\"lines\":[{}]}}", lines.collect::<Vec<_>>().join(","));
    for filter in [
        "data.lines.exists(l, l.sku == 's999' && l.n > 10 && 'b' in l.tags)",
        "data.lines.filter(l, l.n >= 500).map(l, l.sku).size() == 500",
        "data.lines.exists(l, l.sku.matches('^s9{3}$'))",
    ] {
        assert_eq!(verdict_on(filter, &data), Ok(true), "{filter}");
    }
}

#[test]
fn an_error_says_what_failed_and_nothing_of_the_data() {
    for (filter, told) in [
        (
            "data.absent == 1",
            "there is no member \"absent\"; has(…) asks whether there is",
        ),
        (
            "data[data.currency] == 1",
            "there is no member of the name that it computes",
        ),
        ("data.currency > 1", "> can't be applied to string and int"),
        (
            "data.currency - 1 == 2",
            "- can't be applied to values of these types",
        ),
        ("int(data.currency) == 1", "int failed"),
        ("data.list[7] == 1", "an index is past the list's end"),
        (
            "data.list[data.amount] == 1",
            "an index can't be applied to a number that is not whole",
        ),
        ("data.whole / 0 == 1", "a division by zero"),
        (
            "9223372036854775807 + data.whole > 0",
            "a number past the range",
        ),
        (
            "data.currency",
            "the filter's result is of the type string; it must be true or false",
        ),
        (
            "data.whole.all(x, x > 0)",
            "a value is of the type int where iterable is needed",
        ),
        ("data.whole.matches('a')", "matches can't be applied to int"),
        (
            "data.paid && data.currency",
            "&& can't be applied to bool and string",
        ),
    ] {
        let error = verdict_on(filter, INVOICE).unwrap_err().to_string();
        assert_eq!(error, told, "{filter}");
        assert!(!error.contains("EUR"));
    }
    let error = verdict_on("data == 1", "1e999").unwrap_err().to_string();
    assert!(
        error.contains("can't be read by filters: number out of range"),
        "{error}"
    );
}

proptest! {
    #[test]
    fn no_text_breaks_the_compiler(text in "[a-z0-9().,'\"\\[\\]{}?:!<>=&|+*/%@_ \\-\\\\]{0,80}") {
        let _ = Filter::compile(&text);
    }

    #[test]
    fn no_filter_and_no_data_break_an_evaluation(
        filter in filters(),
        data in "(null|true|-1|1\\.5|\"a\"|\\[1,\\[2\\],\"a\"\\]|\\{\"a\":\\{\"b\":\\[1\\]\\},\"c\":\"a\"\\})",
    ) {
        if let Ok(filter) = Filter::compile(&filter) {
            let none = Attributes::default();
            let facts = Facts { event_type: "a", subcategory: Some("b"), attributes: &none, data: data.as_bytes() };
            let _ = filter.matches(&Subject::new(facts).unwrap());
        }
    }
}

/// Expressions that mostly compile.
fn filters() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("data".to_owned()),
        Just("data.a".to_owned()),
        Just("data.a.b".to_owned()),
        Just("attributes".to_owned()),
        Just("subcategory".to_owned()),
        Just("'a'".to_owned()),
        Just("1".to_owned()),
        Just("1.5".to_owned()),
        Just("true".to_owned()),
        Just("[1, 'a']".to_owned()),
        Just("{'a': 1}".to_owned()),
    ];
    let deeper = leaf.prop_recursive(4, 32, 3, |inner| {
        let operators = prop::sample::select(vec![
            "==", "!=", "<", ">=", "in", "+", "-", "*", "/", "%", "&&", "||",
        ]);
        prop_oneof![
            (inner.clone(), operators, inner.clone())
                .prop_map(|(a, o, b)| format!("({a} {o} {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}[{b}]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}.map(x, {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}.exists(x, x == {b})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            inner.clone().prop_map(|a| format!("size({a})")),
            inner.clone().prop_map(|a| format!("string({a})")),
            inner.prop_map(|a| format!("{a}.matches('a')")),
        ]
    });
    deeper.prop_map(|inner| format!("({inner}) == true"))
}
