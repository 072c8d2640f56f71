//! A random sequence of management calls gets the same answers on every store, ids and times aside.

use std::collections::HashMap;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::STORES;
use crate::harness::{Api, number_from_environment};

/// Calls of a sequence, and sequences.
const CALLS: usize = 200;
const SEQUENCES: u64 = 4;

/// Chance from a number (SplitMix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % count as u64) as usize
    }

    fn one_of<'a>(&mut self, list: &[&'a str]) -> &'a str {
        list[self.below(list.len())]
    }

    fn value_of(&mut self, list: &[Value]) -> Value {
        list[self.below(list.len())].clone()
    }
}

/// A call: its method, its path, and its body.
fn call(chance: &mut Chance) -> (Method, String, Option<Value>) {
    let app = chance
        .one_of(&["a", "b", "c", "no body"])
        .replace(' ', "%20");
    let hook = chance.one_of(&["x", "y", "z", "ep_1"]);
    let name = chance
        .one_of(&["t.one", "t.two", "t three"])
        .replace(' ', "%20");
    let page = chance.one_of(&[
        "",
        "?limit=1",
        "?limit=0",
        "?limit=300",
        "?order=descending",
        "?iterator=-",
    ]);
    let uid = |chance: &mut Chance, list: &[&str]| json!(chance.one_of(list));
    let app_in = |chance: &mut Chance| {
        let mut body = json!({"name": chance.one_of(&["One", "Two", ""])});
        if chance.below(3) > 0 {
            body["uid"] = uid(chance, &["a", "b", "c", "app_x"]);
        }
        if chance.below(3) == 0 {
            body["throttleRate"] = chance.value_of(&[json!(0), json!(5), Value::Null, json!("x")]);
        }
        if chance.below(3) == 0 {
            body["metadata"] = chance.value_of(&[json!({"k": "v"}), Value::Null, json!({"k": 1})]);
        }
        body
    };
    let endpoint_in = |chance: &mut Chance| {
        let mut body =
            json!({"url": chance.one_of(&["https://a.example/", "http://10.0.0.1/", "nothing"])});
        if chance.below(3) > 0 {
            body["uid"] = uid(chance, &["x", "y", "z"]);
        }
        if chance.below(3) == 0 {
            body["channels"] =
                chance.value_of(&[json!(["a"]), json!(["b", "a"]), json!([]), Value::Null]);
        }
        if chance.below(3) == 0 {
            body["eventTypes"] =
                chance.value_of(&[json!(["t.one"]), json!(["t.two"]), Value::Null]);
        }
        if chance.below(4) == 0 {
            body["disabled"] = chance.value_of(&[json!(true), json!(false), Value::Null]);
        }
        body
    };
    let (app_path, hook_path) = (format!("app/{app}"), format!("app/{app}/endpoint/{hook}"));
    let type_path = format!("event-type/{name}");
    let no = |method, path: String| (method, path, None);
    match chance.below(24) {
        0..3 => {
            let more = chance.one_of(&["", "?get_if_exists=true"]);
            (Method::POST, format!("app{more}"), Some(app_in(chance)))
        }
        3 => (Method::PUT, app_path, Some(app_in(chance))),
        4 => (Method::PATCH, app_path, Some(app_in(chance))),
        5 => no(Method::DELETE, app_path),
        6 => no(Method::GET, app_path),
        7 => no(Method::GET, format!("app{page}")),
        8..11 => (
            Method::POST,
            format!("{app_path}/endpoint"),
            Some(endpoint_in(chance)),
        ),
        11 => (Method::PUT, hook_path, Some(endpoint_in(chance))),
        12 => (Method::PATCH, hook_path, Some(endpoint_in(chance))),
        13 => no(Method::DELETE, hook_path),
        14 => no(Method::GET, format!("{app_path}/endpoint{page}")),
        15 => {
            let headers = chance.value_of(&[
                json!({"headers": {"x-a": "1"}}),
                json!({"headers": {"x-a": null, "x-b": "2"}}),
                json!({"headers": {"host": "x"}}),
            ]);
            let method = [Method::PUT, Method::PATCH][chance.below(2)].clone();
            (method, format!("{hook_path}/headers"), Some(headers))
        }
        16 => no(Method::GET, format!("{hook_path}/headers")),
        17 => {
            let grace = chance.value_of(&[
                json!({}),
                json!({"gracePeriodSeconds": 0}),
                json!({"key": "x"}),
            ]);
            (
                Method::POST,
                format!("{hook_path}/secret/rotate"),
                Some(grace),
            )
        }
        18 => no(Method::GET, format!("{hook_path}/stats")),
        19 => {
            let body = json!({"name": name, "description": chance.one_of(&["", "Text"])});
            (Method::POST, "event-type".to_owned(), Some(body))
        }
        20 => {
            let body = chance.value_of(&[
                json!({"description": "New"}),
                json!({"description": "Old", "archived": true}),
                json!({"featureFlag": "f"}),
                json!({"schemas": {"1": {"type": "object"}}}),
            ]);
            let method = [Method::PUT, Method::PATCH][chance.below(2)].clone();
            (method, type_path, Some(body))
        }
        21 => {
            let more = chance.one_of(&["", "?expunge=true"]);
            no(Method::DELETE, format!("{type_path}{more}"))
        }
        22 => {
            let more = chance.one_of(&["", "?include_archived=true", "?limit=1"]);
            no(Method::GET, format!("event-type{more}"))
        }
        _ => {
            let mut body = json!({"eventType": chance.one_of(&["t.one", "free", "t three"]), "payload": {"n": 1}});
            body["eventId"] = uid(chance, &["e1", "e2", "e3", "msg_1"]);
            (Method::POST, format!("{app_path}/msg"), Some(body))
        }
    }
}

/// Answers with ids by the order in which they were first seen, and without times and secrets.
#[derive(Default)]
struct Names(HashMap<String, String>);

impl Names {
    fn plain(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => *text = self.name(text),
            Value::Array(list) => list.iter_mut().for_each(|each| self.plain(each)),
            Value::Object(members) => {
                for (name, value) in members {
                    if matches!(
                        name.as_str(),
                        "createdAt" | "updatedAt" | "timestamp" | "key"
                    ) {
                        *value = json!("…");
                    } else {
                        self.plain(value);
                    }
                }
            }
            _ => {}
        }
    }

    fn name(&mut self, text: &str) -> String {
        let (mark, id) = text.strip_prefix('-').map_or(("", text), |id| ("-", id));
        let made = ["app_", "ep_", "msg_"]
            .iter()
            .any(|prefix| id.strip_prefix(prefix).is_some_and(|rest| rest.len() == 27));
        if !made {
            return text.to_owned();
        }
        let next = format!("#{}", self.0.len());
        let name = self.0.entry(id.to_owned()).or_insert(next);
        format!("{mark}{name}")
    }
}

/// What a store answers to a sequence.
async fn answers(api: &Api, seed: u64) -> Vec<String> {
    let (mut chance, mut names) = (Chance(seed), Names::default());
    let mut answers = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let (method, path, body) = call(&mut chance);
        let text = body.as_ref().map(Value::to_string);
        let answer = api
            .send(method.clone(), &format!("/api/v1/{path}"), text.clone())
            .await;
        let mut said = match answer.body.is_empty() {
            true => Value::Null,
            false => answer.json(),
        };
        assert!(
            !answer.status.is_server_error(),
            "{method} {path} {text:?}: {said}"
        );
        names.plain(&mut said);
        let asked = text.unwrap_or_default();
        answers.push(format!("{method} {path} {asked}: {} {said}", answer.status));
        if method != Method::GET {
            // Ids of one millisecond have no order among each other.
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_random_sequence_of_calls_is_answered_the_same_on_every_store() {
    let first = number_from_environment("SEED").unwrap_or(1);
    for seed in first..first + SEQUENCES {
        let mut by_store = Vec::new();
        for store in STORES {
            let world = store.start().await;
            by_store.push((store.name, answers(&world.server.api(), seed).await));
        }
        let (name, wanted) = &by_store[0];
        for (other, said) in &by_store[1..] {
            for (one, two) in wanted.iter().zip(said) {
                assert_eq!(one, two, "seed {seed}: {name}, then {other}");
            }
        }
    }
}
