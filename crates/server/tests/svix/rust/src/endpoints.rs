//! Endpoints, their headers, secrets, statistics and recovery.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use svix::api::*;
use svix::models::*;

use crate::{World, pairs, text};

impl World {
    pub(crate) async fn endpoints(&mut self, app: &str) -> EndpointOut {
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

    pub(crate) async fn more_of_endpoints(&mut self, app: &str, hook: &EndpointOut) {
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
}
