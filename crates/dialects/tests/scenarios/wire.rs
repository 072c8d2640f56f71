//! Requests and answers as bytes: nothing between the scenario and the socket that could be kinder
//! than a client.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter();
        let found = found.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends a request over a connection of its own and reads the whole answer.
pub(crate) async fn exchange(
    address: SocketAddr,
    request_line: &str,
    headers: &[(String, String)],
    body: Option<&[u8]>,
) -> Answer {
    let mut head = format!("{request_line} HTTP/1.1\r\nconnection: close\r\n");
    if !headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("host"))
    {
        head.push_str("host: api.example.com\r\n");
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let length = body.map_or(0, <[u8]>::len);
    if body.is_some() {
        head.push_str(&format!("content-length: {length}\r\n"));
    }
    head.push_str("\r\n");
    let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
    let mut whole = head.into_bytes();
    whole.extend_from_slice(body.unwrap_or_default());
    // Beside the reading: a refusal may come before the body was taken.
    let writing = async move {
        let _ = writer.write_all(&whole).await;
        writer
    };
    let reading = async {
        let mut bytes = Vec::new();
        // A connection that breaks off after its answer has given all that there is.
        let _ = reader.read_to_end(&mut bytes).await;
        bytes
    };
    let (_writer, bytes) = tokio::join!(writing, reading);
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Answer {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers = lines
        .map(|line| line.split_once(": ").unwrap_or((line, "")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let answer = Answer {
        status: status.parse().unwrap(),
        headers,
        body: bytes[end + 4..].to_vec(),
    };
    assert!(answer.header("transfer-encoding").is_none(), "{answer:?}");
    answer
}
