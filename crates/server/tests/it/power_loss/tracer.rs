//! Starting a server under `strace`.

use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::task::JoinHandle;

/// The calls that are traced. Those that a [`super::trace::Trace`] does not understand are among them,
/// so that their use on the store's files shows.
const TRACED: &str = "trace=open,openat,openat2,creat,write,pwrite64,writev,pwritev,pwritev2,\
    truncate,ftruncate,fallocate,fsync,fdatasync,sync_file_range,msync,mmap,rename,renameat,\
    renameat2,link,linkat,symlink,symlinkat,unlink,unlinkat,sendto,sendmsg,sendmmsg,sendfile,splice,\
    copy_file_range,io_uring_setup";

/// Where a tracer writes to: a pipe, whose end is the tracer's.
pub(super) struct Tracer {
    pipe: PathBuf,
}

impl Tracer {
    /// With its pipe in this folder.
    pub(super) fn new(folder: &Path) -> Self {
        let there = Command::new("strace").arg("--version").output();
        let there = there.is_ok_and(|output| output.status.success());
        assert!(there, "this test needs strace: apt-get install strace");
        let pipe = folder.join("trace");
        let made = Command::new("mkfifo").arg(&pipe).status();
        assert!(made.is_ok_and(|status| status.success()));
        Self { pipe }
    }

    /// What a server is started under. The process that is started becomes the server's: the tracer
    /// stands aside (`-D`).
    pub(super) fn command(&self) -> Vec<String> {
        let pipe = self.pipe.display().to_string();
        let words = [
            "strace",
            "-D",
            "-f",
            "--seccomp-bpf",
            "-o",
            &pipe,
            "-y",
            "-xx",
            "-s",
            "1000000",
            "-e",
            "signal=none",
            "-e",
            TRACED,
        ];
        words.map(str::to_owned).to_vec()
    }

    /// Reads all that the next tracer writes, until it has ended.
    pub(super) fn listen(&self) -> JoinHandle<Vec<u8>> {
        let pipe = self.pipe.clone();
        tokio::task::spawn_blocking(move || std::fs::read(pipe).unwrap())
    }
}
