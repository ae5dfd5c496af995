//! `prepare` and `update-image`: a release onto the inactive set, checked, not yet bootable.

use std::cell::Cell;
use std::fmt;

use chrono::{DateTime, Utc};
use cli::{ByteCount, Outcome, Progress};
use gptprio::SetId;
use manifest::{Digest, Host, Update};
use semver::Version;
use serde::Serialize;
use signpost::Access;
use trust::Target;

use super::{Context, Place, choice, ledger};
use crate::args::ChoiceArguments;
use crate::error::{self, Error};
use crate::host;
use crate::install::{self, Downloads, Running, Watch};
use crate::mirrors::Setback;
use crate::plan::{self, Plan};
use crate::session::Session;
use crate::source::Origin;
use crate::staged::Staged;

/// A release that was chosen and fits.
pub(super) struct Chosen {
    session: Session,
    plan: Plan,
}

/// What became of the inactive set.
#[derive(Debug, Serialize)]
pub(super) struct Image {
    /// The release in it.
    pub(super) version: Version,
    /// The inactive set.
    pub(super) set: SetId,
    /// Whether this run wrote it; else it was there already, and was checked again.
    pub(super) written: bool,
    /// Bytes fetched by this run.
    pub(super) fetched_bytes: u64,
}

impl fmt::Display for Image {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, set, .. } = self;
        if !self.written {
            return write!(out, "{version} is in set {set} already, checked again");
        }
        let fetched = ByteCount(self.fetched_bytes);
        write!(out, "{version} is in set {set}, read back and checked; fetched {fetched}")
    }
}

pub(super) fn prepare(
    context: &Context,
    arguments: &ChoiceArguments,
    now: DateTime<Utc>,
) -> Result<Outcome, Error> {
    let place = context.place(Access::Read)?;
    let Some(chosen) = choose(context, arguments, &place, now)? else {
        return Ok(Outcome::NothingToDo);
    };
    if !arguments.dry_run {
        chosen.session.keep(&context.settings, &chosen.plan)?;
    }
    context.output.show(&chosen.plan.summary())?;
    Ok(Outcome::Done)
}

pub(super) fn run(
    context: &Context,
    arguments: &ChoiceArguments,
    now: DateTime<Utc>,
) -> Result<Outcome, Error> {
    let mut place = context.place(access(arguments))?;
    let Some(image) = bring(context, arguments, &mut place, now)? else {
        return Ok(Outcome::NothingToDo);
    };
    context.output.show(&image)?;
    Ok(if image.written() || arguments.dry_run { Outcome::Done } else { Outcome::NothingToDo })
}

/// A dry run must work beside another writer, and without the right to write.
pub(super) fn access(arguments: &ChoiceArguments) -> Access {
    if arguments.dry_run { Access::Read } else { Access::Write }
}

/// What `update-image` gives: the plan of a dry run, or what became of the set.
pub(super) enum Brought {
    /// Only planned.
    Planned(Box<Plan>),
    /// On the disk.
    There(Image),
}

impl Brought {
    fn written(&self) -> bool {
        matches!(self, Self::There(image) if image.written)
    }
}

impl Serialize for Brought {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Planned(plan) => plan.summary().serialize(serializer),
            Self::There(image) => image.serialize(serializer),
        }
    }
}

impl fmt::Display for Brought {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Planned(plan) => plan.summary().fmt(out),
            Self::There(image) => image.fmt(out),
        }
    }
}

/// Chooses a release and brings it onto the inactive set, unless it lies there already.
pub(super) fn bring(
    context: &Context,
    arguments: &ChoiceArguments,
    place: &mut Place,
    now: DateTime<Utc>,
) -> Result<Option<Brought>, Error> {
    let Some(chosen) = choose(context, arguments, place, now)? else { return Ok(None) };
    if arguments.dry_run {
        return Ok(Some(Brought::Planned(Box::new(chosen.plan))));
    }
    let (version, set) = (chosen.plan.version.clone(), chosen.plan.set);
    if is_there(context, place, &chosen.plan)? {
        // Another release may have been prepared since, or nothing may be left of what was kept.
        chosen.session.keep(&context.settings, &chosen.plan)?;
        let image = Image { version, set, written: false, fetched_bytes: 0 };
        return Ok(Some(Brought::There(image)));
    }
    let fetched_bytes = install(context, place, &chosen)?;
    Ok(Some(Brought::There(Image { version, set, written: true, fetched_bytes })))
}

/// Decides which release this host takes, and plans it.
fn choose(
    context: &Context,
    arguments: &ChoiceArguments,
    place: &Place,
    now: DateTime<Utc>,
) -> Result<Option<Chosen>, Error> {
    let mut host = host::read(&context.settings)?;
    host.ignore_waves |= arguments.now;
    let session =
        Session::open(&context.settings, context.from.as_deref(), &host, context.output, now)?;
    let plan = make_plan(context, arguments, place, (&host, &session), now)?;
    let Some(mut plan) = plan else { return Ok(None) };
    check_held(&session, &mut plan)?;
    Ok(Some(Chosen { session, plan }))
}

/// A bundle that was made without this release is found out before anything is changed; one without its pack has the images.
fn check_held(session: &Session, plan: &mut Plan) -> Result<(), Error> {
    let held = |target: &Target| {
        let fetch = |source| Error::Fetch { name: target.name().to_owned(), source };
        let found = |mirror: &Origin| mirror.target(target).map_err(fetch).map_err(Setback::Mirror);
        session.mirrors.ask(found).map(drop)
    };
    plan.pack.take_if(|pack| held(&pack.target).is_err());
    let images = plan.images.iter().map(|image| &image.target);
    images.chain(&plan.migrations).try_for_each(held)
}

fn make_plan(
    context: &Context,
    arguments: &ChoiceArguments,
    place: &Place,
    (host, session): (&Host, &Session),
    now: DateTime<Utc>,
) -> Result<Option<Plan>, Error> {
    let manifest = &session.manifest;
    let ledger = ledger::known(context, place, host, now)?;
    let decision = choice::choose(manifest, host, now, arguments.image.as_ref(), &ledger)?;
    let Some(update) = decision.chosen else {
        context.output.note(format_args!("no update for {}", host.version));
        decision.for_host().for_each(|one| context.output.note(format_args!("  {one}")));
        return Ok(None);
    };
    let names = plan::migrations(manifest, &host.version, &update.version)?;
    session.query.choose(&update.version, &names);
    let target = place.inactive()?;
    let mut plan = Plan::new(&host.version, update, &names, &session.repository, target)?;
    use_pack(context, place, session, update, &mut plan);
    Ok(Some(plan))
}

/// Looks for a pack for the running set. Without its tree, none is used.
fn use_pack(context: &Context, place: &Place, session: &Session, update: &Update, plan: &mut Plan) {
    let Some(layout) = place.disk.layout().set(place.active) else { return };
    if update.packs.is_empty() {
        return;
    }
    match Running::open(place.disk.file(), layout) {
        Ok(running) => {
            let root_hash = Digest::new(running.root_hash().0);
            plan.use_pack(update, &session.repository, (layout, &root_hash));
        }
        Err(error) => {
            context.output.note(format_args!("no pack is used: {}", error::chain(&error)));
        }
    }
}

/// Whether the planned release lies in the inactive set already, whole and ready to be activated.
fn is_there(context: &Context, place: &Place, plan: &Plan) -> Result<bool, Error> {
    // A damaged record is no reason to stop: it is about to be replaced.
    let Ok(Some(staged)) = Staged::read(&context.settings.paths.state) else { return Ok(false) };
    let same = staged.set == plan.set
        && staged.version == plan.version
        && staged.variant == plan.variant
        && plan.contents.as_ref().is_none_or(|contents| *contents == staged.contents);
    if !same || !place.inactive_has_tries() {
        return Ok(false);
    }
    Ok(place.check(&staged, context.output).is_ok())
}

/// The steps, in their one order. Gives the number of bytes that were fetched.
fn install(context: &Context, place: &mut Place, chosen: &Chosen) -> Result<u64, Error> {
    let Chosen { session, plan } = chosen;
    let (settings, output) = (&context.settings, context.output);
    let state = &settings.paths.state;
    output.note(plan.summary());
    session.keep(settings, plan)?;
    Staged::remove(state)?;
    let active = place.active;
    let cleared = install::clear(&mut place.disk, active)?;
    let downloads = Downloads { mirrors: &session.mirrors, runtime: &session.runtime };
    let (set, layout) = place.inactive()?;
    // A byte counts when it was read back; where all reading comes after all writing, when it was written.
    let known = plan.write_bytes();
    let progress = Progress::new("write and check", known.unwrap_or(0), output.quiet);
    let fetched = Cell::new(plan.migration_bytes());
    let watch = Watch {
        fetched: &|bytes| fetched.set(fetched.get().saturating_add(bytes)),
        written: &|bytes| {
            if known.is_none() {
                progress.add(bytes)
            }
        },
        checked: &|bytes| {
            if known.is_some() {
                progress.add(bytes)
            }
        },
        no_pack: &|error| {
            let why = error::chain(error);
            output.note(format_args!("{why}: the images are fetched in its place"));
        },
    };
    let checked = install::write_and_check(cleared, &place.disk, plan, layout, &downloads, &watch)?;
    progress.finish();
    let contents = checked.contents().clone();
    let (variant, arch) = (plan.variant.clone(), plan.arch.clone());
    Staged::new(set, plan.version.clone(), variant, arch, contents).write(state)?;
    install::mark_valid(checked, &mut place.disk, active, settings.tries)?;
    Ok(fetched.get())
}
