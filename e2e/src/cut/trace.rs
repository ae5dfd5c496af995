//! Programs under a tracer: every system call of theirs is shown to a witness before and after the kernel has it.
//!
//! The programs are those that are shipped, unchanged: what they do to disks and files is seen where it leaves them, whatever
//! library did it. A witness may also let a call fail, cut it short, pretend that it was done, or end the programs there and then, as a
//! failing disk or a loss of power would.
//!
//! Linux's ptrace (ptrace(2)), on x86-64. A tracer is a thread: everything below happens on the one that began it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::sys::ptrace::{self, Options};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::task::Task;

/// Stops, and becomes the program once it is told to go on: by then it is traced.
const STOPPED: &str = "kill -STOP $$; exec \"$0\" \"$@\"";

/// A system call as it was made.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Its number.
    pub number: i64,
    /// Its arguments, as registers.
    pub arguments: [u64; 6],
}

/// What is to become of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The kernel does it.
    Go,
    /// The kernel does it with this value in place of an argument.
    Change {
        /// Which one, from 0.
        argument: usize,
        /// In its place.
        value: u64,
    },
    /// The kernel does not do it, and the program is told that it failed.
    Fail(Errno),
    /// The kernel does not do it, and the program is told that this came of it.
    Pretend(i64),
    /// Everything ends before it is done.
    End,
}

/// Who sees the calls.
pub trait Witness {
    /// A call is about to be made.
    ///
    /// # Errors
    ///
    /// Whatever it cannot make sense of; everything ends then.
    fn enter(&mut self, task: &Task, call: &Call) -> io::Result<Verdict>;

    /// A call was made, with this result: negative numbers are errors.
    ///
    /// # Errors
    ///
    /// As [`Witness::enter`].
    fn leave(&mut self, task: &Task, call: &Call, result: i64) -> io::Result<()>;
}

/// How a program ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this code.
    Exit(i32),
    /// By a signal.
    Signal(Signal),
}

/// A program to be run.
#[derive(Clone, Debug)]
pub struct Program {
    /// The program.
    pub path: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The file that gets its standard output and its standard error.
    pub said: PathBuf,
    /// How many calls the first program makes before this one begins.
    pub after: usize,
}

/// Runs programs at the same time, to their ends, and shows each of their calls to the witness. Gives how they ended, and the number of all calls.
///
/// # Errors
///
/// Fails when one cannot be started or traced, and when the witness does. Nothing runs on then.
pub(super) fn watch(
    programs: &[Program],
    witness: &mut dyn Witness,
) -> io::Result<(Vec<Ending>, usize)> {
    let (roots, tasks, waiting) = (Vec::new(), BTreeMap::new(), Vec::new());
    let mut tracer = Tracer { witness, roots, tasks, waiting, calls: 0 };
    let result = tracer.run(programs);
    if result.is_err() {
        tracer.end();
    }
    result?;
    let endings = tracer.roots.into_iter().filter_map(|(_, ending)| ending).collect();
    Ok((endings, tracer.calls))
}

/// What is known of a thread.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    /// The call that it is in, and what it is told in place of its result.
    within: Option<(Call, Option<i64>)>,
    /// Whether its program is the one that is watched, and not the shell that becomes it.
    armed: bool,
}

struct Tracer<'w> {
    witness: &'w mut dyn Witness,
    roots: Vec<(Pid, Option<Ending>)>,
    tasks: BTreeMap<Pid, Progress>,
    /// Programs that are still to begin, with the number of calls before that.
    waiting: Vec<(Pid, usize)>,
    /// Calls that were made in all.
    calls: usize,
}

impl Tracer<'_> {
    fn run(&mut self, programs: &[Program]) -> io::Result<()> {
        for program in programs {
            let pid = begin(program)?;
            self.roots.push((pid, None));
            self.tasks.insert(pid, Progress::default());
            self.waiting.push((pid, program.after));
        }
        self.release()?;
        while self.roots.iter().any(|(_, ending)| ending.is_none()) {
            self.step()?;
            self.release()?;
        }
        Ok(())
    }

    /// Lets those begin whose time has come: it has for all once the first has ended.
    fn release(&mut self) -> io::Result<()> {
        let is_over = self.roots.first().is_some_and(|(_, ending)| ending.is_some());
        let calls = self.calls;
        for (pid, _) in self.waiting.extract_if(.., |(_, after)| is_over || *after <= calls) {
            ptrace::seize(pid, options())?;
            kill(pid, Signal::SIGCONT)?;
        }
        Ok(())
    }

    /// Waits for one thing to happen, and lets it.
    fn step(&mut self) -> io::Result<()> {
        let status = waitpid(None, Some(WaitPidFlag::__WALL | WaitPidFlag::__WNOTHREAD))?;
        match status {
            WaitStatus::Exited(pid, code) => self.ended(pid, Ending::Exit(code)),
            WaitStatus::Signaled(pid, signal, _) => self.ended(pid, Ending::Signal(signal)),
            WaitStatus::PtraceSyscall(pid) => self.call(pid)?,
            WaitStatus::PtraceEvent(pid, _, event) => {
                if event == nix::libc::PTRACE_EVENT_EXEC {
                    self.tasks.entry(pid).or_default().armed = true;
                }
                go_on(pid, None)?;
            }
            WaitStatus::Stopped(pid, signal) => go_on(pid, Some(signal))?,
            WaitStatus::Continued(_) | WaitStatus::StillAlive => {}
        }
        Ok(())
    }

    fn ended(&mut self, pid: Pid, ending: Ending) {
        self.tasks.remove(&pid);
        if let Some((_, slot)) = self.roots.iter_mut().find(|(root, _)| *root == pid) {
            *slot = Some(ending);
        }
    }

    /// A thread stands before a call or behind it.
    fn call(&mut self, pid: Pid) -> io::Result<()> {
        // Threads and children of a program that is watched are watched from their first call.
        let progress = *self.tasks.entry(pid).or_insert(Progress { within: None, armed: true });
        if !progress.armed {
            return go_on(pid, None);
        }
        let Some(info) = gone(ptrace::syscall_info(pid))? else { return Ok(()) };
        let Some(registers) = gone(ptrace::getregs(pid))? else { return Ok(()) };
        let within = match (info.op, progress.within) {
            (nix::libc::PTRACE_SYSCALL_INFO_ENTRY, _) => self.enter(pid, registers)?,
            (_, Some((call, told))) => {
                self.leave(pid, registers, &call, told)?;
                None
            }
            // The call that became the program.
            (_, None) => None,
        };
        if let Some(progress) = self.tasks.get_mut(&pid) {
            progress.within = within;
        }
        go_on(pid, None)
    }

    fn enter(&mut self, pid: Pid, mut registers: Registers) -> io::Result<Within> {
        self.calls += 1;
        let Registers { rdi, rsi, rdx, r10, r8, r9, .. } = registers;
        let arguments = [rdi, rsi, rdx, r10, r8, r9];
        let call = Call { number: registers.orig_rax.cast_signed(), arguments };
        let told = match self.witness.enter(&Task(pid), &call)? {
            Verdict::Go => return Ok(Some((call, None))),
            Verdict::End => {
                self.end();
                return Ok(None);
            }
            Verdict::Change { argument, value } => {
                set(&mut registers, argument, value);
                gone(ptrace::setregs(pid, registers))?;
                return Ok(Some((call, None)));
            }
            Verdict::Fail(errno) => -i64::from(errno_number(errno)),
            Verdict::Pretend(result) => result,
        };
        // No call has this number: the kernel does nothing.
        registers.orig_rax = u64::MAX;
        gone(ptrace::setregs(pid, registers))?;
        Ok(Some((call, Some(told))))
    }

    fn leave(
        &mut self,
        pid: Pid,
        mut registers: Registers,
        call: &Call,
        told: Option<i64>,
    ) -> io::Result<()> {
        if let Some(told) = told {
            registers.rax = told.cast_unsigned();
            gone(ptrace::setregs(pid, registers))?;
            // A call that was not made changed nothing.
            return Ok(());
        }
        self.witness.leave(&Task(pid), call, registers.rax.cast_signed())
    }

    /// Ends all programs as a loss of power would.
    fn end(&mut self) {
        let roots = self.roots.iter().filter(|(_, ending)| ending.is_none()).map(|(pid, _)| pid);
        // Children of theirs, too.
        for pid in roots.chain(self.tasks.keys()) {
            let _ = kill(*pid, Signal::SIGKILL);
        }
    }
}

type Registers = nix::libc::user_regs_struct;
type Within = Option<(Call, Option<i64>)>;

fn errno_number(errno: Errno) -> i32 {
    io::Error::from(errno).raw_os_error().unwrap_or(nix::libc::EIO)
}

fn set(registers: &mut Registers, argument: usize, value: u64) {
    let Registers { rdi, rsi, rdx, r10, r8, r9, .. } = registers;
    if let Some(register) = [rdi, rsi, rdx, r10, r8, r9].into_iter().nth(argument) {
        *register = value;
    }
}

/// Starts a program that waits before its first instruction.
fn begin(program: &Program) -> io::Result<Pid> {
    let said = File::create(&program.said)?;
    let child = Command::new("/bin/sh")
        .arg("-c")
        .arg(STOPPED)
        .arg(&program.path)
        .args(&program.arguments)
        .stdin(Stdio::null())
        .stdout(said.try_clone()?)
        .stderr(said)
        .spawn()?;
    let pid = Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?);
    match waitpid(pid, Some(WaitPidFlag::WUNTRACED))? {
        WaitStatus::Stopped(..) => {}
        other => return Err(io::Error::other(format!("a shell that does not stop: {other:?}"))),
    }
    Ok(pid)
}

/// Calls, threads and children are told of; nobody outlives the tracer.
fn options() -> Options {
    Options::PTRACE_O_TRACESYSGOOD
        | Options::PTRACE_O_TRACECLONE
        | Options::PTRACE_O_TRACEFORK
        | Options::PTRACE_O_TRACEVFORK
        | Options::PTRACE_O_TRACEEXEC
        | Options::PTRACE_O_EXITKILL
}

/// Lets a thread go on to its next call.
fn go_on(pid: Pid, signal: Option<Signal>) -> io::Result<()> {
    gone(ptrace::syscall(pid, signal)).map(drop)
}

/// A thread that was killed meanwhile is no error: its end is told by itself.
fn gone<T>(result: nix::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(Errno::ESRCH) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}
