//! What the owners of endpoints do.

use std::sync::Arc;

use fanfare_app::deliveries::Retried;
use fanfare_app::recovery::{Action, JobDraft, Realm, RecoverDraft};
use fanfare_domain::delivery::StateName;
use fanfare_domain::id::{DeliveryId, EndpointId};
use fanfare_domain::job::{Job, Missing};
use fanfare_domain::name::Scope;
use fanfare_testkit::builders::Ground;
use fanfare_testkit::clock::VIRTUAL_START;
use fanfare_testkit::memory_store::Call;

use super::{Known, Play, pass, publishers};
use crate::chronicle::Fact;
use crate::life::Life;
use crate::setting::{self, millis};

impl Play {
    pub(super) async fn add_endpoint(&mut self, life: &Life) {
        let url = format!("https://r{}.example/", self.made);
        let mut draft = setting::draft(&self.chance, &url);
        setting::order(&self.order, &mut draft);
        setting::batch(&self.batches, &mut draft);
        setting::filter(&self.filters, &mut draft);
        let scope = self.chance.pick(&publishers::scopes()).clone();
        self.made += 1;
        let made = life
            .fanfare
            .create_endpoint(&scope, draft.clone(), Vec::new())
            .await;
        let Ok(made) = made else { return };
        self.network.change(&url);
        let known = Known {
            scope,
            draft,
            enabled: true,
        };
        self.endpoints.insert(made.id, known);
        self.note(Fact::Changed(made.id));
    }

    fn one_endpoint(&self) -> Option<EndpointId> {
        let ids: Vec<_> = self.endpoints.keys().copied().collect();
        (!ids.is_empty()).then(|| *self.chance.pick(&ids))
    }

    /// Disables an endpoint, or enables it again.
    pub(super) async fn switch(&mut self, life: &Life) {
        if let Some(id) = self.one_endpoint() {
            self.switch_this(life, id).await;
        }
    }

    async fn switch_this(&mut self, life: &Life, id: EndpointId) {
        let Some(known) = self.endpoints.get_mut(&id) else {
            return;
        };
        known.enabled = !known.enabled;
        let (enabled, scope) = (known.enabled, known.scope.clone());
        let mut draft = known.draft.clone();
        draft.enabled = Some(enabled);
        self.note(if enabled {
            Fact::Opening(id)
        } else {
            Fact::Closing(id)
        });
        let fanfare = &life.fanfare;
        let changed = fanfare
            .replace_endpoint(&scope, &id.to_string(), draft, Vec::new())
            .await;
        if changed.is_ok() {
            self.note(Fact::Changed(id));
        }
        if changed.is_ok() && !enabled {
            self.note(Fact::Closed(id));
        }
    }

    /// Disables an endpoint and enables it again at once, while the store takes its time.
    pub(super) async fn switch_while_slow(&mut self, ground: &Ground, life: &Life) {
        let call = *self.chance.pick(&[Call::Due, Call::Discard, Call::Settle]);
        let delay = millis(1 << self.chance.below(12));
        let moment = self.moment();
        ground.store.faults().delay(call, delay, moment);
        self.note(Fact::Trouble(format!(
            "the store is slow: {call:?} by {delay:?}, {moment:?} its work"
        )));
        pass(millis(self.chance.below(1_000))).await;
        let Some(id) = self.one_endpoint() else {
            return;
        };
        for _ in 0..2 {
            self.switch_this(life, id).await;
            pass(millis(self.chance.below(200))).await;
        }
    }

    pub(super) async fn delete(&mut self, life: &Life) {
        let Some(id) = self.one_endpoint() else {
            return;
        };
        let Some(known) = self.endpoints.get(&id) else {
            return;
        };
        self.note(Fact::Closing(id));
        let scope = known.scope.clone();
        let deleted = life.fanfare.delete_endpoint(&scope, &id.to_string()).await;
        if deleted.is_ok() {
            self.note(Fact::Closed(id));
        }
    }

    pub(super) fn change_a_mood(&self) {
        if let Some(known) = self
            .one_endpoint()
            .and_then(|endpoint| self.endpoints.get(&endpoint))
            && let Some(url) = &known.draft.url
        {
            let mood = self.network.change(url);
            self.note(Fact::Trouble(format!("{url} is {mood:?}")));
        }
    }

    /// Somebody asks that a delivery be tried again, and does not wait for the answer.
    pub(super) fn retry_one(&self, life: &Life) {
        let Some((scope, id)) = self.one_delivery() else {
            return;
        };
        let (fanfare, chronicle) = (Arc::clone(&life.fanfare), self.chronicle.clone());
        chronicle.note(Fact::AskedAgain(id));
        tokio::spawn(async move {
            match fanfare.retry(&scope, &id.to_string()).await {
                Ok(Retried::Extra(_)) => chronicle.note(Fact::GotExtra(id)),
                Ok(Retried::Replay(replay)) => chronicle.note(Fact::GotReplay {
                    of: id,
                    made: replay.id,
                }),
                Err(_) => {}
            }
        });
    }

    /// The owner of an endpoint asks for what it did not get, or that deliveries be repeated by a filter.
    pub(super) async fn recover(&self, life: &Life) {
        let Some((id, known)) = self
            .one_endpoint()
            .and_then(|id| Some((id, self.endpoints.get(&id)?)))
        else {
            return;
        };
        // Slow or quick.
        let rate = Some(*self.chance.pick(&[5, 1_000]));
        let since = Some(VIRTUAL_START);
        if self.chance.chance(0.6) {
            let what = *self
                .chance
                .pick(&[Missing::Failed, Missing::Missed, Missing::Everything]);
            let draft = RecoverDraft {
                since,
                what: Some(what),
                rate,
                ..RecoverDraft::default()
            };
            let recovered = life
                .fanfare
                .recover_endpoint(&known.scope, &id.to_string(), draft, Vec::new())
                .await;
            self.note_job(recovered.ok());
        } else {
            let state = *self.chance.pick(&[
                StateName::Failed,
                StateName::Discarded,
                StateName::Delivered,
            ]);
            let draft = JobDraft {
                action: Some(Action::Retry),
                states: Some(vec![state]),
                since,
                rate,
                ..JobDraft::default()
            };
            let made = life
                .fanfare
                .make_job(Realm::from(&known.scope), draft, Vec::new())
                .await;
            self.note_job(made.ok());
        }
    }

    fn note_job(&self, job: Option<Job>) {
        if let Some(job) = job {
            self.note(Fact::GotJob(job.id));
        }
    }

    fn one_delivery(&self) -> Option<(Scope, DeliveryId)> {
        let accepted = self.accepted.lock();
        // Mostly one of the last, which may wait still.
        let from = if self.chance.chance(0.7) {
            accepted.len().saturating_sub(20)
        } else {
            0
        };
        let list = &accepted[from..];
        if list.is_empty() {
            return None;
        }
        let event = self.chance.pick(list);
        let places = event.targets.len() as u64;
        let place = (places > 0).then(|| self.chance.below(places) as u16)?;
        Some((event.scope.clone(), event.id.delivery(place)))
    }
}
