//! What of an event is a list.

use fanfare_domain::event::Attributes;
use fanfare_domain::id::EndpointId;

/// The endpoints of an event, one after the other.
#[must_use]
pub fn targets_to_bytes(targets: &[EndpointId]) -> Vec<u8> {
    targets
        .iter()
        .flat_map(|target| target.to_bytes())
        .collect()
}

/// Reads what [`targets_to_bytes`] gave; none where the length is no multiple of 16.
#[must_use]
pub fn targets_from_bytes(bytes: &[u8]) -> Option<Vec<EndpointId>> {
    let (targets, []) = bytes.as_chunks::<16>() else {
        return None;
    };
    let targets = targets.iter().map(|id| EndpointId::from_bytes(*id));
    Some(targets.collect())
}

/// The attributes as JSON; none for none.
///
/// # Errors
/// When they can't be written as JSON.
pub fn attributes_to_text(attributes: &Attributes) -> Result<Option<String>, serde_json::Error> {
    if attributes.is_empty() {
        return Ok(None);
    }
    serde_json::to_string(attributes).map(Some)
}

/// Reads what [`attributes_to_text`] gave.
///
/// # Errors
/// When the text is no such JSON.
pub fn attributes_from_text(text: Option<&str>) -> Result<Attributes, serde_json::Error> {
    text.map_or_else(|| Ok(Attributes::default()), serde_json::from_str)
}
