//! A sender without a network: answers by script, in virtual time, and records what was sent.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use fanfare_app::port::sender::{Exchange, OutboundRequest, Response};
use fanfare_app::port::{Clock, Sender};
use fanfare_domain::attempt::{AttemptError, ErrorKind, Timings};
use fanfare_domain::time::Timestamp;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use parking_lot::Mutex;

use crate::clock::VirtualClock;
use crate::power::Power;

/// What a receiver does with a request.
#[derive(Clone, Debug)]
pub struct Answer {
    outcome: Outcome,
    headers: HeaderMap,
    after: Duration,
}

#[derive(Clone, Debug)]
enum Outcome {
    Status(u16),
    /// The head of an answer, and no end.
    Partial(u16),
    Error(ErrorKind),
    Hang,
}

impl Answer {
    fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            headers: HeaderMap::new(),
            after: Duration::ZERO,
        }
    }

    /// This status.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::new(Outcome::Status(status))
    }

    /// The head of an answer with this status; its body breaks off.
    #[must_use]
    pub fn partial(status: u16) -> Self {
        Self::new(Outcome::Partial(status))
    }

    /// No answer, for this reason.
    #[must_use]
    pub fn error(kind: ErrorKind) -> Self {
        Self::new(Outcome::Error(kind))
    }

    /// No answer within the request's time.
    #[must_use]
    pub fn hang() -> Self {
        Self::new(Outcome::Hang)
    }

    /// With this header.
    ///
    /// # Panics
    /// When it is no header.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test's own text")]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_str(value).expect("a header's value");
        self.headers.insert(HeaderName::from_static(name), value);
        self
    }

    /// So long after the request.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.after = delay;
        self
    }
}

/// A request that was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// How.
    pub method: Method,
    /// Where to.
    pub url: String,
    /// When.
    pub at: Timestamp,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// How many were under way to this URL, this one included.
    pub under_way: usize,
    /// How many of them had its `webhook-id`, this one included.
    pub of_the_same: usize,
}

impl Sent {
    /// A header as text; empty when it is missing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    }

    /// Its `webhook-id`.
    #[must_use]
    pub fn webhook_id(&self) -> &str {
        self.header("webhook-id")
    }
}

/// What happens on the network.
#[derive(Clone, Debug)]
pub enum Traffic {
    /// A request was sent. They are counted from 0.
    Sent(usize, Box<Sent>),
    /// What came of a request.
    Ended(usize, Box<Exchange>),
}

/// Is told of all traffic.
type Tell = Box<dyn Fn(Traffic) + Send>;

/// Decides on an answer from the request.
type Decide = Box<dyn FnMut(&Sent) -> Answer + Send>;

/// A sender without a network. Clones are handles of the same one.
#[derive(Clone)]
pub struct ScriptedSender {
    clock: VirtualClock,
    world: Arc<Mutex<World>>,
    power: Power,
}

#[derive(Default)]
struct World {
    next: HashMap<String, VecDeque<Answer>>,
    always: HashMap<String, Answer>,
    decide: Option<Decide>,
    sent: Vec<Sent>,
    /// The `webhook-id`s under way to each URL.
    under_way: HashMap<String, Vec<String>>,
    recording_off: bool,
    watch: Option<Tell>,
    count: usize,
}

impl fmt::Debug for ScriptedSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedSender").finish_non_exhaustive()
    }
}

impl ScriptedSender {
    /// Answers everything with 200 at once, until told otherwise.
    #[must_use]
    pub fn new(clock: VirtualClock) -> Self {
        Self {
            clock,
            world: Arc::default(),
            power: Power::default(),
        }
    }

    /// The next requests to a URL get these answers, one each, before anything else counts.
    pub fn next(&self, url: &str, answers: impl IntoIterator<Item = Answer>) {
        let mut world = self.world.lock();
        world
            .next
            .entry(url.to_owned())
            .or_default()
            .extend(answers);
    }

    /// Requests to a URL get this answer.
    pub fn always(&self, url: &str, answer: Answer) {
        self.world.lock().always.insert(url.to_owned(), answer);
    }

    /// Requests to a URL get no answer of its own any more.
    pub fn forget(&self, url: &str) {
        let mut world = self.world.lock();
        world.always.remove(url);
        world.next.remove(url);
    }

    /// Requests to URLs that have no answer of their own get what this says.
    pub fn decide(&self, decide: impl FnMut(&Sent) -> Answer + Send + 'static) {
        self.world.lock().decide = Some(Box::new(decide));
    }

    /// Requests are counted only from now on, for long runs.
    pub fn count_only(&self) {
        self.world.lock().recording_off = true;
    }

    /// Tells of all traffic from now on, in the moment in which it happens; after a crash too.
    pub fn watch(&self, watch: impl Fn(Traffic) + Send + 'static) {
        self.world.lock().watch = Some(Box::new(watch));
    }

    /// How many requests were sent.
    #[must_use]
    pub fn count(&self) -> usize {
        self.world.lock().count
    }

    /// Every request, in order.
    #[must_use]
    pub fn sent(&self) -> Vec<Sent> {
        self.world.lock().sent.clone()
    }

    /// Every request to a URL, in order.
    #[must_use]
    pub fn sent_to(&self, url: &str) -> Vec<Sent> {
        let world = self.world.lock();
        let to_it = world.sent.iter().filter(|sent| sent.url == url);
        to_it.cloned().collect()
    }

    /// How many requests to a URL are under way.
    #[must_use]
    pub fn under_way(&self, url: &str) -> usize {
        self.world.lock().under_way.get(url).map_or(0, Vec::len)
    }

    /// Cuts every request that is under way and gives a new sender with the same script and record.
    /// Requests of the old one never answer.
    #[must_use]
    pub fn crash(&self) -> Self {
        self.crash_to(self.clock)
    }

    /// The same for a sender that goes on by another clock, in another runtime.
    #[must_use]
    pub fn crash_to(&self, clock: VirtualClock) -> Self {
        self.power.cut();
        self.world.lock().under_way.clear();
        Self {
            clock,
            world: Arc::clone(&self.world),
            power: Power::default(),
        }
    }

    fn end(&self, request: &OutboundRequest) {
        let mut world = self.world.lock();
        let id = webhook_id(&request.headers);
        if let Some(list) = world.under_way.get_mut(&request.uri.to_string())
            && let Some(place) = list.iter().position(|other| other == id)
        {
            list.swap_remove(place);
        }
    }

    fn begin(&self, request: &OutboundRequest) -> (usize, Answer) {
        let mut world = self.world.lock();
        let url = request.uri.to_string();
        let id = webhook_id(&request.headers);
        let under_way = world.under_way.entry(url.clone()).or_default();
        under_way.push(id.to_owned());
        let sent = Sent {
            method: request.method.clone(),
            at: self.clock.now(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            under_way: under_way.len(),
            of_the_same: under_way.iter().filter(|other| *other == id).count(),
            url,
        };
        let scripted = world.next.get_mut(&sent.url).and_then(VecDeque::pop_front);
        let fixed = || world.always.get(&sent.url).cloned();
        let answer = scripted
            .or_else(fixed)
            .or_else(|| world.decide.as_mut().map(|decide| decide(&sent)))
            .unwrap_or_else(|| Answer::status(200));
        let number = world.count;
        world.count += 1;
        if let Some(watch) = &world.watch {
            watch(Traffic::Sent(number, Box::new(sent.clone())));
        }
        if !world.recording_off {
            world.sent.push(sent);
        }
        (number, answer)
    }
}

fn webhook_id(headers: &HeaderMap) -> &str {
    let value = headers.get("webhook-id");
    value.and_then(|value| value.to_str().ok()).unwrap_or("")
}

#[async_trait]
impl Sender for ScriptedSender {
    async fn send(&self, request: OutboundRequest) -> Exchange {
        self.power.on().await;
        let (number, answer) = self.begin(&request);
        let timed_out = matches!(answer.outcome, Outcome::Hang) || answer.after >= request.timeout;
        let took = if timed_out {
            request.timeout
        } else {
            answer.after
        };
        if took.is_zero() {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(took).await;
        }
        self.power.on().await;
        self.end(&request);
        let outcome = if timed_out {
            Outcome::Error(ErrorKind::Timeout)
        } else {
            answer.outcome
        };
        let exchange = exchange(outcome, answer.headers, took);
        if let Some(watch) = &self.world.lock().watch {
            watch(Traffic::Ended(number, Box::new(exchange.clone())));
        }
        exchange
    }
}

fn exchange(outcome: Outcome, headers: HeaderMap, took: Duration) -> Exchange {
    let timings = Timings {
        total: took,
        ..Timings::default()
    };
    let answered = |status| {
        Some(Response {
            status,
            version: "HTTP/1.1",
            headers,
            body: Vec::new(),
            truncated: false,
        })
    };
    let (response, error) = match outcome {
        Outcome::Status(status) => (answered(status), None),
        Outcome::Partial(status) => (answered(status), Some(failed(ErrorKind::ConnectionClosed))),
        Outcome::Error(kind) => (None, Some(failed(kind))),
        Outcome::Hang => (None, Some(failed(ErrorKind::Timeout))),
    };
    Exchange {
        address: None,
        timings,
        response,
        error,
    }
}

fn failed(kind: ErrorKind) -> AttemptError {
    AttemptError {
        kind,
        detail: "a test's script says so".to_owned(),
    }
}
