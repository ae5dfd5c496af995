//! Which migrations lead from one version to another. Pure.
//!
//! The path is `manifest`'s: the fewest steps, forward or reversed. A manifest without any migration is of a repository whose settings need
//! none: every version is reached without running anything.

use manifest::{Direction, MigrationPath, Migrations, NoPath};
use semver::Version;

/// What to run to get from the settings of one version to those of another.
///
/// # Errors
///
/// Names the step that is missing.
pub fn chain(
    migrations: &Migrations,
    from: &Version,
    to: &Version,
) -> Result<MigrationPath, NoPath> {
    if migrations.is_empty() {
        let direction = if from <= to { Direction::Forward } else { Direction::Backward };
        let versions = vec![from.clone(), to.clone()];
        return Ok(MigrationPath { direction, names: Vec::new(), versions });
    }
    migrations.path(from, to)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn version(minor: u64) -> Version {
        Version::new(1, minor, 0)
    }

    fn steps(pairs: &[(u64, u64)]) -> Migrations {
        let mut migrations = Migrations::default();
        for (from, to) in pairs {
            // The same pair twice says nothing new.
            let _ = migrations.insert(version(*from), version(*to), vec![format!("{from}-{to}")]);
        }
        migrations
    }

    #[test]
    fn the_step_that_is_missing_is_named() {
        let migrations = steps(&[(0, 1), (1, 2), (4, 5), (5, 6)]);
        let error = chain(&migrations, &version(0), &version(6)).unwrap_err();
        assert_eq!(error.missing, (version(2), version(4)));
        let text = "no migrations lead from 1.6.0 to 1.0.0: the manifest has no step between 1.2.0 and 1.4.0";
        assert_eq!(chain(&migrations, &version(6), &version(0)).unwrap_err().to_string(), text);
        let error = chain(&migrations, &version(7), &version(9)).unwrap_err();
        assert_eq!(error.missing, (version(7), version(9)));
    }

    #[test]
    fn a_repository_without_migrations_needs_none() {
        let path = chain(&Migrations::default(), &version(3), &version(1)).unwrap();
        assert_eq!((path.direction, path.names.len()), (Direction::Backward, 0));
    }

    proptest! {
        #[test]
        fn the_way_back_is_the_way_there_reversed(
            pairs in prop::collection::vec((0_u64..8, 1_u64..4).prop_map(|(from, by)| (from, from + by)), 1..12),
            low in 0_u64..8,
            by in 1_u64..6,
        ) {
            let migrations = steps(&pairs);
            let (low, high) = (version(low), version(low + by));
            let (there, back) = (chain(&migrations, &low, &high), chain(&migrations, &high, &low));
            match (there, back) {
                (Ok(there), Ok(mut back)) => {
                    back.names.reverse();
                    back.versions.reverse();
                    prop_assert_eq!(there.names, back.names);
                    prop_assert_eq!(&there.versions, &back.versions);
                    prop_assert_eq!((&there.versions[0], there.versions.last().unwrap()), (&low, &high));
                }
                (Err(there), Err(back)) => prop_assert_eq!(there.missing, back.missing),
                other => prop_assert!(false, "{:?}", other),
            }
        }

        #[test]
        fn the_missing_step_would_complete_the_chain(
            pairs in prop::collection::vec((0_u64..8, 1_u64..4).prop_map(|(from, by)| (from, from + by)), 1..12),
            low in 0_u64..8,
            by in 1_u64..6,
        ) {
            let mut migrations = steps(&pairs);
            let (low, high) = (version(low), version(low + by));
            if let Err(error) = chain(&migrations, &low, &high) {
                let (from, to) = error.missing;
                prop_assert!(low <= from && from < to && to <= high);
                migrations.insert(from, to, vec![]).unwrap();
                prop_assert!(chain(&migrations, &low, &high).is_ok());
            }
        }
    }
}
