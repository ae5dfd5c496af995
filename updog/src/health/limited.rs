//! A program that gets so much time and no more.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// How much of the end of a program's output is kept, in bytes.
const TAIL: usize = 2048;

/// How long the rest of the output is waited for, once the program and all of its group are killed. What left the group may hold the output for ever; in
/// tests nothing does, and other tests want the processor.
const LAST_WORDS: Duration = Duration::from_millis(if cfg!(test) { 60_000 } else { 1_000 });

/// The end of a time limit that several programs share.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    end: Instant,
    limit: Duration,
}

impl Deadline {
    /// A limit that begins now.
    pub fn after(limit: Duration) -> Self {
        Self { end: Instant::now() + limit, limit }
    }

    /// What is left.
    pub fn left(self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Whether nothing is left.
    pub fn is_over(self) -> bool {
        self.left().is_zero()
    }

    /// The whole limit.
    pub fn limit(self) -> Duration {
        self.limit
    }
}

/// How a program ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its status; `None` if it had to be killed when its time was over.
    pub(super) status: Option<ExitStatus>,
    /// The end of what it said, on both of its outputs.
    pub(super) tail: String,
}

/// Runs a program in a process group of its own, which is killed when the time is over, and also what is left of it when the
/// program ends.
///
/// # Errors
///
/// Fails when it cannot be started.
pub(super) fn run(command: &mut Command, left: Duration) -> io::Result<Ended> {
    let (reader, writer) = io::pipe()?;
    let output = writer.try_clone()?;
    let command = command.process_group(0).stdin(Stdio::null()).stdout(output).stderr(writer);
    // Before there is a child: where there are no more threads, nothing may run that nobody watches.
    let (tail, read) = tail_of(reader)?;
    let child = command.spawn();
    // Otherwise the pipe would stay open here, and its end would never come.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let child = child?;
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let kill = || {
        let _ = group.map(|group| kill_process_group(group, Signal::KILL));
    };
    let ended = wait(child).inspect_err(|_| kill())?;
    let status = ended.recv_timeout(left).ok();
    // Nobody is left in a group that is gone.
    kill();
    if status.is_none() {
        // One that cannot even be killed is left behind: the watchdog is for that.
        let _ = ended.recv_timeout(LAST_WORDS);
    }
    let _ = read.recv_timeout(LAST_WORDS);
    let tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
    let status = status.transpose()?;
    Ok(Ended { status, tail: String::from_utf8_lossy(&tail).into_owned() })
}

fn wait(mut child: Child) -> io::Result<Receiver<io::Result<ExitStatus>>> {
    let (sender, receiver) = channel();
    thread::Builder::new().spawn(move || sender.send(child.wait()))?;
    Ok(receiver)
}

/// The last bytes, and who hears when there are no more.
type Tail = (Arc<Mutex<Vec<u8>>>, Receiver<()>);

/// Reads to the end, keeping the last bytes; the receiver hears when there is no more.
fn tail_of(mut reader: impl Read + Send + 'static) -> io::Result<Tail> {
    let tail = Arc::new(Mutex::new(Vec::new()));
    let (shared, (sender, receiver)) = (Arc::clone(&tail), channel());
    thread::Builder::new().spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = reader.read(&mut buffer) {
            let mut tail = shared.lock().unwrap_or_else(PoisonError::into_inner);
            tail.extend_from_slice(buffer.get(..count).unwrap_or_default());
            let surplus = tail.len().saturating_sub(TAIL);
            tail.drain(..surplus);
        }
        sender.send(())
    })?;
    Ok((tail, receiver))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn shell(script: &str, left: Duration) -> Ended {
        run(Command::new("/bin/sh").args(["-c", script]), left).unwrap()
    }

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn the_end_of_both_outputs_is_kept() {
        let ended = shell("seq 1 5000; echo bad >&2; exit 3", LONG);
        assert_eq!(ended.status.unwrap().code(), Some(3));
        assert!(ended.tail.ends_with("5000\nbad\n") && ended.tail.len() <= TAIL);
    }

    #[test]
    fn when_its_time_is_over_it_is_killed_with_all_of_its_group() {
        // A machine that is busy gives it more time to speak.
        let child = [300, 3_000, 30_000].into_iter().find_map(|time| {
            let ended = shell("(sleep 3600 & echo $!; wait)", Duration::from_millis(time));
            assert!(ended.status.is_none());
            ended.tail.trim().parse::<i32>().ok()
        });
        let child = child.unwrap();
        let gone = |pid: i32| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
            // Killed, even if nobody has asked for its status yet.
            stat.map_or(true, |stat| stat.contains(") Z") || stat.contains(") X"))
        };
        let patience = Instant::now() + Duration::from_secs(60);
        let is_gone = std::iter::repeat_with(|| gone(child)).inspect(|_| thread::yield_now());
        let mut in_time = is_gone.take_while(|_| Instant::now() < patience);
        assert!(in_time.any(|gone| gone), "{child} still runs");
    }

    #[test]
    fn what_stays_behind_does_not_hold_up_the_end() {
        let started = Instant::now();
        let ended = shell("sleep 3600 & echo done", LONG);
        assert!(ended.status.unwrap().success() && started.elapsed() < LONG / 2);
        assert_eq!(ended.tail, "done\n");
    }
}
