//! Wakes at exact moments. Tokio's own timer counts in milliseconds, which is longer than what is
//! measured here.

use std::os::fd::OwnedFd;

use anyhow::Result;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::{Interest, unix::AsyncFd};

use crate::clock;

pub(crate) struct Pacer {
    timer: AsyncFd<OwnedFd>,
}

impl Pacer {
    #[expect(
        deprecated,
        reason = "its successor is unsafe; an owned descriptor is all it asks for"
    )]
    pub(crate) fn new() -> Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        Ok(Self {
            timer: AsyncFd::with_interest(timer, Interest::READABLE)?,
        })
    }

    /// Returns at this moment of [`clock`], or at once where it is over.
    pub(crate) async fn until(&self, moment: u64) -> Result<()> {
        let wait = moment.saturating_sub(clock::now());
        if wait == 0 {
            return Ok(());
        }
        let value = Timespec {
            tv_sec: i64::try_from(wait / 1_000_000_000)?,
            tv_nsec: i64::try_from(wait % 1_000_000_000)?,
        };
        let once = Itimerspec {
            it_interval: Timespec::default(),
            it_value: value,
        };
        timerfd_settime(self.timer.get_ref(), TimerfdTimerFlags::empty(), &once)?;
        // Setting the timer anew takes back an expiry that nobody read.
        self.timer.readable().await?.clear_ready();
        Ok(())
    }
}
