//! Calls that fail, and how.

use nix::errno::Errno;

use super::call::Deed;

/// What becomes of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails.
    Error(Errno),
    /// It reads or writes half of what it was asked to.
    Short,
    /// A write, or a flush, that is said to have been done and was not.
    Lost,
    /// A read gives zeros.
    Stale,
    /// A flush fails, and what it was to flush is gone.
    FlushFails,
    /// The programs are killed before it.
    Kill,
}

impl Fault {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Error(errno) => format!("{errno:?}"),
            Self::Short => "short".into(),
            Self::Lost => "lost".into(),
            Self::Stale => "stale".into(),
            Self::FlushFails => "flush-fails".into(),
            Self::Kill => "kill".into(),
        }
    }

    /// What can happen to calls that do this.
    #[must_use]
    pub fn of(deed: Deed) -> Vec<Self> {
        let errors = |list: &[Errno]| list.iter().copied().map(Self::Error).collect::<Vec<_>>();
        let mut faults = match deed {
            Deed::Open | Deed::Rename | Deed::Link | Deed::Symlink | Deed::MakeFolder => {
                errors(&[Errno::EIO, Errno::ENOSPC, Errno::EROFS, Errno::EACCES])
            }
            Deed::Write | Deed::Copy | Deed::Resize | Deed::Reserve => {
                errors(&[Errno::EIO, Errno::ENOSPC, Errno::EINTR])
            }
            Deed::Remove => errors(&[Errno::EIO, Errno::EROFS]),
            Deed::Flush | Deed::FlushAll => errors(&[Errno::EIO, Errno::ENOSPC]),
            Deed::Read => errors(&[Errno::EIO, Errno::EINTR]),
            Deed::List | Deed::Look => errors(&[Errno::EIO]),
            Deed::Lock => errors(&[Errno::EIO, Errno::ENOLCK]),
            Deed::Attributes => errors(&[Errno::EROFS]),
            Deed::Memory => errors(&[Errno::ENOMEM]),
            Deed::Thread | Deed::Process => errors(&[Errno::EAGAIN, Errno::ENOMEM]),
            Deed::Socket => errors(&[Errno::EMFILE, Errno::ENOBUFS]),
            Deed::Connect => errors(&[Errno::ECONNREFUSED, Errno::ENETUNREACH]),
            Deed::Send => errors(&[Errno::ECONNRESET, Errno::EPIPE]),
            Deed::Receive => errors(&[Errno::ECONNRESET]),
        };
        match deed {
            Deed::Read => faults.push(Self::Short),
            Deed::Write => faults.extend([Self::Short, Self::Kill]),
            Deed::Flush => faults.extend([Self::FlushFails, Self::Kill]),
            Deed::Rename | Deed::Remove | Deed::MakeFolder | Deed::Symlink => {
                faults.push(Self::Kill);
            }
            _ => {}
        }
        faults
    }

    /// What happens to every call that does this, for good, if that is another thing than once: the disk is full, the network is away, there
    /// are too many programs.
    #[must_use]
    pub fn lasting(deed: Deed) -> Option<Self> {
        let errno = match deed {
            Deed::Write | Deed::Open | Deed::MakeFolder | Deed::Rename => Errno::ENOSPC,
            Deed::Process => Errno::EAGAIN,
            Deed::Connect => Errno::ENETUNREACH,
            Deed::Send | Deed::Receive => Errno::ECONNRESET,
            Deed::Socket => Errno::EMFILE,
            _ => return None,
        };
        Some(Self::Error(errno))
    }
}

/// Calls that are alike: what they do, and to what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    /// What they do.
    pub deed: Deed,
    /// To what, below the folder; or `memory`, `programs`, `network`.
    pub place: String,
}

/// Which call fails, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Among which calls.
    pub site: Site,
    /// The how-manieth of them, from 1; all of them if none is named.
    pub number: Option<u32>,
    /// How.
    pub fault: Fault,
}

impl Plan {
    pub(super) fn is_at(&self, site: &Site, number: u32) -> bool {
        self.site == *site && self.number.is_none_or(|wanted| wanted == number)
    }
}

impl std::fmt::Display for Plan {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Site { deed, place } = &self.site;
        let number = self.number.map_or("every".into(), |number| format!("number {number}"));
        write!(out, "{}: {} {number} of {place}", self.fault.name(), deed.name())
    }
}
