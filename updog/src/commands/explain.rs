//! `explain`: why this host was, or was not, offered a release.

use chrono::{DateTime, Utc};
use cli::{Classify, Kind, Outcome};
use manifest::Host;
use signpost::Access;

use super::{Context, ledger};
use crate::args::ExplainArguments;
use crate::boots::{Ledger, file};
use crate::error::{Error, chain};
use crate::explain::{Facts, Origin};
use crate::host;
use crate::kept::{self, Kept};
use crate::session::{Session, read_root};

pub(super) fn run(
    context: &Context,
    arguments: &ExplainArguments,
    now: DateTime<Utc>,
) -> Result<Outcome, Error> {
    let host = host::read(&context.settings)?;
    let ledger = known(context, &host, now)?;
    let by = |manifest, origin, signed| {
        let facts = Facts { manifest, host: &host, ledger: &ledger, origin, signed, now };
        show(context, arguments, facts)
    };
    if arguments.offline {
        let kept = kept(context)?.ok_or(Error::NothingKept)?;
        return by(&kept.manifest, Origin::Kept, kept.repository.timestamp_metadata().signed());
    }
    let asked =
        Session::open(&context.settings, context.from.as_deref(), &host, context.output, now);
    match (asked, kept(context)) {
        (Ok(session), _) => {
            let signed = session.repository.timestamp_metadata().signed();
            by(&session.manifest, Origin::Repository, signed)
        }
        (Err(error), Ok(Some(kept))) if is_out_of_reach(&error) => {
            context.output.note(format_args!("warning: {}", chain(&error)));
            by(&kept.manifest, Origin::Kept, kept.repository.timestamp_metadata().signed())
        }
        (Err(error), _) => Err(error),
    }
}

/// What has failed here; on a disk only where that is known.
fn known(context: &Context, host: &Host, now: DateTime<Utc>) -> Result<Ledger, Error> {
    match context.place(Access::Read) {
        Ok(place) => ledger::known(context, &place, &host.version, now),
        Err(_) => Ok(file::read(&context.settings.paths.state)?),
    }
}

fn kept(context: &Context) -> Result<Option<Kept>, Error> {
    let paths = &context.settings.paths;
    Ok(kept::load(&paths.migrations, &read_root(&paths.root)?)?)
}

/// A repository that says something which is refused has answered.
fn is_out_of_reach(error: &Error) -> bool {
    matches!(error.kind(), Kind::Temporary | Kind::Failed)
}

fn show(
    context: &Context,
    arguments: &ExplainArguments,
    facts: Facts<'_>,
) -> Result<Outcome, Error> {
    let Host { variant, arch, .. } = facts.host;
    let missing = || Error::NoSuchRelease {
        version: arguments.version.clone().unwrap_or_else(|| facts.host.version.clone()),
        variant: variant.clone(),
        arch: arch.clone(),
    };
    context.output.show(&facts.explain(arguments.version.as_ref()).ok_or_else(missing)?)?;
    Ok(Outcome::Done)
}
