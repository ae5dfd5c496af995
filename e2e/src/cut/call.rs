//! System calls by what they do, whatever they are called: to files, memory, programs and the network.

use nix::libc;

use super::task::Task;
use super::trace::Call;

/// `AT_FDCWD`, as a register holds it.
const HERE: u64 = u64::MAX - 99;

/// What a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Deed {
    /// Opens a file, or makes one.
    Open,
    /// Reads.
    Read,
    /// Writes.
    Write,
    /// Copies from one file to another within the kernel.
    Copy,
    /// Changes a length.
    Resize,
    /// Reserves or frees room.
    Reserve,
    /// Flushes a file.
    Flush,
    /// Flushes a whole file system.
    FlushAll,
    /// Gives another name.
    Rename,
    /// Gives one more name.
    Link,
    /// Makes a symbolic link.
    Symlink,
    /// Takes a name away.
    Remove,
    /// Makes a folder.
    MakeFolder,
    /// Lists a folder.
    List,
    /// Looks at what a name stands for.
    Look,
    /// Takes a lock.
    Lock,
    /// Changes owner, mode or times.
    Attributes,
    /// Takes memory, or maps a file.
    Memory,
    /// Starts a thread.
    Thread,
    /// Starts a process.
    Process,
    /// Makes a socket for a network.
    Socket,
    /// Begins a connection over one.
    Connect,
    /// Sends on it.
    Send,
    /// Receives on it.
    Receive,
}

/// Where a call says what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// A descriptor.
    Descriptor(u64),
    /// A path: the descriptor of a directory, and a place in memory.
    Path(u64, u64),
    /// Neither.
    Nothing,
}

impl Deed {
    /// What a call does; `None` if it is of no interest.
    pub(super) fn of(task: &Task, call: &Call) -> Option<Self> {
        Some(match call.number {
            libc::SYS_open | libc::SYS_openat | libc::SYS_openat2 | libc::SYS_creat => Self::Open,
            libc::SYS_read | libc::SYS_readv | libc::SYS_recvfrom | libc::SYS_recvmsg
                if task.is_connected(call.arguments[0]) =>
            {
                Self::Receive
            }
            libc::SYS_write | libc::SYS_writev | libc::SYS_sendto | libc::SYS_sendmsg
                if task.is_connected(call.arguments[0]) =>
            {
                Self::Send
            }
            libc::SYS_read | libc::SYS_pread64 | libc::SYS_readv | libc::SYS_preadv => Self::Read,
            libc::SYS_write
            | libc::SYS_pwrite64
            | libc::SYS_writev
            | libc::SYS_pwritev
            | libc::SYS_pwritev2 => Self::Write,
            libc::SYS_copy_file_range | libc::SYS_sendfile | libc::SYS_splice => Self::Copy,
            libc::SYS_truncate | libc::SYS_ftruncate => Self::Resize,
            libc::SYS_fallocate => Self::Reserve,
            libc::SYS_fsync | libc::SYS_fdatasync => Self::Flush,
            libc::SYS_syncfs | libc::SYS_sync => Self::FlushAll,
            libc::SYS_rename | libc::SYS_renameat | libc::SYS_renameat2 => Self::Rename,
            libc::SYS_link | libc::SYS_linkat => Self::Link,
            libc::SYS_symlink | libc::SYS_symlinkat => Self::Symlink,
            libc::SYS_unlink | libc::SYS_unlinkat | libc::SYS_rmdir => Self::Remove,
            libc::SYS_mkdir | libc::SYS_mkdirat => Self::MakeFolder,
            libc::SYS_getdents64 => Self::List,
            libc::SYS_stat
            | libc::SYS_lstat
            | libc::SYS_fstat
            | libc::SYS_newfstatat
            | libc::SYS_statx
            | libc::SYS_access
            | libc::SYS_faccessat
            | libc::SYS_faccessat2
            | libc::SYS_readlink
            | libc::SYS_readlinkat => Self::Look,
            libc::SYS_flock => Self::Lock,
            libc::SYS_chmod
            | libc::SYS_fchmod
            | libc::SYS_fchmodat
            | libc::SYS_chown
            | libc::SYS_fchown
            | libc::SYS_lchown
            | libc::SYS_fchownat
            | libc::SYS_utimensat
            | libc::SYS_setxattr
            | libc::SYS_fsetxattr => Self::Attributes,
            libc::SYS_mmap | libc::SYS_brk => Self::Memory,
            libc::SYS_clone => Self::started(call.arguments[0]),
            libc::SYS_clone3 => Self::started(number(&task.memory(call.arguments[0], 8).ok()?)),
            libc::SYS_fork | libc::SYS_vfork => Self::Process,
            libc::SYS_socket if is_network(call.arguments[0]) => Self::Socket,
            libc::SYS_connect => {
                let family = task.memory(call.arguments[1], 2).ok()?;
                let [low, high, ..] = *family.as_slice() else { return None };
                is_network(u16::from_le_bytes([low, high]).into()).then_some(Self::Connect)?
            }
            _ => return None,
        })
    }

    /// What is started with these flags.
    fn started(flags: u64) -> Self {
        if flags & THREAD == 0 { Self::Process } else { Self::Thread }
    }

    /// What it is done to, if that is no file.
    pub(super) fn elsewhere(self) -> Option<&'static str> {
        match self {
            Self::Memory => Some("memory"),
            Self::Thread | Self::Process => Some("programs"),
            Self::Socket | Self::Connect | Self::Send | Self::Receive => Some("network"),
            _ => None,
        }
    }

    /// Its name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Read => "read",
            Self::Write => "write",
            Self::Copy => "copy",
            Self::Resize => "resize",
            Self::Reserve => "reserve",
            Self::Flush => "flush",
            Self::FlushAll => "flush-all",
            Self::Rename => "rename",
            Self::Link => "link",
            Self::Symlink => "symlink",
            Self::Remove => "remove",
            Self::MakeFolder => "make-folder",
            Self::List => "list",
            Self::Look => "look",
            Self::Lock => "lock",
            Self::Attributes => "attributes",
            Self::Memory => "memory",
            Self::Thread => "start-thread",
            Self::Process => "start-process",
            Self::Socket => "socket",
            Self::Connect => "connect",
            Self::Send => "send",
            Self::Receive => "receive",
        }
    }
}

/// What a call is about. Of a call with two, the one that is changed.
pub(super) fn subject(call: &Call) -> Subject {
    let [a, b, c, d, ..] = call.arguments;
    match call.number {
        libc::SYS_open
        | libc::SYS_creat
        | libc::SYS_truncate
        | libc::SYS_unlink
        | libc::SYS_rmdir
        | libc::SYS_mkdir
        | libc::SYS_stat
        | libc::SYS_lstat
        | libc::SYS_access
        | libc::SYS_readlink
        | libc::SYS_chmod
        | libc::SYS_chown
        | libc::SYS_lchown
        | libc::SYS_setxattr => Subject::Path(HERE, a),
        libc::SYS_openat
        | libc::SYS_openat2
        | libc::SYS_unlinkat
        | libc::SYS_mkdirat
        | libc::SYS_newfstatat
        | libc::SYS_statx
        | libc::SYS_faccessat
        | libc::SYS_faccessat2
        | libc::SYS_readlinkat
        | libc::SYS_fchmodat
        | libc::SYS_fchownat
        | libc::SYS_utimensat => Subject::Path(a, b),
        libc::SYS_rename | libc::SYS_link | libc::SYS_symlink => Subject::Path(HERE, b),
        libc::SYS_renameat | libc::SYS_renameat2 | libc::SYS_linkat => Subject::Path(c, d),
        libc::SYS_symlinkat => Subject::Path(b, c),
        libc::SYS_copy_file_range | libc::SYS_splice => Subject::Descriptor(c),
        // Anonymous memory belongs to no file.
        libc::SYS_mmap if call.arguments[3] & ANONYMOUS == 0 => {
            Subject::Descriptor(call.arguments[4])
        }
        libc::SYS_mmap
        | libc::SYS_brk
        | libc::SYS_sync
        | libc::SYS_clone
        | libc::SYS_clone3
        | libc::SYS_fork
        | libc::SYS_vfork
        | libc::SYS_socket
        | libc::SYS_connect
        | libc::SYS_sendto
        | libc::SYS_sendmsg
        | libc::SYS_recvfrom
        | libc::SYS_recvmsg => Subject::Nothing,
        _ => Subject::Descriptor(a),
    }
}

/// Whether a family of addresses is that of a network, and not within the machine.
fn is_network(family: u64) -> bool {
    [libc::AF_INET, libc::AF_INET6].iter().any(|known| u64::try_from(*known) == Ok(family))
}

/// `CLONE_THREAD`.
const THREAD: u64 = 0x1_0000;

/// `MAP_ANONYMOUS`.
const ANONYMOUS: u64 = 0x20;

/// The other name of a call with two: what is renamed or linked.
pub(super) fn origin(call: &Call) -> Option<(u64, u64)> {
    let [a, b, ..] = call.arguments;
    match call.number {
        libc::SYS_rename | libc::SYS_link => Some((HERE, a)),
        libc::SYS_renameat | libc::SYS_renameat2 | libc::SYS_linkat => Some((a, b)),
        _ => None,
    }
}

/// The bytes of memory that a call writes from, or reads to: whole buffers, in order.
pub(super) fn buffers(task: &Task, call: &Call) -> std::io::Result<Vec<(u64, u64)>> {
    let [_, place, length, ..] = call.arguments;
    match call.number {
        libc::SYS_writev
        | libc::SYS_pwritev
        | libc::SYS_pwritev2
        | libc::SYS_readv
        | libc::SYS_preadv => {
            let count = usize::try_from(length).unwrap_or(0);
            let bytes = task.memory(place, count.saturating_mul(16))?;
            Ok(bytes.chunks(16).map(|one| (number(one), number(&one[8..]))).collect())
        }
        _ => Ok(vec![(place, length)]),
    }
}

/// The number at the beginning.
fn number(bytes: &[u8]) -> u64 {
    bytes.first_chunk().map_or(0, |bytes: &[u8; 8]| u64::from_le_bytes(*bytes))
}

/// Where a call reads or writes, if it says so itself.
pub(super) fn place(call: &Call) -> Option<u64> {
    match call.number {
        libc::SYS_pread64
        | libc::SYS_pwrite64
        | libc::SYS_preadv
        | libc::SYS_pwritev
        | libc::SYS_pwritev2 => Some(call.arguments[3]),
        _ => None,
    }
}

/// The flags with which a call opens; `None` for one that cannot be made sense of.
pub(super) fn open_flags(call: &Call) -> Option<u64> {
    match call.number {
        libc::SYS_open => Some(call.arguments[1]),
        libc::SYS_openat => Some(call.arguments[2]),
        libc::SYS_creat => Some(CREATE | TRUNCATE | 1),
        _ => None,
    }
}

/// `O_CREAT`.
pub(super) const CREATE: u64 = 0o100;
/// `O_TRUNC`.
pub(super) const TRUNCATE: u64 = 0o1000;
/// `O_APPEND`.
pub(super) const APPEND: u64 = 0o2000;
/// `O_DIRECT`.
pub(super) const DIRECT: u64 = 0o40000;
/// `FALLOC_FL_PUNCH_HOLE`, which always comes with `FALLOC_FL_KEEP_SIZE`.
pub(super) const PUNCH_HOLE: u64 = 3;
/// `FALLOC_FL_ZERO_RANGE` with `FALLOC_FL_KEEP_SIZE`.
pub(super) const ZERO_RANGE: u64 = 0x11;
