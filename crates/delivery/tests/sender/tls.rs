//! TLS: whom the sender trusts, and HTTP/2.

use fanfare_delivery::sender::{HttpSender, SenderSetupError};
use fanfare_domain::attempt::ErrorKind;
use fanfare_testkit::receiver::{Answer, Authority, NameAnswer, NameServer, Receiver};
use futures_util::future::join_all;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::rig::{failure, send, sender, status};

fn trusting(authority: &Authority, names: Option<&NameServer>) -> HttpSender {
    sender(|options| {
        let pem = authority.pem();
        options.extra_authorities = vec![CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()];
        options.nameservers = names.iter().map(|names| names.address()).collect();
    })
}

#[tokio::test]
async fn a_further_authority_is_trusted() {
    let authority = Authority::new();
    let receiver = Receiver::start_tls(&authority).await;
    let sender = trusting(&authority, None);
    let first = send(&sender, &receiver.url("/")).await;
    assert_eq!((status(&first), &first.error), (200, &None));
    assert!(first.timings.connect.is_some() && first.timings.tls.is_some());
    assert_eq!(first.response.unwrap().version, "HTTP/1.1");
    let second = send(&sender, &receiver.url("/")).await;
    assert_eq!((status(&second), second.timings.tls), (200, None));
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn an_unknown_authority_is_not_trusted() {
    let receiver = Receiver::start_tls(&Authority::new()).await;
    for sender in [sender(|_| {}), trusting(&Authority::new(), None)] {
        let exchange = send(&sender, &receiver.url("/")).await;
        assert_eq!(
            failure(&exchange),
            (
                ErrorKind::Tls,
                "the certificate of 127.0.0.1 is signed by no authority that is trusted here"
            )
        );
        assert_eq!(exchange.address, Some(receiver.address()));
    }
    assert_eq!(receiver.count(), 0);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let names = NameServer::start().await;
    names.set("hooks.example.test", NameAnswer::address([127, 0, 0, 1]));
    let identity = authority.certify(&["other.example.test"]);
    let receiver = Receiver::builder().tls(identity).start().await;
    let sender = trusting(&authority, Some(&names));
    let exchange = send(&sender, &receiver.url_at("hooks.example.test", "/")).await;
    assert_eq!(
        failure(&exchange),
        (
            ErrorKind::Tls,
            "the certificate is not valid for hooks.example.test"
        )
    );
    assert_eq!(receiver.count(), 0);
}

#[tokio::test]
async fn a_certificate_is_for_the_name_in_the_url_whatever_its_address() {
    let authority = Authority::new();
    let names = NameServer::start().await;
    names.set("hooks.example.test", NameAnswer::address([127, 0, 0, 1]));
    let identity = authority.certify(&["hooks.example.test"]);
    let receiver = Receiver::builder().tls(identity).start().await;
    let sender = trusting(&authority, Some(&names));
    for name in [
        "hooks.example.test",
        "Hooks.Example.test",
        "hooks.example.test.",
    ] {
        let exchange = send(&sender, &receiver.url_at(name, "/")).await;
        assert_eq!(exchange.error, None, "{name}");
    }
}

#[tokio::test]
async fn an_expired_certificate_is_refused() {
    let authority = Authority::new();
    let identity = authority.certify(&["127.0.0.1"]).expired();
    let receiver = Receiver::builder().tls(identity).start().await;
    let exchange = send(&trusting(&authority, None), &receiver.url("/")).await;
    assert_eq!(
        failure(&exchange),
        (ErrorKind::Tls, "the certificate of 127.0.0.1 has expired")
    );
}

#[tokio::test]
async fn a_receiver_without_tls_is_told_from_one_with() {
    let receiver = Receiver::start().await;
    let url = receiver.url("/").replace("http:", "https:");
    let exchange = send(&sender(|_| {}), &url).await;
    assert_eq!(failure(&exchange).0, ErrorKind::Tls);
}

#[tokio::test]
async fn http2_is_used_where_the_receiver_offers_it() {
    let authority = Authority::new();
    let identity = authority.certify(&["127.0.0.1"]).with_http2();
    let receiver = Receiver::builder().tls(identity).start().await;
    let answer = Answer::ok().header("x-note", "taken").body("thanks");
    receiver.answer("/hook", answer);
    let sender = trusting(&authority, None);
    let exchange = send(&sender, &receiver.url("/hook?a=b")).await;
    assert_eq!(exchange.error, None);
    let response = exchange.response.unwrap();
    assert_eq!(
        (response.version, response.body),
        ("HTTP/2", b"thanks".to_vec())
    );
    assert_eq!(receiver.arrivals()[0].version, http::Version::HTTP_2);
    assert_eq!(receiver.arrivals()[0].path, "/hook?a=b");

    let url = receiver.url("/hook");
    let again = join_all((0..20).map(|_| send(&sender, &url))).await;
    for exchange in again {
        assert_eq!((status(&exchange), exchange.timings.connect), (200, None));
    }
    assert_eq!(receiver.connections(), 1);
}

#[tokio::test]
async fn http2_answers_keep_to_the_same_bounds() {
    let authority = Authority::new();
    let identity = authority.certify(&["127.0.0.1"]).with_http2();
    let receiver = Receiver::builder().tls(identity).start().await;
    receiver.answer("/endless", Answer::endless_body());
    receiver.answer("/reset", Answer::reset_in_body());
    receiver.answer("/close", Answer::close_at_once());
    let sender = trusting(&authority, None);
    let endless = send(&sender, &receiver.url("/endless")).await;
    assert_eq!((status(&endless), &endless.error), (200, &None));
    let response = endless.response.unwrap();
    assert_eq!((response.body.len(), response.truncated), (4096, true));
    for path in ["/reset", "/close"] {
        let exchange = send(&sender, &receiver.url(path)).await;
        assert_eq!(failure(&exchange).0, ErrorKind::ConnectionClosed, "{path}");
    }
}

#[tokio::test]
async fn an_authority_that_is_no_certificate_is_refused_at_the_start() {
    let refused = HttpSender::new(fanfare_delivery::sender::SenderOptions {
        extra_authorities: vec![CertificateDer::from(b"no certificate".to_vec())],
        ..Default::default()
    });
    let error = refused.err().unwrap();
    assert!(matches!(error, SenderSetupError::Tls(_)), "{error}");
}
