//! What arrived, by delivery, and from which run of the server.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use fanfare_testkit::receiver::{Arrival, Receiver};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An event by its `webhook-id`, and the path that it went to.
pub(super) type Way = (String, String);

const MARK: &str = "/mark";

/// Counts what arrives.
#[derive(Clone, Default)]
pub(super) struct Arrivals {
    /// The receiver's connection of each arrival.
    connections: Arc<Mutex<HashMap<Way, Vec<u64>>>>,
}

impl Arrivals {
    /// A receiver whose arrivals are counted here.
    pub(super) async fn receiver(&self) -> Receiver {
        let arrivals = self.clone();
        let take = move |arrival: Arrival| arrivals.take(&arrival);
        Receiver::builder().observe(Arc::new(take)).start().await
    }

    fn take(&self, arrival: &Arrival) {
        let event = arrival.header("webhook-id").unwrap_or_default().to_owned();
        let way = (event, arrival.path.clone());
        let mut connections = self.connections.lock().unwrap();
        connections.entry(way).or_default().push(arrival.connection);
    }

    /// Parts the runs of a server: called between two of them, it answers a number that the connections
    /// of the one before are below, however late their requests are read, and those of the next above.
    pub(super) async fn part(&self, receiver: SocketAddr) -> u64 {
        let mut stream = TcpStream::connect(receiver).await.unwrap();
        let request = format!("GET {MARK} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream.read_to_end(&mut Vec::new()).await.unwrap();
        let mark = (String::new(), MARK.to_owned());
        let connections = self.connections.lock().unwrap();
        *connections[&mark].last().unwrap()
    }

    /// The connections of each way's arrivals.
    pub(super) fn all(&self) -> HashMap<Way, Vec<u64>> {
        let mut all = self.connections.lock().unwrap().clone();
        all.retain(|(_, path), _| path != MARK);
        all
    }
}
