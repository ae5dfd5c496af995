//! Programs killed at any time, again and again, until one comes to its end.

use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill as kill_process, killpg};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use super::again::{go_on, read, write_disk};
use super::bed::{Bed, Host};
use super::chance::Chance;
use super::judge::{Judge, settings_in};
use super::operation::{Doing, Operation};
use super::prepared::{prepared, programs_of};
use super::tree::{Tree, copy_sparse};

/// What came of killing.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Name of the operation.
    pub name: &'static str,
    /// Runs that were to be killed.
    pub runs: usize,
    /// Those that were: the others came to their end before.
    pub killed: usize,
    /// What went wrong.
    pub lost: Vec<String>,
}

/// Kills `runs` runs of an operation, each after a time by chance; up to three on the same host, then it goes on.
///
/// # Errors
///
/// Fails when the operation cannot be run at all.
pub fn kill(
    bed: &Bed,
    operation: &Operation,
    (seed, runs): (u64, usize),
    scratch: &Path,
) -> io::Result<Outcome> {
    let Doing::Programs(_) = operation.doing else { return Ok(Outcome::default()) };
    set_child_subreaper(true)?;
    let host = prepared(bed, operation, scratch)?;
    let mut known = bed.known(&host)?;
    let disk: Arc<[u8]> = fs::read(host.disk())?.into();
    let files = Tree::read(host.folder(), &["disk.img"])?;
    let started = Instant::now();
    finish(&start(&host, operation, scratch)?);
    let usual = started.elapsed();
    known.settings.extend(settings_in(&host.path("datastore")).map_err(io::Error::other)?);
    let (killed, lost) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let next = AtomicUsize::new(0);
    let once = |number: usize| -> Result<(), String> {
        let failed = |error: io::Error| format!("it cannot be tried: {error}");
        let mut chance = Chance::of(seed, operation.name, &[number]);
        let host = Host::empty(scratch).map_err(failed)?;
        copy_sparse(&disk, &host.disk()).map_err(failed)?;
        files.make(host.folder()).map_err(failed)?;
        let judge = Judge::new(known.clone(), scratch).map_err(failed)?;
        loop {
            let share = u32::try_from(chance.below(1 << 16)).unwrap_or(0);
            let time = usual.saturating_mul(share) / (1 << 16);
            if killed_after(&host, operation, scratch, time).map_err(failed)? {
                killed.fetch_add(1, Ordering::Relaxed);
            }
            let state = read(&host, Arc::clone(&disk)).map_err(failed)?;
            let verdict = judge.judge(&state)?;
            if verdict.boot.set == operation.active
                && chance.is(64)
                && next.fetch_add(1, Ordering::Relaxed) < runs
            {
                continue;
            }
            write_disk(&host.disk(), &verdict.boot.disk(&state.disk)).map_err(failed)?;
            return go_on(bed, operation, &host, &verdict);
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, std::num::NonZero::get) {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= runs {
                        break;
                    }
                    if let Err(why) = once(number) {
                        let mut lost = lost.lock().unwrap_or_else(PoisonError::into_inner);
                        lost.push(format!("run {number}: {why}"));
                    }
                }
            });
        }
    });
    let lost = lost.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Outcome { name: operation.name, runs, killed: killed.into_inner(), lost })
}

/// Starts the programs and kills them after so much time; whether one of them still ran.
fn killed_after(
    host: &Host,
    operation: &Operation,
    scratch: &Path,
    time: Duration,
) -> io::Result<bool> {
    let running = start(host, operation, scratch)?;
    thread::sleep(time);
    let mut was_running = false;
    for child in &running {
        let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
        if child.try_wait()?.is_none() {
            end_group(&mut child)?;
            was_running = true;
        }
    }
    Ok(was_running)
}

/// Kills a program with all that it has started, as systemd does with a unit, and waits until they are gone.
fn end_group(child: &mut std::process::Child) -> io::Result<()> {
    let group = i32::try_from(child.id()).map_err(io::Error::other)?;
    // Migrations and health checks are in groups of their own. Who is stopped starts nothing more, and is nobody else by then.
    let tell = |others: &[i32], signal| {
        for other in others {
            let _ = kill_process(Pid::from_raw(*other), signal);
        }
    };
    killpg(Pid::from_raw(group), Signal::SIGSTOP)?;
    let mut others = descendants(group);
    loop {
        tell(&others, Signal::SIGSTOP);
        let seen = descendants(group);
        if seen.iter().all(|one| others.contains(one)) {
            break;
        }
        others = seen;
    }
    killpg(Pid::from_raw(group), Signal::SIGKILL)?;
    tell(&others, Signal::SIGKILL);
    child.wait()?;
    // What it left is ours to wait for, by now.
    while waitpid(Pid::from_raw(-group), None).is_ok() {}
    for other in others {
        let _ = waitpid(Pid::from_raw(other), None);
    }
    Ok(())
}

/// Numbers of the processes that a process has started, and of what those have.
fn descendants(process: i32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten();
    let lists = threads.flatten().map(|thread| fs::read_to_string(thread.path().join("children")));
    let children: Vec<i32> = lists
        .flat_map(Result::ok)
        .flat_map(|list| {
            list.split_whitespace().filter_map(|one| one.parse().ok()).collect::<Vec<_>>()
        })
        .collect();
    let further: Vec<i32> = children.iter().flat_map(|child| descendants(*child)).collect();
    children.into_iter().chain(further).collect()
}

type Running = Mutex<std::process::Child>;

fn start(host: &Host, operation: &Operation, scratch: &Path) -> io::Result<Vec<Running>> {
    let programs = programs_of(host, operation, scratch);
    let start = |program: &super::trace::Program| {
        let mut command = Command::new(&program.path);
        command.args(&program.arguments).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
        command.spawn().map(Mutex::new)
    };
    programs.iter().map(start).collect()
}

fn finish(running: &[Running]) {
    for child in running {
        let _ = child.lock().unwrap_or_else(PoisonError::into_inner).wait();
    }
}
