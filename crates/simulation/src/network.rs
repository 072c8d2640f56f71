//! The receivers: what each answers, and how its health changes over time.

use std::collections::BTreeMap;
use std::sync::Arc;

use fanfare_domain::attempt::ErrorKind;
use fanfare_testkit::scripted_sender::{Answer, ScriptedSender, Sent};
use fanfare_testkit::seeded::Seeded;
use parking_lot::Mutex;

use crate::setting::millis;

/// How a receiver is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    /// Takes everything at once.
    Well,
    /// Takes everything, and takes its time.
    Slow,
    /// Fails every now and then, in every way there is.
    Flaky,
    /// Answers 500.
    Broken,
    /// Never answers.
    Hanging,
    /// Refuses connections, resets them, or breaks off in the middle of an answer.
    Cut,
    /// Asks for less, and says when to come again.
    Busy,
    /// Asks for less, and says nonsense about when to come again.
    Lying,
}

const MOODS: [Mood; 8] = [
    Mood::Well,
    Mood::Slow,
    Mood::Flaky,
    Mood::Broken,
    Mood::Hanging,
    Mood::Cut,
    Mood::Busy,
    Mood::Lying,
];

const LIES: [&str; 8] = [
    "0",
    "-5",
    "soon",
    "",
    "99999999999999999999999",
    "4294967295",
    "Wed, 21 Oct 2015 07:28:00 GMT",
    "Fri, 31 Dec 9999 23:59:59 GMT",
];

/// All receivers, by their URLs.
#[derive(Clone)]
pub(crate) struct Network(Arc<Mutex<Receivers>>);

struct Receivers {
    chance: Seeded,
    moods: BTreeMap<String, Mood>,
    calm: bool,
    /// The next requests that are refused in the calm.
    refuse: usize,
}

impl Network {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Receivers {
            chance: Seeded::new(seed),
            moods: BTreeMap::new(),
            calm: false,
            refuse: 0,
        })))
    }

    /// Lets a sender's requests come here.
    pub(crate) fn attach(&self, sender: &ScriptedSender) {
        let network = self.clone();
        sender.decide(move |sent| network.0.lock().answer(sent));
    }

    /// The receiver's health changes; answers to what.
    pub(crate) fn change(&self, url: &str) -> Mood {
        let mut receivers = self.0.lock();
        let mood = *receivers.chance.pick(&MOODS);
        receivers.moods.insert(url.to_owned(), mood);
        mood
    }

    /// Every receiver takes everything at once from now on.
    pub(crate) fn calm_down(&self) {
        self.0.lock().calm = true;
    }

    /// The next requests are refused, calm or not.
    pub(crate) fn refuse(&self, count: usize) {
        self.0.lock().refuse = count;
    }
}

impl Receivers {
    fn answer(&mut self, sent: &Sent) -> Answer {
        if self.calm {
            let refused = self.refuse > 0;
            self.refuse -= usize::from(refused);
            return Answer::status(if refused { 500 } else { 200 });
        }
        let mood = *self.moods.get(&sent.url).unwrap_or(&Mood::Flaky);
        let chance = &self.chance;
        match mood {
            Mood::Well => Answer::status(200),
            Mood::Slow => Answer::status(200).after(millis(chance.below(3_000))),
            Mood::Flaky => flaky(chance).after(millis(*chance.pick(&[0, 1, 20, 300, 1_500]))),
            Mood::Broken => Answer::status(500).after(millis(chance.below(50))),
            Mood::Hanging => Answer::hang(),
            Mood::Cut => cut(chance).after(millis(chance.below(100))),
            Mood::Busy => {
                let wish = (1 + chance.below(20)).to_string();
                let status = *chance.pick(&[429, 502, 503, 504]);
                Answer::status(status).header("retry-after", &wish)
            }
            Mood::Lying => {
                let status = *chance.pick(&[200, 429, 500, 503]);
                Answer::status(status).header("retry-after", chance.pick::<&str>(&LIES))
            }
        }
    }
}

fn flaky(chance: &Seeded) -> Answer {
    match chance.below(1_000) {
        0..600 => Answer::status(200),
        600..750 => Answer::status(500),
        750..800 => Answer::status(503).header("retry-after", "7"),
        800..850 => Answer::hang(),
        850..950 => cut(chance),
        950..997 => Answer::status(302),
        _ => Answer::status(410),
    }
}

fn cut(chance: &Seeded) -> Answer {
    match chance.below(4) {
        0 => Answer::error(ErrorKind::ConnectionRefused),
        1 => Answer::error(ErrorKind::ConnectionClosed),
        2 => Answer::partial(200),
        _ => Answer::partial(503),
    }
}
