//! How an update stands behind the other work of its host: what reads and writes waits for what needs the disk, and what computes for
//! what needs the processor.

mod call;

use std::io;

use rustix::process::nice;

/// Added to the nice value of what is not to be in the way.
const NICER: i32 = 10;

/// The size from which a buffer's memory is given back at once, in bytes.
#[cfg(target_env = "gnu")]
const LARGE: libc::c_int = 128 << 10;

/// Has the memory of large buffers given back to the host as soon as nobody needs them. Where the allocator cannot be told, nothing changes.
pub fn give_back_large_buffers() {
    #[cfg(target_env = "gnu")]
    let _ = call::map_buffers_of(LARGE);
}

/// How an update's reads and writes stand behind those of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Only when nobody else needs the disk.
    Idle,
    /// Behind all others that take part, and never without a share.
    Low,
    /// As any program.
    Normal,
}

impl Priority {
    /// Gives the calling thread, and the threads and programs that it starts from now on, this priority. It is meant to be called once, before
    /// the others are started: Linux has no such thing for a whole process. `Idle` and `Low` leave the processor to others, too.
    ///
    /// # Errors
    ///
    /// Fails when the kernel does not grant it; the work can go on all the same. What can be given is given.
    pub fn apply(&self) -> io::Result<()> {
        let class = match self {
            Self::Normal => return Ok(()),
            Self::Idle => call::Class::Idle,
            Self::Low => call::Class::LeastEffort,
        };
        let disk = call::set(class);
        nice(NICER)?;
        disk
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::thread;

    use rustix::process::getpriority_process;

    use super::*;

    /// The nice value and the priority of reads and writes of a thread of its own, before and after, and of one that it starts then.
    fn given(priority: Priority) -> [(i32, i64); 3] {
        let now = || (getpriority_process(None).unwrap(), call::current());
        let thread = thread::spawn(move || {
            let before = now();
            priority.apply().unwrap();
            [before, now(), thread::spawn(now).join().unwrap()]
        });
        thread.join().unwrap()
    }

    #[test]
    fn what_is_started_later_stands_behind_others_too() {
        for (priority, class) in [(Priority::Idle, 3 << 13), (Priority::Low, (2 << 13) | 7)] {
            let [before, after, child] = given(priority);
            let wanted = (before.0.saturating_add(10).min(19), class);
            assert_eq!((after, child), (wanted, wanted), "{priority:?}");
        }
    }

    #[test]
    #[cfg(target_env = "gnu")]
    fn the_allocator_can_be_told() {
        assert!(call::map_buffers_of(LARGE));
    }

    #[test]
    fn normal_changes_nothing() {
        let [before, after, child] = given(Priority::Normal);
        assert_eq!((after, child), (before, before));
    }
}
