//! Event types.

use serde_json::json;
use svix::api::*;
use svix::models::*;

use crate::{World, text};

impl World {
    pub(crate) async fn event_types(&mut self) {
        let (types, shown) = (self.svix.event_type(), &mut self.shown);
        let schemas = json!({"1": {"type": "object", "examples": [{"id": 1}]}});
        let given = EventTypeIn {
            schemas: Some(schemas.clone()),
            ..EventTypeIn::new(text("rs.paid"), text("Paid"))
        };
        let paid = types.create(given, None).await.unwrap();
        assert_eq!((&*paid.name, paid.schemas), ("rs.paid", Some(schemas)));
        shown.told("event_type.create", "a type with schemas");
        let again = EventTypeIn::new(text("rs.paid"), String::new());
        let again = types.create(again, None).await;
        shown.refused("event_type.create", again, 409, "event_type_exists");
        assert_eq!(
            types.get(text("rs.paid")).await.unwrap().description,
            "Paid"
        );
        shown.told("event_type.get", "the type");
        shown.refused(
            "event_type.get",
            types.get(text("nothing")).await,
            404,
            "not_found",
        );
        let late = |text: &str| EventTypeUpsertIn::new(text.to_owned());
        types.upsert(text("rs.late"), late("Late")).await.unwrap();
        let later = types.upsert(text("rs.late"), late("Later")).await.unwrap();
        assert_eq!(later.description, "Later");
        shown.told("event_type.upsert", "made, then replaced");
        let wrong = types.upsert(text("a b"), late("")).await;
        shown.refused("event_type.upsert", wrong, 422, "body.name.__all__");
        let patch = EventTypePatch {
            deprecated: Some(true),
            ..EventTypePatch::new()
        };
        let patched = types.patch(text("rs.late"), patch.clone()).await.unwrap();
        assert_eq!((&*patched.description, patched.deprecated), ("Later", true));
        shown.told("event_type.patch", "what is absent stays");
        let unknown = types.patch(text("nothing"), patch).await;
        shown.refused("event_type.patch", unknown, 404, "not_found");
        types.delete(text("rs.late"), None).await.unwrap();
        let options = EventTypeListOptions {
            limit: Some(250),
            include_archived: Some(true),
            ..Default::default()
        };
        let listed = types.list(Some(options)).await.unwrap();
        let late = listed.data.iter().find(|each| each.name == "rs.late");
        assert!(late.unwrap().archived.unwrap() && listed.done);
        shown.told("event_type.list", "by name, archived ones when asked for");
        let options = EventTypeListOptions {
            limit: Some(251),
            ..Default::default()
        };
        let wrong = types.list(Some(options)).await;
        shown.refused("event_type.list", wrong, 422, "query.limit.limit");
        let expunge = EventTypeDeleteOptions {
            expunge: Some(true),
        };
        types.delete(text("rs.late"), Some(expunge)).await.unwrap();
        shown.told("event_type.delete", "archived, and with expunge removed");
        let gone = types.delete(text("rs.late"), None).await;
        shown.refused("event_type.delete", gone, 404, "not_found");
    }
}
