//! QEMU's monitor (QMP): what is changed of a machine while it runs.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::case::Failure;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// An open monitor.
#[derive(Debug)]
pub(super) struct Monitor(BufReader<UnixStream>);

impl Monitor {
    /// Connects to the socket of a machine that runs.
    ///
    /// # Errors
    ///
    /// Fails if nobody is there.
    pub(super) fn connect(socket: &Path) -> Result<Self, Failure> {
        let fault = |cause| Failure::io("connect to", socket, &cause);
        let stream = UnixStream::connect(socket).map_err(fault)?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(fault)?;
        let mut monitor = Self(BufReader::new(stream));
        monitor.ask(&json!({ "execute": "qmp_capabilities" }))?;
        Ok(monitor)
    }

    /// Puts another node of blocks under a device.
    ///
    /// # Errors
    ///
    /// Fails if the machine refuses.
    pub(super) fn set_drive(&mut self, device: &str, node: &str) -> Result<(), Failure> {
        let path = format!("/machine/peripheral/{device}");
        let arguments = json!({ "path": path, "property": "drive", "value": node });
        self.ask(&json!({ "execute": "qom-set", "arguments": arguments }))
    }

    fn ask(&mut self, command: &Value) -> Result<(), Failure> {
        let fault = |cause| Failure::new(&format!("cannot talk to QEMU's monitor: {cause}"));
        writeln!(self.0.get_mut(), "{command}").map_err(fault)?;
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).map_err(fault)? == 0 {
                return Err(Failure::new("QEMU's monitor went away"));
            }
            // A greeting and events come in between.
            let answer: Value = serde_json::from_str(&line).unwrap_or_default();
            if answer.get("return").is_some() {
                return Ok(());
            }
            if let Some(error) = answer.get("error") {
                return Err(Failure::new(&format!("QEMU refuses {command}: {error}")));
            }
        }
    }
}
