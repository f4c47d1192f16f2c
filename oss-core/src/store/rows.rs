//! Reading columns into the domain's types, and the use of a pool, the same on both databases.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgRow;
#[cfg(feature = "sqlite")]
use sqlx::sqlite::SqliteRow;
use sqlx::{Database, Pool, Row};
use uuid::Uuid;

use super::{OtherNumber, PoolUsage, UnreadableRow};
use crate::domain::{
    BrandId, BrandSlug, DeviceCode, DeviceModelId, DisplayName, ExternalId, Malformed, Msisdn, NumberStatus,
    ReservationId, ReservationState, Source,
};

/// A type that columns of text hold.
pub(super) trait Stored: Sized {
    /// Reads the text of a column.
    fn stored(text: &str) -> Result<Self, Malformed>;
}

impl Stored for Msisdn {
    /// A key in another form is another key, and set aside, even if a person would read it as a number.
    fn stored(text: &str) -> Result<Self, Malformed> {
        Self::exact(text)
    }
}

/// The types whose parser reads one form only.
macro_rules! stored_as_parsed {
    ($($name:ty),+) => {$(
        impl Stored for $name {
            fn stored(text: &str) -> Result<Self, Malformed> {
                text.parse()
            }
        }
    )+};
}

impl Stored for DeviceCode {
    fn stored(text: &str) -> Result<Self, Malformed> {
        Self::exact(text)
    }
}

stored_as_parsed!(BrandId, BrandSlug, DeviceModelId, DisplayName, ExternalId, ReservationState, Source);

/// A row of either database, read column by column into the domain's types.
pub(super) trait DataRow {
    /// A text, unless it is null.
    fn maybe_text(&self, column: &'static str) -> Result<Option<&str>, sqlx::Error>;

    /// An id, unless it is null.
    fn maybe_uuid(&self, column: &'static str) -> Result<Option<Uuid>, sqlx::Error>;

    /// A condition, unless it is null.
    fn maybe_flag(&self, column: &'static str) -> Result<Option<bool>, sqlx::Error>;

    /// A time, unless it is null.
    fn maybe_time(&self, column: &'static str) -> Result<Option<DateTime<Utc>>, sqlx::Error>;

    /// How often something was tried.
    fn attempts(&self, column: &'static str) -> Result<i32, sqlx::Error>;

    /// How many rows there are of something.
    fn count(&self, column: &'static str) -> Result<i64, sqlx::Error>;

    /// A time span in seconds.
    fn seconds(&self, column: &'static str) -> Result<f64, sqlx::Error>;

    /// A text.
    fn text(&self, column: &'static str) -> Result<&str, sqlx::Error> {
        self.maybe_text(column)?.ok_or_else(|| null(column))
    }

    /// A text, through the parser of its type.
    fn parsed<T: Stored>(&self, column: &'static str) -> Result<T, sqlx::Error> {
        read(column, self.text(column)?)
    }

    /// A text, through the parser of its type, unless it is null.
    fn maybe_parsed<T: Stored>(&self, column: &'static str) -> Result<Option<T>, sqlx::Error> {
        self.maybe_text(column)?.map(|text| read(column, text)).transpose()
    }

    /// An id.
    fn id<T: From<Uuid>>(&self, column: &'static str) -> Result<T, sqlx::Error> {
        self.maybe_id(column)?.ok_or_else(|| null(column))
    }

    /// An id, unless it is null.
    fn maybe_id<T: From<Uuid>>(&self, column: &'static str) -> Result<Option<T>, sqlx::Error> {
        Ok(self.maybe_uuid(column)?.map(T::from))
    }

    /// A condition. One that is null, because there is nothing that it could hold of, is false.
    fn flag(&self, column: &'static str) -> Result<bool, sqlx::Error> {
        Ok(self.maybe_flag(column)?.unwrap_or(false))
    }

    /// A time.
    fn time(&self, column: &'static str) -> Result<DateTime<Utc>, sqlx::Error> {
        self.maybe_time(column)?.ok_or_else(|| null(column))
    }

    /// A status, as it is stored. Every word is one.
    fn status(&self, column: &'static str) -> Result<NumberStatus, sqlx::Error> {
        self.text(column).map(NumberStatus::from)
    }

    /// A status, unless it is null.
    fn maybe_status(&self, column: &'static str) -> Result<Option<NumberStatus>, sqlx::Error> {
        Ok(self.maybe_text(column)?.map(NumberStatus::from))
    }
}

fn null(column: &'static str) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: "it is null".into() }
}

/// Reads the columns of a backend's rows. A time is stored as `$stored`, which `$to_time` turns into a time.
macro_rules! data_row {
    ($row:ty, $stored:ty, $to_time:expr) => {
        impl DataRow for $row {
            fn maybe_text(&self, column: &'static str) -> Result<Option<&str>, sqlx::Error> {
                self.try_get(column)
            }

            fn maybe_uuid(&self, column: &'static str) -> Result<Option<Uuid>, sqlx::Error> {
                self.try_get(column)
            }

            fn maybe_flag(&self, column: &'static str) -> Result<Option<bool>, sqlx::Error> {
                self.try_get(column)
            }

            fn maybe_time(&self, column: &'static str) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
                self.try_get::<Option<$stored>, _>(column)?.map($to_time).transpose()
            }

            fn attempts(&self, column: &'static str) -> Result<i32, sqlx::Error> {
                self.try_get(column)
            }

            fn count(&self, column: &'static str) -> Result<i64, sqlx::Error> {
                self.try_get(column)
            }

            fn seconds(&self, column: &'static str) -> Result<f64, sqlx::Error> {
                self.try_get(column)
            }
        }
    };
}

data_row!(PgRow, DateTime<Utc>, Ok);
#[cfg(feature = "sqlite")]
data_row!(SqliteRow, i64, |micros| {
    DateTime::from_timestamp_micros(micros)
        .ok_or_else(|| sqlx::Error::Decode("a time beyond the calendar".into()))
});

/// Another number of a SIM, which may be null.
pub(super) fn other_number(
    row: &impl DataRow,
    column: &'static str,
) -> Result<Option<OtherNumber>, sqlx::Error> {
    let shown =
        |text| Msisdn::exact(text).map_or(OtherNumber::Hidden, |number| OtherNumber::Shown(number.masked()));
    Ok(row.maybe_text(column)?.map(shown))
}

/// The error leaves the text out: it may be a number.
fn read<T: Stored>(column: &'static str, text: &str) -> Result<T, sqlx::Error> {
    T::stored(text).map_err(|_| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: "the text has not the form of its type".into(),
    })
}

/// Why a row cannot be read, for the people who have to correct it. Names the column and leaves the text out.
pub(super) fn unreadable(table: &'static str, key: String, error: &sqlx::Error) -> UnreadableRow {
    let reason = match error {
        sqlx::Error::ColumnDecode { index, .. } => format!("{index} cannot be read"),
        _ => "it cannot be read".to_owned(),
    };
    UnreadableRow { table, key, reason }
}

/// A reservation that cannot be read. It would be claimed for ever, so it is to be set aside.
pub(super) struct Unreadable {
    pub(super) id: ReservationId,
    pub(super) row: UnreadableRow,
}

impl Unreadable {
    pub(super) fn of(row: &impl DataRow, error: &sqlx::Error) -> Result<Self, sqlx::Error> {
        let id: ReservationId = row.id("id")?;
        Ok(Self { id, row: unreadable("reservation", id.to_string(), error) })
    }
}

/// A value as JSON, for the database to take apart.
pub(super) fn to_json(value: &impl Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// How the connections of a pool are used.
pub(super) fn usage<DB: Database>(name: &'static str, pool: &Pool<DB>) -> PoolUsage {
    let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
    // The two are read one after the other, so that for a moment more may be idle than are open.
    let in_use = pool.size().saturating_sub(idle);
    PoolUsage { name, idle, in_use, limit: pool.options().get_max_connections() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_key_is_no_other_number() {
        assert!(Msisdn::stored("11999950001").is_ok());
        for key in ["5511999950001", "011999950001", "１１９９９９５０００１", "11 99995-0001", "2133334444 "]
        {
            assert!(Msisdn::stored(key).is_err(), "{key}");
        }
    }
}
