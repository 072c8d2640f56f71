//! The demo's printed commands are what it did, and work when pasted.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};

use crate::harness::{Setup, fanfare};

/// `curl` with the status at the end, in place of the real one.
const CURL: &str = r#"curl() { command curl -w '\n%{http_code}' "$@"; }"#;

#[test]
fn every_printed_command_works_when_pasted() {
    let setup = Setup::new();
    let settings = [
        ("FANFARE_LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
        ("PATH".to_owned(), std::env::var("PATH").unwrap()),
    ];
    let mut demo = fanfare(&settings.into())
        .arg("demo")
        .current_dir(setup.folder())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Kept open to the end: the demo prints what arrives, as a person would want to see.
    let mut printed = BufReader::new(demo.stdout.take().unwrap()).lines();
    let mut lines: Vec<String> = Vec::new();
    while !lines
        .last()
        .is_some_and(|line| line.starts_with("Serving until"))
    {
        lines.push(printed.next().unwrap().unwrap());
    }
    // Below each title, with what a backslash continues.
    let below = (1..lines.len()).filter(|line| lines[line - 1].starts_with("# "));
    let commands = below.map(|first| {
        let mut rest = lines[first..].iter();
        let continued = rest
            .by_ref()
            .take_while(|line| line.ends_with('\\'))
            .count();
        lines[first..=first + continued].join("\n")
    });
    let commands: Vec<String> = commands.collect();
    let pasted: Vec<_> = commands
        .iter()
        .map(|command| {
            let output = Command::new("sh")
                .args(["-c", &format!("{CURL}\n{command}")])
                .current_dir(setup.folder())
                .output()
                .unwrap();
            let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            let last = text.lines().last().unwrap_or_default().to_owned();
            (output.status.success(), last)
        })
        .collect();
    demo.kill().unwrap();
    let mut complaints = String::new();
    demo.stderr
        .take()
        .unwrap()
        .read_to_string(&mut complaints)
        .unwrap();
    demo.wait().unwrap();
    let expected = [
        "201",
        "201",
        "201",
        "202",
        "200",
        "200",
        "the signature is right",
    ];
    let expected: Vec<_> = expected.map(|last| (true, last.to_owned())).into();
    assert_eq!(pasted, expected, "{lines:#?} {complaints}");
}
