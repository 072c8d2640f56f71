//! Applications.

use svix::api::*;
use svix::models::*;

use crate::{World, pairs, text};

impl World {
    pub(crate) async fn applications(&mut self) -> ApplicationOut {
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
}
