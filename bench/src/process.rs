//! What the kernel says of the server's process.

use std::fs::read_to_string;

use anyhow::{Context, Result};
use serde::Serialize;

/// `USER_HZ`, which is 100 on every Linux that programs see.
const TICKS_A_SECOND: f64 = 100.0;

#[derive(Clone, Copy)]
pub(crate) struct Process {
    pub(crate) id: u32,
}

impl Process {
    /// Microseconds of processor time in user and kernel mode, all threads, so far; counted in
    /// steps of 10,000.
    pub(crate) fn cpu_micros(self) -> Result<f64> {
        let path = format!("/proc/{}/stat", self.id);
        let text = read_to_string(&path).with_context(|| format!("{path} cannot be read"))?;
        // The name of the program is in parentheses and may itself hold spaces.
        let fields = text.rsplit_once(") ").map_or("", |(_, fields)| fields);
        let tick = |index: usize| -> Option<f64> {
            fields.split_ascii_whitespace().nth(index)?.parse().ok()
        };
        let ticks = tick(11)
            .zip(tick(12))
            .with_context(|| format!("{path} has another form"))?;
        Ok((ticks.0 + ticks.1) / TICKS_A_SECOND * 1e6)
    }

    pub(crate) fn memory(self) -> Result<Memory> {
        let path = format!("/proc/{}/status", self.id);
        let text = read_to_string(&path).with_context(|| format!("{path} cannot be read"))?;
        let mebibytes = |name: &str| -> Option<f64> {
            let line = text.lines().find_map(|line| line.strip_prefix(name))?;
            let kibibytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
            Some(kibibytes / 1024.0)
        };
        let now = mebibytes("VmRSS:").with_context(|| format!("{path} has no VmRSS"))?;
        let peak = mebibytes("VmHWM:").with_context(|| format!("{path} has no VmHWM"))?;
        Ok(Memory {
            now_mib: now,
            peak_mib: peak,
        })
    }

    /// Resident memory without pages of files, in mebibytes; none when the process is gone.
    pub(crate) fn own_memory(self) -> Option<f64> {
        let text = read_to_string(format!("/proc/{}/status", self.id)).ok()?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"))?;
        let kibibytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
        Some(kibibytes / 1024.0)
    }
}

/// Resident memory: pages of files that the process maps count too.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Memory {
    pub(crate) now_mib: f64,
    pub(crate) peak_mib: f64,
}
