//! What the owners of endpoints with an order do.

use fanfare_domain::delivery::Delivery;
use fanfare_domain::id::EndpointId;
use fanfare_testkit::builders::Ground;

use super::Play;
use crate::chronicle::Fact;
use crate::life::Life;
use crate::setting;

impl Play {
    /// Skips or replays what holds an order up, or gives an endpoint another order.
    pub(super) async fn order_something(&mut self, life: &Life) {
        let ids: Vec<_> = self.endpoints.keys().copied().collect();
        if ids.is_empty() {
            return;
        }
        let id = *self.order.pick(&ids);
        if self.order.chance(0.2) {
            self.change_order(life, id).await;
        } else {
            let skips = self.order.chance(0.5);
            self.let_go_on(life, id, skips).await;
        }
    }

    async fn change_order(&mut self, life: &Life, id: EndpointId) {
        let Some(known) = self.endpoints.get_mut(&id) else {
            return;
        };
        setting::order(&self.order, &mut known.draft);
        if self.batches.chance(0.5) {
            setting::batch(&self.batches, &mut known.draft);
        }
        if self.filters.chance(0.5) {
            setting::filter(&self.filters, &mut known.draft);
        }
        let (scope, mut draft) = (known.scope.clone(), known.draft.clone());
        draft.enabled = Some(known.enabled);
        let fanfare = &life.fanfare;
        let changed = fanfare
            .replace_endpoint(&scope, &id.to_string(), draft, Vec::new())
            .await;
        if changed.is_ok() {
            self.note(Fact::Changed(id));
        }
    }

    async fn let_go_on(&self, life: &Life, id: EndpointId, skips: bool) {
        let Some(known) = self.endpoints.get(&id) else {
            return;
        };
        let holding = life.fanfare.holding(&[id]).await;
        for delivery in holding.unwrap_or_default() {
            let name = delivery.id.to_string();
            if skips {
                self.skip(life, &delivery).await;
            } else {
                self.note(Fact::AskedAgain(delivery.id));
                if let Ok(fanfare_app::deliveries::Retried::Replay(replay)) =
                    life.fanfare.retry(&known.scope, &name).await
                {
                    self.note(Fact::GotReplay {
                        of: delivery.id,
                        made: replay.id,
                    });
                }
            }
        }
    }

    /// Skips whatever holds an order up, also at endpoints whose owner was not told that they were made.
    pub(super) async fn skip_all(&self, ground: &Ground, life: &Life) {
        let mut targets = ground.directory.targets();
        targets.sort_unstable_by_key(|target| target.endpoint.id);
        for target in targets {
            let holding = life.fanfare.holding(&[target.endpoint.id]).await;
            for delivery in holding.unwrap_or_default() {
                self.skip(life, &delivery).await;
            }
        }
    }

    async fn skip(&self, life: &Life, delivery: &Delivery) {
        self.note(Fact::Skipping(delivery.id));
        let id = delivery.id.to_string();
        let _ = life.fanfare.skip(&delivery.scope, &id).await;
    }
}
