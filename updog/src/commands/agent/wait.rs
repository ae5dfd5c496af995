//! Waiting: for a time, a change of what lies in the state folder, or a signal. Nothing else wakes the agent.
//!
//! The time is one of the wall clock, which may be set while it is waited for: the kernel then wakes us, and the decision is made anew.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;

use chrono::{DateTime, Utc};
use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::agent::{checked, orders};
use crate::boots::file as boots;
use crate::files::make_folder;

/// Files whose change may change a decision. The agent's own record is not one: nobody else writes it.
const FILES: [&str; 4] = [orders::FILE, boots::FILE, checked::FILE, crate::staged::FILE];

/// What the agent waits for.
pub(super) struct Waiting {
    timer: AsyncFd<OwnedFd>,
    changes: AsyncFd<OwnedFd>,
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

/// What has woken it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// The time has come, or the clock was set.
    Again,
    /// One of the files that matter has changed: whoever changed it may not be done.
    Changed,
    /// The configuration is to be read again.
    Reload,
    /// The agent is to stop.
    Stop,
}

/// The clock since the timer was asked the last time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Clock {
    /// It went on.
    Same,
    /// Somebody has set it.
    WasSet,
}

impl Waiting {
    /// Waits for changes in the state folder, among others. It is made if it is not there.
    ///
    /// # Errors
    ///
    /// Fails when the folder cannot be watched, or the kernel has no more of what is needed.
    pub(super) fn new(state: &Path) -> io::Result<Self> {
        make_folder(state)?;
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Realtime, flags)?;
        let changes = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        let of_interest = WatchFlags::MOVED_TO | WatchFlags::CLOSE_WRITE | WatchFlags::DELETE;
        inotify::add_watch(&changes, state, of_interest)?;
        Ok(Self {
            timer: register(timer)?,
            changes: register(changes)?,
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Waits until a time, for ever if there is none, or for anything else that wakes.
    ///
    /// # Errors
    ///
    /// Fails when the timer cannot be set.
    pub(super) async fn wait(&mut self, until: Option<DateTime<Utc>>) -> io::Result<Wake> {
        if self.set(until)? == Clock::WasSet {
            return Ok(Wake::Again);
        }
        let wake = tokio::select! {
            biased;
            _ = self.terminate.recv() => Wake::Stop,
            _ = self.interrupt.recv() => Wake::Stop,
            _ = self.hangup.recv() => Wake::Reload,
            () = time(&self.timer) => Wake::Again,
            () = change(&self.changes) => Wake::Changed,
        };
        Ok(wake)
    }

    /// Comes back when the agent is to stop.
    pub(super) async fn stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// What has changed by now is about to be looked at.
    pub(super) fn forget_changes(&self) {
        while concerns_us(self.changes.get_ref()).is_some() {}
    }

    fn set(&self, until: Option<DateTime<Utc>>) -> io::Result<Clock> {
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        // Far away: the timer is set all the same, so that a change of the clock wakes.
        let far = i64::from(i32::MAX) * 4;
        let until = until.map_or(far, |until| until.timestamp().saturating_add(1));
        // A time of zero would not set it.
        let it_value = Timespec { tv_sec: until.clamp(1, far), tv_nsec: 0 };
        let flags = TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET;
        let time = Itimerspec { it_interval: zero, it_value };
        Clock::told_by(timerfd_settime(self.timer.get_ref(), flags, &time).map(drop))
    }
}

impl Clock {
    /// What the kernel answers when the timer is set: it refuses once if the clock was set since it was last asked, so that nobody waits for
    /// a time that was made out on another clock.
    fn told_by(answer: rustix::io::Result<()>) -> io::Result<Self> {
        match answer {
            Ok(()) => Ok(Self::Same),
            Err(Errno::CANCELED) => Ok(Self::WasSet),
            Err(other) => Err(other.into()),
        }
    }
}

/// An owned descriptor is the same one for as long as it is registered, which is all that the function without `unsafe` cannot promise for
/// others.
#[expect(deprecated, reason = "what takes its place asks for unsafe")]
fn register(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(fd, Interest::READABLE)
}

/// Comes back when the timer has run off, or the clock was set.
async fn time(timer: &AsyncFd<OwnedFd>) {
    while let Ok(mut ready) = timer.readable().await {
        let mut expired = [0; 8];
        match rustix::io::read(timer.get_ref(), &mut expired) {
            Err(Errno::AGAIN | Errno::INTR) => ready.clear_ready(),
            // Expired, or cancelled since the clock was set.
            Ok(_) | Err(_) => return,
        }
    }
}

/// Comes back when one of the files that matter was replaced or removed.
async fn change(changes: &AsyncFd<OwnedFd>) {
    while let Ok(mut ready) = changes.readable().await {
        match concerns_us(changes.get_ref()) {
            Some(true) => return,
            Some(false) => {}
            None => ready.clear_ready(),
        }
    }
}

/// Whether what happened concerns one of the files that matter; `None` if nothing has happened.
fn concerns_us(changes: &OwnedFd) -> Option<bool> {
    let mut buffer = [MaybeUninit::uninit(); 4096];
    let mut reader = Reader::new(changes, &mut buffer);
    let mut concerns = false;
    let mut happened = None;
    loop {
        match reader.next() {
            Ok(event) => {
                let name = event.file_name().map(|name| name.to_bytes());
                concerns |= FILES.iter().any(|file| name == Some(file.as_bytes()));
                happened = Some(concerns);
                if reader.is_buffer_empty() {
                    return happened;
                }
            }
            Err(Errno::INTR) => {}
            Err(_) => return happened,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_while_the_agent_worked_does_not_end_it() {
        assert_eq!(Clock::told_by(Err(Errno::CANCELED)).unwrap(), Clock::WasSet);
        assert_eq!(Clock::told_by(Ok(())).unwrap(), Clock::Same);
        assert!(Clock::told_by(Err(Errno::INVAL)).is_err());
    }
}
