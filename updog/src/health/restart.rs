//! A restart that happens.
//!
//! The command that is asked first may fail, and may succeed without anything coming of it: a masked `reboot.target`, a job that waits for another one for
//! ever. A shutdown that has begun ends this program; as long as it runs, none has.

use std::io;
use std::process::Command;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use rustix::system::{RebootCommand, reboot};

use super::limited;

/// How long the command that restarts the host may take until it has handed the work over.
const LIMIT: Duration = Duration::from_secs(60);

/// How long after it a shutdown may take until it has ended this program.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long what is not on the disk yet is waited for before the kernel restarts.
const SYNC_LIMIT: Duration = Duration::from_secs(30);

/// Runs the command that restarts the host.
///
/// # Errors
///
/// Says what the command did instead.
pub fn ask(words: &[String]) -> Result<(), String> {
    let Some((program, rest)) = words.split_first() else { return Err("no command".to_owned()) };
    match limited::run(Command::new(program).args(rest), LIMIT) {
        Err(error) => Err(error.to_string()),
        Ok(limited::Ended { status: Some(status), .. }) if status.success() => Ok(()),
        Ok(limited::Ended { status: Some(status), tail }) => Err(format!("{status}: {tail}")),
        Ok(limited::Ended { status: None, .. }) => {
            Err(format!("it did not end within {} s", LIMIT.as_secs()))
        }
    }
}

/// A restart without asking anybody, for when asking did not help.
#[derive(Debug)]
pub struct Force {
    /// How long a restart that was asked for may take until it has ended this program.
    patience: Duration,
    /// How long what is not on the disk yet is waited for.
    sync_limit: Duration,
    /// Sleeps.
    wait: fn(Duration),
    /// Writes what is not on the disk yet.
    sync: fn(),
    /// Comes back only if it may not.
    restart: fn() -> io::Error,
}

impl Force {
    /// The kernel's.
    pub const OF_THE_KERNEL: Self = Self {
        patience: PATIENCE,
        sync_limit: SYNC_LIMIT,
        wait: thread::sleep,
        sync: rustix::fs::sync,
        restart: restart_now,
    };

    /// Restarts the machine after the command was run: at once if it failed; if it did not, once it had its time and this program still runs.
    pub fn after<T>(&self, asked: &Result<(), T>) -> io::Error {
        if asked.is_ok() {
            (self.wait)(self.patience);
        }
        let (sync, (done, synced)) = (self.sync, channel());
        // On a disk that hangs it would not end. Where there are no more threads, the machine is restarted all the same.
        let _ = thread::Builder::new().spawn(move || {
            sync();
            let _ = done.send(());
        });
        let _ = synced.recv_timeout(self.sync_limit);
        (self.restart)()
    }
}

fn restart_now() -> io::Error {
    match reboot(RebootCommand::Restart) {
        Ok(()) => io::Error::other("the kernel did not restart"),
        Err(errno) => errno.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Instant;

    use super::*;

    /// What was done, by the test that has locked it.
    static DONE: Mutex<Vec<&str>> = Mutex::new(Vec::new());
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    fn did(what: &'static str) {
        DONE.lock().expect("no test panics with it").push(what);
    }

    fn force(sync: fn(), sync_limit: Duration) -> Force {
        Force {
            patience: PATIENCE,
            sync_limit,
            wait: |time| {
                assert_eq!(time, PATIENCE);
                did("wait");
            },
            sync,
            restart: || {
                did("restart");
                io::Error::other("only played")
            },
        }
    }

    fn done_after(force: &Force, asked: Result<(), &str>) -> Vec<&'static str> {
        DONE.lock().expect("no test panics with it").clear();
        assert_eq!(force.after(&asked).to_string(), "only played");
        DONE.lock().expect("no test panics with it").clone()
    }

    #[test]
    fn a_command_that_succeeds_and_does_nothing_has_its_time_and_then_the_kernel_restarts() {
        let _lock = ONE_AT_A_TIME.lock();
        let force = force(|| did("sync"), Duration::from_secs(3600));
        assert_eq!(done_after(&force, Ok(())), ["wait", "sync", "restart"]);
        assert_eq!(done_after(&force, Err("no command")), ["sync", "restart"]);
    }

    #[test]
    fn a_disk_that_hangs_keeps_nobody_from_restarting() {
        let _lock = ONE_AT_A_TIME.lock();
        let started = Instant::now();
        let force = force(|| thread::sleep(Duration::from_secs(3600)), Duration::from_millis(50));
        assert_eq!(done_after(&force, Err("")), ["restart"]);
        assert!(started.elapsed() < Duration::from_secs(1800));
    }
}
