//! What somebody asks of whichever node: extra attempts, and that what waits be cancelled.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use fanfare_app::deliveries::Retried;
use fanfare_app::port::{Deliveries, Jobs};
use fanfare_app::recovery::{Action, JobDraft, Realm};
use fanfare_domain::delivery::Delivery;
use fanfare_testkit::builders::acme;

use super::Play;
use crate::fleet::Fact;
use crate::fleet::network::PATIENT;
use crate::fleet::node::{DETECTION, Node};
use crate::history::everything_of;
use crate::setting::seconds;

impl Play {
    /// Asks for extra attempts of some deliveries that wait, each of a node that has it or not.
    pub(super) async fn ask_for_extra(&self, most: u64) {
        let waiting = self.waiting().await;
        if waiting.is_empty() {
            return;
        }
        for _ in 0..1 + self.chance.below(most) {
            self.ask_for_one(self.chance.pick(&waiting));
        }
    }

    fn ask_for_one(&self, delivery: &Delivery) {
        let node = &self.nodes[self.chance.below(self.nodes.len() as u64) as usize];
        let (fanfare, id) = (Arc::clone(&node.fanfare), delivery.id);
        let chronicle = self.shared.chronicle.clone();
        let asked = chronicle.note(Fact::Asked(node.id(), id));
        tokio::spawn(async move {
            if let Ok(Retried::Extra(_)) = fanfare.retry(&acme(), &id.to_string()).await {
                chronicle.note(Fact::Granted(id, asked));
            }
        });
    }

    async fn waiting(&self) -> Vec<Delivery> {
        let rows = self.shared.store.deliveries(&everything_of(&acme())).await;
        let mut rows = rows.unwrap_or_default();
        rows.retain(|row| !row.state.ended());
        rows
    }

    /// Asks a node that all that waits end, or what waits for one endpoint, unless another job does that.
    pub(super) async fn cancel(&self, node: &Node) {
        let running = self.shared.store.running_jobs(1).await;
        if running.is_ok_and(|running| !running.is_empty()) || self.asking.swap(true, Relaxed) {
            return;
        }
        let waiting = self.waiting().await;
        let one = self.chance.chance(0.5) && !waiting.is_empty();
        let draft = JobDraft {
            action: Some(Action::Cancel),
            endpoint: one.then(|| self.chance.pick(&waiting).endpoint.to_string()),
            ..JobDraft::default()
        };
        let (fanfare, asking) = (Arc::clone(&node.fanfare), Arc::clone(&self.asking));
        tokio::spawn(async move {
            let scope = acme();
            let made = fanfare.make_job(Realm::from(&scope), draft, Vec::new());
            let _ = made.await;
            asking.store(false, Relaxed);
        });
    }

    /// No node is disturbed, and receivers fail still: what is asked for now must come.
    pub(super) async fn stand_still(&self) {
        tokio::time::sleep(3 * DETECTION).await;
        for node in &self.nodes {
            self.publish(node, 4);
        }
        tokio::time::sleep(seconds(3)).await;
        let patient = PATIENT.map(|url| self.network.endpoint_at(url));
        let waiting = self.waiting().await;
        let waiting = waiting
            .iter()
            .filter(|row| patient.contains(&Some(row.endpoint)));
        waiting.for_each(|row| self.ask_for_one(row));
        tokio::time::sleep(seconds(16)).await;
    }
}
