//! Python's server of files on loopback, and its log of what was asked for.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Child;

use super::client;
use crate::command::Run;
use crate::error::Error;
use crate::{Result, place};

/// A running server; ends with this value.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    port: String,
    log: PathBuf,
}

/// One request and how it was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    /// Path below the server's folder.
    pub(super) path: String,
    /// Status of HTTP.
    pub(super) status: u16,
}

impl Server {
    /// Serves the files below a folder; what is asked for goes into `log`.
    pub(super) fn start(folder: &Path, log: &Path) -> Result<Self> {
        place::write(log, "")?;
        let (mut child, _) = client::script().arg("serve").arg(folder).record(log).spawn()?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output)
                .read_line(&mut line)
                .map_err(Error::file("read from", folder))?;
        }
        let server = Self { child, port: line.trim().to_owned(), log: log.to_owned() };
        let told = server.port.parse::<u16>().is_ok();
        let untrue = || Error::Untrue(format!("'{}' should be the server's port", server.port));
        if told { Ok(server) } else { Err(untrue()) }
    }

    /// Address of a folder.
    pub(super) fn url(&self, folder: &str) -> String {
        format!("http://127.0.0.1:{}/{folder}/", self.port)
    }

    /// What one run asks for. A line is logged before its answer is sent: all of them are there when the run is over.
    pub(super) fn requests(&self, run: Run) -> Result<Vec<Request>> {
        let before = place::read(&self.log)?.lines().count();
        run.run()?;
        Ok(place::read(&self.log)?.lines().skip(before).filter_map(request).collect())
    }
}

/// Reads `127.0.0.1 - - [day hour] "GET /path HTTP/1.1" 200 -`; other lines say nothing new.
fn request(line: &str) -> Option<Request> {
    let mut quoted = line.split('"').skip(1);
    let path = quoted.next()?.split(' ').nth(1)?.trim_start_matches('/').to_owned();
    let status = quoted.next()?.split_whitespace().next()?.parse().ok()?;
    Some(Request { path, status })
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing left to do then.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_log_is_a_request_with_its_status() {
        let line = "127.0.0.1 - - [25/Nov/2026 19:00:00] \"GET /1/metadata/x.json HTTP/1.1\" 200 -";
        let expected = Request { path: "1/metadata/x.json".to_owned(), status: 200 };
        assert_eq!(request(line), Some(expected));
        let said = "127.0.0.1 - - [25/Nov/2026 19:00:00] code 404, message File not found";
        assert_eq!(request(said), None);
        assert_eq!(request("$ python3 -B trust.py serve repositories"), None);
    }
}
