//! How deliveries of single event types differ from the usual policy.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fanfare_domain::name::EventTypeName;
use fanfare_domain::policy::PolicyPatch;
use parking_lot::RwLock;

/// The patches of an environment's event types; shared by all its endpoints. Most environments have
/// none, and then asking costs a branch.
#[derive(Debug, Default)]
pub(super) struct TypePolicies {
    any: AtomicBool,
    by_type: RwLock<HashMap<EventTypeName, Arc<PolicyPatch>>>,
}

impl TypePolicies {
    /// Sets the patch of a type; one that says nothing takes it away.
    pub(super) fn set(&self, name: &EventTypeName, patch: &PolicyPatch) {
        if *patch == PolicyPatch::default() {
            self.remove(name.as_str());
            return;
        }
        let mut by_type = self.by_type.write();
        by_type.insert(name.clone(), Arc::new(patch.clone()));
        self.any.store(true, Ordering::Release);
    }

    /// Takes the patch of a type away.
    pub(super) fn remove(&self, name: &str) {
        let mut by_type = self.by_type.write();
        by_type.remove(name);
        self.any.store(!by_type.is_empty(), Ordering::Release);
    }

    /// The patch of a type.
    pub(super) fn of(&self, name: &EventTypeName) -> Option<Arc<PolicyPatch>> {
        if !self.any.load(Ordering::Acquire) {
            return None;
        }
        self.by_type.read().get(name).cloned()
    }
}
