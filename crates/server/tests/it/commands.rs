//! The commands besides `serve`.

use std::fs;
use std::process::Output;

use serde_json::json;

use crate::harness::{Setup, World};

fn said(output: &Output) -> String {
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaint}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_made_beside_a_running_server_counts_soon_and_no_longer_when_revoked() {
    let server = Setup::new().start().await;
    let world = World::make(server.api()).await;
    let made = said(&server.run(&["key", "create", "--name", "ci", "--role", "publisher"]));
    let after = |label: &str| {
        let line = made
            .lines()
            .find_map(|line| line.strip_prefix(label))
            .unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    };
    let (id, key) = (after("id:"), after("key:"));

    let api = server.api_with(Some(&key));
    let events = "/v1/tenants/acme/events";
    // A publisher may not look up: 403 once the key counts, 401 before.
    api.until(events, |answer| answer.status == 403).await;
    let event = json!({"type": "invoice.paid", "data": {}});
    api.post(events, event).await.expect(202);

    assert!(said(&server.run(&["key", "list"])).contains(&id));
    said(&server.run(&["key", "revoke", &id]));
    api.until(events, |answer| answer.status == 401).await;
    assert!(!said(&server.run(&["key", "list"])).contains(&id));
    world.publish(json!({})).await;
}

#[test]
fn a_key_can_be_made_before_the_first_start() {
    let setup = Setup::new();
    said(&setup.run(&["migrate"]));
    said(&setup.run(&[
        "key",
        "create",
        "--name",
        "ci",
        "--role",
        "reader",
        "--expires-in",
        "90d",
    ]));
    assert_eq!(said(&setup.run(&["key", "list"])).lines().count(), 1);
}

#[test]
fn keys_of_a_store_that_is_not_there_make_none() {
    let setup = Setup::new();
    for arguments in [
        &["key", "list"][..],
        &["key", "create", "--name", "ci", "--role", "reader"],
    ] {
        let output = setup.run(arguments);
        assert!(!output.status.success());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains("there is no store at"), "{told}");
    }
    assert_eq!(fs::read_dir(setup.folder()).unwrap().count(), 0);
}

#[test]
fn a_wrong_draft_of_a_key_is_told_in_the_words_of_the_command_line() {
    let setup = Setup::new();
    said(&setup.run(&["migrate"]));
    let output = setup.run(&[
        "key", "create", "--name", "", "--role", "king", "--tenant", "x",
    ]);
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    for option in ["--name must", "--role must be admin, ", "--tenant must"] {
        assert!(told.contains(option), "{told}");
    }
}

#[test]
fn the_printed_defaults_are_accepted_as_a_file() {
    let setup = Setup::new();
    let file = setup.folder().join("fanfare.toml");
    fs::write(&file, said(&setup.run(&["config", "default"]))).unwrap();
    let file = file.to_str().unwrap();
    assert!(said(&setup.run(&["config", "check", "--config", file])).contains("are right"));
}

#[test]
fn the_openapi_document_is_printed() {
    let document: serde_json::Value =
        serde_json::from_str(&said(&Setup::new().run(&["openapi"]))).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
}

#[test]
fn a_signature_is_checked_from_files_and_from_arguments() {
    let setup = Setup::new();
    let path = |name: &str| setup.folder().join(name).to_str().unwrap().to_owned();
    // The specification's own example.
    let signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    let (id, at) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330");
    fs::write(path("secret"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    fs::write(path("body"), r#"{"test": 2432232314}"#).unwrap();
    let headers =
        format!("Webhook-Id: {id}\nwebhook-timestamp: {at}\nwebhook-signature: {signature}\n");
    fs::write(path("headers"), headers).unwrap();

    let (secret, body, headers) = (path("secret"), path("body"), path("headers"));
    let files = [
        "verify",
        "--secret-file",
        &secret,
        "--headers-file",
        &headers,
        "--body-file",
        &body,
    ];
    assert!(said(&setup.run(&files)).starts_with("the signature is right"));
    let arguments = |body| {
        [
            "verify",
            "--secret-file",
            &secret,
            "--id",
            id,
            "--timestamp",
            at,
            "--signature",
            signature,
            "--body",
            body,
        ]
    };
    said(&setup.run(&arguments(r#"{"test": 2432232314}"#)));
    let wrong = setup.run(&arguments(r#"{"test": 2432232315}"#));
    assert_eq!(wrong.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("no signature in the header"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_beside_a_running_server_can_be_served() {
    let server = Setup::new().start().await;
    World::make(server.api()).await;
    let copy = server.folder().join("copy.db");
    said(&server.run(&["backup", copy.to_str().unwrap()]));
    let again = server.run(&["backup", copy.to_str().unwrap()]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("exists already"));

    let store = format!("sqlite:{}", copy.display());
    let restored = Setup::new().set("FANFARE_STORE", &store).start().await;
    restored.api().get("/v1/tenants/acme").await.expect(200);
}
