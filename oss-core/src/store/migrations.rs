//! The versions of the tables and of the reference data: the same on both databases.

use super::StoreError;

/// A version, its name, and its text.
pub(super) type Source = (i64, &'static str, &'static str);

macro_rules! sources {
    ($folder:literal) => {
        &[
            (
                1,
                "number_life",
                include_str!(concat!("../../../migrations/", $folder, "/0001_number_life.sql")),
            ),
            (
                2,
                "location_ddd",
                include_str!(concat!("../../../migrations/", $folder, "/0002_location_ddd.sql")),
            ),
            (3, "devices", include_str!(concat!("../../../migrations/", $folder, "/0003_devices.sql"))),
            (4, "safe_ends", include_str!(concat!("../../../migrations/", $folder, "/0004_safe_ends.sql"))),
            (5, "identity", include_str!(concat!("../../../migrations/", $folder, "/0005_identity.sql"))),
            (6, "sims", include_str!(concat!("../../../migrations/", $folder, "/0006_sims.sql"))),
            (7, "lists", include_str!(concat!("../../../migrations/", $folder, "/0007_lists.sql"))),
            (8, "events", include_str!(concat!("../../../migrations/", $folder, "/0008_events.sql"))),
            (9, "statistics", include_str!(concat!("../../../migrations/", $folder, "/0009_statistics.sql"))),
            (10, "calls", include_str!(concat!("../../../migrations/", $folder, "/0010_calls.sql"))),
            (
                11,
                "hourly_changes",
                include_str!(concat!("../../../migrations/", $folder, "/0011_hourly_changes.sql")),
            ),
            (
                12,
                "operator_sessions",
                include_str!(concat!("../../../migrations/", $folder, "/0012_operator_sessions.sql")),
            ),
            (
                13,
                "changed_by",
                include_str!(concat!("../../../migrations/", $folder, "/0013_changed_by.sql")),
            ),
        ]
    };
}

pub(super) const POSTGRES: &[Source] = sources!("postgres");
#[cfg(feature = "sqlite")]
pub(super) const SQLITE: &[Source] = sources!("sqlite");

/// The table of the applied versions. It is this service's own, because sqlx's default table may belong to another program on the
/// same database.
#[cfg(feature = "import")]
pub(super) const VERSIONS: &str = "oss_migrations";

/// The versions that a database must have for this version of the program.
pub(super) fn versions() -> Vec<i64> {
    POSTGRES.iter().map(|&(version, ..)| version).collect()
}

/// Fails unless this count of [`versions`] is all of them.
pub(super) fn all_applied(count: i64) -> Result<(), StoreError> {
    if usize::try_from(count).is_ok_and(|count| count == POSTGRES.len()) {
        Ok(())
    } else {
        Err(StoreError::failed("it lacks the tables of this version; run `oss migrate`"))
    }
}

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn both_databases_have_the_same_migrations() {
        let named = |sources: &[Source]| sources.iter().map(|&(v, n, _)| (v, n)).collect::<Vec<_>>();
        assert_eq!(named(POSTGRES), named(SQLITE));
    }

    #[test]
    fn every_file_is_a_migration_and_every_migration_a_file() {
        for (folder, sources) in [("postgres", POSTGRES), ("sqlite", SQLITE)] {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../migrations").join(folder);
            let entries = std::fs::read_dir(path).unwrap();
            let mut files: Vec<String> =
                entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
            files.sort();
            let named: Vec<String> = sources.iter().map(|(v, n, _)| format!("{v:04}_{n}.sql")).collect();
            assert_eq!(files, named, "{folder}");
        }
    }
}
