//! A tenant with an event type, as most tests begin.

use serde_json::{Value, json};

use super::api::{Answer, Api};

/// The tenant `acme`, and the type `invoice.paid`.
pub(crate) struct World {
    pub(crate) api: Api,
}

impl World {
    pub(crate) async fn make(api: Api) -> Self {
        api.post("/v1/tenants", json!({"id": "acme", "name": "Acme"}))
            .await
            .expect(201);
        api.post("/v1/event-types", json!({"name": "invoice.paid"}))
            .await
            .expect(201);
        Self { api }
    }

    /// The same on a server that was started again.
    pub(crate) fn at(api: Api) -> Self {
        Self { api }
    }

    /// Makes an endpoint for a URL, with further fields.
    pub(crate) async fn endpoint(&self, url: &str, further: Value) -> Value {
        let mut body = json!({ "url": url });
        if let (Some(body), Some(further)) = (body.as_object_mut(), further.as_object()) {
            body.extend(further.clone());
        }
        let made = self.api.post("/v1/tenants/acme/endpoints", body).await;
        made.expect(201)
    }

    /// The newest secret of an endpoint, with its public half where it has one.
    pub(crate) async fn secret(&self, endpoint: &Value) -> Value {
        let id = endpoint["id"].as_str().unwrap();
        let path = format!("/v1/tenants/acme/endpoints/{id}/secrets");
        self.api.get(&path).await.expect(200)["data"][0].clone()
    }

    /// Publishes an event; answers its id.
    pub(crate) async fn publish(&self, data: Value) -> String {
        let answer = self.try_publish(data).await.expect(202);
        answer["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn try_publish(&self, data: Value) -> Answer {
        let event = json!({"type": "invoice.paid", "data": data});
        self.api.post("/v1/tenants/acme/events", event).await
    }

    /// The only delivery of an event, once it has this state.
    pub(crate) async fn delivery(&self, event: &str, state: &str) -> Value {
        let path = format!("/v1/tenants/acme/events/{event}/deliveries");
        let in_state = |answer: &Answer| answer.json()["data"][0]["state"] == state;
        let answer = self.api.until(&path, in_state).await.expect(200);
        assert_eq!(answer["data"].as_array().map(Vec::len), Some(1), "{answer}");
        answer["data"][0].clone()
    }

    /// The attempts of a delivery, oldest first.
    pub(crate) async fn attempts(&self, delivery: &Value) -> Vec<Value> {
        let id = delivery["id"].as_str().unwrap();
        let path = format!("/v1/tenants/acme/deliveries/{id}/attempts");
        let answer = self.api.get(&path).await.expect(200);
        answer["data"].as_array().unwrap().clone()
    }
}
