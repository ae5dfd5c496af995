//! The watchdog while the checks run.
//!
//! It is armed before the first check, and fed until the time limit is over and not longer: should this program itself hang, the machine restarts.
//! Who arms it first, this program or the first program of the machine (`waystone.watchdog=`), makes no difference.

use std::io;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use watchdog::Watchdog;

use super::Deadline;

/// After how many seconds without food the machine restarts.
const SECONDS: i32 = 60;

/// Time between two meals.
const MEAL: Duration = Duration::from_secs(5);

/// An armed watchdog that is fed by a thread of its own. Dropped, it stays armed.
#[derive(Debug)]
pub struct Feeder {
    enough: Sender<()>,
    thread: JoinHandle<Option<Watchdog>>,
}

impl Feeder {
    /// Arms the watchdog, or takes it over, and feeds it until the time is over.
    ///
    /// # Errors
    ///
    /// Fails if there is none, or somebody else has it, or where there are no more threads.
    pub fn start(path: &Path, deadline: Deadline) -> io::Result<Self> {
        let ((hand, taken), (enough, end)) = (channel::<Watchdog>(), channel());
        // Before the watchdog is armed: one that nobody feeds ends a good start.
        let thread = thread::Builder::new().spawn(move || {
            let mut watchdog = taken.recv().ok()?;
            loop {
                // Where feeding does not work the machine restarts, and nobody here can do better.
                let _ = watchdog.feed();
                let wait = MEAL.min(deadline.left());
                if wait.is_zero() || end.recv_timeout(wait) != Err(RecvTimeoutError::Timeout) {
                    return Some(watchdog);
                }
            }
        })?;
        let watchdog = Watchdog::open(path)?;
        // A driver with a time of its own keeps that: it is fed often enough for any.
        let _ = watchdog.set_timeout(SECONDS);
        let _ = hand.send(watchdog);
        Ok(Self { enough, thread })
    }

    /// Feeds it a last time and leaves it armed: what comes now has so many seconds.
    pub fn leave_armed(self) {
        if let Some(mut watchdog) = self.stop() {
            let _ = watchdog.feed();
        }
    }

    /// Disarms it.
    ///
    /// # Errors
    ///
    /// Fails as the device does; it is then still armed.
    pub fn disarm(self) -> io::Result<()> {
        self.stop().map_or(Ok(()), Watchdog::disarm)
    }

    fn stop(self) -> Option<Watchdog> {
        drop(self.enough);
        self.thread.join().ok().flatten()
    }
}
