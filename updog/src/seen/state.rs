//! The states of a host that updates itself, by name.

use std::fmt;

use serde::Serialize;

/// Where a host is on its way from one version to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StateName {
    /// It knows of no update that it would take.
    Idle,
    /// There is an update, and nothing of it is on the disk.
    Available,
    /// The update lies in the inactive set, which does not boot yet.
    Staged,
    /// The update boots next.
    Ready,
    /// The host was told to restart into it.
    Restarting,
    /// The update runs and has not been proven good.
    Proving,
    /// The update runs and was proven good.
    Good,
    /// The update failed, and what ran before runs again.
    Failed,
    /// Somebody holds the host where it is.
    Held,
}

impl StateName {
    /// All of them, in the order in which a host goes through them.
    pub const ALL: [Self; 9] = [
        Self::Idle,
        Self::Available,
        Self::Staged,
        Self::Ready,
        Self::Restarting,
        Self::Proving,
        Self::Good,
        Self::Failed,
        Self::Held,
    ];

    /// The name, as it stands in metrics, records and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Available => "available",
            Self::Staged => "staged",
            Self::Ready => "ready",
            Self::Restarting => "restarting",
            Self::Proving => "proving",
            Self::Good => "good",
            Self::Failed => "failed",
            Self::Held => "held",
        }
    }
}

impl fmt::Display for StateName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.as_str())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_state_has_one_name_everywhere() {
        for state in StateName::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }
}
