//! The repository's server, while it runs.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Child;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::Result;
use crate::command::Run;
use crate::error::Error;

/// How long the server may take to print its address.
const PATIENCE: Duration = Duration::from_secs(30);

/// File beside the record of commands: a line for each answer, with the bytes that were sent.
const LOG: &str = "requests.log";

/// `repo-tools serve` on loopback; ends with this value.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Serves a repository and waits for the address.
    ///
    /// # Errors
    ///
    /// Fails when the server does not start or prints no address.
    pub(crate) fn start(repository: &Path, record: &Path) -> Result<Self> {
        let run = Run::ours("repo-tools").arg("serve").arg("--repo").arg(repository).record(record);
        let run = run.arg("--log").arg(record.with_file_name(LOG));
        let run = run.bound();
        let (mut child, shown) = run.spawn()?;
        let output = child.stdout.take();
        let (sender, receiver) = mpsc::channel();
        // Reads on after the address, so that the server never waits for a reader.
        thread::spawn(move || {
            let lines = output.map(BufReader::new).into_iter().flat_map(BufRead::lines);
            for line in lines.map_while(std::result::Result::ok) {
                address(&line).map(|url| sender.send(url));
            }
        });
        let mut server = Self { child, url: String::new() };
        server.url = receiver.recv_timeout(PATIENCE).map_err(|_| Error::Command {
            shown,
            ended: "no address on its standard output".to_owned(),
            output: String::new(),
        })?;
        Ok(server)
    }

    /// Base of the repository's URLs, without a final `/`.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The port of the loopback address on which it is.
    ///
    /// # Errors
    ///
    /// Fails when the address names none.
    pub(crate) fn port(&self) -> Result<u16> {
        let port = self.url.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
        port.ok_or_else(|| Error::Untrue(format!("{} names no port", self.url)))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing left to do then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in a line.
fn address(line: &str) -> Option<String> {
    let word = line.split_whitespace().find(|word| word.starts_with("http://"))?;
    Some(word.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_a_line() {
        assert_eq!(address("http://127.0.0.1:8080/").as_deref(), Some("http://127.0.0.1:8080"));
        assert_eq!(address("serving on http://[::1]:1").as_deref(), Some("http://[::1]:1"));
        assert_eq!(address("nothing"), None);
    }
}
