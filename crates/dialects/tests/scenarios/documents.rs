//! The dialects' OpenAPI documents against what is served.

use serde_json::Value;

use crate::run::Seen;
use crate::scenario::Scenario;
use crate::stores::STORES;
use crate::wire::exchange;
use crate::world::World;

const METHODS: [&str; 6] = ["get", "post", "put", "patch", "delete", "options"];

fn document(dialect: &str) -> Value {
    let made = fanfare_dialects::make(dialect, &Default::default()).unwrap();
    serde_json::from_str(made.unwrap().openapi()).unwrap()
}

/// Whether a path is one of a template's, `/endpoints/{id}`.
fn fits(template: &str, path: &str) -> bool {
    let (wanted, given) = (template.split('/'), path.split('/'));
    wanted.clone().count() == given.clone().count()
        && wanted
            .zip(given)
            .all(|(wanted, given)| wanted == given || wanted.starts_with('{') && !given.is_empty())
}

/// The document's template for a path; one without parameters where there are several.
fn template<'a>(document: &'a Value, path: &str) -> Option<(&'a str, &'a Value)> {
    let paths = document["paths"].as_object().unwrap();
    let mut found: Vec<_> = paths.iter().filter(|(each, _)| fits(each, path)).collect();
    found.sort_by_key(|(each, _)| each.matches('{').count());
    found.first().map(|(each, item)| (each.as_str(), *item))
}

/// Answers that a scenario saw and the document does not have.
pub(crate) fn undocumented(dialect: &str, seen: &[Seen]) -> Vec<String> {
    let document = document(dialect);
    let mut failures = Vec::new();
    for Seen {
        method,
        path,
        status,
    } in seen
    {
        // Some originals take slashes at the end, which make no other path there, and none elsewhere.
        let plain = path.trim_end_matches('/');
        let operation = template(&document, plain)
            .map(|(_, item)| &item[method.to_ascii_lowercase()])
            .filter(|operation| operation.is_object());
        let right = match operation {
            Some(operation) => {
                let documented = operation["responses"][status.to_string()].is_object();
                documented || plain != path && *status == 404
            }
            // No operation: not found, or not this way. HEAD comes with GET, and OPTIONS may be a browser's
            // question.
            None => matches!(method.as_str(), "HEAD" | "OPTIONS") || matches!(status, 404 | 405),
        };
        if !right {
            let short: String = path.chars().take(80).collect();
            failures.push(format!(
                "{dialect}: the document has no {status} for {method} {short}"
            ));
        }
    }
    failures.sort();
    failures.dedup();
    failures
}

/// Checks that each operation of the document is served, and no other method on its path.
///
/// Without a key an operation says 401, unless the document says that it needs none, and what is none says
/// 404 or 405.
pub(crate) async fn check_operations(dialect: &str) {
    let scenario: Scenario = toml::from_str("step = []").unwrap();
    let world = World::start(dialect, &scenario, STORES[0].1).await;
    let document = document(dialect);
    assert_eq!(
        document["openapi"].as_str().map(|text| &text[..4]),
        Some("3.1.")
    );
    for (template, item) in document["paths"].as_object().unwrap() {
        let path: Vec<_> = template
            .split('/')
            .map(|part| if part.starts_with('{') { "x" } else { part })
            .collect();
        let path = path.join("/");
        for method in METHODS {
            let line = format!("{} {path}", method.to_ascii_uppercase());
            let answer = exchange(world.address, &line, &[], Some(b"{}")).await;
            let documented = item[method].is_object();
            if documented && item[method]["security"] == serde_json::json!([]) {
                assert!(
                    !matches!(answer.status, 401 | 404 | 405),
                    "{line}: {answer:?}"
                );
                continue;
            }
            assert_eq!(answer.status == 401, documented, "{line}: {answer:?}");
            assert!(documented || matches!(answer.status, 404 | 405), "{line}");
        }
    }
}
