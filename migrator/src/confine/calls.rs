//! The system calls that a migration is refused: a filter of the kernel (seccomp), which every process that it starts inherits.
//!
//! It refuses what a program that reads one folder and writes another has no use for, and what would take it out of reach: sockets of every kind, another
//! session or process group (so the kill at the end of the time reaches all of it), other namespaces and roots, mounts, other processes' memory, the
//! machine's clock, names and modules, devices, higher limits, and marks on files that keep them from being removed. What is refused ends with `EPERM`, as
//! for a program that may not. All else is allowed, since migrations are programs of any language.
//!
//! `clone3` is no known call (`ENOSYS`): its flags lie in memory, where no filter looks. Every C library then takes `clone`, whose flags are looked at.
//! A program of another architecture, such as one of 32 bits on a machine of 64, is killed at its first call: its numbers mean something else.
//! x86-64 has a second set of numbers (x32) under the same architecture, which is refused the same.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::io::{self, ErrorKind};
use std::thread;

use libc::c_long;
use rustix::io::Errno;
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq, Ne};
use seccompiler::{
    BackendError, BpfProgram, Error, SeccompAction, SeccompCmpArgLen, SeccompCmpOp,
    SeccompCondition, SeccompFilter, SeccompRule, TargetArch, apply_filter,
};

/// Rules by number; a call without any is always meant.
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Refused whatever their arguments are.
const REFUSED: &[c_long] = &[
    // Sockets: Landlock knows TCP alone.
    libc::SYS_socket,
    libc::SYS_socketpair,
    // Out of the group that is killed.
    libc::SYS_setsid,
    libc::SYS_setpgid,
    // Other processes' memory and files.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_process_madvise,
    libc::SYS_pidfd_getfd,
    // Mounts, roots and namespaces.
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    OPEN_TREE_ATTR,
    libc::SYS_unshare,
    libc::SYS_setns,
    // The kernel itself.
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_syslog,
    // The machine.
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    // Files past their names, and marks on them that outlive the run.
    libc::SYS_open_by_handle_at,
    libc::SYS_fanotify_init,
    FILE_SETATTR,
];

/// `open_tree_attr`, which every architecture has under this number and the `libc` crate does not.
const OPEN_TREE_ATTR: c_long = 467;

/// `file_setattr`, likewise.
const FILE_SETATTR: c_long = 469;

/// Calls of one architecture alone, and `setrlimit`, which has no name in the `libc` crate on aarch64.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[c_long] =
    &[libc::SYS_setrlimit, libc::SYS_iopl, libc::SYS_ioperm, libc::SYS_modify_ldt];
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[c_long] = &[164];

/// What marks x86-64's second set of numbers, and those of it that are not just marked: number here, number there.
#[cfg(target_arch = "x86_64")]
const SECOND: Option<(i64, &[(c_long, i64)])> = Some((
    0x4000_0000,
    &[
        (libc::SYS_ioctl, 514),
        (libc::SYS_ptrace, 521),
        (libc::SYS_kexec_load, 528),
        (libc::SYS_process_vm_readv, 539),
        (libc::SYS_process_vm_writev, 540),
    ],
));
#[cfg(not(target_arch = "x86_64"))]
const SECOND: Option<(i64, &[(c_long, i64)])> = None;

/// New namespaces, as flags of `clone`.
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWCGROUP,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
];

/// Kinds of devices, as modes of `mknod`.
const DEVICES: [u32; 2] = [libc::S_IFCHR, libc::S_IFBLK];

/// `FS_IOC_SETFLAGS` and `FS_IOC_FSSETXATTR`, of 64 and of 32 bits: they can make files that not even root removes.
const MARKS: [u64; 3] = [0x4008_6602, 0x4004_6602, 0x401c_5820];

/// Compiled filters, which a child applies to itself.
#[derive(Clone, Debug)]
pub(crate) struct Calls([BpfProgram; 2]);

impl Calls {
    /// Compiles the filters; nothing where there are none for this machine or its kernel.
    ///
    /// # Errors
    ///
    /// Fails when the kernel has such filters and refuses these.
    pub(crate) fn compile() -> io::Result<Option<Self>> {
        let Ok(arch) = TargetArch::try_from(ARCH) else { return Ok(None) };
        let calls = Self::for_arch(arch).map_err(io::Error::other)?;
        // On a thread of its own, since what is refused once is refused for ever.
        let tried = thread::scope(|scope| {
            let trial = thread::Builder::new().spawn_scoped(scope, || calls.apply())?;
            trial.join().unwrap_or_else(|_| Err(ErrorKind::Other.into()))
        });
        match tried {
            Ok(()) => Ok(Some(calls)),
            Err(error) if is_unknown(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn for_arch(arch: TargetArch) -> Result<Self, BackendError> {
        let unknown = Rules::from([(libc::SYS_clone3, Vec::new())]);
        Ok(Self([program(refused()?, Errno::PERM, arch)?, program(unknown, Errno::NOSYS, arch)?]))
    }

    /// Holds the calling thread to them, and what it starts. Takes no lock and no memory.
    pub(crate) fn apply(&self) -> io::Result<()> {
        self.0.iter().try_for_each(|filter| apply_filter(filter)).map_err(|error| match error {
            Error::Prctl(error) | Error::Seccomp(error) => error,
            _ => ErrorKind::Other.into(),
        })
    }
}

/// Whether the kernel was built without such filters.
fn is_unknown(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    errno.is_some_and(|errno| [Errno::NOSYS, Errno::INVAL].contains(&errno))
}

fn program(mut rules: Rules, errno: Errno, arch: TargetArch) -> Result<BpfProgram, BackendError> {
    if let Some((mark, moved)) = SECOND {
        for (call, rule) in rules.clone() {
            rules.insert(call | mark, rule.clone());
            let moved = moved.iter().filter(|(here, _)| *here == call);
            rules.extend(moved.map(|(_, there)| (there | mark, rule.clone())));
        }
    }
    let action = SeccompAction::Errno(errno.raw_os_error().unsigned_abs());
    SeccompFilter::new(rules, SeccompAction::Allow, action, arch)?.try_into()
}

fn refused() -> Result<Rules, BackendError> {
    let calls = REFUSED.iter().chain(REFUSED_HERE);
    let mut rules: Rules = calls.map(|call| (*call, Vec::new())).collect();
    let mut add = |call, any: Vec<SeccompRule>| rules.insert(call, any);
    let namespace = |flag: &i32| {
        let flag = u64::from(flag.unsigned_abs());
        when(0, Dword, MaskedEq(flag), flag)
    };
    add(libc::SYS_clone, NAMESPACES.iter().map(namespace).collect::<Result<_, _>>()?);
    #[cfg(target_arch = "x86_64")]
    add(libc::SYS_mknod, devices(1)?);
    add(libc::SYS_mknodat, devices(2)?);
    let marks = MARKS.map(|request| when(1, Dword, Eq, request));
    add(libc::SYS_ioctl, marks.into_iter().collect::<Result<_, _>>()?);
    // Without new limits it only asks for those that there are.
    add(libc::SYS_prlimit64, vec![when(2, Qword, Ne, 0)?]);
    Ok(rules)
}

/// Rules about a mode that makes a device.
fn devices(argument: u8) -> Result<Vec<SeccompRule>, BackendError> {
    let is_kind = |kind| when(argument, Dword, MaskedEq(u64::from(libc::S_IFMT)), u64::from(kind));
    DEVICES.into_iter().map(is_kind).collect()
}

/// A rule about one argument, counted from 0.
fn when(
    argument: u8,
    length: SeccompCmpArgLen,
    compare: SeccompCmpOp,
    value: u64,
) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(argument, length, compare, value)?])
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    /// What a filter answers to a call of the architecture that it is for: an error number, or 0 where it lets it through.
    fn answer(filter: &BpfProgram, call: i64, arguments: [u64; 6]) -> u32 {
        // The words of the kernel's `struct seccomp_data`: number, architecture, address, arguments.
        let mut words = vec![u32::try_from(call).unwrap(), filter[1].k, 0, 0];
        words.extend(arguments.iter().flat_map(|argument| {
            let bytes = argument.to_le_bytes();
            [&bytes[..4], &bytes[4..]].map(|half| u32::from_le_bytes(half.try_into().unwrap()))
        }));
        let (mut at, mut value) = (0_usize, 0);
        loop {
            let step = &filter[at];
            let jump = |holds| usize::from(if holds { step.jt } else { step.jf });
            at += 1;
            match step.code {
                0x20 => value = words[usize::try_from(step.k).unwrap() / 4],
                0x54 => value &= step.k,
                0x05 => at += usize::try_from(step.k).unwrap(),
                0x15 => at += jump(value == step.k),
                0x06 if step.k == libc::SECCOMP_RET_ALLOW => return 0,
                0x06 => {
                    assert_eq!(step.k & !0xffff, libc::SECCOMP_RET_ERRNO);
                    return step.k & 0xffff;
                }
                code => panic!("{code:#x}"),
            }
        }
    }

    const PERM: u32 = 1;

    fn calls() -> [BpfProgram; 2] {
        Calls::for_arch(ARCH.try_into().unwrap()).unwrap().0
    }

    /// What both filters answer.
    fn answers(call: i64, arguments: [u64; 6]) -> [u32; 2] {
        calls().map(|filter| answer(&filter, call, arguments))
    }

    #[test]
    fn what_is_refused_is_refused_whatever_its_arguments_are() {
        for call in REFUSED.iter().chain(REFUSED_HERE) {
            for argument in [0, 1, u64::MAX] {
                assert_eq!(answers(*call, [argument; 6]), [PERM, 0], "{call}");
            }
        }
    }

    #[test]
    fn what_programs_live_on_is_let_through() {
        for call in [libc::SYS_read, libc::SYS_execve, libc::SYS_kill, libc::SYS_seccomp] {
            assert_eq!(answers(call, [u64::MAX; 6]), [0, 0], "{call}");
        }
        let (threads, fork) = (0x003d_0f00, 0x0120_0011);
        for flags in [threads, fork, 17] {
            assert_eq!(answers(libc::SYS_clone, [flags, 0, 0, 0, 0, 0]), [0, 0], "{flags:x}");
        }
        assert_eq!(answers(libc::SYS_prlimit64, [0, 7, 0, 1, 0, 0]), [0, 0], "asking is free");
        assert_eq!(answers(libc::SYS_ioctl, [1, 0x5401, 0, 0, 0, 0]), [0, 0]);
        for kind in [libc::S_IFIFO, libc::S_IFREG, 0] {
            let mode = u64::from(kind | 0o644);
            assert_eq!(answers(libc::SYS_mknodat, [0, 0, mode, 0, 0, 0]), [0, 0], "{kind:o}");
        }
    }

    #[test]
    fn what_depends_on_an_argument_is_refused_by_that_argument() {
        for flag in NAMESPACES {
            let flags = u64::from(flag.unsigned_abs()) | 17;
            assert_eq!(answers(libc::SYS_clone, [flags, 0, 0, 0, 0, 0]), [PERM, 0], "{flag:x}");
        }
        for kind in DEVICES {
            let mode = u64::from(kind | 0o644);
            assert_eq!(answers(libc::SYS_mknodat, [0, 0, mode, 0, 0, 0]), [PERM, 0], "{kind:o}");
        }
        for request in MARKS {
            // The kernel looks at 32 bits of it.
            for request in [request, request | 1 << 40] {
                assert_eq!(answers(libc::SYS_ioctl, [1, request, 0, 0, 0, 0]), [PERM, 0]);
            }
        }
        for limits in [1, 1 << 40] {
            assert_eq!(answers(libc::SYS_prlimit64, [0, 7, limits, 0, 0, 0]), [PERM, 0]);
        }
    }

    #[test]
    fn the_call_whose_flags_no_filter_can_read_is_unknown() {
        assert_eq!(answers(libc::SYS_clone3, [0; 6]), [0, 38]);
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_second_set_of_numbers_is_refused_the_same() {
        let second = |call| call | 0x4000_0000;
        for call in [libc::SYS_socket, libc::SYS_setsid, 521, 539] {
            assert_eq!(answers(second(call), [0; 6]), [PERM, 0], "{call}");
        }
        assert_eq!(answers(second(514), [1, MARKS[0], 0, 0, 0, 0]), [PERM, 0]);
        assert_eq!(answers(second(libc::SYS_clone3), [0; 6]), [0, 38]);
        assert_eq!(answers(second(libc::SYS_read), [0; 6]), [0, 0]);
    }

    #[test]
    fn filters_are_made_for_both_machines_that_we_ship_for() {
        for arch in [TargetArch::x86_64, TargetArch::aarch64] {
            assert!(Calls::for_arch(arch).is_ok());
        }
    }
}
