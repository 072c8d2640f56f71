use std::io::Write;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::stringify;

fn rewritten(text: &str) -> String {
    String::from_utf8(stringify(text.as_bytes()).expect(text)).unwrap()
}

#[test]
fn numbers_are_written_as_doubles() {
    for (given, written) in [
        ("1.50", "1.5"),
        ("1.0", "1"),
        ("1E2", "100"),
        ("-0", "0"),
        ("-0.0e5", "0"),
        ("1e21", "1e+21"),
        ("123456789012345678901", "123456789012345680000"),
        ("0.0000001", "1e-7"),
        ("0.000001", "0.000001"),
        ("9007199254740993", "9007199254740992"),
        ("1e400", "null"),
        ("-1e400", "null"),
        ("5e-324", "5e-324"),
        ("1e-400", "0"),
    ] {
        assert_eq!(rewritten(given), written, "{given}");
    }
}

#[test]
fn strings_have_no_needless_escapes() {
    for (given, written) in [
        (r#""\/é\u00e9\u2028\u007f""#, "\"/éé\u{2028}\u{7f}\""),
        (
            r#""\u0008\u0009\u000a\u000C\u000d\u001F""#,
            r#""\b\t\n\f\r\u001f""#,
        ),
        (r#""\"\\""#, r#""\"\\""#),
        (r#""\ud83d\ude00""#, "\"😀\""),
        (r#""\uD83D\ud83d\ude00\uDE00""#, "\"\\ud83d😀\\ude00\""),
        (r#""\ud83dx\ud83d\n""#, r#""\ud83dx\ud83d\n""#),
    ] {
        assert_eq!(rewritten(given), written, "{given}");
    }
}

#[test]
fn members_stand_as_an_object_has_them() {
    for (given, written) in [
        (
            r#"{ "b" : 1, "10" : 2, "a" : 3, "2" : { "1" : 0, "x" : 0, "0" : 0 } }"#,
            r#"{"2":{"0":0,"1":0,"x":0},"10":2,"b":1,"a":3}"#,
        ),
        (r#"{"a":1,"b":2,"a":3}"#, r#"{"a":3,"b":2}"#),
        (r#"{"a":1,"\u0061":3}"#, r#"{"a":3}"#),
        (
            r#"{"x":0,"4294967295":1,"4294967294":2,"01":3,"-1":4,"1.5":5,"0":6}"#,
            r#"{"0":6,"4294967294":2,"x":0,"4294967295":1,"01":3,"-1":4,"1.5":5}"#,
        ),
        (r#"{"__proto__":1,"":[ ]}"#, r#"{"__proto__":1,"":[]}"#),
    ] {
        assert_eq!(rewritten(given), written, "{given}");
    }
}

#[test]
fn nesting_has_no_bound_of_its_own() {
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(rewritten(&deep), deep);
    let deep = format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000));
    assert_eq!(rewritten(&deep), deep);
}

#[test]
fn what_is_no_json_is_refused() {
    for text in [
        "",
        "{",
        "[1",
        "[1,]x",
        "nul",
        "\"a",
        "{\"a\"}",
        "1 2",
        "\"\\u12\"",
        "{1:2}",
    ] {
        assert_eq!(stringify(text.as_bytes()), None, "{text}");
    }
}

/// JSON texts with odd spaces, escapes, numbers and names.
fn texts() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        any::<f64>().prop_filter_map("finite", |value| value
            .is_finite()
            .then(|| format!("{value:e}"))),
        any::<i64>().prop_map(|value| value.to_string()),
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,3})?",
    ];
    let letters = prop_oneof![
        4 => "[a-z0-9 /]{0,3}".prop_map(String::from),
        1 => any::<char>().prop_map(|letter| match letter {
            '"' | '\\' | '\0'..' ' => "\\\"".to_owned(),
            other => other.to_string(),
        }),
        2 => any::<u16>().prop_map(|unit| format!("\\u{unit:04X}")),
        2 => (0xD7F0u16..0xE010).prop_map(|unit| format!("\\u{unit:04x}")),
        1 => prop::sample::select(vec!["\\n", "\\/", "\\b", "\\f", "\\r", "\\t", "\\\\"])
            .prop_map(str::to_owned),
    ];
    let string =
        prop::collection::vec(letters, 0..6).prop_map(|parts| format!("\"{}\"", parts.concat()));
    let name = prop_oneof![
        string.clone(),
        (0u64..12).prop_map(|value| format!("\"{value}\"")),
        (4_294_967_290u64..4_294_967_300).prop_map(|value| format!("\"{value}\"")),
        prop::sample::select(vec![
            "\"a\"",
            "\"b\"",
            "\"\\u0061\"",
            "\"01\"",
            "\"__proto__\""
        ])
        .prop_map(str::to_owned),
    ];
    let space = prop::sample::select(vec!["", "", " ", "\n\t", "\r"]);
    let leaf = prop_oneof![
        number,
        string,
        prop::sample::select(vec!["true", "false", "null"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(5, 48, 8, move |inner| {
        let member = (name.clone(), space.clone(), inner.clone())
            .prop_map(|(name, space, value)| format!("{space}{name}{space}:{space}{value}"));
        prop_oneof![
            (prop::collection::vec(inner, 0..6), space.clone())
                .prop_map(|(items, space)| format!("[{space}{}{space}]", items.join(","))),
            (prop::collection::vec(member, 0..8), space.clone())
                .prop_map(|(members, space)| format!("{{{}{space}}}", members.join(","))),
        ]
    })
}

/// What Node makes of each text.
fn by_node(texts: &[String]) -> Vec<String> {
    const SCRIPT: &str =
        "const lines = require('fs').readFileSync(0, 'latin1').trim().split('\\n');
        const text = line => Buffer.from(line, 'base64').toString('utf8');
        const again = line => JSON.stringify(JSON.parse(text(line)));
        console.log(lines.map(line => Buffer.from(again(line)).toString('base64')).join('\\n'));";
    let mut node = Command::new("node")
        .args(["-e", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test compares with Node; install it");
    let lines: Vec<String> = texts.iter().map(|text| STANDARD.encode(text)).collect();
    let mut input = node.stdin.take().unwrap();
    // Node reads everything before it writes anything.
    input.write_all(lines.join("\n").as_bytes()).unwrap();
    drop(input);
    let output = node.wait_with_output().unwrap();
    assert!(output.status.success());
    let answer = String::from_utf8(output.stdout).unwrap();
    let decode = |line: &str| String::from_utf8(STANDARD.decode(line).unwrap()).unwrap();
    answer.trim().split('\n').map(decode).collect()
}

#[test]
fn it_writes_what_node_writes_and_leaves_that_as_it_is() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = texts();
    let texts: Vec<String> = (0..4_000)
        .map(|_| strategy.new_tree(&mut runner).unwrap().current())
        .collect();
    for (text, expected) in texts.iter().zip(by_node(&texts)) {
        let written = rewritten(text);
        assert_eq!(written, expected, "{text}");
        assert_eq!(rewritten(&written), written, "{text}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_json_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let ours = stringify(&bytes).is_some();
        let theirs = serde_json::from_slice::<Box<serde_json::value::RawValue>>(&bytes).is_ok();
        // What is published was found to be JSON before, so more may pass here, and nothing less.
        prop_assert!(ours || !theirs);
    }
}
