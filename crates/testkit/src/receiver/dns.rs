//! A name server on a free loopback port that answers as scripted.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::Arc,
};

use hickory_proto::{
    op::{Message, MessageType, ResponseCode},
    rr::{
        RData, Record, RecordType,
        rdata::{A, AAAA},
    },
};
use parking_lot::Mutex;
use tokio::{net::UdpSocket, task::AbortHandle};

/// What a name server says of one name.
#[derive(Clone, Debug)]
pub enum NameAnswer {
    /// These addresses, of which those of the asked family are told.
    Addresses {
        /// The addresses; may be empty: a name without any.
        addresses: Vec<IpAddr>,
        /// How many seconds they may be kept.
        ttl: u32,
    },
    /// No answer at all.
    Silence,
    /// The name does not exist.
    NotFound,
    /// The name server failed (SERVFAIL).
    Failure,
}

impl NameAnswer {
    /// One address, to be kept for a minute.
    pub fn address(address: impl Into<IpAddr>) -> Self {
        Self::Addresses {
            addresses: vec![address.into()],
            ttl: 60,
        }
    }
}

struct Scripted {
    answers: Vec<NameAnswer>,
    next: usize,
}

#[derive(Default)]
struct Zone {
    names: HashMap<String, Scripted>,
    queries: HashMap<String, usize>,
}

impl Zone {
    /// Only a query for an address moves a sequence on, once for each family that is asked.
    fn ask(&mut self, name: &str) -> NameAnswer {
        *self.queries.entry(name.to_owned()).or_default() += 1;
        let Some(scripted) = self.names.get_mut(name) else {
            return NameAnswer::NotFound;
        };
        let answer = scripted.answers[scripted.next].clone();
        scripted.next = (scripted.next + 1).min(scripted.answers.len() - 1);
        answer
    }
}

/// A name server over UDP. Names that nobody scripted do not exist.
pub struct NameServer {
    address: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    task: AbortHandle,
}

impl NameServer {
    /// Answers from now on, from a task on the current runtime.
    pub async fn start() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a loopback port is free");
        let address = socket.local_addr().expect("a socket has an address");
        let zone = Arc::<Mutex<Zone>>::default();
        let task = tokio::spawn(answer_queries(socket, zone.clone())).abort_handle();
        Self {
            address,
            zone,
            task,
        }
    }

    /// Where to ask, by UDP.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers this name so from now on.
    pub fn set(&self, name: &str, answer: NameAnswer) {
        self.set_sequence(name, vec![answer]);
    }

    /// Answers the queries for this name in this order; the last answer repeats. A client that
    /// asks for both families takes two of them.
    pub fn set_sequence(&self, name: &str, answers: Vec<NameAnswer>) {
        assert!(!answers.is_empty(), "a script needs at least one answer");
        let scripted = Scripted { answers, next: 0 };
        self.zone.lock().names.insert(plain(name), scripted);
    }

    /// How many address queries for this name have come so far.
    pub fn queries(&self, name: &str) -> usize {
        self.zone
            .lock()
            .queries
            .get(&plain(name))
            .copied()
            .unwrap_or(0)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Names compare without case and without the final dot.
fn plain(name: &str) -> String {
    name.trim_end_matches('.').to_ascii_lowercase()
}

async fn answer_queries(socket: UdpSocket, zone: Arc<Mutex<Zone>>) {
    let mut buffer = vec![0; 4096];
    // A receive error is a past send's unreachable client; the socket itself stays good.
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else {
            continue;
        };
        if let Some(answer) = answer_query(&buffer[..length], &zone) {
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

fn answer_query(query: &[u8], zone: &Mutex<Zone>) -> Option<Vec<u8>> {
    let query = Message::from_vec(query).ok()?;
    if query.metadata.message_type != MessageType::Query {
        return None;
    }
    let question = query.queries.first()?;
    let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
    answer.metadata.recursion_desired = query.metadata.recursion_desired;
    answer.metadata.recursion_available = true;
    answer.queries = query.queries.clone();
    if !matches!(question.query_type, RecordType::A | RecordType::AAAA) {
        return answer.to_vec().ok();
    }
    match zone.lock().ask(&plain(&question.name.to_utf8())) {
        NameAnswer::Silence => return None,
        NameAnswer::NotFound => answer.metadata.response_code = ResponseCode::NXDomain,
        NameAnswer::Failure => answer.metadata.response_code = ResponseCode::ServFail,
        NameAnswer::Addresses { addresses, ttl } => {
            for address in addresses {
                let data = match (address, question.query_type) {
                    (IpAddr::V4(address), RecordType::A) => RData::A(A(address)),
                    (IpAddr::V6(address), RecordType::AAAA) => RData::AAAA(AAAA(address)),
                    _ => continue,
                };
                answer.add_answer(Record::from_rdata(question.name.clone(), ttl, data));
            }
        }
    }
    answer.to_vec().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::{
        op::{OpCode, Query},
        rr::Name,
    };

    async fn ask(server: &NameServer, name: &str) -> Message {
        let mut query = Message::new(7, MessageType::Query, OpCode::Query);
        query.add_query(Query::query(Name::from_utf8(name).unwrap(), RecordType::A));
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket
            .send_to(&query.to_vec().unwrap(), server.address())
            .await
            .unwrap();
        let mut buffer = [0; 512];
        let length = socket.recv(&mut buffer).await.unwrap();
        Message::from_vec(&buffer[..length]).unwrap()
    }

    #[tokio::test]
    async fn a_name_gets_its_answers_in_order_and_unknown_names_do_not_exist() {
        let server = NameServer::start().await;
        let at = |last| NameAnswer::address([127, 0, 0, last]);
        server.set("silent.test", NameAnswer::Silence);
        server.set_sequence("turns.test", vec![at(1), at(2)]);
        for expected in [1, 2, 2] {
            let answer = ask(&server, "Turns.test.").await;
            assert_eq!(answer.answers[0].ttl, 60);
            assert_eq!(
                answer.answers[0].data,
                RData::A(A([127, 0, 0, expected].into()))
            );
        }
        assert_eq!(server.queries("turns.test"), 3);
        let unknown = ask(&server, "unknown.test.").await;
        assert_eq!(unknown.metadata.response_code, ResponseCode::NXDomain);
        let silent = ask(&server, "silent.test.");
        let waited = tokio::time::timeout(std::time::Duration::from_millis(50), silent).await;
        assert!(waited.is_err());
    }
}
