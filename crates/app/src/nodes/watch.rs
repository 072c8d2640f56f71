//! Watching the other nodes.

use std::collections::HashMap;
use std::time::Duration;

use super::{BEATS, NodeId};

/// A node that is not declared gone, as the store shows it.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Which.
    pub id: NodeId,
    /// Changes as long as it lives.
    pub beat: i64,
    /// Whether it sends.
    pub delivers: bool,
    /// Whether its process is known to have ended.
    pub ended: bool,
}

/// What a look showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// Those that deliver and are there, in the order of their ids.
    pub delivering: Vec<NodeId>,
    /// Those that are to be declared gone.
    pub gone: Vec<NodeId>,
}

/// What a node knows of the others' beats.
#[derive(Debug, Default)]
pub struct Watch {
    /// The beat of each other node, and since when it was the same.
    seen: HashMap<NodeId, (i64, Duration)>,
    /// When all were looked at the last time.
    looked: Option<Duration>,
}

impl Watch {
    /// Looks at all nodes that are not declared gone, in the order of their ids, as they were after `now`.
    /// Who has not looked for a while has not watched, and begins anew.
    pub fn look(
        &mut self,
        own: NodeId,
        nodes: &[Seen],
        now: Duration,
        detection: Duration,
    ) -> Looked {
        let lately = 3 * detection / BEATS;
        let watched = (self.looked).is_some_and(|looked| now.saturating_sub(looked) < lately);
        self.looked = Some(now);
        if !watched {
            self.seen.clear();
        }
        let mut looked = Looked::default();
        let mut seen = HashMap::new();
        for node in nodes {
            if node.id != own {
                let since = match self.seen.get(&node.id) {
                    Some((before, since)) if *before == node.beat => *since,
                    _ => now,
                };
                seen.insert(node.id, (node.beat, since));
                if node.ended || now.saturating_sub(since) > detection {
                    looked.gone.push(node.id);
                    continue;
                }
            }
            if node.delivers {
                looked.delivering.push(node.id);
            }
        }
        self.seen = seen;
        looked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DETECTION: Duration = Duration::from_secs(5);

    fn other(beat: i64) -> [Seen; 2] {
        [1, 2].map(|id| Seen {
            id,
            beat,
            delivers: true,
            ended: false,
        })
    }

    #[test]
    fn a_node_is_gone_once_it_was_seen_silent_for_the_whole_detection_time() {
        let mut watch = Watch::default();
        let at = |tenths: u32| DETECTION * tenths / 10;
        for tenths in 0..=10 {
            let looked = watch.look(1, &other(7), at(tenths), DETECTION);
            assert_eq!((looked.gone, looked.delivering), (vec![], vec![1, 2]));
        }
        let looked = watch.look(1, &other(7), at(11), DETECTION);
        assert_eq!((looked.gone, looked.delivering), (vec![2], vec![1]));
    }

    #[test]
    fn who_did_not_look_for_a_while_begins_to_watch_anew() {
        let mut watch = Watch::default();
        watch.look(1, &other(7), Duration::ZERO, DETECTION);
        let looked = watch.look(1, &other(7), 2 * DETECTION, DETECTION);
        assert!(looked.gone.is_empty());
    }

    #[test]
    fn the_own_beat_is_not_watched_and_an_ended_process_is_gone_at_once() {
        let mut watch = Watch::default();
        let mut nodes = other(7);
        nodes[1].ended = true;
        let looked = watch.look(1, &nodes, Duration::ZERO, DETECTION);
        assert_eq!((looked.gone, looked.delivering), (vec![2], vec![1]));
    }
}
