//! Addresses that hang before any HTTP: in the TCP connect, and in the TLS handshake.

use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    task::AbortHandle,
    time::timeout,
};

/// Loopback answers in microseconds; a connect that takes this long is one that hangs.
const SURELY_HANGS: Duration = Duration::from_millis(300);

/// A loopback address where a TCP connect is never answered: a listener whose backlog is full.
/// Linux drops the opening segment then, and the client sends it again until it gives up.
pub struct ConnectHang {
    address: SocketAddr,
    _listener: TcpListener,
    _backlog: Vec<TcpStream>,
}

impl ConnectHang {
    /// Fills the backlog; takes about a third of a second.
    pub async fn start() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket can be made");
        socket
            .bind((Ipv4Addr::LOCALHOST, 0).into())
            .expect("a loopback port is free");
        let listener = socket.listen(0).expect("a bound socket can listen");
        let address = listener.local_addr().expect("a listener has an address");
        let mut backlog = Vec::new();
        while let Ok(connected) = timeout(SURELY_HANGS, TcpStream::connect(address)).await {
            backlog.push(connected.expect("a backlog with room takes a connection"));
            assert!(
                backlog.len() < 64,
                "a backlog of 0 does not fill up on this system"
            );
        }
        Self {
            address,
            _listener: listener,
            _backlog: backlog,
        }
    }

    /// Where to connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Accepts TCP connections and never says a word: a TLS handshake hangs there, and so does the
/// response head of plain HTTP, whose request is not even read.
pub struct SilentListener {
    address: SocketAddr,
    task: AbortHandle,
}

impl SilentListener {
    /// Listens on a free loopback port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a loopback port is free");
        let address = listener.local_addr().expect("a listener has an address");
        let task = tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                // Bounded by letting go of the oldest, which its client sees as closed.
                if held.len() == 4096 {
                    held.remove(0);
                }
                held.push(stream);
            }
        });
        Self {
            address,
            task: task.abort_handle(),
        }
    }

    /// Where to connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for SilentListener {
    fn drop(&mut self) {
        self.task.abort();
    }
}
