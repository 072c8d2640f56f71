//! What the kernel says of the server's process, or of its nodes' together.

use std::fs::read_to_string;

use anyhow::{Context, Result};
use serde::Serialize;

/// `USER_HZ`, which is 100 on every Linux that programs see.
const TICKS_A_SECOND: f64 = 100.0;

pub(crate) struct Process {
    /// Of each node.
    pub(crate) ids: Vec<u32>,
    /// The first process of the PostgreSQL that works for it.
    pub(crate) postgres: Option<u32>,
}

impl Process {
    /// Microseconds of processor time in user and kernel mode, all threads, so far; counted in
    /// steps of 10,000. PostgreSQL's processes are counted too, those that ended included.
    pub(crate) fn cpu_micros(&self) -> Result<f64> {
        let mut ticks = 0.0;
        for id in &self.ids {
            let own = Times::of(*id)?;
            ticks += own.user + own.system;
        }
        if let Some(first) = self.postgres {
            let first_times = Times::of(first)?;
            ticks += first_times.user + first_times.system + first_times.ended_children;
            for child in children(first) {
                // One that ends now is counted by the next look.
                if let Ok(times) = Times::of(child) {
                    ticks += times.user + times.system;
                }
            }
        }
        Ok(ticks / TICKS_A_SECOND * 1e6)
    }

    pub(crate) fn memory(&self) -> Result<Memory> {
        let mut sum = Memory {
            now_mib: 0.0,
            peak_mib: 0.0,
        };
        for id in &self.ids {
            sum.now_mib += mebibytes(*id, "VmRSS:")?;
            sum.peak_mib += mebibytes(*id, "VmHWM:")?;
        }
        Ok(sum)
    }

    /// Resident memory without pages of files, in mebibytes; none when a process is gone.
    pub(crate) fn own_memory(&self) -> Option<f64> {
        let each = self.ids.iter().map(|id| mebibytes(*id, "RssAnon:").ok());
        each.sum()
    }
}

/// What the status of a process says under a name, which counts in kB.
fn mebibytes(process: u32, name: &str) -> Result<f64> {
    let path = format!("/proc/{process}/status");
    let text = read_to_string(&path).with_context(|| format!("{path} cannot be read"))?;
    let found = || -> Option<f64> {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        let kibibytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kibibytes / 1024.0)
    };
    found().with_context(|| format!("{path} has no {name}"))
}

/// Resident memory: pages of files that the process maps count too.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Memory {
    pub(crate) now_mib: f64,
    pub(crate) peak_mib: f64,
}

/// Ticks of processor time.
struct Times {
    parent: u32,
    user: f64,
    system: f64,
    ended_children: f64,
}

impl Times {
    fn of(process: u32) -> Result<Self> {
        let path = format!("/proc/{process}/stat");
        let text = read_to_string(&path).with_context(|| format!("{path} cannot be read"))?;
        // The name of the program is in parentheses and may itself hold spaces.
        let fields = text.rsplit_once(") ").map_or("", |(_, fields)| fields);
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let number = |index: usize| -> Option<f64> { fields.get(index)?.parse().ok() };
        let times = || -> Option<Self> {
            Some(Self {
                parent: fields.get(1)?.parse().ok()?,
                user: number(11)?,
                system: number(12)?,
                ended_children: number(13)? + number(14)?,
            })
        };
        times().with_context(|| format!("{path} has another form"))
    }
}

fn children(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").into_iter().flatten();
    let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter(|id| Times::of(*id).is_ok_and(|times| times.parent == parent))
        .collect()
}
