//! Look-ups: shared, remembered, and out of each other's way.

use std::time::Duration;

use fanfare_domain::attempt::ErrorKind;
use fanfare_testkit::receiver::{NameAnswer, NameServer, Receiver};
use futures_util::future::join_all;

use crate::rig::{failure, send, send_within, sender, status};

/// One query for each family of addresses.
const ONE_LOOK_UP: usize = 2;

#[tokio::test]
async fn requests_for_one_name_at_a_time_share_a_look_up() {
    let names = NameServer::start().await;
    let receiver = Receiver::start().await;
    let sender = sender(|options| options.nameservers = vec![names.address()]);
    names.set("shared.test", NameAnswer::address([127, 0, 0, 1]));
    let url = receiver.url_at("shared.test", "/");
    let exchanges = join_all((0..20).map(|_| send(&sender, &url))).await;
    for exchange in &exchanges {
        assert_eq!(status(exchange), 200);
    }
    assert_eq!(names.queries("shared.test"), ONE_LOOK_UP);
    assert!(exchanges[0].timings.lookup.is_some());
}

#[tokio::test]
async fn an_answer_is_kept_as_long_as_it_says() {
    let names = NameServer::start().await;
    let receiver = Receiver::start().await;
    let sender = sender(|options| {
        options.nameservers = vec![names.address()];
        options.max_idle_per_host = 0;
    });
    let once = |ttl| NameAnswer::Addresses {
        addresses: vec![[127, 0, 0, 1].into()],
        ttl,
    };
    names.set("kept.test", once(60));
    names.set("fleeting.test", once(0));
    for _ in 0..3 {
        for name in ["kept.test", "fleeting.test"] {
            let exchange = send(&sender, &receiver.url_at(name, "/")).await;
            assert_eq!(status(&exchange), 200);
        }
    }
    // The family that the name lacks is remembered as such in both.
    assert_eq!(names.queries("kept.test"), ONE_LOOK_UP);
    assert_eq!(names.queries("fleeting.test"), ONE_LOOK_UP + 2);
}

#[tokio::test]
async fn that_a_name_does_not_exist_is_remembered_for_a_while() {
    let names = NameServer::start().await;
    let sender = sender(|options| options.nameservers = vec![names.address()]);
    for _ in 0..5 {
        let exchange = send(&sender, "http://nowhere.test/").await;
        assert_eq!(failure(&exchange).0, ErrorKind::NameNotFound);
    }
    assert_eq!(names.queries("nowhere.test"), ONE_LOOK_UP);
}

#[tokio::test]
async fn a_name_is_not_completed_by_a_search_list() {
    let names = NameServer::start().await;
    let receiver = Receiver::start().await;
    let sender = sender(|options| options.nameservers = vec![names.address()]);
    names.set("hooks.example.test", NameAnswer::address([127, 0, 0, 1]));
    for name in ["hooks.example.test", "HOOKS.example.test."] {
        let exchange = send(&sender, &receiver.url_at(name, "/")).await;
        assert_eq!(status(&exchange), 200, "{name}");
    }
    assert_eq!(names.queries("hooks.example.test"), ONE_LOOK_UP);
}

#[tokio::test]
async fn names_that_hang_delay_no_name_that_has_answered_however_many_they_are() {
    let names = NameServer::start().await;
    let receiver = Receiver::start().await;
    let sender = sender(|options| {
        options.nameservers = vec![names.address()];
        options.max_idle_per_host = 0;
    });
    let healthy = NameAnswer::Addresses {
        addresses: vec![[127, 0, 0, 1].into()],
        ttl: 0,
    };
    names.set("healthy.test", healthy);
    let url = receiver.url_at("healthy.test", "/");
    assert_eq!(status(&send(&sender, &url).await), 200);

    let hanging: Vec<String> = (0..400)
        .map(|index| format!("hangs-{index}.test"))
        .collect();
    for name in &hanging {
        names.set(name, NameAnswer::Silence);
    }
    let urls: Vec<String> = hanging
        .iter()
        .map(|name| receiver.url_at(name, "/"))
        .collect();
    let hang = join_all(urls.iter().map(|url| send(&sender, url)));
    let healthy = async {
        for _ in 0..20 {
            let exchange = send(&sender, &url).await;
            assert_eq!(status(&exchange), 200);
            let lookup = exchange.timings.lookup.unwrap();
            assert!(lookup < Duration::from_millis(500), "{lookup:?}");
        }
    };
    tokio::select! {
        _ = hang => panic!("the hanging names are silent for longer than this test takes"),
        () = healthy => {}
    }
}

#[tokio::test]
async fn names_that_hang_delay_no_other_name() {
    let names = NameServer::start().await;
    let receiver = Receiver::start().await;
    let sender = sender(|options| options.nameservers = vec![names.address()]);
    let hanging: Vec<String> = (0..100)
        .map(|index| format!("hangs-{index}.test"))
        .collect();
    for name in &hanging {
        names.set(name, NameAnswer::Silence);
    }
    let urls = hanging.iter().map(|name| receiver.url_at(name, "/"));
    // Several requests each, as from a lane with some concurrency.
    let urls: Vec<String> = urls
        .flat_map(|url| [url.clone(), url.clone(), url])
        .collect();
    let hang = join_all(urls.iter().map(|url| send(&sender, url)));
    let healthy = async {
        for name in &hanging {
            while names.queries(name) < ONE_LOOK_UP {
                tokio::task::yield_now().await;
            }
        }
        for index in 0..20 {
            let name = format!("healthy-{index}.test");
            names.set(&name, NameAnswer::address([127, 0, 0, 1]));
            let url = receiver.url_at(&name, "/");
            let exchange = send_within(&sender, &url, Duration::from_secs(2)).await;
            assert_eq!(status(&exchange), 200);
            let lookup = exchange.timings.lookup.unwrap();
            assert!(lookup < Duration::from_millis(500), "{lookup:?}");
        }
    };
    tokio::select! {
        _ = hang => panic!("the hanging names are silent for longer than this test takes"),
        () = healthy => {}
    }
    for name in &hanging {
        assert_eq!(
            names.queries(name),
            ONE_LOOK_UP,
            "one look-up for each name"
        );
    }
}
