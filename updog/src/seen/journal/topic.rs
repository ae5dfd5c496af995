//! The ids by which records are found, and how much each matters.

/// How much a record matters, as syslog counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// Somebody has to do something.
    Error,
    /// Somebody may have to do something, if it goes on.
    Warning,
    /// It is as it should be, and worth knowing.
    Notice,
    /// It is as it should be, and happens often.
    Info,
}

impl Priority {
    /// The number, 0 for what matters most.
    pub fn level(self) -> u8 {
        match self {
            Self::Error => 3,
            Self::Warning => 4,
            Self::Notice => 5,
            Self::Info => 6,
        }
    }
}

/// Defines the topics with their ids and priorities, so that none can be missing in [`Topic::ALL`].
macro_rules! topics {
    ($($(#[$doc:meta])* $name:ident, $id:literal, $priority:ident;)*) => {
        /// What a record is about. An id never changes and never comes to mean something else.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Topic {
            $($(#[$doc])* $name,)*
        }

        impl Topic {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The id, 128 bits as 32 lower-case hexadecimal digits.
            pub fn id(self) -> &'static str {
                match self {
                    $(Self::$name => $id,)*
                }
            }

            /// How much a record matters.
            pub fn priority(self) -> Priority {
                match self {
                    $(Self::$name => Priority::$priority,)*
                }
            }
        }
    };
}

topics! {
    /// The repository was asked, and answered.
    CheckSucceeded, "b3efe327135744bda0461562300465be", Info;
    /// The repository could not be asked, or its answer was not to be trusted.
    CheckFailed, "a3884813a5914601a8ecbb322b74559c", Warning;
    /// There is an update that this host would take now.
    UpdateAvailable, "9dad983ab8b14f6989701fc3965bfbfe", Notice;
    /// An update lies whole in the inactive set.
    UpdateStaged, "3f7fb09db50c4dfbbee24e7f4246b9d9", Notice;
    /// An update could not be fetched, written or checked.
    FetchFailed, "0804f1307c704638b45ff6d7f0ee9796", Warning;
    /// An update boots next.
    UpdateReady, "77f1582652cf4ff29e4000dc6bdea835", Notice;
    /// An update that was to boot next was taken back.
    UpdateWithdrawn, "a1320a6fb5714774afc0c3adb98de153", Notice;
    /// The restart waits for something.
    RestartWaits, "400e4ad1b61045e8ab640281e43e237a", Info;
    /// A hook puts the restart off.
    HookDelays, "d79bdaf664584100bf29ec444f6cee9c", Info;
    /// A hook has put the restart off for as long as it may.
    HookOverruled, "316a1ee58ebd41a78484fa661e7da94f", Warning;
    /// The host restarts into an update.
    Restarting, "d034cf68f76f436196b6d3c6efc2f57e", Notice;
    /// The host was to restart and did not.
    RestartFailed, "6df2d8751f1940c4b0d172af8788affe", Error;
    /// An update was proven good.
    BootGood, "c29d5fb62eb34635b2826438d7f19b44", Notice;
    /// What runs is not good.
    BootBad, "5446d7a0342c458eba0bf1926d571d61", Error;
    /// An update failed, and what ran before runs again.
    WentBack, "9ef04e6c2e2c436d988ca7e57bc6e49f", Error;
    /// Somebody holds the host where it is.
    Held, "9ec037cec1e446358dc63856baddea1a", Notice;
    /// The host goes on by itself.
    Resumed, "2dc73376280948d3aba92c04f3ecb8f4", Notice;
    /// The configuration is not usable, and what held before holds on.
    ConfigurationRefused, "0e6f1cac8208491d9dd472d0f9d144b2", Error;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_id_is_one_of_its_own_and_random() {
        for (place, topic) in Topic::ALL.iter().enumerate() {
            let id = topic.id();
            let is_hex = id.chars().all(|char| matches!(char, '0'..='9' | 'a'..='f'));
            assert!(is_hex && id.len() == 32, "{topic:?}");
            // Version 4, as journald's own.
            assert_eq!(id.get(12..13), Some("4"), "{topic:?}");
            assert!(Topic::ALL.iter().skip(place + 1).all(|other| other.id() != id), "{topic:?}");
        }
    }
}
