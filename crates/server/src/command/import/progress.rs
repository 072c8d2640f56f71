//! A bar that shows how far something is, where somebody looks at it.

use std::io::{IsTerminal, Write};

const WIDTH: usize = 30;

/// How far something is. It ends its line when it is dropped.
pub(super) struct Progress {
    what: &'static str,
    all: usize,
    done: usize,
    shown: bool,
}

impl Progress {
    pub(super) fn new(what: &'static str, all: usize) -> Self {
        let progress = Self {
            what,
            all,
            done: 0,
            shown: std::io::stderr().is_terminal(),
        };
        progress.show();
        progress
    }

    pub(super) fn step(&mut self) {
        self.done += 1;
        self.show();
    }

    fn show(&self) {
        if self.shown {
            let full = (WIDTH * self.done).checked_div(self.all).unwrap_or(WIDTH);
            let bar = format!("{}{}", "#".repeat(full), ".".repeat(WIDTH - full));
            let (what, done, all) = (self.what, self.done, self.all);
            // Where nothing can be shown, the work goes on all the same.
            let _ = write!(std::io::stderr(), "\r[{bar}] {done} of {all} {what}");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = writeln!(std::io::stderr());
        }
    }
}
