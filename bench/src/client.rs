//! One keep-alive HTTP/1.1 connection that posts.

use std::net::SocketAddr;

use anyhow::{Context, Result};
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Everything of a request but its body.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    request: Request<()>,
}

impl Target {
    /// A JSON post to this path.
    pub(crate) fn post(address: SocketAddr, path: &str, key: Option<&str>) -> Result<Self> {
        let mut request = Request::post(path)
            .header(header::HOST, address.to_string())
            .header(header::CONTENT_TYPE, "application/json")
            .body(())
            .context("the path is not one")?;
        if let Some(key) = key {
            let value = HeaderValue::from_str(&format!("Bearer {key}"))?;
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        Ok(Self { address, request })
    }

    /// The same as a GET.
    pub(crate) fn get(address: SocketAddr, path: &str, key: Option<&str>) -> Result<Self> {
        Self::with(http::Method::GET, address, path, key)
    }

    /// The same by another method.
    pub(crate) fn with(
        method: http::Method,
        address: SocketAddr,
        path: &str,
        key: Option<&str>,
    ) -> Result<Self> {
        let mut target = Self::post(address, path, key)?;
        *target.request.method_mut() = method;
        Ok(target)
    }
}

pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
}

impl Connection {
    /// Connects, and drives the connection in a task of the current `LocalSet`.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::task::spawn_local(connection);
        Ok(Self { sender })
    }

    /// Sends and waits for the whole answer.
    pub(crate) async fn send(&mut self, target: &Target, body: Bytes) -> Result<Answer> {
        self.sender.ready().await?;
        let request = target.request.clone().map(|()| Full::new(body));
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let mut body = response.into_body();
        let mut text = BytesMut::new();
        while let Some(frame) = body.frame().await {
            if let Ok(data) = frame?.into_data() {
                text.extend_from_slice(&data);
            }
        }
        Ok(Answer {
            status,
            body: text.freeze(),
        })
    }
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
}
