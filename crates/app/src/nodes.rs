//! Several nodes over one store: what each decides by itself, from what the store shows it and its own clock.
//!
//! Pure state, without a store and without a clock of its own, so that it is the same over a real database
//! and in virtual time. Times are of a clock that never goes back and goes on while the machine sleeps.
//!
//! The store's part is in four steps, each of which is atomic: a node renews its *beat*; declares another one
//! *gone*, after which the store refuses what that one writes; gives an endpoint back; and takes one that is
//! nobody's or a gone node's.

mod lease;
mod owners;
mod watch;

pub use lease::Lease;
pub use owners::{Owners, Pending};
pub use watch::{Looked, Seen, Watch};

use fanfare_domain::id::EndpointId;

/// A node. Each start has another one, so that it is an epoch too.
pub type NodeId = i64;

/// How many times a node renews its beat in the detection time.
pub const BEATS: u32 = 10;

/// Which node should own an endpoint: the one that the endpoint's and its own id give the highest number, so
/// that few endpoints move when a node comes or goes. None of none.
#[must_use]
pub fn favourite(endpoint: EndpointId, nodes: &[NodeId]) -> Option<NodeId> {
    let weight = |node: NodeId| {
        // SplitMix64: every bit of both counts for every bit of the number.
        let bits = endpoint.bits();
        let mut mixed = (bits as u64) ^ ((bits >> 64) as u64).rotate_left(32);
        mixed ^= node.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    };
    nodes.iter().copied().max_by_key(|node| weight(*node))
}
