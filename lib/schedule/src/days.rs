//! Days of the week.

use std::fmt;

use jiff::civil::Weekday;

use crate::error::{Error, shown};

/// Names as they are written, from Monday on.
const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// One or more days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Days([bool; 7]);

impl Days {
    pub(crate) const EVERY: Self = Self([true; 7]);

    /// Takes names of days.
    pub(crate) fn parse(names: &[String]) -> Result<Self, Error> {
        let mut days = [false; 7];
        for name in names {
            let day = NAMES.iter().zip(&mut days).find(|(known, _)| name == *known);
            let (_, day) = day.ok_or_else(|| Error::Day(shown(name)))?;
            if std::mem::replace(day, true) {
                return Err(Error::DoubledDay(name.clone()));
            }
        }
        if days == [false; 7] { Err(Error::NoDays) } else { Ok(Self(days)) }
    }

    pub(crate) fn has(self, day: Weekday) -> bool {
        let offset = usize::try_from(day.to_monday_zero_offset()).ok();
        offset.and_then(|offset| self.0.get(offset)).is_some_and(|&has| has)
    }
}

impl fmt::Display for Days {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::EVERY {
            return out.write_str("every day");
        }
        let names: Vec<_> =
            NAMES.iter().zip(self.0).filter(|(_, has)| *has).map(|(name, _)| *name).collect();
        out.write_str(&names.join(", "))
    }
}
