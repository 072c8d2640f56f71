//! What the process asks of the operating system for itself. Each is a favour: where it is refused,
//! the process works without.

use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Keeps memory in small pages.
///
/// The allocator asks for huge ones, of which an idle server touches a few bytes each: that was
/// 15 MiB of 38.
pub(crate) fn keep_memory_small() {
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

/// Lets the process have as many files as the system allows it.
///
/// The customary 1,024 are for programs of the eighties that would break with more; each connection
/// is a file here.
pub(crate) fn allow_many_files() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    let most = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, most) {
        tracing::warn!(%error, "the limit of open files can't be raised");
    }
}

/// Begins the program anew, in the same process and with the same arguments: nothing of what it has in
/// memory counts any more. Answers only where that fails.
pub(crate) fn begin_anew() -> anyhow::Error {
    tracing::warn!("beginning anew");
    let arguments = std::env::args_os().skip(1);
    let failed = Command::new("/proc/self/exe").args(arguments).exec();
    anyhow::Error::new(failed).context("the program can't begin anew")
}
