//! Attempts, in all their lists.

use std::time::Duration;

use svix::api::*;
use svix::models::*;

use crate::{World, text};

impl World {
    pub(crate) async fn attempts(&mut self, app: &str, hook: &EndpointOut, message: &MessageOut) {
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
}
