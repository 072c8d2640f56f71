//! A request that is dropped, or out of time, holds nothing.

use std::net::Ipv4Addr;
use std::time::Duration;

use fanfare_app::port::sender::{OutboundRequest, Sender};
use fanfare_domain::attempt::ErrorKind;
use fanfare_testkit::receiver::{NameAnswer, NameServer, Receiver};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::rig::{AMPLE, failure, post, send, sender, status};

#[tokio::test]
async fn a_dropped_request_ends_its_connection() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let sender = sender(|_| {});
    let accept = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        stream
    };
    let mut stream = tokio::select! {
        exchange = send(&sender, &url) => panic!("{exchange:?}"),
        stream = accept => stream,
    };
    let end = timeout(AMPLE, stream.read_to_end(&mut Vec::new())).await;
    assert!(end.is_ok(), "the connection lives on");
}

#[tokio::test]
async fn a_request_that_is_never_read_ends_its_connection_when_its_time_is_over() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let request = OutboundRequest {
        body: vec![b'x'; 32 * 1024 * 1024].into(),
        timeout: Duration::from_millis(200),
        ..post(&format!("http://{}/", listener.local_addr().unwrap()))
    };
    let sender = sender(|_| {});
    let (exchange, accepted) = tokio::join!(sender.send(request), listener.accept());
    assert_eq!(failure(&exchange).0, ErrorKind::Timeout);
    let (mut stream, _) = accepted.unwrap();
    let mut sent = Vec::new();
    let end = timeout(AMPLE, stream.read_to_end(&mut sent)).await;
    assert!(end.is_ok(), "the connection lives on");
    assert!(
        sent.len() < 32 * 1024 * 1024,
        "the rest is not sent any more"
    );
}

#[tokio::test]
async fn a_dropped_look_up_is_begun_anew_by_the_next_request() {
    let names = NameServer::start().await;
    let receiver = Receiver::start().await;
    let sender = sender(|options| options.nameservers = vec![names.address()]);
    let url = receiver.url_at("late.test", "/");
    names.set("late.test", NameAnswer::Silence);
    let asked = async {
        while names.queries("late.test") < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        exchange = send(&sender, &url) => panic!("{exchange:?}"),
        () = asked => {}
    }
    names.set("late.test", NameAnswer::address([127, 0, 0, 1]));
    assert_eq!(status(&send(&sender, &url).await), 200);
}
