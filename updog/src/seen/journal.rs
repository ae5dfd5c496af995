//! What happens on a host, as records in systemd's journal that can be looked for by id and by field.
//!
//! [`Event`] says what happened, [`Topic`] holds its id, which `dist/journal/updog.catalog` explains to people (`journalctl -x`).
//! Where there is no journal, the same goes to standard error as one line behind its priority, which systemd understands as well.
//!
//! The protocol is systemd's native one (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>), a datagram a record. What is too long for a
//! datagram is cut; the way around, a file in memory whose descriptor is sent, is left out: it takes `unsafe`, or another library.

mod event;
mod record;
mod topic;

use std::io::{self, Write};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use event::Event;
use record::Record;
pub use topic::{Priority, Topic};

/// Where systemd's journal listens.
pub const SOCKET: &str = "/run/systemd/journal/socket";

/// What systemd sets where standard error leads to the journal (systemd.exec(5)).
const STREAM: &str = "JOURNAL_STREAM";

/// How long a journal that does not read may hold us up.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where records go.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    socket: Option<UnixDatagram>,
}

impl Journal {
    /// The journal of this host, for who was started by systemd; others see what happens where they look, on standard error.
    pub fn host() -> Self {
        match std::env::var_os(STREAM) {
            Some(_) => Self::at(Path::new(SOCKET)),
            None => Self { path: SOCKET.into(), socket: None },
        }
    }

    /// The journal that listens at `path`. It is looked for at every record, so that it may come and go.
    pub fn at(path: &Path) -> Self {
        let socket = UnixDatagram::unbound().and_then(|socket| {
            socket.set_write_timeout(Some(PATIENCE))?;
            Ok(socket)
        });
        Self { path: path.to_owned(), socket: socket.ok() }
    }

    /// Tells what happened. It never fails: who updates a host does so whether anybody listens or not.
    pub fn tell(&self, event: &Event) {
        self.tell_or_write(event, &mut io::stderr().lock());
    }

    /// The same with another place for what the journal does not take.
    pub fn tell_or_write(&self, event: &Event, otherwise: &mut impl Write) {
        if self.send(&Record::of(event)).is_err() {
            let priority = event.topic().priority().level();
            // Nobody is left to tell if that is closed as well.
            let _ = writeln!(otherwise, "<{priority}>{}", record::one_line(&event.to_string()));
        }
    }

    fn send(&self, record: &Record) -> io::Result<()> {
        let socket = self.socket.as_ref().ok_or(io::ErrorKind::NotConnected)?;
        socket.send_to(record.as_bytes(), &self.path).map(drop)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
