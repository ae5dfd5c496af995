//! The steps of a boot: what the release brings along, then what the test ordered.
//!
//! A line a step; an empty one is none.
//!
//! | step | does |
//! |---|---|
//! | `updog …`, `signpost …`, `migrator …` | runs the program, its output line by line, then how it ended |
//! | `kill TIMES updog …` | starts the program so many times and kills each run at another moment; of words with a bar in between each run takes the next |
//! | `fill`, `free` | takes all the room that the state has, gives it back |
//! | `read-only`, `read-write` | how the state is mounted from now on |
//! | `settle VERSION SETTING …`, `set SETTING …`, `settings` | makes settings as an installer leaves them, changes some, tells all |
//! | `hang` | nothing, for ever |
//! | `panic` | has the kernel panic |
//! | `exit` | ends the first program, which the kernel takes for a panic |
//! | `restart` | restarts the machine |

use std::fs;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use rustix::system::{RebootCommand, reboot};

use crate::{kills, netlink, places, room, settings};

/// What a release brings along.
const OWN: &str = "/usr/lib/guest/steps";

/// What the test ordered.
const ORDERED: &str = "/sys/firmware/qemu_fw_cfg/by_name/opt/waystone/steps/raw";

/// The programs that a step may be.
const PROGRAMS: [&str; 3] = ["migrator", "signpost", "updog"];

/// Takes all steps; without any there is nothing to mount either.
///
/// # Errors
///
/// Fails at a step that cannot be taken. A program that fails is no failure: how it ended is what the test wants to know.
pub(crate) fn take_all() -> io::Result<()> {
    let text = [OWN, ORDERED].map(|path| fs::read_to_string(path).unwrap_or_default()).join("\n");
    let steps: Vec<&str> = text.lines().map(str::trim).filter(|step| !step.is_empty()).collect();
    if !steps.is_empty() {
        places::mount_all()?;
        netlink::bring_up()?;
    }
    steps.into_iter().try_for_each(take)
}

fn take(step: &str) -> io::Result<()> {
    println!("guest: step {step}");
    let mut words = step.split_ascii_whitespace();
    match words.next() {
        Some(program) if PROGRAMS.contains(&program) => run(step, program, words),
        Some("kill") => kills::take(words),
        Some("settle") => settings::settle(words),
        Some("set") => settings::set(words),
        Some("settings") => settings::tell(),
        Some("fill") => room::fill(),
        Some("free") => room::free(),
        Some("read-only") => room::remount(true),
        Some("read-write") => room::remount(false),
        Some("hang") => loop {
            thread::park();
        },
        Some("panic") => fs::write("/proc/sysrq-trigger", "c"),
        Some("exit") => std::process::exit(1),
        Some("restart") => {
            rustix::fs::sync();
            Err(reboot(RebootCommand::Restart)
                .err()
                .map_or(io::ErrorKind::Other.into(), Into::into))
        }
        _ => Err(io::Error::other(format!("there is no step '{step}'"))),
    }
}

/// Runs a program, and says what it says as it comes.
fn run<'a>(step: &str, program: &str, arguments: impl Iterator<Item = &'a str>) -> io::Result<()> {
    let mut child = Command::new(Path::new("/usr/bin").join(program))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let errors = child.stderr.take();
    let told = thread::spawn(move || errors.map(|errors| say(errors, "!")));
    if let Some(output) = child.stdout.take() {
        say(output, "|");
    }
    // It says all that it can, also if it ends in a panic.
    let _ = told.join();
    let code = child.wait()?.code();
    if program == "migrator" {
        settings::note(code)?;
    }
    println!(
        "guest: step {step} ended with {}",
        code.map_or("a signal".into(), |code| code.to_string())
    );
    Ok(())
}

fn say(output: impl Read, mark: &str) {
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        println!("guest: {mark} {line}");
    }
}
