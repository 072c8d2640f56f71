//! The committed OpenAPI document is the one that the code makes.

use std::path::Path;

#[test]
fn the_committed_document_is_the_one_that_the_code_makes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi/native.json");
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    let made = serde_json::to_string_pretty(&fanfare_api::openapi()).unwrap() + "\n";
    assert!(
        committed == made,
        "openapi/native.json differs from the code; make it anew by\n\
         cargo run -p fanfare-server -- openapi > openapi/native.json"
    );
}
