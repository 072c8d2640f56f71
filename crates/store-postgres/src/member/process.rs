//! Processes, as others on the same machine see them.

use std::fs;

/// A process, so that another on the same machine can see whether it is there.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) machine: String,
    pub(super) pid: i32,
    pub(super) started: String,
}

impl Process {
    pub(super) fn own() -> Self {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let space = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
        let pid = i32::try_from(std::process::id()).unwrap_or(0);
        Self {
            machine: format!("{} {}", boot.trim(), space.display()),
            pid,
            started: started(pid).unwrap_or_default(),
        }
    }

    /// Whether it is on the machine of `own`, and has ended.
    pub(super) fn has_ended(&self, own: &Self) -> bool {
        let known = !self.started.is_empty() && !own.started.is_empty();
        known && self.machine == own.machine && started(self.pid).as_deref() != Some(&*self.started)
    }
}

/// When a process was started, in its machine's own measure; none where there is none.
fn started(pid: i32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in brackets, may hold anything; the start is the 20th word behind it.
    let (_, behind) = stat.rsplit_once(')')?;
    behind.split_whitespace().nth(19).map(str::to_owned)
}
