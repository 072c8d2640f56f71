//! From a notice to an event of the operational tenant.

use std::collections::VecDeque;
use std::time::Duration;

use fanfare_domain::name::{EventTypeName, Scope};
use fanfare_domain::time::Timestamp;
use metrics::{Counter, counter};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::{Change, Notice};
use crate::fanfare::Fanfare;
use crate::port::StoreError;
use crate::port::log::Appended;
use crate::publish::{Ready, Said};

/// Notices that wait to become events, about 500 bytes each; past it, further ones are lost, which is
/// counted and logged.
const MOST: usize = 4_096;
/// Notices of one commit.
const BATCH: usize = 100;
/// How long to wait before they are tried again, when the store was not available.
const AGAIN: Duration = Duration::from_secs(1);
/// Endpoints that were disabled this long before a start are told of again. Events are kept for longer,
/// so one that was made is known by its id.
const TOLD_AGAIN: Duration = Duration::from_secs(3_000);

/// Notices that wait to become events.
pub(crate) struct Queue {
    waiting: Mutex<VecDeque<Notice>>,
    told: Notify,
    /// Held while some of them become events, so that each is taken out once.
    telling: tokio::sync::Mutex<()>,
    made: Counter,
    lost: Counter,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
            told: Notify::new(),
            telling: tokio::sync::Mutex::default(),
            made: counter!("fanfare_operational_events_total"),
            lost: counter!("fanfare_operational_events_lost_total"),
        }
    }
}

impl Queue {
    fn add(&self, notice: Notice) {
        let mut waiting = self.waiting.lock();
        if waiting.len() < MOST {
            waiting.push_back(notice);
            drop(waiting);
            self.told.notify_one();
        } else {
            drop(waiting);
            self.lost.increment(1);
            tracing::warn!(
                endpoint = %notice.endpoint,
                notice = notice.kind(),
                "too many operational events at once; this one is lost"
            );
        }
    }

    fn first(&self) -> Vec<Notice> {
        self.waiting.lock().iter().take(BATCH).cloned().collect()
    }

    fn done(&self, count: usize) {
        self.waiting.lock().drain(..count);
    }
}

impl Fanfare {
    /// Says that a state changed. Never waits, and costs a look into memory where nobody wants to know.
    pub fn tell(&self, notice: Notice) {
        let native = notice.event_type().is_some() && self.directory.tells_of(&notice.scope);
        if native || self.dialects_listener(&notice).is_some() {
            self.notices.add(notice);
        }
    }

    /// Tells again of endpoints that were disabled shortly before a start: a crash may have come in
    /// between the change and its event.
    pub(crate) fn tell_of_latest(&self) {
        let since = self.ports.clock.now().before(TOLD_AGAIN);
        for target in self.directory.targets() {
            let endpoint = &target.endpoint;
            if let Some(disabled) = &endpoint.disabled
                && disabled.since >= since
                // Not one that was made so.
                && disabled.since > endpoint.created_at
            {
                let (reason, since) = (disabled.reason, disabled.since);
                let change = Change::Disabled {
                    reason,
                    since,
                    failing_since: None,
                };
                self.tell(Notice::of(endpoint, change));
            }
        }
    }

    /// Makes events of notices until it is dropped.
    pub async fn announce(&self) {
        loop {
            self.notices.told.notified().await;
            let mut failing = false;
            while let Err(cause) = self.announce_waiting().await {
                if matches!(cause, StoreError::Closed) {
                    return;
                }
                if !failing {
                    failing = true;
                    tracing::warn!(error = %cause, "operational events can't be stored yet");
                }
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    /// Makes events of all notices that wait now.
    ///
    /// # Errors
    /// When the store fails; those that were not made wait on.
    pub async fn announce_waiting(&self) -> Result<(), StoreError> {
        let _one_at_a_time = self.notices.telling.lock().await;
        loop {
            let notices = self.notices.first();
            if notices.is_empty() {
                return Ok(());
            }
            self.make_events(&notices).await?;
            // Only now: a telling that is cut off begins again, and the ids make no second events.
            self.notices.done(notices.len());
        }
    }

    async fn make_events(&self, notices: &[Notice]) -> Result<(), StoreError> {
        let now = self.ports.clock.now();
        let mut found: Vec<Ready> = notices
            .iter()
            .filter(|notice| self.directory.tells_of(&notice.scope))
            .flat_map(|notice| {
                let environment = &notice.scope.environment;
                let listeners = self.directory.operational_tenants(environment);
                listeners.into_iter().filter_map(|tenant| {
                    let listener = Scope {
                        environment: environment.clone(),
                        tenant,
                    };
                    self.event_of(notice, listener, now)
                })
            })
            .collect();
        for notice in notices {
            found.extend(self.dialects_event_of(notice, now).await?);
        }
        let mut ready = Vec::with_capacity(found.len());
        for found in found {
            // As with the store: they wait on and are told later.
            let asked = self.filtered(found).await.map_err(|_| StoreError::Busy)?;
            if !asked.targets.is_empty() {
                ready.push(asked);
            }
        }
        if ready.is_empty() {
            return Ok(());
        }
        let appends = ready.iter().map(|ready| ready.append.clone()).collect();
        let appended = self.ports.log.append(appends).await?;
        for (ready, outcome) in ready.into_iter().zip(appended) {
            // Anything else: it was told before.
            if let Appended::At(position) = outcome {
                self.notices.made.increment(1);
                let event = ready.append.event;
                self.ports.dispatch.hand_on(event, position, ready.targets);
            }
        }
        Ok(())
    }

    /// The event of a notice for a tenant; none when it wants no such.
    fn event_of(&self, notice: &Notice, listener: Scope, now: Timestamp) -> Option<Ready> {
        let name = notice.event_type()?;
        let route = self.directory.route(&listener, name);
        let known = route.event_type.as_ref();
        if known.is_some_and(|known| known.event_type.retired(now)) {
            return None;
        }
        let target = self.directory.target(notice.endpoint);
        let data = notice.data(target.as_deref().map(|target| &target.endpoint));
        let said = Said {
            uid: Some(notice.uid()),
            event_type: known.map_or_else(
                || EventTypeName::parse(name).ok(),
                |known| Some(known.event_type.name.clone()),
            )?,
            subcategory: None,
            attributes: Default::default(),
            // What happened to one endpoint can be had in order.
            ordering_key: Some(notice.endpoint.to_string()),
            data: data.to_string().into(),
            deliver_at: None,
            expires_at: None,
            data_until: None,
            terms: Default::default(),
        };
        let ready = self.ready(listener, &route, said, None, now);
        (!ready.targets.is_empty()).then_some(ready)
    }
}
