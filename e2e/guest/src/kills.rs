//! Programs that are killed, again and again, at moments that nobody chose.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The signal that no program sees coming.
const KILL: i32 = 9;

/// Runs that are let be at first. The last of them shows how long a run takes here.
const WHOLE_RUNS: usize = 2;

/// Takes `TIMES PROGRAM …`: starts the program so many times, ends each run at another moment of the time that a whole one takes, and says
/// how many it ended; the others were faster, and how they ended is counted. Of words with `|` in between each run takes the next one.
///
/// # Errors
///
/// Fails when the order makes no sense, or the program cannot be started.
pub(crate) fn take<'a>(mut words: impl Iterator<Item = &'a str>) -> io::Result<()> {
    let nonsense = || io::Error::other("this takes TIMES PROGRAM …");
    let times: usize = words.next().and_then(|times| times.parse().ok()).ok_or_else(nonsense)?;
    let program = words.next().ok_or_else(nonsense)?;
    let words: Vec<&str> = words.collect();
    let begin = |turn| start(program, words.iter().map(|word| choice(word, turn)));
    let mut whole = Duration::ZERO;
    for turn in 0..WHOLE_RUNS {
        let begun = Instant::now();
        let status = begin(turn)?.wait()?;
        whole = begun.elapsed();
        println!("guest: a whole run takes {} ms: {status}", whole.as_millis());
    }
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for (turn, moment) in moments(times, whole).enumerate() {
        let end = match end_at(moment, begin(turn)?)? {
            status if status.signal() == Some(KILL) => "killed".to_owned(),
            status => status.to_string(),
        };
        *ends.entry(end).or_default() += 1;
    }
    let killed = ends.remove("killed").unwrap_or_default();
    println!("guest: killed {killed} of {times}, the others had ended: {ends:?}");
    Ok(())
}

fn start<'a>(program: &str, arguments: impl Iterator<Item = &'a str>) -> io::Result<Child> {
    let mut command = Command::new(Path::new("/usr/bin").join(program));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn()
}

/// Kills a program at a moment of its run, if it has not ended by then.
fn end_at(moment: Duration, mut child: Child) -> io::Result<ExitStatus> {
    sleep(moment);
    child.kill()?;
    child.wait()
}

/// One of the alternatives of a word.
fn choice(word: &str, turn: usize) -> &str {
    let count = word.split('|').count();
    word.split('|').nth(turn % count).unwrap_or(word)
}

/// Moments below a limit in an order that looks like none, the same each time: steps of the golden ratio, which leave no large gap.
fn moments(times: usize, limit: Duration) -> impl Iterator<Item = Duration> {
    let microseconds = u64::try_from(limit.as_micros()).unwrap_or(u64::MAX).max(1);
    let step = microseconds.saturating_mul(618) / 1000 + 1;
    (1..)
        .take(times)
        .map(move |turn: u64| Duration::from_micros(turn.wrapping_mul(step) % microseconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_lie_everywhere_below_the_limit() {
        let all: Vec<Duration> = moments(40, Duration::from_millis(2000)).collect();
        assert!(all.iter().all(|moment| *moment < Duration::from_millis(2000)));
        for part in 0..10 {
            let range = Duration::from_millis(part * 200)..Duration::from_millis(part * 200 + 200);
            assert!(all.iter().any(|moment| range.contains(moment)), "none in {range:?}");
        }
    }

    #[test]
    fn alternatives_take_turns() {
        let words: Vec<&str> = (0..3).map(|turn| choice("1.1.0|1.2.0", turn)).collect();
        assert_eq!(words, ["1.1.0", "1.2.0", "1.1.0"]);
        assert_eq!(choice("update", 7), "update");
    }
}
