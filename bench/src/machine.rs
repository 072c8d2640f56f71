//! Which machine the figures are of.

use std::{collections::BTreeMap, fs::read_to_string, num::NonZeroUsize, thread};

pub(crate) fn describe() -> BTreeMap<&'static str, String> {
    let after = |path: &str, name: &str| {
        let text = read_to_string(path).unwrap_or_default();
        let value = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.split_once(':'));
        value
            .map(|(_, value)| value.trim().to_owned())
            .unwrap_or_default()
    };
    let cores = thread::available_parallelism().map_or(0, NonZeroUsize::get);
    let kernel = read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    BTreeMap::from([
        ("cores", cores.to_string()),
        ("processor", after("/proc/cpuinfo", "model name")),
        ("memory", after("/proc/meminfo", "MemTotal")),
        ("kernel", kernel.trim().to_owned()),
    ])
}
