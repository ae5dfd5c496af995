//! Whether the host runs on battery, as the kernel's power supplies say (kernel documentation, "sysfs-class-power").

use std::fs;
use std::path::Path;

/// Whether a battery gives power and nothing else does. A host of which nothing is known has a plug.
pub(super) fn on_battery(supplies: &Path) -> bool {
    let supplies = fs::read_dir(supplies).into_iter().flatten().flatten();
    let supplies: Vec<Supply> = supplies.map(|entry| Supply::of(&entry.path())).collect();
    supplies.iter().any(Supply::is_draining) && !supplies.iter().any(Supply::is_plugged)
}

/// A power supply.
struct Supply {
    kind: String,
    scope: String,
    online: String,
    status: String,
}

impl Supply {
    fn of(folder: &Path) -> Self {
        let field = |name: &str| {
            let text = fs::read_to_string(folder.join(name)).unwrap_or_default();
            text.trim().to_owned()
        };
        Self {
            kind: field("type"),
            scope: field("scope"),
            online: field("online"),
            status: field("status"),
        }
    }

    fn is_plugged(&self) -> bool {
        self.kind != "Battery" && matches!(self.online.as_str(), "1" | "2")
    }

    /// The battery of a mouse is no battery of the host.
    fn is_draining(&self) -> bool {
        self.kind == "Battery" && self.scope != "Device" && self.status == "Discharging"
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn host(supplies: &[(&str, &[(&str, &str)])]) -> bool {
        let folder = tempfile::tempdir().unwrap();
        for (name, fields) in supplies {
            fs::create_dir(folder.path().join(name)).unwrap();
            for (field, text) in *fields {
                fs::write(folder.path().join(name).join(field), format!("{text}\n")).unwrap();
            }
        }
        on_battery(folder.path())
    }

    #[test]
    fn a_battery_counts_when_nothing_else_gives_power() {
        let battery = ("BAT0", [("type", "Battery"), ("status", "Discharging")]);
        let battery: (&str, &[(&str, &str)]) = (battery.0, &battery.1);
        let plug = |online| ("AC", [("type", "Mains"), ("online", online)]);
        assert!(host(&[battery]));
        let (off, on) = (plug("0"), plug("1"));
        assert!(host(&[battery, (off.0, &off.1)]));
        assert!(!host(&[battery, (on.0, &on.1)]));
        assert!(!host(&[]));
        assert!(!on_battery(Path::new("/nonexistent")));
    }

    #[test]
    fn the_battery_of_a_device_and_one_that_is_charged_do_not_count() {
        let mouse = [("type", "Battery"), ("status", "Discharging"), ("scope", "Device")];
        let full = [("type", "Battery"), ("status", "Full")];
        assert!(!host(&[("mouse", &mouse), ("BAT0", &full)]));
    }
}
