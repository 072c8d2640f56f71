//! Which addresses are connected to.

use std::net::IpAddr;

use fanfare_app::port::sender::Exchange;
use fanfare_delivery::sender::{HttpSender, SenderOptions};
use fanfare_domain::address::AddressPolicy;
use fanfare_domain::attempt::ErrorKind;
use fanfare_testkit::receiver::{ConnectHang, NameAnswer, NameServer, Receiver};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::rig::{failure, send, sender, status};

fn strict() -> HttpSender {
    HttpSender::new(SenderOptions::default()).unwrap()
}

fn at(addresses: &[&str], ttl: u32) -> NameAnswer {
    let addresses = addresses.iter().map(|text| text.parse().unwrap());
    NameAnswer::Addresses {
        addresses: addresses.collect(),
        ttl,
    }
}

fn assert_refused(exchange: &Exchange, what: &str) {
    assert_eq!(failure(exchange).0, ErrorKind::AddressRefused, "{what}");
    assert_eq!(exchange.address, None, "{what}");
    assert_eq!(exchange.timings.connect, None, "{what}");
}

#[tokio::test]
async fn an_address_in_the_url_is_decided_on() {
    let receiver = Receiver::start().await;
    let port = receiver.address().port();
    let sender = strict();
    for host in [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.1",
        "169.254.169.254",
        "192.168.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "[fe80::1]",
        "[fd00::1]",
    ] {
        for scheme in ["http", "https"] {
            let url = format!("{scheme}://{host}:{port}/");
            assert_refused(&send(&sender, &url).await, &url);
        }
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn each_address_of_a_name_is_decided_on() {
    let names = NameServer::start().await;
    let receiver = Receiver::start().await;
    let sender = HttpSender::new(SenderOptions {
        nameservers: vec![names.address()],
        ..SenderOptions::default()
    })
    .unwrap();
    for (name, addresses) in [
        ("loopback.test", vec!["127.0.0.1"]),
        ("metadata.test", vec!["169.254.169.254"]),
        ("six.test", vec!["::1"]),
        ("mapped.test", vec!["::ffff:127.0.0.1"]),
        ("several.test", vec!["10.0.0.1", "::1", "127.0.0.1"]),
    ] {
        names.set(name, at(&addresses, 60));
        let exchange = send(&sender, &receiver.url_at(name, "/")).await;
        assert_refused(&exchange, name);
        assert!(exchange.timings.lookup.is_some());
        let (_, detail) = failure(&exchange);
        assert!(detail.contains(name), "{detail}");
        for address in addresses {
            assert!(!detail.contains(address), "{detail}");
        }
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn the_name_localhost_is_decided_on_too() {
    let receiver = Receiver::start().await;
    for name in ["localhost", "LOCALHOST", "localhost."] {
        let exchange = send(&strict(), &receiver.url_at(name, "/")).await;
        assert_refused(&exchange, name);
    }
    assert_eq!(receiver.connections(), 0);
}

#[tokio::test]
async fn of_several_addresses_only_those_allowed_are_connected_to() {
    let names = NameServer::start().await;
    let receiver = Receiver::start().await;
    names.set("mixed.test", at(&["::1", "10.0.0.1", "127.0.0.1"], 60));
    let sender = sender(|options| options.nameservers = vec![names.address()]);
    let exchange = send(&sender, &receiver.url_at("mixed.test", "/")).await;
    assert_eq!(status(&exchange), 200);
    assert_eq!(exchange.address, Some(receiver.address()));
}

#[tokio::test]
async fn a_name_that_turns_to_a_forbidden_address_is_refused_at_the_next_connection() {
    let names = NameServer::start().await;
    let receiver = Receiver::start().await;
    let sender = sender(|options| {
        options.nameservers = vec![names.address()];
        options.max_idle_per_host = 0;
    });
    let url = receiver.url_at("turning.test", "/");
    names.set("turning.test", at(&["127.0.0.1"], 0));
    assert_eq!(status(&send(&sender, &url).await), 200);
    for forbidden in ["10.0.0.1", "169.254.169.254"] {
        names.set("turning.test", at(&[forbidden], 0));
        assert_refused(&send(&sender, &url).await, forbidden);
    }
    names.set("turning.test", at(&["127.0.0.1"], 0));
    assert_eq!(status(&send(&sender, &url).await), 200);
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_refuses_the_connection() {
    let names = NameServer::start().await;
    let receiver = Receiver::start().await;
    // Nothing listens on this port of the first two.
    names.set(
        "spread.test",
        at(&["127.0.0.7", "127.0.0.8", "127.0.0.1"], 60),
    );
    let sender = sender(|options| options.nameservers = vec![names.address()]);
    let exchange = send(&sender, &receiver.url_at("spread.test", "/")).await;
    assert_eq!(status(&exchange), 200);
    let address: IpAddr = [127, 0, 0, 1].into();
    assert_eq!(exchange.address.map(|address| address.ip()), Some(address));
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_does_not_take_the_connection() {
    let names = NameServer::start().await;
    let hang = ConnectHang::start().await;
    let port = hang.address().port();
    let listener = TcpListener::bind(("127.0.0.2", port)).await.unwrap();
    names.set("half.test", at(&["127.0.0.1", "127.0.0.2"], 60));
    let sender = sender(|options| options.nameservers = vec![names.address()]);
    let receive = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        stream.write_all(answer).await.unwrap();
        stream
    };
    let url = format!("http://half.test:{port}/");
    let (exchange, _stream) = tokio::join!(send(&sender, &url), receive);
    assert_eq!(status(&exchange), 200);
    assert_eq!(exchange.address, Some(listener.local_addr().unwrap()));
}

#[tokio::test]
async fn an_allowed_network_is_reached_and_no_other() {
    let receiver = Receiver::start().await;
    let sender = sender(|options| {
        options.addresses = AddressPolicy::allowing(vec!["127.0.0.1/32".parse().unwrap()]);
    });
    assert_eq!(status(&send(&sender, &receiver.url("/")).await), 200);
    let beside = receiver.url_at("127.0.0.2", "/");
    assert_refused(&send(&sender, &beside).await, &beside);
}
