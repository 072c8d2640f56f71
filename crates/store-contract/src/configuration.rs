//! The configuration part's documents.

use fanfare_app::port::configuration::{
    Applied, Change, Configuration, Document, DocumentKey, DocumentQuery, IdQuery, Kind, Revision,
};

use crate::engine::Engine;
use crate::made::key;

fn endpoint(id: &str) -> DocumentKey {
    key(Kind::Endpoint, "default", "a", id)
}

fn insert(key: DocumentKey) -> Change {
    let body = format!("{{\"id\":\"{}\"}}", key.id);
    Change::Insert(key, body)
}

pub(crate) async fn done(part: &dyn Configuration, changes: Vec<Change>) -> Revision {
    match part.apply(changes).await.unwrap() {
        Applied::Done(revision) => revision,
        Applied::Refused(place) => panic!("change {place} was refused"),
    }
}

fn endpoints(tenant: Option<&str>) -> DocumentQuery {
    DocumentQuery {
        kind: Kind::Endpoint,
        environment: "default".to_owned(),
        tenant: tenant.map(str::to_owned),
        before: None,
        limit: 100,
    }
}

async fn ids(part: &dyn Configuration, query: &DocumentQuery) -> Vec<String> {
    let listed = part.list(query).await.unwrap();
    listed.into_iter().map(|document| document.key.id).collect()
}

/// With the revisions that made and last changed it.
pub async fn a_document_is_read_as_it_was_written(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.configuration();
    assert_eq!(part.get(&endpoint("1")).await.unwrap(), None);
    let made = done(&*part, vec![insert(endpoint("1"))]).await;
    let change = Change::Replace {
        key: endpoint("1"),
        expected: made,
        body: "{\"ÿ\":[]}".to_owned(),
    };
    let changed = done(&*part, vec![change]).await;
    let document = Document {
        key: endpoint("1"),
        revision: changed,
        created: made,
        body: "{\"ÿ\":[]}".to_owned(),
    };
    assert_eq!(part.get(&endpoint("1")).await.unwrap(), Some(document));
}

/// The place of the refused one is told.
pub async fn changes_are_made_all_or_none(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.configuration();
    done(&*part, vec![insert(endpoint("1"))]).await;
    let changes = vec![
        insert(endpoint("2")),
        Change::Remove(endpoint("1")),
        insert(endpoint("2")),
    ];
    assert_eq!(part.apply(changes).await.unwrap(), Applied::Refused(2));
    assert_eq!(ids(&*part, &endpoints(None)).await, ["1"]);
    assert_eq!(part.changes_after(0, 10).await.unwrap().len(), 1);
}

/// There is one already, there is none, it is another one by now.
pub async fn a_change_that_does_not_fit_is_refused(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.configuration();
    let made = done(&*part, vec![insert(endpoint("1"))]).await;
    let replace = |id: &str, expected| Change::Replace {
        key: endpoint(id),
        expected,
        body: "{}".to_owned(),
    };
    let changes = [
        insert(endpoint("1")),
        replace("1", made + 1),
        replace("2", made),
        Change::Remove(endpoint("2")),
    ];
    for change in changes {
        let applied = part.apply(vec![change.clone()]).await.unwrap();
        assert_eq!(applied, Applied::Refused(0), "{change:?}");
    }
    done(&*part, vec![Change::Remove(endpoint("1"))]).await;
    for change in [replace("1", made), Change::Remove(endpoint("1"))] {
        let applied = part.apply(vec![change.clone()]).await.unwrap();
        assert_eq!(applied, Applied::Refused(0), "{change:?}");
    }
}

/// Also when the newest documents were removed, and the process ended since.
pub async fn revisions_rise_and_never_come_again(engine: &dyn Engine) {
    let mut store = engine.fresh().await;
    let mut last = 0;
    for round in 0..4 {
        let part = store.configuration();
        let changes = vec![insert(endpoint("1")), insert(endpoint("2"))];
        for changes in [
            changes,
            vec![Change::Remove(endpoint("1")), Change::Remove(endpoint("2"))],
        ] {
            let revision = done(&*part, changes).await;
            assert!(revision > last + 1, "{revision} after {last}");
            last = revision;
        }
        store = if round % 2 == 0 {
            store.restart().await
        } else {
            store.crash().await
        };
    }
}

/// Without gaps and repetitions.
pub async fn documents_are_listed_newest_first_page_by_page(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.configuration();
    let made: Vec<_> = (0..10).map(|number| number.to_string()).collect();
    let changes = made.iter().map(|id| insert(endpoint(id))).collect();
    done(&*part, changes).await;
    for tenant in [Some("a"), None] {
        let mut query = DocumentQuery {
            limit: 3,
            ..endpoints(tenant)
        };
        let mut listed = Vec::new();
        loop {
            let page = part.list(&query).await.unwrap();
            assert!(page.len() <= 3);
            let Some(last) = page.last() else { break };
            query.before = Some(last.created);
            listed.extend(page.into_iter().map(|document| document.key.id));
        }
        assert!(listed.iter().rev().eq(&made), "{listed:?}");
    }
}

/// The same id under another of them is another document.
pub async fn lists_keep_kinds_environments_and_tenants_apart(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.configuration();
    let keys = [
        key(Kind::Environment, "", "", "x"),
        key(Kind::Tenant, "default", "", "x"),
        key(Kind::EventType, "default", "", "x"),
        key(Kind::Endpoint, "default", "a", "x"),
        key(Kind::Endpoint, "default", "b", "x"),
        key(Kind::Endpoint, "other", "a", "x"),
    ];
    let changes = keys.iter().cloned().map(insert).collect();
    done(&*part, changes).await;
    for key in &keys {
        let query = DocumentQuery {
            kind: key.kind,
            environment: key.environment.clone(),
            tenant: Some(key.tenant.clone()),
            before: None,
            limit: 10,
        };
        let listed = part.list(&query).await.unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(&listed[0].key, key);
    }
    assert_eq!(ids(&*part, &endpoints(None)).await.len(), 2);
}

/// Lists go by when a document was made.
pub async fn a_replaced_document_keeps_its_place(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.configuration();
    let made = done(&*part, vec![insert(endpoint("1"))]).await;
    done(&*part, vec![insert(endpoint("2"))]).await;
    let change = Change::Replace {
        key: endpoint("1"),
        expected: made,
        body: "{}".to_owned(),
    };
    done(&*part, vec![change]).await;
    assert_eq!(ids(&*part, &endpoints(Some("a"))).await, ["2", "1"]);
}

/// Other tenants keep theirs.
pub async fn a_tenants_end_takes_all_of_its_documents_but_itself(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.configuration();
    let gone = [
        key(Kind::Endpoint, "default", "a", "1"),
        key(Kind::Endpoint, "default", "a", "2"),
        key(Kind::Key, "default", "a", "k"),
        key(Kind::ExternalId, "default", "a", "e"),
    ];
    let kept = [
        key(Kind::Tenant, "default", "a", "a"),
        key(Kind::Tenant, "default", "", "a"),
        key(Kind::Endpoint, "default", "b", "1"),
        key(Kind::Endpoint, "other", "a", "1"),
        key(Kind::EventType, "default", "", "a"),
    ];
    let changes = gone.iter().chain(&kept).cloned().map(insert).collect();
    let before = done(&*part, changes).await;
    let end = Change::RemoveOfTenant {
        environment: "default".to_owned(),
        tenant: "a".to_owned(),
    };
    done(&*part, vec![end.clone()]).await;
    for key in &gone {
        assert_eq!(part.get(key).await.unwrap(), None, "{key}");
    }
    for key in &kept {
        assert!(part.get(key).await.unwrap().is_some(), "{key}");
    }
    let removed = part.changes_after(before, 10).await.unwrap();
    assert_eq!(removed.len(), gone.len());
    done(&*part, vec![end]).await;
}

/// As a new one.
pub async fn a_removed_document_can_be_made_anew(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.configuration();
    done(&*part, vec![insert(endpoint("1")), insert(endpoint("2"))]).await;
    let again = vec![Change::Remove(endpoint("1")), insert(endpoint("1"))];
    let revision = done(&*part, again).await;
    let document = part.get(&endpoint("1")).await.unwrap().unwrap();
    assert_eq!((document.created, document.revision), (revision, revision));
    assert_eq!(ids(&*part, &endpoints(Some("a"))).await, ["1", "2"]);
}

/// The revision stays.
pub async fn no_changes_are_done_at_once(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.configuration();
    let made = done(&*part, vec![insert(endpoint("1"))]).await;
    assert_eq!(done(&*part, Vec::new()).await, made);
}

/// An answer means that it is durable.
pub async fn documents_survive_a_restart_and_a_crash(engine: &dyn Engine) {
    let mut store = engine.fresh().await;
    done(&*store.configuration(), vec![insert(endpoint("1"))]).await;
    store = store.crash().await;
    done(&*store.configuration(), vec![insert(endpoint("2"))]).await;
    store = store.restart().await;
    let part = store.configuration();
    assert_eq!(ids(&*part, &endpoints(Some("a"))).await, ["2", "1"]);
}

/// The others are refused.
pub async fn of_replacements_at_the_same_time_one_is_made(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let expected = done(&*store.configuration(), vec![insert(endpoint("1"))]).await;
    let calls: Vec<_> = (0..20)
        .map(|number| {
            let part = store.configuration();
            let change = Change::Replace {
                key: endpoint("1"),
                expected,
                body: number.to_string(),
            };
            tokio::spawn(async move { part.apply(vec![change]).await.unwrap() })
        })
        .collect();
    let mut made = 0;
    for call in calls {
        made += u32::from(matches!(call.await.unwrap(), Applied::Done(_)));
    }
    assert_eq!(made, 1);
}

/// Byte by byte, whatever was made first; those of other tenants and kinds, and removed ones, are not there.
pub async fn documents_are_listed_by_id_in_both_directions(engine: &dyn Engine) {
    let store = engine.fresh().await;
    let part = store.configuration();
    let made = ["b", "B", "a.1", "ba", "é", "a", "gone"].map(|id| insert(endpoint(id)));
    done(&*part, made.into()).await;
    done(&*part, vec![Change::Remove(endpoint("gone"))]).await;
    for other in [
        key(Kind::Endpoint, "default", "b", "aa"),
        key(Kind::Endpoint, "other", "a", "aa"),
        key(Kind::ExternalId, "default", "a", "aa"),
    ] {
        done(&*part, vec![insert(other)]).await;
    }
    let sorted = ["B", "a", "a.1", "b", "ba", "é"];
    for descending in [false, true] {
        let mut found: Vec<String> = Vec::new();
        loop {
            let query = IdQuery {
                kind: Kind::Endpoint,
                environment: "default".to_owned(),
                tenant: "a".to_owned(),
                after: found.last().cloned(),
                descending,
                limit: 4,
            };
            let page = part.list_by_id(&query).await.unwrap();
            let last = page.len() < 4;
            found.extend(page.into_iter().map(|document| document.key.id));
            if last {
                break;
            }
        }
        let mut wanted = sorted.to_vec();
        if descending {
            wanted.reverse();
        }
        assert_eq!(found, wanted);
    }
}
