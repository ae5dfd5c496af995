//! Commands of ours, each in a process of its own.
//!
//! They get the configuration that the agent has accepted, not whatever lies in the file by now: as a file without a name, whose text counts as
//! that of the file.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::notify::Notify;
use super::wait::Waiting;
use crate::commands::Context;
use crate::error::Error;

/// This program, even if another one has taken its name by now.
const OURSELVES: &str = "/proc/self/exe";

/// How often the watchdog hears that a command is still at work.
const BREATH: Duration = Duration::from_secs(60);

/// What our commands are started with.
pub(super) struct Hand {
    arguments: Vec<std::ffi::OsString>,
    /// Read by the commands, through a name of this process.
    _text: OwnedFd,
}

/// How a command ended.
pub(super) struct Ended {
    /// Its status.
    pub(super) status: ExitStatus,
    /// What it said about an error.
    pub(super) last: Option<String>,
}

impl Ended {
    /// Whether the work is done, or there was none.
    pub(super) fn is_well(&self) -> bool {
        matches!(self.status.code(), Some(0 | 3))
    }
}

impl Hand {
    /// Commands that work with this text as the configuration at `path`.
    ///
    /// # Errors
    ///
    /// Fails when the kernel has no memory for a file.
    pub(super) fn new(context: &Context, path: &Path, text: &str) -> Result<Self, Error> {
        let file = memfd_create("updog.toml", MemfdFlags::CLOEXEC).map_err(io::Error::from);
        let mut file = file.map(File::from).map_err(Error::Agent)?;
        file.write_all(text.as_bytes()).map_err(Error::Agent)?;
        let name = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
        let mut arguments =
            vec!["--config".into(), path.into(), "--config-text".into(), name.into()];
        for (option, path) in [("--from", &context.from), ("--disk", &context.disk)] {
            if let Some(path) = path {
                arguments.extend([option.into(), path.into()]);
            }
        }
        if let Some(active) = context.active {
            arguments.extend(["--active".into(), active.to_string().into()]);
        }
        Ok(Self { arguments, _text: file.into() })
    }

    /// Runs a command to its end, or until the agent is to stop.
    ///
    /// # Errors
    ///
    /// Fails when it cannot be started, and with [`Error::Stopped`].
    pub(super) async fn run(
        &self,
        command: &[&str],
        waiting: &mut Waiting,
        notify: &Notify,
    ) -> Result<Ended, Error> {
        let mut child = Command::new(OURSELVES);
        let child = child.args(&self.arguments).args(command).stdin(Stdio::null());
        let child = child.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = child.spawn().map_err(Error::Agent)?;
        let stderr = child.stderr.take();
        let listen = async {
            let mut last = None;
            let mut lines = BufReader::new(stderr?).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                eprintln(&line);
                if let Some(error) = line.strip_prefix("updog: ") {
                    last.get_or_insert(error.to_owned());
                }
            }
            last
        };
        let (status, last) = tokio::join!(end(&mut child, waiting, notify), listen);
        Ok(Ended { status: status?, last })
    }
}

async fn end(
    child: &mut Child,
    waiting: &mut Waiting,
    notify: &Notify,
) -> Result<ExitStatus, Error> {
    let mut stopped = false;
    loop {
        notify.busy_for(BREATH);
        tokio::select! {
            status = child.wait() => {
                let status = status.map_err(Error::Agent)?;
                return if stopped { Err(Error::Stopped) } else { Ok(status) };
            }
            () = waiting.stop(), if !stopped => {
                stopped = true;
                ask_to_end(child);
            }
            () = tokio::time::sleep(BREATH) => {}
        }
    }
}

/// What is written to the disk has its place in the order of things: the command may end where it likes.
fn ask_to_end(child: &Child) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    pid.map(|pid| kill_process(pid, Signal::TERM));
}

fn eprintln(line: &str) {
    // A courtesy: a closed standard error must not end the work.
    let _ = writeln!(io::stderr().lock(), "{line}");
}
