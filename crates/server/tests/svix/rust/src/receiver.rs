//! A receiver of webhooks that keeps what arrives.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What arrived.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// A running receiver.
pub struct Receiver {
    url: String,
    arrivals: Arc<Mutex<Vec<Arrival>>>,
}

impl Receiver {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let arrivals = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&arrivals);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&kept)));
            }
        });
        Self { url, arrivals }
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    pub fn count(&self) -> usize {
        self.arrivals.lock().unwrap().len()
    }

    pub async fn wait_for(&self, count: usize) -> Vec<Arrival> {
        let end = Instant::now() + Duration::from_secs(20);
        while self.count() < count {
            assert!(Instant::now() < end, "only {} arrived", self.count());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.arrivals.lock().unwrap().clone()
    }
}

async fn serve(stream: TcpStream, arrivals: Arc<Mutex<Vec<Arrival>>>) {
    let mut stream = BufReader::new(stream);
    while let Some(arrival) = read(&mut stream).await {
        arrivals.lock().unwrap().push(arrival);
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{\"got\":\"it\"}";
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Arrival> {
    let mut line = String::new();
    stream
        .read_line(&mut line)
        .await
        .ok()
        .filter(|read| *read > 0)?;
    let mut headers = HeaderMap::new();
    loop {
        line.clear();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.insert(name, HeaderValue::from_str(value).ok()?);
    }
    let length = headers.get("content-length")?.to_str().ok()?.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some(Arrival { headers, body })
}
