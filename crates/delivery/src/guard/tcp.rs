//! Connecting to one of several addresses.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

/// How long an address is tried alone before the next one is tried beside it (RFC 8305's delay).
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects to the first of these addresses that takes it, each with a head start over the next;
/// the others are let go. The caller bounds the time and the number of addresses.
///
/// # Errors
/// The address that failed last, and how; all have failed then.
pub(super) async fn connect(
    addresses: &[SocketAddr],
) -> Result<(TcpStream, SocketAddr), (Option<SocketAddr>, io::Error)> {
    if let [address] = addresses {
        return one(*address)
            .await
            .map_err(|(address, error)| (Some(address), error));
    }
    let mut waiting = addresses.iter().copied();
    let mut tried = FuturesUnordered::new();
    let mut last = (None, io::ErrorKind::AddrNotAvailable.into());
    loop {
        if let Some(address) = waiting.next() {
            tried.push(one(address));
        } else if tried.is_empty() {
            return Err(last);
        }
        let patience = sleep_until(Instant::now() + HEAD_START);
        tokio::select! {
            biased;
            Some(outcome) = tried.next() => match outcome {
                Ok(connected) => return Ok(connected),
                Err((address, error)) => last = (Some(address), error),
            },
            () = patience, if waiting.len() > 0 => {}
        }
    }
}

async fn one(address: SocketAddr) -> Result<(TcpStream, SocketAddr), (SocketAddr, io::Error)> {
    let connected = async {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    };
    match connected.await {
        Ok(stream) => Ok((stream, address)),
        Err(error) => Err((address, error)),
    }
}
