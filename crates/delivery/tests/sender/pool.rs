//! Connections that are used again, and those that are not.

use std::net::Ipv4Addr;
use std::time::Duration;

use fanfare_domain::attempt::ErrorKind;
use fanfare_testkit::receiver::{Answer, Receiver};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::rig::{failure, send, send_within, sender, status};

#[tokio::test]
async fn the_second_request_goes_over_the_firsts_connection() {
    let receiver = Receiver::start().await;
    let sender = sender(|_| {});
    let first = send(&sender, &receiver.url("/one")).await;
    assert!(first.timings.connect.is_some());
    let second = send(&sender, &receiver.url("/two")).await;
    assert_eq!(second.address, Some(receiver.address()));
    assert_eq!(second.timings.lookup, None);
    assert_eq!(second.timings.connect, None);
    assert_eq!(second.timings.tls, None);
    assert!(second.timings.first_byte.is_some());
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn a_failure_on_a_pooled_connection_names_its_address_and_no_connect_time() {
    let receiver = Receiver::start().await;
    receiver.script("/", vec![Answer::ok(), Answer::hang_before_head()]);
    let sender = sender(|_| {});
    assert_eq!(status(&send(&sender, &receiver.url("/")).await), 200);
    let time = Duration::from_millis(100);
    let exchange = send_within(&sender, &receiver.url("/"), time).await;
    assert_eq!(failure(&exchange).0, ErrorKind::Timeout);
    assert_eq!(exchange.address, Some(receiver.address()));
    assert_eq!(exchange.timings.connect, None);
}

#[tokio::test]
async fn requests_at_the_same_time_get_a_connection_each() {
    let receiver = Receiver::start().await;
    receiver.answer("/hang", Answer::hang_before_head());
    let sender = sender(|_| {});
    let (hang, quick) = (receiver.url("/hang"), receiver.url("/quick"));
    let healthy = async {
        receiver.wait_for(1).await;
        for _ in 0..10 {
            assert_eq!(status(&send(&sender, &quick).await), 200);
        }
    };
    tokio::select! {
        exchange = send(&sender, &hang) => panic!("{exchange:?}"),
        () = healthy => {}
    }
    assert_eq!(receiver.connections(), 2);
}

#[tokio::test]
async fn a_connection_past_its_idle_time_is_not_used_again() {
    let receiver = Receiver::start().await;
    let sender = sender(|options| options.idle_timeout = Duration::from_nanos(1));
    for connections in 1..=3 {
        assert_eq!(status(&send(&sender, &receiver.url("/")).await), 200);
        assert_eq!(receiver.connections(), connections);
    }
}

#[tokio::test]
async fn a_connection_past_its_age_is_not_used_again() {
    let receiver = Receiver::start().await;
    let sender = sender(|options| options.max_connection_age = Duration::ZERO);
    for connections in 1..=3 {
        let exchange = send(&sender, &receiver.url("/")).await;
        assert_eq!((status(&exchange), exchange.error), (200, None));
        assert_eq!(receiver.connections(), connections);
    }
}

#[tokio::test]
async fn past_the_number_of_kept_connections_a_connection_is_closed_after_its_answer() {
    let first = Receiver::start().await;
    let second = Receiver::start().await;
    let sender = sender(|options| options.max_kept_connections = 1);
    for round in 1..=3 {
        assert_eq!(status(&send(&sender, &first.url("/")).await), 200);
        assert_eq!(status(&send(&sender, &second.url("/")).await), 200);
        assert_eq!((first.connections(), second.connections()), (1, round));
    }
}

#[tokio::test]
async fn a_connection_that_the_receiver_closed_while_idle_fails_no_request() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let sender = sender(|_| {});
    for _ in 0..50 {
        let receive = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer).await.unwrap();
        };
        // Closed without notice, while the sender keeps it for the next request.
        let (exchange, ()) = tokio::join!(send(&sender, &url), receive);
        assert_eq!((status(&exchange), exchange.error), (200, None));
        assert!(exchange.timings.connect.is_some());
    }
}

#[tokio::test]
async fn a_request_that_may_have_arrived_is_not_sent_again() {
    let receiver = Receiver::start().await;
    receiver.script("/", vec![Answer::ok(), Answer::close_at_once()]);
    let sender = sender(|_| {});
    assert_eq!(status(&send(&sender, &receiver.url("/")).await), 200);
    let exchange = send(&sender, &receiver.url("/")).await;
    assert_eq!(failure(&exchange).0, ErrorKind::ConnectionClosed);
    assert_eq!((receiver.count(), receiver.connections()), (2, 1));
}

#[tokio::test]
async fn an_answer_that_closes_the_connection_is_whole() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let sender = sender(|_| {});
    for answer in [
        "HTTP/1.0 200 OK\r\n\r\nbye",
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nbye",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nbye",
    ] {
        let receive = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
            stream.write_all(answer.as_bytes()).await.unwrap();
        };
        let (exchange, ()) = tokio::join!(send(&sender, &url), receive);
        assert_eq!(exchange.error, None, "{answer}");
        let response = exchange.response.unwrap();
        assert_eq!((response.status, response.body), (200, b"bye".to_vec()));
        assert_eq!(
            response.version,
            &answer[answer.find("HTTP").unwrap()..][..8]
        );
    }
}
