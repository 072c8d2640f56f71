//! The verifiers in another language: `tests/verifiers/<name>.py`, Python's standard library only.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use http::HeaderMap;
use serde_json::{Value, json};

/// What a verifier says of a request: what it read, or why it refuses. `given` is what a receiver knows
/// besides the request, such as its secrets.
pub(crate) async fn verify(
    name: &str,
    headers: &HeaderMap,
    body: &[u8],
    given: Value,
) -> Result<Value, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/verifiers/{name}.py"));
    let headers: BTreeMap<&str, &str> = headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
        .collect();
    let mut input = json!({"headers": headers, "body": std::str::from_utf8(body).unwrap()});
    let known = given.as_object().unwrap().clone();
    input.as_object_mut().unwrap().extend(known);
    let run = move || {
        let mut child = Command::new("python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("python3 runs");
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.to_string().as_bytes()).unwrap();
        drop(stdin);
        child.wait_with_output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}
