//! The table of methods in `docs/dialects/svix.md`, made from what the clients showed.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

/// What a method showed with a client.
#[derive(Debug)]
pub(super) struct Call {
    method: String,
    success: String,
    error: String,
}

const BEGIN: &str = "<!-- Made by the tests: `make svix-methods` writes it anew. -->\n";
const END: &str = "<!-- End of what the tests made. -->\n";

impl Call {
    /// Reads a line of a script's; the method must have succeeded and failed.
    pub(super) fn read(line: &str) -> Self {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| {
            let text = line[name].as_str();
            text.unwrap_or_else(|| panic!("{name} is missing: {line}"))
                .to_owned()
        };
        Self {
            method: snake_case(&text("method")),
            success: text("success"),
            error: text("error"),
        }
    }
}

/// The name of a method as most clients have it.
fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// Every client must have shown the same methods, and the document must say what they showed.
pub(super) fn check(store: &str, shown: &[(&str, Vec<Call>)]) {
    let mut methods: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (_, calls) in shown {
        for call in calls {
            let cell = format!("{}; `{}`", call.success, call.error);
            methods.entry(&call.method).or_default().push(cell);
        }
    }
    let names: Vec<&str> = shown.iter().map(|(name, _)| *name).collect();
    let mut table = format!("| method | {} |\n", names.join(" | "));
    writeln!(table, "| --- |{}", " --- |".repeat(names.len())).unwrap();
    for (method, cells) in &methods {
        assert_eq!(
            cells.len(),
            names.len(),
            "{method} was not called by all clients on {store}"
        );
        writeln!(table, "| `{method}` | {} |", cells.join(" | ")).unwrap();
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/dialects/svix.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = document
        .split_once(BEGIN)
        .expect("the table's beginning is marked");
    let (_, after) = rest.split_once(END).expect("the table's end is marked");
    let wanted = format!("{before}{BEGIN}\n{table}\n{END}{after}");
    if std::env::var_os("WRITE_METHODS").is_some() {
        std::fs::write(&path, wanted).unwrap();
    } else {
        assert_eq!(document, wanted, "run `make svix-methods` (on {store})");
    }
}
