//! `prepare` and `update-image`: a release onto the inactive set, checked, not yet bootable.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::{DateTime, Utc};
use cli::{ByteCount, Outcome, Progress};
use gptprio::SetId;
use manifest::{Host, Update};
use semver::Version;
use serde::Serialize;
use signpost::Access;
use trust::Target;

use super::{Context, Place, choice, ledger};
use crate::args::ChoiceArguments;
use crate::error::{self, Error};
use crate::host;
use crate::install::{self, Assembly, DeltaError, Downloads, Found, InstallError, Running, Watch};
use crate::mirrors::Setback;
use crate::plan::{self, FramesPlan, Plan, Summary};
use crate::rehearsal::{Rehearsal, rehearse};
use crate::session::Session;
use crate::source::Origin;
use crate::staged::Staged;

/// A release that was chosen and fits.
pub(super) struct Chosen {
    session: Session,
    plan: Plan,
    /// What is known of the ways to it.
    found: Found,
    /// The most bytes that may be fetched.
    limit: Option<u64>,
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
    /// Bytes written by this run; the rest of the set was right already.
    pub(super) written_bytes: u64,
    /// What the next boot will make of the settings, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) settings: Option<Rehearsal>,
}

impl fmt::Display for Image {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, set, .. } = self;
        if !self.written {
            return write!(out, "{version} is in set {set} already, checked again");
        }
        let (fetched, wrote) = (ByteCount(self.fetched_bytes), ByteCount(self.written_bytes));
        write!(
            out,
            "{version} is in set {set}, read back and checked; fetched {fetched}, wrote {wrote}"
        )
    }
}

/// What `prepare` gives.
#[derive(Serialize)]
struct Prepared<'a> {
    #[serde(flatten)]
    plan: Summary<'a>,
    /// What the next boot will make of the settings, if there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<Rehearsal>,
}

impl fmt::Display for Prepared<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.plan.fmt(out)
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
    // Nothing but the migrations is fetched here.
    downloads(&chosen.session, &chosen.plan, chosen.limit).check_limit(0)?;
    let settings = match arguments.dry_run {
        true => None,
        false => keep(context, &chosen.session, &chosen.plan)?,
    };
    context.output.show(&Prepared { plan: chosen.plan.summary(), settings })?;
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
    give_way(context);
    let Some(mut chosen) = choose(context, arguments, place, now)? else { return Ok(None) };
    if arguments.dry_run {
        survey(context, place, &mut chosen)?;
        return Ok(Some(Brought::Planned(Box::new(chosen.plan))));
    }
    let (version, set) = (chosen.plan.version.clone(), chosen.plan.set);
    if is_there(context, place, &chosen.plan)? {
        // Another release may have been prepared since, or nothing may be left of what was kept.
        let settings = keep(context, &chosen.session, &chosen.plan)?;
        let (fetched_bytes, written_bytes) = (0, 0);
        let image = Image { version, set, written: false, fetched_bytes, written_bytes, settings };
        return Ok(Some(Brought::There(image)));
    }
    let (fetched_bytes, written_bytes, settings) = install(context, place, chosen)?;
    let image = Image { version, set, written: true, fetched_bytes, written_bytes, settings };
    Ok(Some(Brought::There(image)))
}

/// Puts this run behind the host's other work, as far as the host lets it.
fn give_way(context: &Context) {
    if let Err(error) = context.settings.limits.io_priority.apply() {
        context.output.note(format_args!("cannot give way to other programs: {error}"));
    }
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
    let Some((mut plan, found)) = plan else { return Ok(None) };
    check_held(&session, &mut plan)?;
    let limit = arguments.max_bytes.or(context.settings.limits.max_bytes).map(|limit| limit.0);
    Ok(Some(Chosen { session, plan, found, limit }))
}

/// A bundle that was made without this release is found out before anything is changed; one without its pack or frames has the images.
fn check_held(session: &Session, plan: &mut Plan) -> Result<(), Error> {
    let held = |target: &Target| {
        let fetch = |source| Error::Fetch { name: target.name().to_owned(), source };
        let found = |mirror: &Origin| mirror.target(target).map_err(fetch).map_err(Setback::Mirror);
        session.mirrors.ask(found).map(drop)
    };
    plan.pack.take_if(|pack| held(&pack.target).is_err());
    let targets =
        |frames: &FramesPlan| [&frames.index, &frames.root, &frames.boot].map(Clone::clone);
    plan.frames.take_if(|frames| targets(frames).iter().any(|target| held(target).is_err()));
    let images = plan.images.iter().map(|image| &image.target);
    images.chain(&plan.migrations).try_for_each(held)
}

fn make_plan(
    context: &Context,
    arguments: &ChoiceArguments,
    place: &Place,
    (host, session): (&Host, &Session),
    now: DateTime<Utc>,
) -> Result<Option<(Plan, Found)>, Error> {
    let manifest = &session.manifest;
    let ledger = ledger::known(context, place, &host.version, now)?;
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
    let found = Found::new(running(context, place, &plan, update));
    plan.use_pack(update, &session.repository, found.running());
    Ok(Some((plan, found)))
}

/// The running set, as far as blocks of it are of use. Without its tree there is no pack for it.
fn running(context: &Context, place: &Place, plan: &Plan, update: &Update) -> Option<Running> {
    let layout = place.disk.layout().set(place.active)?;
    if update.packs.is_empty() && plan.frames.is_none() {
        return None;
    }
    let note = |what: &str, error: &DeltaError| {
        let why = error::chain(error);
        context.output.note(format_args!("{what}: {why}"));
    };
    let opened = Running::open(place.disk.file(), layout);
    let running =
        opened.inspect_err(|error| note("nothing of the running set is used", error)).ok()?;
    if let Err(error) = running.root_hash() {
        let what =
            if update.packs.is_empty() { "the running set is read" } else { "no pack is used" };
        note(what, error);
    }
    Some(running)
}

/// Looks at the disk, and finds out what fetching and writing come to.
fn survey(context: &Context, place: &Place, chosen: &mut Chosen) -> Result<(), Error> {
    let Chosen { session, plan, found, limit } = chosen;
    let downloads = downloads(session, plan, *limit);
    if let Some(contents) = &plan.contents {
        let (set, layout) = place.inactive()?;
        let disk = place.disk.file();
        let memory = context.settings.limits.memory;
        let assembly = Assembly { disk, set, layout, contents, downloads: &downloads, memory };
        let skipped = |error: &InstallError| note_skipped(context, error);
        assembly.survey(plan, found, &skipped)?;
    }
    plan.forecast = found.forecast;
    let planned = plan.fetch_bytes().saturating_sub(downloads.spent());
    Ok(downloads.check_limit(planned)?)
}

fn note_skipped(context: &Context, error: &InstallError) {
    let why = error::chain(error);
    context.output.note(format_args!("{why}: what is lacking is fetched another way"));
}

fn downloads<'a>(session: &'a Session, plan: &Plan, limit: Option<u64>) -> Downloads<'a> {
    Downloads::new(&session.mirrors, &session.runtime, limit, plan.migration_bytes())
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

/// Keeps what the next boot needs, once its settings were tried out with that.
fn keep(context: &Context, session: &Session, plan: &Plan) -> Result<Option<Rehearsal>, Error> {
    let (settings, output) = (&context.settings, context.output);
    let mut rehearsal = None;
    session.keep(settings, plan, |generation| {
        let (migrations, root) = (&settings.migrations, &settings.paths.root);
        rehearsal = rehearse(migrations, (generation, root), &plan.version, output.json)?;
        Ok(())
    })?;
    if let Some(Rehearsal::Told(text)) = &rehearsal {
        output.note(text);
    }
    Ok(rehearsal)
}

/// The steps, in their one order. Gives the numbers of bytes that were fetched and written, and what becomes of the settings.
fn install(
    context: &Context,
    place: &mut Place,
    mut chosen: Chosen,
) -> Result<(u64, u64, Option<Rehearsal>), Error> {
    survey(context, place, &mut chosen)?;
    let Chosen { session, plan, mut found, limit } = chosen;
    let (settings, output) = (&context.settings, context.output);
    let state = &settings.paths.state;
    output.note(plan.summary());
    let rehearsal = keep(context, &session, &plan)?;
    Staged::remove(state)?;
    let active = place.active;
    let cleared = install::clear(&mut place.disk, active)?;
    let downloads = downloads(&session, &plan, limit);
    downloads.add_spent(found.spent());
    let (set, layout) = place.inactive()?;
    // A byte counts when it was read back; where all reading comes after all writing, when it was written.
    let known = plan.image_lengths();
    let progress = Progress::new("write and check", known.unwrap_or(0), output.quiet);
    let written = AtomicU64::new(0);
    let watch = Watch {
        written: &|bytes| {
            written.fetch_add(bytes, Ordering::Relaxed);
            if known.is_none() {
                progress.add(bytes)
            }
        },
        checked: &|bytes| {
            if known.is_some() {
                progress.add(bytes)
            }
        },
        next_source: &|error| note_skipped(context, error),
    };
    let watched = (&mut found, &watch);
    let memory = settings.limits.memory;
    let to = (&place.disk, layout, memory);
    let checked = install::write_and_check(cleared, to, &plan, &downloads, watched)?;
    progress.finish();
    let contents = checked.contents().clone();
    let (variant, arch) = (plan.variant.clone(), plan.arch.clone());
    Staged::new(set, plan.version.clone(), variant, arch, contents).write(state)?;
    install::mark_valid(checked, &mut place.disk, active, settings.tries)?;
    Ok((downloads.spent(), written.into_inner(), rehearsal))
}
