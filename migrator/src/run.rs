//! One migration, run; and how any is watched.
//!
//! It is called as Bottlerocket's are (one that works in a stream in another way: [`stream`](mod@crate::stream)): `--forward|--backward --source-datastore PATH --target-datastore PATH`. The target does not exist; the migration
//! makes it, whole. Of an environment it gets `TMPDIR` alone, a folder that goes with it, and no input; what it says on its outputs goes to the log under its name, up to a limit. It
//! has so much time, memory, file length and open files, and does what [`confine`] lets it. Exit code 0 alone is success; the
//! caller looks at what it left.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use manifest::Direction;
use rustix::process::{Pid, Signal, kill_process_group};

use crate::confine::{Calls, Temporary};
use crate::{Error, Result, Sealed, confine};

/// Hears what goes on, a line at a time.
pub type Log<'a> = dyn FnMut(&str) + 'a;

/// The most that a migration may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long it may run.
    pub time: Duration,
    /// When all have to have ended, if that is earlier.
    pub until: Option<Instant>,
    /// Address space in bytes.
    pub memory: u64,
    /// Length of a file that it writes, in bytes.
    pub file: u64,
    /// How much of what it says goes to the log, in bytes.
    pub output: u64,
}

impl Default for Limits {
    fn default() -> Self {
        let time = Duration::from_secs(300);
        Self { time, until: None, memory: 1 << 30, file: 64 << 20, output: 64 << 10 }
    }
}

/// How many files each of its processes may have open.
const FILES: u64 = 1024;

/// Longest line of the log, in bytes.
const MAX_LINE: u64 = 4096;

/// What a line costs beside its bytes: the name before it.
const LINE_COST: u64 = 40;

/// How long the rest of the output is waited for, once the program and all of its group are killed. Nothing but a kernel that filters no system calls lets anybody
/// leave the group and hold the output: elsewhere it ends as soon as they are gone.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How a migration is called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Which way.
    pub(crate) direction: Direction,
    /// The store that it reads.
    pub(crate) source: &'a Path,
    /// The store that it makes.
    pub(crate) target: &'a Path,
    /// The one folder in which it may write; both stores lie in it.
    pub(crate) work: &'a Path,
}

/// Where a migration runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// The one folder in which it may write.
    pub(crate) work: &'a Path,
    /// What it writes its standard output to, if that is not for the log.
    pub(crate) output: Option<&'a File>,
}

/// What happens while it runs.
enum Event {
    /// It does not run.
    NotStarted(io::Error),
    /// It said something.
    Line(String),
    /// There is no more that it says.
    Silent,
    /// It has ended.
    Ended(io::Result<ExitStatus>),
}

/// Runs a migration to its end, or to that of its time.
///
/// # Errors
///
/// [`Error::Start`] or [`Error::Failed`].
pub(crate) fn run(
    program: &Sealed,
    call: &Call<'_>,
    limits: &Limits,
    log: &mut Log<'_>,
) -> Result<()> {
    let temporary = Temporary::within(call.work);
    let temporary =
        temporary.map_err(|source| Error::Start { name: call.name.to_owned(), source })?;
    let mut command = command(program, call.name, call.direction);
    command.env("TMPDIR", temporary.path());
    command.arg("--source-datastore").arg(call.source).arg("--target-datastore").arg(call.target);
    command.stdin(Stdio::null());
    supervise(command, &Place { name: call.name, work: call.work, output: None }, limits, log)
}

/// Runs what was called, which has its input, to its end or to that of its time.
///
/// # Errors
///
/// [`Error::Start`] or [`Error::Failed`].
pub(crate) fn supervise(
    command: Command,
    call: &Place<'_>,
    limits: &Limits,
    log: &mut Log<'_>,
) -> Result<()> {
    let cannot = |source| Error::Start { name: call.name.to_owned(), source };
    let begun = Instant::now();
    let end = limits.until.map_or(begun + limits.time, |until| until.min(begun + limits.time));
    let (events, group) = start(command, call, limits).map_err(cannot)?;
    let mut say = |line: &str| log(&format!("{}: {line}", call.name));
    let ended = watch(&events, &group, end, &mut say).map_err(cannot)?;
    match ended {
        Some(status) if status.success() => Ok(()),
        Some(status) => {
            Err(Error::Failed { name: call.name.to_owned(), ended: status.to_string() })
        }
        None => {
            let seconds = end.saturating_duration_since(begun).as_secs();
            let ended = format!("killed, since it did not end within {seconds} seconds");
            Err(Error::Failed { name: call.name.to_owned(), ended })
        }
    }
}

/// The call of a migration, as far as all are alike.
pub(crate) fn command(program: &Sealed, name: &str, direction: Direction) -> Command {
    let mut command = Command::new(program.path());
    command.arg0(name).arg(format!("--{direction}"));
    command.env_clear().current_dir("/").process_group(0);
    command
}

/// Starts it from a thread of its own, which alone is confined, and which lives as long as it does.
fn start(
    mut command: Command,
    call: &Place<'_>,
    limits: &Limits,
) -> io::Result<(Receiver<Event>, Arc<Group>)> {
    let (reader, writer) = io::pipe()?;
    match call.output {
        Some(file) => command.stdout(file.try_clone()?),
        None => command.stdout(writer.try_clone()?),
    };
    command.stderr(writer);
    let calls = Calls::compile()?;
    let unfiltered = calls.is_none();
    child::prepare(&mut command, *limits, calls);
    let (sender, events) = sync_channel(64);
    if unfiltered {
        let _ = sender.send(Event::Line("nothing filters its system calls here".to_owned()));
    }
    let (lines, work, output) = (sender.clone(), call.work.to_owned(), limits.output);
    // Who listens comes first: where there are no more threads, nothing may run that nobody watches.
    thread::Builder::new().spawn(move || listen(reader, output, &lines))?;
    let group = Arc::new(Group::default());
    let own = Arc::clone(&group);
    thread::Builder::new().spawn(move || live(command, &work, &own, &sender))?;
    Ok((events, group))
}

/// Whether it was told that the kernel confines less than it could.
static TOLD: AtomicBool = AtomicBool::new(false);

/// The group of processes of a migration, which may be over before it begins.
#[derive(Debug, Default)]
struct Group(Mutex<Life>);

#[derive(Debug, Default)]
enum Life {
    /// There is none yet.
    #[default]
    Unborn,
    /// It has this number.
    Runs(Pid),
    /// It is killed, or will be as soon as it begins.
    Over,
}

impl Group {
    fn life(&self) -> MutexGuard<'_, Life> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        matches!(*self.life(), Life::Over)
    }

    /// It has begun, with the number of its first process.
    fn begin(&self, id: u32) {
        let Some(number) = i32::try_from(id).ok().and_then(Pid::from_raw) else { return };
        let mut life = self.life();
        match *life {
            Life::Over => kill(number),
            _ => *life = Life::Runs(number),
        }
    }

    /// Kills what there is of it, and what there will be.
    fn end(&self) {
        if let Life::Runs(number) = std::mem::replace(&mut *self.life(), Life::Over) {
            kill(number);
        }
    }
}

/// Kills a group of processes.
fn kill(group: Pid) {
    // Nobody is left in a group that is gone.
    let _ = kill_process_group(group, Signal::KILL);
}

/// The life of a migration, as events. Nobody hears them when its time was over.
fn live(mut command: Command, work: &Path, group: &Group, events: &SyncSender<Event>) {
    let unconfined = match confine::thread(work) {
        Ok(true) => None,
        // It is the same for all of them, and told of the first.
        Ok(false) if TOLD.swap(true, Ordering::Relaxed) => None,
        Ok(false) => Some("the kernel confines it in part, or not at all".to_owned()),
        Err(error) => return drop(events.send(Event::NotStarted(io::Error::other(error)))),
    };
    if group.is_over() {
        return;
    }
    let child = command.spawn();
    // Otherwise its outputs would stay open here, and their end would never come.
    drop(command);
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return drop(events.send(Event::NotStarted(error))),
    };
    group.begin(child.id());
    if let Some(line) = unconfined {
        let _ = events.send(Event::Line(line));
    }
    let _ = events.send(Event::Ended(child.wait()));
}

/// Passes on what it says, line by line up to a limit, and reads on to the end.
fn listen(output: impl Read, limit: u64, events: &SyncSender<Event>) {
    let mut reader = BufReader::new(output);
    let (mut left, mut line) = (limit, Vec::new());
    while let Ok(1..) = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
        let cost = u64::try_from(line.len()).unwrap_or(u64::MAX).saturating_add(LINE_COST);
        let Some(rest) = left.checked_sub(cost) else {
            let _ = events.send(Event::Line("(what it says beyond this is left out)".to_owned()));
            // Not as lines: there may be any number of them.
            let _ = io::copy(&mut reader, &mut io::sink());
            break;
        };
        left = rest;
        let text = printable(&String::from_utf8_lossy(line.trim_ascii_end()));
        if events.send(Event::Line(text)).is_err() {
            return;
        }
        line.clear();
    }
    let _ = events.send(Event::Silent);
}

/// Without what would steer a terminal.
fn printable(line: &str) -> String {
    line.chars().map(|char| if char.is_control() { ' ' } else { char }).collect()
}

/// Waits for the end, kills what is left, and hears the last words; nothing if the time was over first.
fn watch(
    events: &Receiver<Event>,
    group: &Group,
    end: Instant,
    say: &mut dyn FnMut(&str),
) -> io::Result<Option<ExitStatus>> {
    let mut silent = false;
    let status = loop {
        match events.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(Event::NotStarted(error)) => return Err(error),
            Ok(Event::Line(line)) => say(&line),
            Ok(Event::Silent) => silent = true,
            Ok(Event::Ended(status)) => break Some(status),
            Err(_) => break None,
        }
    };
    group.end();
    let last = Instant::now() + LAST_WORDS;
    let mut ended = status.is_some();
    while !(silent && ended) {
        match events.recv_timeout(last.saturating_duration_since(Instant::now())) {
            Ok(Event::Line(line)) => say(&line),
            Ok(Event::Silent) => silent = true,
            Ok(Event::Ended(_) | Event::NotStarted(_)) => ended = true,
            // One that cannot even be killed is left behind.
            Err(_) => break,
        }
    }
    status.transpose()
}

/// What a child does between its start and the program's. The compiler's checks are lifted here.
#[allow(unsafe_code)]
mod child {
    use super::*;

    use rustix::process::{Resource, Rlimit, set_parent_process_death_signal, setrlimit};

    /// Has the child limit and confine itself, and end when this program does.
    pub(super) fn prepare(command: &mut Command, limits: Limits, calls: Option<Calls>) {
        let limited = move || {
            let both = |most: u64| Rlimit { current: Some(most), maximum: Some(most) };
            // One second more, so that the time limit speaks first.
            setrlimit(Resource::Cpu, both(limits.time.as_secs().saturating_add(1)))?;
            setrlimit(Resource::As, both(limits.memory))?;
            setrlimit(Resource::Fsize, both(limits.file))?;
            setrlimit(Resource::Core, both(0))?;
            setrlimit(Resource::Nofile, both(FILES))?;
            set_parent_process_death_signal(Some(Signal::KILL))?;
            // Last, for it refuses all of this from now on. The standard library has given the child its process group before, and only executes the program after.
            calls.as_ref().map_or(Ok(()), Calls::apply)
        };
        // SAFETY: between fork and exec only functions that are safe in a signal handler may be called. These are `prlimit(2)`, `prctl(2)` and `seccomp(2)`,
        // which rustix and seccompiler call directly, without locks; the filters were compiled before the fork and are only read. Nothing here
        // allocates or frees: an error is a number, also within seccompiler's.
        unsafe { command.pre_exec(limited) };
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    struct Ran {
        outcome: Result<()>,
        log: Vec<String>,
        work: tempfile::TempDir,
    }

    /// Runs a script; `$2` and so on are its arguments.
    fn script(text: &str, limits: Limits) -> Ran {
        let work = tempfile::tempdir().unwrap();
        let (source, target) = (work.path().join("source"), work.path().join("target"));
        let program =
            Sealed::new("migrate_v1.6.0_x", format!("#!/bin/sh\n{text}\n").as_bytes()).unwrap();
        let call = Call {
            name: "migrate_v1.6.0_x",
            direction: Direction::Backward,
            source: &source,
            target: &target,
            work: work.path(),
        };
        let mut log = Vec::new();
        let outcome = run(&program, &call, &limits, &mut |line| log.push(line.to_owned()));
        Ran { outcome, log, work }
    }

    fn quick(time: Duration) -> Limits {
        Limits { time, ..Limits::default() }
    }

    #[test]
    fn it_is_called_with_direction_and_both_stores_and_of_an_environment_has_a_place_for_temporary_files()
     {
        let ran = script(
            "echo \"$@\" > \"$5.args\"; cat > \"$5.input\"; env | grep -v ^_= | sort > \"$5.env\"; pwd",
            Limits::default(),
        );
        ran.outcome.unwrap();
        let read = |name: &str| fs::read_to_string(ran.work.path().join(name)).unwrap();
        let path = |name| ran.work.path().join(name).display().to_string();
        let (source, target) = (path("source"), path("target"));
        let arguments =
            format!("--backward --source-datastore {source} --target-datastore {target}\n");
        assert_eq!(read("target.args"), arguments);
        assert_eq!(read("target.input"), "");
        let environment = format!("PWD=/\nTMPDIR={}\n", path("tmp"));
        assert_eq!(read("target.env"), environment, "and the shell's own");
        assert_eq!(ran.log, ["migrate_v1.6.0_x: /"]);
    }

    #[test]
    fn every_end_but_exit_code_0_is_a_failure() {
        for (text, how) in [("exit 2", "exit status: 2"), ("kill -9 $$", "signal: 9 (SIGKILL)")] {
            let error = script(text, Limits::default()).outcome.unwrap_err().to_string();
            assert_eq!(error, format!("migration migrate_v1.6.0_x failed: {how}"));
        }
    }

    #[test]
    fn one_that_hangs_is_killed_with_all_that_it_started() {
        // A machine that is busy gives it more time to speak.
        let spoke = [300, 3_000, 30_000].into_iter().any(|time| {
            let ran =
                script("echo on; sleep 3600 & sleep 3600", quick(Duration::from_millis(time)));
            let error = ran.outcome.unwrap_err().to_string();
            assert!(error.contains("did not end within"), "{error}");
            ran.log == ["migrate_v1.6.0_x: on"]
        });
        assert!(spoke);
    }

    #[test]
    fn one_whose_time_is_over_before_it_runs_is_killed_too() {
        let ran = script("sleep 3600 & sleep 3600", quick(Duration::ZERO));
        assert!(ran.outcome.unwrap_err().to_string().contains("did not end within"));
        let named = |process: fs::DirEntry| fs::read(process.path().join("cmdline"));
        let processes =
            fs::read_dir("/proc").unwrap().filter_map(|process| named(process.unwrap()).ok());
        let work = ran.work.path().as_os_str().as_encoded_bytes();
        let left = processes.filter(|words| words.windows(work.len()).any(|part| part == work));
        assert_eq!(left.count(), 0);
    }

    #[test]
    fn one_that_prints_without_end_is_read_and_not_kept() {
        let ran =
            script("yes | tr -d '\\n' | head -c 50000000; seq 1 100000; exit 3", Limits::default());
        assert!(ran.outcome.unwrap_err().to_string().contains("exit status: 3"));
        let length: usize = ran.log.iter().map(String::len).sum();
        assert!(length < 80_000, "{length}");
        assert!(ran.log.last().unwrap().contains("left out"));
    }

    #[test]
    fn what_steers_a_terminal_does_not_reach_the_log() {
        let ran = script("printf 'a\\033[2Jb\\n'", Limits::default());
        assert_eq!(ran.log, ["migrate_v1.6.0_x: a [2Jb"]);
    }

    #[test]
    fn it_writes_nowhere_else_and_files_of_a_limited_length() {
        let outside = tempfile::tempdir().unwrap();
        let path = outside.path().join("written");
        let ran = script(&format!("echo x > {}", path.display()), Limits::default());
        assert!(ran.outcome.is_err(), "{:?}", ran.log);
        assert!(!path.exists());
        let limits = Limits { file: 1000, ..Limits::default() };
        let ran = script("head -c 2000 /dev/zero > \"$5\"", limits);
        assert!(ran.outcome.is_err(), "{:?}", ran.log);
        assert!(fs::metadata(ran.work.path().join("target")).unwrap().len() <= 1000);
    }

    #[test]
    fn what_is_no_program_fails_under_its_name() {
        let work = tempfile::tempdir().unwrap();
        let program = Sealed::new("x", b"no program").unwrap();
        let (source, target) = (work.path().join("a"), work.path().join("b"));
        let call = Call {
            name: "x",
            direction: Direction::Forward,
            source: &source,
            target: &target,
            work: work.path(),
        };
        let outcome = run(&program, &call, &Limits::default(), &mut |_| ());
        assert!(outcome.unwrap_err().to_string().starts_with("migration x "));
    }
}
