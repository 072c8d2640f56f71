//! A way to the database that can be cut: nothing comes through any more, and nobody is told.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(super) struct Proxy {
    address: SocketAddr,
    open: Arc<watch::Sender<bool>>,
}

impl Proxy {
    /// Leads to a port of this machine.
    pub(super) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let open = Arc::new(watch::Sender::new(true));
        tokio::spawn(serve(listener, port, Arc::clone(&open)));
        Self { address, open }
    }

    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Lets through what waits from now on, or nothing.
    pub(super) fn open(&self, open: bool) {
        self.open.send_replace(open);
    }
}

async fn serve(listener: TcpListener, port: u16, open: Arc<watch::Sender<bool>>) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let open = Arc::clone(&open);
        tokio::spawn(async move {
            if open.subscribe().wait_for(|open| *open).await.is_err() {
                return;
            }
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else {
                return;
            };
            let (from_client, to_client) = tokio::io::split(client);
            let (from_server, to_server) = tokio::io::split(server);
            let there = carry(from_client, to_server, open.subscribe());
            let back = carry(from_server, to_client, open.subscribe());
            // The end of one direction ends the other, as it does where a process ends.
            tokio::select! { () = there => {}, () = back => {} }
        });
    }
}

async fn carry(
    mut from: ReadHalf<TcpStream>,
    mut to: WriteHalf<TcpStream>,
    mut open: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 64 << 10];
    loop {
        let Ok(count @ 1..) = from.read(&mut buffer).await else {
            return;
        };
        if open.wait_for(|open| *open).await.is_err() {
            return;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
