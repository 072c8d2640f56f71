//! Words that nearly every attempt holds, as numbers.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fanfare_domain::attempt::Headers;
use fanfare_domain::id::AttemptId;
use fanfare_domain::time::Timestamp;
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number is a word's place; one never changes its meaning, new ones come at the end.
const WORDS: [&str; 35] = [
    "scheduled",
    "manual",
    "HTTP/1.1",
    "HTTP/2",
    "content-type",
    "application/json",
    "user-agent",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
    "svix-id",
    "svix-timestamp",
    "svix-signature",
    "content-length",
    "0",
    "date",
    "connection",
    "keep-alive",
    "server",
    "cache-control",
    "vary",
    "etag",
    "via",
    "set-cookie",
    "(hidden)",
    "text/plain",
    "text/plain; charset=utf-8",
    "text/html; charset=utf-8",
    "application/json; charset=utf-8",
    "transfer-encoding",
    "chunked",
    "x-request-id",
    "strict-transport-security",
    "nginx",
    "cloudflare",
];

/// The places of the words by [`hash`], each in the first free room from there on; [`NONE`] elsewhere.
/// Every attempt looks a score of texts up.
const ROOMS: [u8; COUNT] = {
    let mut rooms = [NONE; COUNT];
    let mut place = 0;
    while place < WORDS.len() {
        let mut room = hash(WORDS[place].as_bytes());
        while rooms[room] != NONE {
            room = (room + 1) % COUNT;
        }
        rooms[room] = place as u8;
        place += 1;
    }
    rooms
};
/// More than there are words.
const COUNT: usize = 128;
const NONE: u8 = u8::MAX;

/// A room of [`ROOMS`], by what tells the words apart best: their length and their ends.
const fn hash(text: &[u8]) -> usize {
    match text {
        [] => 0,
        [first, .., last] => (text.len() * 37 + *first as usize * 5 + *last as usize * 11) % COUNT,
        [only] => *only as usize % COUNT,
    }
}

/// The place of a word; none of any other text.
fn place(text: &str) -> Option<u64> {
    let mut room = hash(text.as_bytes());
    loop {
        let place = ROOMS[room];
        // There are more rooms than words.
        if WORDS.get(usize::from(place))? == &text {
            return Some(u64::from(place));
        }
        room = (room + 1) % COUNT;
    }
}

/// The id of the event that the attempt's own id names.
const EVENT: u64 = 100;
/// The second in which the attempt began, since the Unix epoch.
const BEGAN: u64 = 101;
/// This and what is above it are times as HTTP writes them, in seconds since the Unix epoch: 1970 is past.
const DATES: u64 = 1_000_000;

/// What an attempt's words may stand for.
pub(super) struct Context {
    event: String,
    began: String,
}

impl Context {
    pub(super) fn new(id: AttemptId, started_at: Timestamp) -> Self {
        Self {
            event: id.delivery().event().to_string(),
            began: started_at.seconds().to_string(),
        }
    }

    /// A text that is likely one of the words.
    pub(super) fn word<'a>(&self, text: &'a str) -> Word<'a> {
        if let Some(place) = place(text) {
            return Word::Number(place);
        }
        if text == self.event {
            return Word::Number(EVENT);
        }
        if text == self.began {
            return Word::Number(BEGAN);
        }
        Word::Text(Cow::Borrowed(text))
    }

    /// A header's name and value.
    fn pair<'a>(&self, (name, value): (&'a str, &'a str)) -> (Word<'a>, Word<'a>) {
        let date = if name == "date" { date(value) } else { None };
        let value = date.map_or_else(|| self.word(value), Word::Number);
        (self.word(name), value)
    }

    /// What a word stands for; none for a number that stands for nothing.
    pub(super) fn text<'a>(&'a self, word: &'a Word<'_>) -> Option<Cow<'a, str>> {
        match word {
            Word::Text(text) => Some(Cow::Borrowed(text)),
            Word::Number(EVENT) => Some(Cow::Borrowed(&self.event)),
            Word::Number(BEGAN) => Some(Cow::Borrowed(&self.began)),
            Word::Number(seconds) if *seconds >= DATES => {
                let time = UNIX_EPOCH.checked_add(Duration::from_secs(*seconds))?;
                (*seconds <= LAST_DATE).then(|| Cow::Owned(httpdate::fmt_http_date(time)))
            }
            Word::Number(place) => {
                let word = WORDS.get(usize::try_from(*place).ok()?)?;
                Some(Cow::Borrowed(word))
            }
        }
    }

    /// What headers stand for; none where a number stands for nothing.
    pub(super) fn headers(&self, words: &[(Word<'_>, Word<'_>)]) -> Option<Headers> {
        let mut headers = Headers::default();
        for (name, value) in words {
            headers.push(&self.text(name)?, &self.text(value)?);
        }
        Some(headers)
    }
}

/// The end of the year 9999, after which HTTP can't write a time.
const LAST_DATE: u64 = 253_402_300_799;

/// The seconds of a time that is written as HTTP writes it now, and no other way.
fn date(text: &str) -> Option<u64> {
    let time: SystemTime = httpdate::parse_http_date(text).ok()?;
    let seconds = time.duration_since(UNIX_EPOCH).ok()?.as_secs();
    let same = (DATES..=LAST_DATE).contains(&seconds) && httpdate::fmt_http_date(time) == text;
    same.then_some(seconds)
}

/// Headers that are written as pairs of words.
pub(super) struct Words<'a>(pub(super) &'a Context, pub(super) &'a Headers);

impl Serialize for Words<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.1.iter().map(|pair| self.0.pair(pair)))
    }
}

/// A text, or the number that stands for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word<'a> {
    Number(u64),
    Text(Cow<'a, str>),
}

impl Serialize for Word<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for Word<'static> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Word<'static>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or the number of a word")
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Word::Number(number))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Word::Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_any(Read)
    }
}
