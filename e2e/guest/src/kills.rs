//! Programs that are killed, again and again, at moments that nobody chose.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::Duration;

/// The signal that no program sees coming.
const KILL: i32 = 9;

/// Takes `TIMES MILLISECONDS PROGRAM …`: starts the program so many times, ends each run within so many milliseconds, and says how many
/// it ended; the others were faster, and their exit codes are counted. Of words with `|` in between each run takes the next one.
///
/// # Errors
///
/// Fails when the order makes no sense, or the program cannot be started.
pub(crate) fn take<'a>(mut words: impl Iterator<Item = &'a str>) -> io::Result<()> {
    let nonsense = || io::Error::other("this takes TIMES MILLISECONDS PROGRAM …");
    let mut number = || words.next()?.parse::<usize>().ok().filter(|number| *number > 0);
    let (times, limit) = (number().ok_or_else(nonsense)?, number().ok_or_else(nonsense)?);
    let program = words.next().ok_or_else(nonsense)?;
    let words: Vec<&str> = words.collect();
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for (turn, moment) in moments(times, limit).enumerate() {
        let end = match run_until(moment, program, words.iter().map(|word| choice(word, turn)))? {
            status if status.signal() == Some(KILL) => "killed".to_owned(),
            status => status.to_string(),
        };
        *ends.entry(end).or_default() += 1;
    }
    let killed = ends.remove("killed").unwrap_or_default();
    println!("guest: killed {killed} of {times}, the others had ended: {ends:?}");
    Ok(())
}

/// Starts a program and kills it at a moment of its run, if it has not ended by then.
fn run_until<'a>(
    moment: Duration,
    program: &str,
    arguments: impl Iterator<Item = &'a str>,
) -> io::Result<ExitStatus> {
    let mut command = Command::new(Path::new("/usr/bin").join(program));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn()?;
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
fn moments(times: usize, limit: usize) -> impl Iterator<Item = Duration> {
    let microseconds = u64::try_from(limit).unwrap_or(u64::MAX).saturating_mul(1000);
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
        let all: Vec<Duration> = moments(40, 2000).collect();
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
