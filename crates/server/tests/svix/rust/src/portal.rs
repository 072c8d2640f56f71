//! Portal access, and the server's health.

use svix::models::*;

use crate::{World, client, text};

impl World {
    pub(crate) async fn authentication(&mut self, app: &str) {
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

    pub(crate) async fn health(&mut self) {
        self.svix.health().get().await.unwrap();
        self.shown.told("health.get", "well");
        let elsewhere = client(&format!("{}/api/v1", self.url), &self.token);
        let unknown = elsewhere.health().get().await;
        self.shown.refused("health.get", unknown, 404, "not_found");
    }
}
