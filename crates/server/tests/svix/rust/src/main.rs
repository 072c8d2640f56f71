//! Calls every method of the official client that is served, once with success and once with an error, and
//! says what each showed: one JSON object to a line.
//!
//! Usage: svix-calls URL TOKEN

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use svix::api::*;
use svix::error::Error;
use svix::models::*;
use svix::webhooks::Webhook;

mod receiver;

use receiver::Receiver;

/// What each method showed.
#[derive(Default)]
struct Shown(BTreeMap<&'static str, [Option<String>; 2]>);

impl Shown {
    fn told(&mut self, method: &'static str, success: &str) {
        self.0.entry(method).or_default()[0] = Some(success.to_owned());
    }

    /// The call must have failed so, with the client's typed error.
    fn refused<T: Debug>(
        &mut self,
        method: &'static str,
        outcome: Result<T, Error>,
        status: u16,
        what: &str,
    ) {
        match outcome {
            Err(Error::Http(error)) => {
                let payload = error.payload.expect("a body with a code");
                assert_eq!(
                    (error.status.as_u16(), &*payload.code),
                    (status, what),
                    "{method}"
                );
            }
            Err(Error::Validation(error)) => {
                let payload = error.payload.expect("a body with what is wrong");
                assert_eq!(
                    (422, &*payload.detail[0].loc.join(".")),
                    (status, what),
                    "{method}"
                );
            }
            other => panic!("{method}: {other:?}"),
        }
        let error = &mut self.0.entry(method).or_default()[1];
        error.get_or_insert_with(|| format!("{status} {what}"));
    }
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

fn client(url: &str, token: &str) -> Svix {
    let options = SvixOptions {
        server_url: Some(text(url)),
        num_retries: Some(1),
        ..SvixOptions::default()
    };
    Svix::new(text(token), Some(options))
}

struct World {
    url: String,
    token: String,
    svix: Svix,
    receiver: Receiver,
    shown: Shown,
}

impl World {
    async fn event_types(&mut self) {
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

    async fn applications(&mut self) -> ApplicationOut {
        let (app, shown) = (self.svix.application(), &mut self.shown);
        let given = ApplicationIn {
            uid: Some(text("rs")),
            metadata: Some(pairs(&[("plan", "pro")])),
            ..ApplicationIn::new(text("One"))
        };
        let one = app.create(given.clone(), None).await.unwrap();
        assert!(one.id.starts_with("app_") && one.uid.as_deref() == Some("rs"));
        assert_eq!(one.metadata, pairs(&[("plan", "pro")]));
        shown.told(
            "application.create",
            "an application with id, uid, metadata",
        );
        let again = app.create(given.clone(), None).await;
        shown.refused("application.create", again, 409, "conflict");
        assert_eq!(app.get_or_create(given, None).await.unwrap().id, one.id);
        shown.told("application.get_or_create", "the one that is there");
        let wrong = ApplicationIn {
            uid: Some(text("a b")),
            ..ApplicationIn::new(text("x"))
        };
        let wrong = app.get_or_create(wrong, None).await;
        shown.refused("application.get_or_create", wrong, 422, "body.uid.__all__");
        assert_eq!(app.get(text("rs")).await.unwrap(), one);
        shown.told("application.get", "the same by uid");
        shown.refused(
            "application.get",
            app.get(text("a/b")).await,
            404,
            "not_found",
        );
        let change = ApplicationIn {
            uid: Some(text("rs")),
            throttle_rate: Some(50),
            ..ApplicationIn::new(text("One!"))
        };
        let replaced = app.upsert(text("rs"), change).await.unwrap();
        assert_eq!((&replaced.id, replaced.throttle_rate), (&one.id, Some(50)));
        shown.told("application.upsert", "replaced whole");
        let wrong = app
            .upsert(text("rs"), ApplicationIn::new(String::new()))
            .await;
        shown.refused("application.upsert", wrong, 422, "body.name");
        let patch = ApplicationPatch {
            name: Some(text("Uno")),
            ..ApplicationPatch::new()
        };
        let patched = app.patch(text("rs"), patch.clone()).await.unwrap();
        assert_eq!((&*patched.name, patched.throttle_rate), ("Uno", Some(50)));
        shown.told("application.patch", "what is absent stays");
        let unknown = app.patch(text("nobody"), patch).await;
        shown.refused("application.patch", unknown, 404, "not_found");
        let two = app
            .create(ApplicationIn::new(text("Two")), None)
            .await
            .unwrap();
        let options = ApplicationListOptions {
            order: Some(Ordering::Descending),
            limit: Some(1),
            ..Default::default()
        };
        let page = app.list(Some(options)).await.unwrap();
        assert!(!page.done && page.data[0].id == two.id);
        shown.told("application.list", "the newest first when asked for");
        let options = ApplicationListOptions {
            iterator: Some(text("app_x")),
            ..Default::default()
        };
        let wrong = app.list(Some(options)).await;
        shown.refused("application.list", wrong, 422, "query.iterator.__all__");
        app.delete(two.id.clone()).await.unwrap();
        shown.told("application.delete", "gone, without a body");
        shown.refused(
            "application.delete",
            app.delete(two.id).await,
            404,
            "not_found",
        );
        one
    }

    async fn endpoints(&mut self, app: &str) -> EndpointOut {
        let (ep, shown, app) = (self.svix.endpoint(), &mut self.shown, || text(app));
        let hook = || text("hook");
        let given = EndpointIn {
            uid: Some(hook()),
            channels: Some([text("eu")].into()),
            ..EndpointIn::new(self.receiver.url())
        };
        let made = ep.create(app(), given, None).await.unwrap();
        assert!(made.id.starts_with("ep_") && made.uid == Some(hook()));
        shown.told("endpoint.create", "an endpoint with channels");
        let wrong = ep.create(app(), EndpointIn::new(text("x")), None).await;
        shown.refused("endpoint.create", wrong, 422, "body.url");
        assert_eq!(ep.get(app(), hook()).await.unwrap(), made);
        shown.told("endpoint.get", "the same by uid");
        let unknown = ep.get(app(), text("nothing")).await;
        shown.refused("endpoint.get", unknown, 404, "not_found");
        let change = EndpointUpsertIn {
            uid: Some(hook()),
            ..EndpointUpsertIn::new(self.receiver.url())
        };
        let replaced = ep.upsert(app(), hook(), change).await.unwrap();
        assert_eq!((&replaced.id, replaced.channels), (&made.id, None));
        shown.told("endpoint.upsert", "replaced whole");
        let wrong = ep
            .upsert(app(), hook(), EndpointUpsertIn::new(text("x")))
            .await;
        shown.refused("endpoint.upsert", wrong, 422, "body.url");
        let patch = |url: Option<&str>| EndpointPatch {
            description: Some(text("Again")),
            url: url.map(text),
            ..EndpointPatch::new()
        };
        let patched = ep.patch(app(), hook(), patch(None)).await.unwrap();
        assert_eq!(patched.description, "Again");
        shown.told("endpoint.patch", "what is absent stays");
        let wrong = ep.patch(app(), hook(), patch(Some("ftp://a"))).await;
        shown.refused("endpoint.patch", wrong, 422, "body.url");
        let listed = ep.list(app(), None).await.unwrap();
        assert_eq!((&listed.data[0].id, listed.done), (&made.id, true));
        shown.told("endpoint.list", "the endpoints");
        let unknown = ep.list(text("nobody"), None).await;
        shown.refused("endpoint.list", unknown, 404, "not_found");
        let secret = ep.get_secret(app(), hook()).await.unwrap().key;
        shown.told("endpoint.get_secret", "whsec_ and 24 bytes");
        let unknown = ep.get_secret(app(), text("nothing")).await;
        shown.refused("endpoint.get_secret", unknown, 404, "not_found");
        let rotate = EndpointSecretRotateIn::new();
        let rotated = ep.rotate_secret(app(), hook(), rotate, None).await.unwrap();
        assert_ne!(rotated.key, secret);
        shown.told("endpoint.rotate_secret", "the new key");
        let rotate = EndpointSecretRotateIn {
            key: Some(text("plain")),
            ..EndpointSecretRotateIn::new()
        };
        let wrong = ep.rotate_secret(app(), hook(), rotate, None).await;
        shown.refused("endpoint.rotate_secret", wrong, 422, "body.key");
        let set = |headers: &[(&str, &str)]| EndpointHeadersIn::new(pairs(headers));
        let headers = [("X-One", "1"), ("Authorization", "s")];
        ep.set_headers(app(), hook(), set(&headers)).await.unwrap();
        shown.told("endpoint.set_headers", "replaced whole");
        let wrong = ep.set_headers(app(), hook(), set(&[("Host", "x")])).await;
        shown.refused("endpoint.set_headers", wrong, 422, "body.headers");
        let merge = |headers: &[(&str, &str)]| EndpointHeadersPatchIn::new(pairs(headers));
        ep.patch_headers(app(), hook(), merge(&[("X-Two", "2")]))
            .await
            .unwrap();
        shown.told("endpoint.patch_headers", "merged");
        let wrong = ep
            .patch_headers(app(), hook(), merge(&[("A", "b\nc")]))
            .await;
        shown.refused("endpoint.patch_headers", wrong, 422, "body.headers.__all__");
        let headers = ep.get_headers(app(), hook()).await.unwrap();
        assert_eq!(headers.headers, pairs(&[("X-One", "1"), ("X-Two", "2")]));
        shown.told("endpoint.get_headers", "values but for sensitive ones");
        let unknown = ep.get_headers(app(), text("nothing")).await;
        shown.refused("endpoint.get_headers", unknown, 404, "not_found");
        let fresh = EndpointIn {
            disabled: Some(true),
            ..EndpointIn::new(self.receiver.url())
        };
        let fresh = ep.create(app(), fresh, None).await.unwrap().id;
        ep.delete(app(), fresh.clone()).await.unwrap();
        shown.told("endpoint.delete", "gone, without a body");
        let gone = ep.delete(app(), fresh).await;
        shown.refused("endpoint.delete", gone, 404, "not_found");
        made
    }

    async fn messages(&mut self, app: &str, hook: &EndpointOut) -> MessageOut {
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

    async fn attempts(&mut self, app: &str, hook: &EndpointOut, message: &MessageOut) {
        let (att, shown, app) = (self.svix.message_attempt(), &mut self.shown, || text(app));
        let (id, hook) = (|| message.id.clone(), || hook.id.clone());
        let one = loop {
            let options = MessageAttemptListByMsgOptions {
                with_content: Some(true),
                ..Default::default()
            };
            let mut listed = att.list_by_msg(app(), id(), Some(options)).await.unwrap();
            match listed.data.pop() {
                Some(one) => break one,
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        assert_eq!((&one.msg_id, &one.endpoint_id), (&message.id, &hook()));
        assert_eq!(
            (one.status, one.response_status_code),
            (MessageStatus::Success, 200)
        );
        assert_eq!(one.response, "{\"got\":\"it\"}");
        shown.told(
            "message_attempt.list_by_msg",
            "an attempt with what was answered",
        );
        let unknown = att.list_by_msg(app(), text("nothing"), None).await;
        shown.refused("message_attempt.list_by_msg", unknown, 404, "not_found");
        let options = MessageAttemptListByEndpointOptions {
            status: Some(MessageStatus::Success),
            ..Default::default()
        };
        let listed = att
            .list_by_endpoint(app(), hook(), Some(options))
            .await
            .unwrap();
        assert!(listed.data.iter().any(|each| each.id == one.id));
        shown.told("message_attempt.list_by_endpoint", "by status");
        let unknown = att.list_by_endpoint(app(), text("nothing"), None).await;
        shown.refused(
            "message_attempt.list_by_endpoint",
            unknown,
            404,
            "not_found",
        );
        let got = att.get(app(), id(), one.id.clone(), None).await.unwrap();
        assert_eq!(got.id, one.id);
        shown.told("message_attempt.get", "the attempt");
        let unknown = att.get(app(), id(), text("nothing"), None).await;
        shown.refused("message_attempt.get", unknown, 404, "not_found");
        let seen = att
            .list_attempted_messages(app(), hook(), None)
            .await
            .unwrap();
        let seen = seen.data.iter().find(|each| each.id == message.id);
        assert_eq!(seen.unwrap().status, MessageStatus::Success);
        shown.told(
            "message_attempt.list_attempted_messages",
            "messages with their status",
        );
        let unknown = att.list_attempted_messages(app(), text("x"), None).await;
        shown.refused(
            "message_attempt.list_attempted_messages",
            unknown,
            404,
            "not_found",
        );
        let places = att
            .list_attempted_destinations(app(), id(), None)
            .await
            .unwrap();
        assert_eq!(
            (&places.data[0].id, places.data[0].status),
            (&hook(), MessageStatus::Success)
        );
        shown.told(
            "message_attempt.list_attempted_destinations",
            "endpoints with their status",
        );
        let unknown = att
            .list_attempted_destinations(app(), text("x"), None)
            .await;
        shown.refused(
            "message_attempt.list_attempted_destinations",
            unknown,
            404,
            "not_found",
        );
        let before = self.receiver.count();
        att.resend(app(), id(), hook(), None).await.unwrap();
        self.receiver.wait_for(before + 1).await;
        shown.told("message_attempt.resend", "one manual attempt");
        let unknown = att.resend(app(), id(), text("x"), None).await;
        shown.refused("message_attempt.resend", unknown, 404, "not_found");
        att.expunge_content(app(), id(), one.id.clone())
            .await
            .unwrap();
        let got = att.get(app(), id(), one.id, None).await.unwrap();
        assert_eq!(got.response, "EXPUNGED");
        shown.told(
            "message_attempt.expunge_content",
            "the response is EXPUNGED",
        );
        let unknown = att.expunge_content(app(), id(), text("x")).await;
        shown.refused("message_attempt.expunge_content", unknown, 404, "not_found");
    }

    async fn more_of_endpoints(&mut self, app: &str, hook: &EndpointOut) {
        let (ep, shown, app) = (self.svix.endpoint(), &mut self.shown, || text(app));
        let hook = || hook.id.clone();
        let stats = loop {
            let stats = ep.get_stats(app(), hook(), None).await.unwrap();
            if stats.success >= 2 {
                break stats;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert_eq!(stats.fail, 0);
        shown.told("endpoint.get_stats", "attempts by outcome");
        let options = EndpointGetStatsOptions {
            since: Some(Utc::now() - TimeDelta::days(60)),
            ..Default::default()
        };
        let wrong = ep.get_stats(app(), hook(), Some(options)).await;
        shown.refused("endpoint.get_stats", wrong, 400, "invalid_range");
        let before = self.receiver.count();
        let example = |name: &str| EventExampleIn::new(name.to_owned());
        ep.send_example(app(), hook(), example("rs.paid"), None)
            .await
            .unwrap();
        let arrivals = self.receiver.wait_for(before + 1).await;
        assert_eq!(arrivals.last().unwrap().body, b"{\"id\":1}");
        shown.told("endpoint.send_example", "the example");
        let unknown = ep
            .send_example(app(), hook(), example("nothing"), None)
            .await;
        shown.refused("endpoint.send_example", unknown, 404, "not_found");
        let since = |days| RecoverIn::new(Utc::now() - TimeDelta::days(days));
        let task = ep.recover(app(), hook(), since(1), None).await.unwrap();
        assert_eq!(task.status, BackgroundTaskStatus::Running);
        assert_eq!(task.task, BackgroundTaskType::EndpointRecover);
        shown.told("endpoint.recover", "a task");
        let wrong = ep.recover(app(), hook(), since(30), None).await;
        shown.refused("endpoint.recover", wrong, 422, "body.since");
    }

    async fn authentication(&mut self, app: &str) {
        let (auth, shown) = (self.svix.authentication(), &mut self.shown);
        let access = AppPortalAccessIn::new();
        let access = auth
            .app_portal_access(text(app), access, None)
            .await
            .unwrap();
        let portal = client(&self.url, &access.token);
        let seen = portal.application().get(text(app)).await.unwrap();
        assert_eq!(seen.uid.as_deref(), Some("rs"));
        let all = portal.application().list(None).await;
        shown.refused("application.list", all, 403, "insufficient access");
        shown.told(
            "authentication.app_portal_access",
            "a token for one application",
        );
        let wrong = AppPortalAccessIn {
            expiry: Some(1),
            ..AppPortalAccessIn::new()
        };
        let wrong = auth.app_portal_access(text(app), wrong, None).await;
        shown.refused(
            "authentication.app_portal_access",
            wrong,
            422,
            "body.expiry",
        );
        portal.authentication().logout(None).await.unwrap();
        let after = portal.application().get(text(app)).await;
        shown.refused("application.get", after, 401, "authentication_failed");
        shown.told("authentication.logout", "the portal token counts no more");
        let wrong = auth.logout(None).await;
        shown.refused("authentication.logout", wrong, 501, "not_implemented");
    }

    async fn health(&mut self) {
        self.svix.health().get().await.unwrap();
        self.shown.told("health.get", "well");
        let elsewhere = client(&format!("{}/api/v1", self.url), &self.token);
        let unknown = elsewhere.health().get().await;
        self.shown.refused("health.get", unknown, 404, "not_found");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (url, token) = (arguments.next().unwrap(), arguments.next().unwrap());
    let mut world = World {
        svix: client(&url, &token),
        url,
        token,
        receiver: Receiver::start().await,
        shown: Shown::default(),
    };
    world.event_types().await;
    let one = world.applications().await;
    let hook = world.endpoints(&one.id).await;
    let message = world.messages(&one.id, &hook).await;
    world.attempts(&one.id, &hook, &message).await;
    world.more_of_endpoints(&one.id, &hook).await;
    world.authentication(&one.id).await;
    world.health().await;
    for (method, [success, error]) in &world.shown.0 {
        println!(
            "{}",
            json!({"method": method, "success": success, "error": error})
        );
    }
}
