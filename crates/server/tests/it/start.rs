//! The start: what it makes, what it says when it can't.

use std::fs;
use std::process::Output;

use http::Method;
use serde_json::json;

use crate::harness::Setup;

/// The one line that a start that failed says.
fn complaint(output: &Output) -> String {
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<_> = text
        .lines()
        .filter(|line| line.starts_with("fanfare: "))
        .collect();
    assert_eq!(lines.len(), 1, "{text}");
    lines[0].to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_makes_an_administrators_key_and_prints_it_once() {
    let mut server = Setup::new().unset("FANFARE_ADMIN_KEY").start().await;
    let printed = server.printed();
    let key = printed
        .split_whitespace()
        .find(|word| word.starts_with("fanfare_"))
        .unwrap_or_else(|| panic!("no key in {printed:?}"))
        .to_owned();
    let environment = json!({"id": "staging", "name": "Staging"});
    let api = server.api_with(Some(&key));
    api.post("/v1/environments", environment).await.expect(201);
    assert!(!server.log().contains(&key));

    server.terminate().await;
    server.restart().await;

    assert_eq!(server.printed(), "");
    let api = server.api_with(Some(&key));
    api.get("/v1/environments/staging").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_told_with_what_to_do_and_the_store_is_not_touched() {
    let server = Setup::new().start().await;
    let second = Setup::new().set("FANFARE_LISTEN", &server.address().to_string());
    let told = complaint(&second.run(&["serve"]));
    assert!(
        told.contains("can't listen on") && told.contains("FANFARE_LISTEN"),
        "{told}"
    );
    assert!(!second.folder().join("fanfare.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_in_use_is_told() {
    let server = Setup::new().start().await;
    let told = complaint(&server.run(&["serve"]));
    assert!(told.contains("is in use by another fanfare"), "{told}");
}

#[test]
fn a_file_that_is_no_store_is_told_and_left_alone() {
    let setup = Setup::new();
    let path = setup.folder().join("fanfare.db");
    fs::write(&path, "a letter to a friend").unwrap();
    let told = complaint(&setup.run(&["serve"]));
    assert!(told.contains("is damaged, or no store"), "{told}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "a letter to a friend");
}

#[test]
fn a_store_of_a_later_release_is_told_and_left_alone() {
    let setup = Setup::new();
    assert!(setup.run(&["migrate"]).status.success());
    let path = setup.folder().join("fanfare.db");
    let mut later = fs::read(&path).unwrap();
    // Where SQLite keeps `user_version`.
    later[60..64].copy_from_slice(&999_u32.to_be_bytes());
    fs::write(&path, &later).unwrap();
    let told = complaint(&setup.run(&["serve"]));
    assert!(told.contains("has schema version 999"), "{told}");
    assert!(told.contains("use the release that wrote it"), "{told}");
    assert_eq!(fs::read(&path).unwrap(), later);
}

#[test]
fn wrong_settings_are_all_told_before_anything_is_done() {
    let setup = Setup::new()
        .set("FANFARE_LISTEN", "here")
        .set("FANFARE_DELIVERY_TIMEOUT", "soon");
    for command in [&["serve"][..], &["config", "check"]] {
        let output = setup.run(command);
        assert!(!output.status.success());
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(
            told.contains("FANFARE_LISTEN") && told.contains("FANFARE_DELIVERY_TIMEOUT"),
            "{told}"
        );
    }
    assert!(!setup.folder().join("fanfare.db").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_ready_once_it_serves() {
    let server = Setup::new().start().await;
    let api = server.api_with(None);
    api.get("/health/live").await.expect_text(200);
    api.get("/health/ready").await.expect_text(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_that_an_operators_path_has_not_is_told_as_a_problem() {
    let server = Setup::new().start().await;
    let api = server.api_with(None);
    for path in ["/health/live", "/health/ready", "/metrics"] {
        let answer = api.send(Method::POST, path, None).await;
        assert_eq!(answer.headers["allow"], "GET,HEAD", "{path}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        let problem = answer.expect(405);
        assert_eq!(problem["status"], 405, "{problem}");
    }
}
