//! `fanfare import svix`, from another Fanfare, and from a server whose lists are not to be believed.

use std::collections::HashMap;
use std::process::Output;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::STORES;
use crate::harness::{Api, Setup};

/// Runs the command beside what else runs here.
async fn import(setup: Setup, url: &str, token: &str, more: &[&str]) -> (Setup, Output) {
    let arguments = ["import", "svix", "--url", url, "--token", token];
    let arguments: Vec<String> = arguments
        .iter()
        .chain(more)
        .map(|text| (*text).to_owned())
        .collect();
    let running = tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let output = setup.run(&arguments);
        (setup, output)
    });
    running.await.unwrap()
}

fn said(output: &Output) -> String {
    let (out, complaint) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(complaint)
    )
}

async fn made(api: &Api, path: &str, body: Value) -> Value {
    let answer = api.post(&format!("/api/v1/{path}"), body).await;
    assert!(answer.status.is_success(), "{path}: {}", answer.text());
    answer.json()
}

/// What an import carries over of an application's endpoints: everything but their ids and times.
async fn endpoints(api: &Api, application: &str) -> Vec<Value> {
    let path = format!("/api/v1/app/{application}/endpoint");
    let mut listed = api.get(&path).await.expect(200)["data"]
        .as_array()
        .unwrap()
        .clone();
    for endpoint in &mut listed {
        let id = endpoint["id"].as_str().unwrap().to_owned();
        let of = async |what: &str| api.get(&format!("{path}/{id}/{what}")).await.expect(200);
        endpoint["secret"] = of("secret").await;
        endpoint["headers"] = of("headers").await["headers"].clone();
        for member in ["id", "createdAt", "updatedAt"] {
            endpoint.as_object_mut().unwrap().remove(member);
        }
    }
    listed.sort_by_key(|endpoint| endpoint["url"].as_str().unwrap().to_owned());
    listed
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_is_taken_over_once_with_its_ids_and_secrets() {
    for store in STORES {
        let source = store.start().await;
        let there = source.server.api();
        for name in ["a.paid", "a.sent"] {
            made(
                &there,
                "event-type",
                json!({"name": name, "description": name}),
            )
            .await;
        }
        let mut ids = Vec::new();
        for number in 0..3 {
            let uid = format!("uid-{number}");
            let body = json!({"name": uid, "uid": uid, "throttleRate": 9, "metadata": {"n": uid}});
            ids.push(
                made(&there, "app", body).await["id"]
                    .as_str()
                    .unwrap()
                    .to_owned(),
            );
        }
        for (number, more) in [
            json!({"uid": "hook", "channels": ["eu", "us"], "eventTypes": ["a.paid"], "metadata": {"x": "y"}}),
            json!({"headers": {"X-One": "1", "Authorization": "hidden"}, "throttleRate": 3, "disabled": true}),
        ]
        .into_iter()
        .enumerate()
        {
            let mut body = json!({"url": format!("https://example.com/{number}")});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            made(&there, &format!("app/{}/endpoint", ids[0]), body).await;
        }
        let url = format!("http://{}", source.server.address());
        let key = source.server.key();

        let (setup, _keep) = (store.open)();
        let setup = setup.set("FANFARE_DIALECTS", "svix");
        let migrated = setup.run(&["migrate"]);
        assert!(migrated.status.success(), "{}", said(&migrated));
        let (setup, output) =
            import(setup, &url, key, &["--dry-run", "--environment", "default"]).await;
        // A store that nobody served yet has no environment.
        assert!(!output.status.success() || said(&output).contains("would be made"));
        let (setup, output) = import(setup, &url, key, &[]).await;
        let text = said(&output);
        assert!(output.status.success(), "{text}");
        for line in [
            "event types: 2 made, 0 there before, 0 not taken over",
            "applications: 3 made, 0 there before, 0 not taken over",
            "endpoints: 2 made, 0 there before, 0 not taken over",
            "can't be read there, set them anew: Authorization",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        let (setup, output) = import(setup, &url, key, &["--dry-run"]).await;
        let text = said(&output);
        assert!(
            text.contains("endpoints: 0 would be made, 2 there before"),
            "{text}"
        );
        let (setup, output) = import(setup, &url, key, &[]).await;
        let text = said(&output);
        assert!(
            text.contains("applications: 0 made, 3 there before"),
            "{text}"
        );
        assert!(text.contains("endpoints: 0 made, 2 there before"), "{text}");

        let target = setup.start().await;
        let here = target.api();
        for id in &ids {
            let path = format!("/api/v1/app/{id}");
            let (mut one, mut other) = (
                there.get(&path).await.expect(200),
                here.get(&path).await.expect(200),
            );
            for member in ["createdAt", "updatedAt"] {
                one[member] = Value::Null;
                other[member] = Value::Null;
            }
            assert_eq!(one, other);
        }
        let mut wanted = endpoints(&there, &ids[0]).await;
        wanted[1]["headers"]
            .as_object_mut()
            .unwrap()
            .remove("Authorization");
        assert_eq!(endpoints(&here, "uid-0").await, wanted);
    }
}

/// A server that answers with what stands under the path and query, and drops the connection of others.
async fn scripted(answers: HashMap<&'static str, Vec<(u16, Value)>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answers = Arc::new(Mutex::new(answers));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answers = Arc::clone(&answers);
            tokio::spawn(async move { serve(stream, &answers).await });
        }
    });
    url
}

async fn serve(stream: TcpStream, answers: &Mutex<HashMap<&'static str, Vec<(u16, Value)>>>) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
        while !line.trim().is_empty() {
            line.clear();
            if stream.read_line(&mut line).await.is_err() {
                return;
            }
        }
        let next = {
            let mut answers = answers.lock().unwrap();
            let list = answers.get_mut(target.trim_start_matches("/api/v1/"));
            // The last one stays.
            list.map(|list| match list.len() {
                1 => list[0].clone(),
                _ => list.remove(0),
            })
        };
        let Some((status, body)) = next else { return };
        let body = body.to_string();
        let head = format!(
            "HTTP/1.1 {status} Said\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        if stream
            .write_all(format!("{head}{body}").as_bytes())
            .await
            .is_err()
        {
            return;
        }
        line.clear();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_that_lie_are_read_to_the_end_and_what_breaks_costs_the_rest_nothing() {
    let app = |id: &str| json!({"id": id, "name": id, "metadata": {}});
    let page = |data: Value, iterator: Value, done: bool| {
        (
            200,
            json!({"data": data, "iterator": iterator, "done": done}),
        )
    };
    let nothing = || vec![page(json!([]), Value::Null, true)];
    let (one, two, three) = ("app_1", "app_2", "app_3");
    let hook =
        json!({"id": "ep_1", "url": "https://example.com/", "description": "", "channels": null});
    let keyed = json!({"id": "ep_2", "url": "https://example.com/keyed", "description": ""});
    let url = scripted(HashMap::from([
        // Not now, and then nothing.
        (
            "event-type?include_archived=true&with_content=true&limit=250",
            vec![(503, json!({})), page(json!([]), Value::Null, true)],
        ),
        // The last one, it says, and is not.
        (
            "app?limit=250",
            vec![page(json!([app(one), app(two)]), json!(two), true)],
        ),
        // No iterator, and one that came before.
        (
            "app?limit=250&iterator=app_2",
            vec![page(json!([app(two), app(three)]), Value::Null, false)],
        ),
        // The same again, for ever.
        (
            "app?limit=250&iterator=app_3",
            vec![page(json!([app(three)]), json!(three), false)],
        ),
        (
            "app/app_1/endpoint?limit=250",
            vec![page(json!([hook, keyed]), json!("ep_2"), true)],
        ),
        ("app/app_1/endpoint?limit=250&iterator=ep_2", nothing()),
        (
            "app/app_1/endpoint/ep_1/headers",
            vec![(200, json!({"headers": {}, "sensitive": []}))],
        ),
        (
            "app/app_1/endpoint/ep_1/secret",
            vec![(200, json!({"key": format!("whsec_{}", "A".repeat(32))}))],
        ),
        (
            "app/app_1/endpoint/ep_2/headers",
            vec![(200, json!({"headers": {}, "sensitive": []}))],
        ),
        (
            "app/app_1/endpoint/ep_2/secret",
            vec![(200, json!({"key": "whpk_AAAA"}))],
        ),
        // The second one's can't be listed: the connection drops.
        ("app/app_3/endpoint?limit=250", nothing()),
    ]))
    .await;
    let setup = Setup::new().set("FANFARE_DIALECTS", "svix");
    assert!(setup.run(&["migrate"]).status.success());
    let (setup, output) = import(setup, &url, "token", &[]).await;
    let text = said(&output);
    assert!(!output.status.success(), "{text}");
    for line in [
        "applications: 3 made, 0 there before, 0 not taken over",
        "endpoints: 2 made, 0 there before, 1 not taken over",
        "endpoints of app_2 can't be taken over",
        "endpoint ep_2 of app_1: its private key can't be read there",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let target = setup.start().await;
    // Without a uid it is found by the id that it had.
    let path = "/api/v1/app/app_1/endpoint/ep_1";
    let endpoint = target.api().get(path).await.expect(200);
    assert_eq!(endpoint["url"], "https://example.com/");
}
