//! The feed of the configuration's changes.

use fanfare_app::port::configuration::{Change, Changed, Configuration, DocumentKey, Kind};

use crate::configuration::done;
use crate::engine::Engine;
use crate::made::key;

fn endpoint(id: &str) -> DocumentKey {
    key(Kind::Endpoint, "default", "a", id)
}

fn insert(id: &str) -> Change {
    Change::Insert(endpoint(id), "1".to_owned())
}

/// What the feed says, in short: `+id` with the body for what is there, `-id` for what is gone.
async fn feed(part: &dyn Configuration, after: i64) -> Vec<String> {
    let changed = part.changes_after(after, 100).await.unwrap();
    assert!(changed.is_sorted_by(|a, b| a.revision() < b.revision()));
    changed
        .into_iter()
        .map(|changed| match changed {
            Changed::Put(document) => format!("+{}={}", document.key.id, document.body),
            Changed::Removed { key, .. } => format!("-{}", key.id),
        })
        .collect()
}

/// Oldest first, by its last change.
pub async fn the_feed_gives_each_changed_document_once_as_it_is_now(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.configuration();
    let first = done(&*part, vec![insert("1")]).await;
    let second = done(&*part, vec![insert("2"), insert("3")]).await;
    assert_eq!(feed(&*part, 0).await, ["+1=1", "+2=1", "+3=1"]);
    let change = Change::Replace {
        key: endpoint("1"),
        expected: first,
        body: "2".to_owned(),
    };
    done(&*part, vec![change, Change::Remove(endpoint("2"))]).await;
    assert_eq!(feed(&*part, 0).await, ["+3=1", "+1=2", "-2"]);
    assert_eq!(feed(&*part, second).await, ["+1=2", "-2"]);
    let last = done(&*part, vec![insert("2")]).await;
    assert_eq!(feed(&*part, second).await, ["+1=2", "+2=1"]);
    assert!(feed(&*part, last).await.is_empty());
}

/// Also through the end of a tenant, which changes many at once.
pub async fn the_feed_is_read_page_by_page(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.configuration();
    let ids: Vec<_> = (0..10).map(|number| number.to_string()).collect();
    done(&*part, ids.iter().map(|id| insert(id)).collect()).await;
    let end = Change::RemoveOfTenant {
        environment: "default".to_owned(),
        tenant: "a".to_owned(),
    };
    let put = Change::Insert(key(Kind::Tenant, "default", "", "b"), "1".to_owned());
    done(&*part, vec![end, put]).await;
    let mut revision = 0;
    let mut seen = 0;
    loop {
        let page = part.changes_after(revision, 3).await.unwrap();
        assert!(page.len() <= 3);
        let Some(last) = page.last() else { break };
        revision = last.revision();
        seen += page.len();
    }
    assert_eq!(seen, 11);
}

/// With its removals.
pub async fn the_feed_survives_a_restart(engine: &dyn Engine) {
    let mut store = engine.fresh().await;
    let changes = vec![insert("1"), insert("2"), Change::Remove(endpoint("1"))];
    done(&*store.configuration(), changes).await;
    let before = feed(&*store.configuration(), 0).await;
    assert_eq!(before, ["+2=1", "-1"]);
    store = store.restart().await;
    assert_eq!(feed(&*store.configuration(), 0).await, before);
    store = store.crash().await;
    assert_eq!(feed(&*store.configuration(), 0).await, before);
}
