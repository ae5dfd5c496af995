//! Everything that is known of the host, brought together.

use chrono::{DateTime, Utc};
use gptprio::SetId;
use manifest::Host;
use signpost::Access;

use crate::agent::checked::Checked;
use crate::agent::facts::Facts;
use crate::agent::orders::{self, Hold, Orders};
use crate::agent::record::{Pin, Record, RecordError};
use crate::boots::Ledger;
use crate::commands::{Context, ledger, place};
use crate::error::Error;
use crate::health::evidence;
use crate::host;
use crate::staged::Staged;

/// A host at one moment.
pub(in crate::commands) struct Gathered {
    pub(in crate::commands) host: Host,
    pub(in crate::commands) active: SetId,
    pub(in crate::commands) facts: Facts,
    pub(in crate::commands) record: Record,
    pub(in crate::commands) orders: Orders,
    pub(in crate::commands) checked: Option<Checked>,
    pub(in crate::commands) ledger: Ledger,
}

impl Gathered {
    /// Looks.
    ///
    /// # Errors
    ///
    /// Fails when the disk, os-release or the ledger cannot be read.
    pub(in crate::commands) fn of(context: &Context, now: DateTime<Utc>) -> Result<Self, Error> {
        let state = &context.settings.paths.state;
        let place = context.place(Access::Read)?;
        let host = host::seen(&context.settings)?;
        let ledger = ledger::known(context, &place, &host.version, now)?;
        let (record, orders) = (record(context)?, orders(context, now));
        let bits = place.disk.state(place.active);
        let inactive = place.active.other();
        let staged = Staged::read(state).ok().flatten();
        let staged = staged.filter(|one| one.set == inactive && place.inactive_has_tries());
        let facts = Facts {
            running: host.version.clone(),
            is_good: bits.sets.bits(place.active).is_some_and(|bits| bits.successful),
            boot: evidence::boot_id(&context.settings.health),
            staged: staged.map(|staged| staged.version),
            boots_next: place::next(&bits) == Some(inactive),
            failed: ledger.failed_versions().into_iter().map(|one| one.version.clone()).collect(),
            declined: ledger.declined_versions().into_iter().cloned().collect(),
            pin: record.pin.clone(),
            is_held: orders.hold_now(now).is_some(),
        };
        let (active, checked) = (place.active, Checked::read(state));
        Ok(Self { host, active, facts, record, orders, checked, ledger })
    }

    /// Takes up what an operator has put onto the inactive set.
    pub(super) fn adopt(&mut self, now: DateTime<Utc>) {
        if self.facts.pin.is_some() || !self.facts.is_good {
            return;
        }
        let Some(version) = self.facts.adopted().cloned() else { return };
        let pin = Pin { by_hand: true, ..Pin::new(version, self.host.version.clone(), now) };
        self.record.pin = Some(pin.clone());
        self.facts.pin = Some(pin);
    }
}

/// The agent's record; one that is damaged is told and begun anew.
///
/// # Errors
///
/// Fails when it cannot be read.
pub(in crate::commands) fn record(context: &Context) -> Result<Record, Error> {
    match Record::read(&context.settings.paths.state) {
        Err(damaged @ RecordError::Damaged { .. }) => {
            context.output.note(format_args!("warning: {damaged}; a new one is begun"));
            Ok(Record::default())
        }
        read => Ok(read?),
    }
}

/// What an operator wants. Orders that cannot be read may be to hold.
fn orders(context: &Context, now: DateTime<Utc>) -> Orders {
    orders::read(&context.settings.paths.state).unwrap_or_else(|error| {
        let hold = Hold { since: now, until: None, why: Some(error.to_string()) };
        let mut orders = Orders::default();
        orders.hold = Some(hold);
        orders
    })
}
