//! What a migration may touch: it reads its source and the system's programs, and writes below the folder of its target, nothing else, and no
//! network.
//!
//! Linux's Landlock holds a thread and what it starts to that, without rights. A filter of system calls ([`Calls`]) keeps it from all that Landlock knows
//! nothing of. A kernel that has none of one or the other, or less of it, gives less, which the log says; what was signed is run all the same. For
//! temporary files it has a folder of its own ([`Temporary`]).
//!
//! Left out on purpose: a limit on how many processes there are. The kernel's (`RLIMIT_NPROC`) does not bind root, as which migrations run, and counts
//! others' processes for anybody else; the unit that runs `migrator` has one (`TasksMax=`). Whatever their number, they are killed together.

mod calls;
mod temporary;

use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, AccessNet, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope, path_beneath_rules,
};

pub(crate) use calls::Calls;
pub(crate) use temporary::Temporary;

/// The newest set of rules that this was written for; an older kernel gets what it knows of it.
const RULES: ABI = ABI::V6;

/// What programs of the system need to start.
const SYSTEM: [&str; 8] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/ld.so.cache", "/dev/null", "/dev/urandom"];

/// Holds the calling thread, and what it starts from now on, to writing below `work`. Whether the kernel does all of it.
///
/// # Errors
///
/// Fails when the kernel has these rules and refuses them.
pub(crate) fn thread(work: &Path) -> Result<bool, RulesetError> {
    let read = AccessFs::from_read(RULES);
    let status = Ruleset::default()
        .handle_access(AccessFs::from_all(RULES))?
        .handle_access(AccessNet::from_all(RULES))?
        .scope(Scope::from_all(RULES))?
        .create()?
        .add_rules(path_beneath_rules(SYSTEM, read))?
        .add_rules(path_beneath_rules(["/dev/null"], AccessFs::WriteFile))?
        .add_rules(path_beneath_rules([work], AccessFs::from_all(RULES)))?
        .restrict_self()?;
    Ok(status.ruleset == RulesetStatus::FullyEnforced)
}
