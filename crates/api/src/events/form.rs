//! What events are made from.
//!
//! Publishing is the hot path: a body is read straight into the form, and its data is kept as the
//! bytes that came. Only a body that can't be read so is looked at piece by piece, to tell everything
//! that is wrong with it.

use bytes::Bytes;
use fanfare_app::publish::EventDraft;
use fanfare_domain::fault::Fault;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::body::values::{GivenAttributes, OneOrMany, lists};
use crate::body::{Input, input, json, understand};
use crate::problem::Problem;
use crate::time::Time;

/// An event to publish.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EventInput)]
pub(crate) struct EventInput {
    /// Its type, a name in the catalogue.
    #[schema(required, nullable = false, example = "invoice.paid")]
    r#type: Option<String>,
    /// Its data: any JSON, delivered as the bytes that came in. At most 256 KiB unless the operator set
    /// another limit.
    #[serde(default, deserialize_with = "present")]
    #[schema(required, value_type = serde_json::Value, example = json!({"invoice": "in_42", "amount": 100}))]
    data: Option<Box<RawValue>>,
    /// Its id, 1 to 128 characters of `A-Z`, `a-z`, `0-9`, `_`, `-` and `:`; one is made unless told.
    /// The same id again, while the event is kept, is answered as the first time and makes no second
    /// event; with other content it is refused.
    #[schema(example = "in_42:paid", pattern = "^[A-Za-z0-9_:-]{1,128}$")]
    id: Option<String>,
    /// Its kind within the type, one of the type's subcategories.
    #[schema(example = "eu")]
    subcategory: Option<String>,
    /// What endpoints can ask for besides the type: names with one text or several. At most 32 names
    /// with 64 values each.
    #[schema(value_type = Option<std::collections::BTreeMap<String, OneOrMany>>, example = json!({"region": "eu"}))]
    attributes: Option<GivenAttributes>,
    /// What it is ordered by at endpoints whose `ordering` is `by_key`: 1 to 256 bytes. Without one it stands
    /// in no order there.
    #[schema(min_length = 1, max_length = 256, example = "customer:42")]
    ordering_key: Option<String>,
    /// Before when nothing of it is sent, at most 30 days ahead; at once where it is absent or has passed.
    /// The endpoints are chosen when it is published.
    deliver_at: Option<Time>,
    /// When its deliveries are discarded, with the reason `expired`, if they have not ended before; later
    /// than now and than `deliver_at`. An attempt that is under way then still counts.
    expires_at: Option<Time>,
    /// When its data is forgotten, if the server's retention has not taken it before. What still waits to
    /// be delivered keeps it until then.
    data_until: Option<Time>,
}

/// An event of a batch.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BatchEventInput)]
pub(crate) struct BatchEventInput {
    /// The tenant whose event it is.
    #[schema(required, nullable = false, example = "acme")]
    pub(crate) tenant: Option<String>,
    /// Its type, a name in the catalogue.
    #[schema(required, nullable = false, example = "invoice.paid")]
    r#type: Option<String>,
    /// Its data: any JSON, as where one event is published.
    #[serde(default, deserialize_with = "present")]
    #[schema(required, value_type = serde_json::Value, example = json!({"invoice": "in_42", "amount": 100}))]
    data: Option<Box<RawValue>>,
    /// Its id, as where one event is published.
    #[schema(example = "in_42:paid", pattern = "^[A-Za-z0-9_:-]{1,128}$")]
    id: Option<String>,
    /// Its kind within the type, one of the type's subcategories.
    #[schema(example = "eu")]
    subcategory: Option<String>,
    /// What endpoints can ask for besides the type.
    #[schema(value_type = Option<std::collections::BTreeMap<String, OneOrMany>>, example = json!({"region": "eu"}))]
    attributes: Option<GivenAttributes>,
    /// What it is ordered by, as where one event is published.
    #[schema(min_length = 1, max_length = 256, example = "customer:42")]
    ordering_key: Option<String>,
    /// Before when nothing of it is sent, as where one event is published.
    deliver_at: Option<Time>,
    /// When its deliveries end, as where one event is published.
    expires_at: Option<Time>,
    /// When its data is forgotten, as where one event is published.
    data_until: Option<Time>,
}

/// Several events to publish.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BatchInput)]
pub(crate) struct BatchInput {
    /// The events, at most 1000. Each is accepted or refused by itself.
    #[schema(required, nullable = false, max_items = 1000)]
    #[expect(dead_code, reason = "documents the form; events are read one by one")]
    events: Option<Vec<BatchEventInput>>,
}

input!(EventInput, BatchEventInput, BatchInput);

/// Keeps `null` as data that is there.
pub(crate) fn present<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Box<RawValue>>, D::Error> {
    <Box<RawValue>>::deserialize(deserializer).map(Some)
}

/// The data's own bytes, none shared with the request's buffer: a waiting event must not hold on to
/// the buffer of a whole batch or connection.
fn own_bytes(data: Box<RawValue>) -> Bytes {
    let text: Box<str> = data.into();
    Bytes::from(text.into_boxed_bytes())
}

impl From<EventInput> for EventDraft {
    fn from(given: EventInput) -> Self {
        Self {
            uid: given.id,
            event_type: given.r#type,
            subcategory: given.subcategory,
            attributes: given.attributes.map(lists).unwrap_or_default(),
            ordering_key: given.ordering_key,
            data: given.data.map(own_bytes),
            deliver_at: given.deliver_at.map(|time| time.0),
            expires_at: given.expires_at.map(|time| time.0),
            data_until: given.data_until.map(|time| time.0),
            terms: Default::default(),
            found: Vec::new(),
        }
    }
}

impl EventInput {
    /// An event whose id is made for it.
    pub(crate) fn new(
        event_type: Option<String>,
        data: Option<Box<RawValue>>,
        subcategory: Option<String>,
        attributes: Option<GivenAttributes>,
    ) -> Self {
        Self {
            r#type: event_type,
            data,
            subcategory,
            attributes,
            ..Self::default()
        }
    }
}

impl BatchEventInput {
    /// The tenant, and the event without it.
    pub(crate) fn split(self) -> (Option<String>, EventInput) {
        let event = EventInput {
            r#type: self.r#type,
            data: self.data,
            id: self.id,
            subcategory: self.subcategory,
            attributes: self.attributes,
            ordering_key: self.ordering_key,
            deliver_at: self.deliver_at,
            expires_at: self.expires_at,
            data_until: self.data_until,
        };
        (self.tenant, event)
    }
}

/// Reads an event whose depth was checked, with all that is wrong about it.
pub(crate) fn read<T: Input>(bytes: &[u8]) -> Result<(T, Vec<Fault>), Problem> {
    // A list could be read as the members in their order, which nobody means.
    let object = bytes.trim_ascii_start().first() == Some(&b'{');
    let cause = match serde_json::from_slice::<T>(bytes) {
        Ok(event) if object => return Ok((event, Vec::new())),
        Ok(_) => "must be an object".to_owned(),
        Err(cause) => cause.to_string(),
    };
    let mut given = understand::<T>(json::parse(bytes)?)?;
    if given.faults.is_empty() {
        // What the form refuses is refused, even where the schema sees nothing wrong.
        given.faults.push(Fault {
            pointer: "#".to_owned(),
            detail: cause,
        });
    }
    Ok((given.draft, given.faults))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> Result<(EventDraft, Vec<Fault>), Problem> {
        read::<EventInput>(text.as_bytes()).map(|(event, faults)| (event.into(), faults))
    }

    #[test]
    fn data_is_kept_as_the_bytes_that_came() {
        let text = r#" {"type":"a","data": {"n": 1.000, "x" :"\u0041", "n":2}  } "#;
        let (draft, faults) = event(text).unwrap();
        assert!(faults.is_empty());
        assert_eq!(
            &draft.data.unwrap()[..],
            br#"{"n": 1.000, "x" :"\u0041", "n":2}"#
        );
    }

    #[test]
    fn null_is_data_and_absence_is_not() {
        assert_eq!(
            &event(r#"{"data":null}"#).unwrap().0.data.unwrap()[..],
            b"null"
        );
        assert!(event("{}").unwrap().0.data.is_none());
    }

    #[test]
    fn all_that_is_wrong_is_told() {
        let text = r#"{"type":7,"data":{},"attributes":{"a":[1],"b":"x"},"send_at":"now"}"#;
        let (draft, faults) = event(text).unwrap();
        let places: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(faults.len(), 3, "{faults:?}");
        for place in ["#/type", "#/attributes/a/0", "#/send_at"] {
            assert!(places.contains(&place), "{faults:?}");
        }
        assert!(draft.event_type.is_none() && draft.data.is_some());
    }

    #[test]
    fn a_list_is_no_event() {
        assert_eq!(event(r#"["a", 1]"#).unwrap_err().status(), 422);
        assert_eq!(
            event(r#"{"type":"a","type":"b"}"#).unwrap_err().status(),
            400
        );
    }
}
