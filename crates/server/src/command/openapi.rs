//! `fanfare openapi`: the document that `/openapi.json` serves.

use super::print;

pub(super) fn run() -> anyhow::Result<()> {
    print(serde_json::to_string_pretty(&fanfare_api::openapi())?)
}
