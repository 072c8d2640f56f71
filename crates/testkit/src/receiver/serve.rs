//! The connections of a receiver: accept, shake hands, read a request, answer as scripted.

use std::{
    convert::Infallible,
    future::pending,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use http::{Request, Response};
use http_body_util::{BodyExt, Limited};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::{
    Arrival, Sink,
    answer::{Answer, Head},
    body::AnswerBody,
    script::Script,
    socket::{Faults, Socket},
};

/// A larger request ends its connection: no test sends one on purpose.
const LARGEST_REQUEST: usize = 16 * 1024 * 1024;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

pub(super) struct Shared {
    pub(super) script: Script,
    pub(super) sink: Sink,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) connections: AtomicU64,
}

/// Runs until it is dropped, which ends every connection too.
pub(super) async fn serve(listener: TcpListener, shared: Arc<Shared>) -> Infallible {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // Out of file descriptors, say: the next turn tries again after others have run.
                let Ok((stream, peer)) = accepted else { tokio::task::yield_now().await; continue };
                let number = shared.connections.fetch_add(1, Ordering::Relaxed);
                let shared = shared.clone();
                connections.spawn(async move {
                    // How a connection ends is for its client to judge.
                    let _ = connection(stream, peer, number, shared).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    number: u64,
    shared: Arc<Shared>,
) -> Result<(), BoxError> {
    stream.set_nodelay(true)?;
    let link = Arc::new(Link {
        peer,
        number,
        faults: Arc::default(),
        shared,
    });
    let socket = Socket::new(stream, link.faults.clone());
    let Some(tls) = link.shared.tls.clone() else {
        return http1(socket, link).await;
    };
    let stream = tls.accept(socket).await?;
    if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
        http2(stream, link).await
    } else {
        http1(stream, link).await
    }
}

/// What every request of one connection shares.
struct Link {
    peer: SocketAddr,
    number: u64,
    faults: Arc<Faults>,
    shared: Arc<Shared>,
}

async fn http1<S>(stream: S, link: Arc<Link>) -> Result<(), BoxError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(|request| answer(request, link.clone()));
    Ok(hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await?)
}

async fn http2<S>(stream: S, link: Arc<Link>) -> Result<(), BoxError>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let service = service_fn(|request| answer(request, link.clone()));
    Ok(
        hyper::server::conn::http2::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service)
            .await?,
    )
}

async fn answer(
    request: Request<Incoming>,
    link: Arc<Link>,
) -> Result<Response<AnswerBody>, BoxError> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, LARGEST_REQUEST)
        .collect()
        .await?
        .to_bytes();
    let at = Instant::now();
    let answer = link.shared.script.next(head.uri.path());
    let path = head
        .uri
        .path_and_query()
        .map_or_else(|| "/".to_owned(), ToString::to_string);
    link.shared.sink.take(Arrival {
        at,
        method: head.method,
        path,
        version: head.version,
        headers: head.headers,
        body,
        connection: link.number,
        peer: link.peer,
        answer: answer.counts_as(),
    });
    play(&answer, &link.faults).await
}

async fn play(answer: &Answer, faults: &Arc<Faults>) -> Result<Response<AnswerBody>, BoxError> {
    if !answer.delay.is_zero() {
        tokio::time::sleep(answer.delay).await;
    }
    if let Some(time) = answer.byte_every {
        faults.write_a_byte_every(time);
    }
    match answer.head {
        Head::Sent => {}
        Head::NeverSent => pending::<()>().await,
        Head::ClosedInstead => return Err(io::Error::from(io::ErrorKind::BrokenPipe).into()),
        Head::ResetInstead => {
            faults.reset_at_the_end();
            return Err(io::Error::from(io::ErrorKind::ConnectionReset).into());
        }
    }
    let mut response = Response::new(AnswerBody::new(&answer.body, faults));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers.clone();
    Ok(response)
}
