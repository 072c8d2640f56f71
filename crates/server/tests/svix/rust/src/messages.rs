//! Messages.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use svix::api::*;
use svix::models::*;
use svix::webhooks::Webhook;

use crate::{World, text};

impl World {
    pub(crate) async fn messages(&mut self, app: &str, hook: &EndpointOut) -> MessageOut {
        let (msg, shown, app) = (self.svix.message(), &mut self.shown, || text(app));
        let payload = json!({"amount": 5, "text": "Grüße"});
        let given = MessageIn {
            event_id: Some(text("rs-1")),
            tags: Some([text("first")].into()),
            ..MessageIn::new(text("rs.paid"), payload.clone())
        };
        let made = msg.create(app(), given.clone(), None).await.unwrap();
        assert_eq!(made.event_id.as_deref(), Some("rs-1"));
        shown.told("message.create", "a message");
        let again = msg.create(app(), given, None).await;
        shown.refused("message.create", again, 409, "conflict");
        let arrival = self.receiver.wait_for(1).await.remove(0);
        let secret = self
            .svix
            .endpoint()
            .get_secret(app(), hook.id.clone())
            .await;
        let webhook = Webhook::new(&secret.unwrap().key).unwrap();
        webhook.verify(&arrival.body, &arrival.headers).unwrap();
        webhook.verify(b"{}", &arrival.headers).unwrap_err();
        assert_eq!(
            serde_json::from_slice::<Value>(&arrival.body).unwrap(),
            payload
        );
        let options = MessageGetOptions {
            with_content: Some(true),
        };
        let got = msg.get(app(), text("rs-1"), Some(options)).await.unwrap();
        assert_eq!((got.id, got.payload), (made.id.clone(), payload));
        shown.told("message.get", "the same by eventId");
        let unknown = msg.get(app(), text("nothing"), None).await;
        shown.refused("message.get", unknown, 404, "not_found");
        let options = MessageListOptions {
            tag: Some(text("first")),
            after: Some(Utc::now() - TimeDelta::hours(1)),
            ..Default::default()
        };
        let listed = msg.list(app(), Some(options)).await.unwrap();
        assert_eq!((listed.data.len(), &listed.data[0].id), (1, &made.id));
        shown.told("message.list", "by tag and time");
        let options = MessageListOptions {
            event_types: Some([text("a b")].into()),
            ..Default::default()
        };
        let wrong = msg.list(app(), Some(options)).await;
        shown.refused("message.list", wrong, 422, "query.__all__");
        let extra = MessageIn::new(text("other"), json!({"secret": 1}));
        let extra = msg.create(app(), extra, None).await.unwrap().id;
        msg.expunge_content(app(), extra).await.unwrap();
        shown.told("message.expunge_content", "the payload is gone");
        let unknown = msg.expunge_content(app(), text("nothing")).await;
        shown.refused("message.expunge_content", unknown, 404, "not_found");
        made
    }
}
