//! What requests of a dialect were answered, kept for their repetitions.
//!
//! An answer stands in the configuration part under the digest of what the request is known by, so that
//! every node finds it. Its name begins with the half of a day in which it was made: those of halves that
//! are over come first, and some of them are forgotten whenever one is added. What an answer says is
//! opaque here; a dialect seals what may hold secrets.

use std::time::Duration;

use fanfare_domain::name::EnvironmentId;
use fanfare_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::UseCaseError;
use crate::fanfare::Fanfare;
use crate::port::StoreError;
use crate::port::configuration::{Applied, Change, DocumentKey, IdQuery, Kind, Revision};
use crate::repository::TRIES;

/// How long an answer is kept for repetitions.
pub const KEPT: Duration = Duration::from_secs(12 * 3_600);
/// A request that has not ended after this long is taken for one that never will: a new one takes over.
const ABANDONED: Duration = Duration::from_secs(30);
/// The most that are forgotten at a time.
const FORGET: usize = 20;

/// What is kept of a request.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    since: Timestamp,
    /// None while it is under way.
    answer: Option<String>,
}

/// What is known of a request.
#[derive(Debug)]
pub enum Known {
    /// Nothing: this one is the first, and has to be [ended](Fanfare::end_answer).
    First(Claim),
    /// It is under way.
    UnderWay,
    /// It was answered so.
    Answered(String),
}

/// The right to answer a request.
#[derive(Debug)]
pub struct Claim {
    place: DocumentKey,
    revision: Revision,
    since: Timestamp,
}

fn half(at: Timestamp) -> i64 {
    at.seconds() / i64::try_from(KEPT.as_secs()).unwrap_or(1)
}

fn place(environment: &EnvironmentId, half: i64, digest: &str) -> DocumentKey {
    DocumentKey {
        kind: Kind::Answer,
        environment: environment.to_string(),
        tenant: String::new(),
        // Ten digits last for long enough, and sort as the numbers do.
        id: format!("{half:010}/{digest}"),
    }
}

fn write(kept: &Kept) -> Result<String, StoreError> {
    serde_json::to_string(kept).map_err(|cause| StoreError::corrupt("answer", cause))
}

impl Fanfare {
    /// What is known of a request; where nothing is, it is under way from now on.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn begin_answer(
        &self,
        environment: &EnvironmentId,
        digest: &str,
    ) -> Result<Known, UseCaseError> {
        let configuration = &self.ports.configuration;
        for _ in 0..TRIES {
            let now = self.ports.clock.now();
            let mut outlived = None;
            for half in [half(now), half(now) - 1] {
                let place = place(environment, half, digest);
                let Some(document) = configuration.get(&place).await? else {
                    continue;
                };
                let kept: Kept = serde_json::from_str(&document.body).map_err(|cause| {
                    StoreError::corrupt(format!("configuration, body of {place}"), cause)
                })?;
                let age = now.since(kept.since);
                match kept.answer {
                    Some(answer) if age < KEPT => return Ok(Known::Answered(answer)),
                    None if age < ABANDONED => return Ok(Known::UnderWay),
                    _ => outlived = Some((place, document.revision)),
                }
            }
            let begun = write(&Kept {
                since: now,
                answer: None,
            })?;
            let (place, change) = match outlived {
                Some((key, expected)) => {
                    let replace = Change::Replace {
                        key: key.clone(),
                        expected,
                        body: begun,
                    };
                    (key, replace)
                }
                None => {
                    let key = place(environment, half(now), digest);
                    (key.clone(), Change::Insert(key, begun))
                }
            };
            if let Applied::Done(revision) = configuration.apply(vec![change]).await? {
                self.forget_answers(environment, now).await?;
                return Ok(Known::First(Claim {
                    place,
                    revision,
                    since: now,
                }));
            }
        }
        Ok(Known::UnderWay)
    }

    /// Keeps what a request was answered; none: it may be made again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn end_answer(
        &self,
        claim: Claim,
        answer: Option<String>,
    ) -> Result<(), UseCaseError> {
        let change = match answer {
            None => Change::Remove(claim.place),
            answer => Change::Replace {
                key: claim.place,
                expected: claim.revision,
                body: write(&Kept {
                    since: claim.since,
                    answer,
                })?,
            },
        };
        // Refused where somebody took it over: then that one's answer counts.
        self.ports.configuration.apply(vec![change]).await?;
        Ok(())
    }

    /// Forgets some of those whose time is over.
    async fn forget_answers(
        &self,
        environment: &EnvironmentId,
        now: Timestamp,
    ) -> Result<(), UseCaseError> {
        let query = IdQuery {
            kind: Kind::Answer,
            environment: environment.to_string(),
            tenant: String::new(),
            after: None,
            descending: false,
            limit: FORGET,
        };
        let oldest = self.ports.configuration.list_by_id(&query).await?;
        let over = format!("{:010}/", half(now) - 1);
        for document in oldest.into_iter().filter(|each| each.key.id < over) {
            // Refused where another was faster.
            let remove = vec![Change::Remove(document.key)];
            self.ports.configuration.apply(remove).await?;
        }
        Ok(())
    }
}
