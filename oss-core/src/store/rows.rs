//! Reads columns into the domain's types, and the use of a pool, for both databases.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::postgres::PgRow;
#[cfg(feature = "sqlite")]
use sqlx::sqlite::SqliteRow;
use sqlx::{Database, Pool, Row};
use uuid::Uuid;

use super::{OtherNumber, PoolUsage, UnreadableRow};
use crate::domain::{
    AddressHash, AttemptState, BrandId, BrandSlug, ClientName, Ddd, DeviceCode, DeviceHash, DeviceModelId,
    DisplayName, ExternalId, Iccid, Malformed, Msisdn, NumberStatus, ProfileState, SimType, Source,
};

/// A type that is stored as text.
pub(super) trait Stored: Sized {
    /// Reads the text of a column.
    fn stored(text: &str) -> Result<Self, Malformed>;
}

impl Stored for Msisdn {
    /// Accepts the stored form only. A number in another form is another key, so its row is set aside.
    fn stored(text: &str) -> Result<Self, Malformed> {
        Self::exact(text)
    }
}

/// Implements [`Stored`] for types whose parser accepts one form only.
macro_rules! stored_as_parsed {
    ($($name:ty),+) => {$(
        impl Stored for $name {
            fn stored(text: &str) -> Result<Self, Malformed> {
                text.parse()
            }
        }
    )+};
}

impl Stored for Iccid {
    fn stored(text: &str) -> Result<Self, Malformed> {
        text.parse().map_err(|_| Malformed { expected: "an ICCID" })
    }
}

impl Stored for DeviceCode {
    fn stored(text: &str) -> Result<Self, Malformed> {
        Self::exact(text)
    }
}

stored_as_parsed!(
    AddressHash,
    BrandId,
    BrandSlug,
    ClientName,
    Ddd,
    DeviceModelId,
    DisplayName,
    ExternalId,
    AttemptState,
    Source,
    DeviceHash,
    ProfileState,
    SimType
);

/// A row of either database. Its methods read columns into the domain's types.
pub(super) trait DataRow {
    /// Reads a text that may be null.
    fn maybe_text(&self, column: &'static str) -> Result<Option<&str>, sqlx::Error>;

    /// Reads a UUID that may be null.
    fn maybe_uuid(&self, column: &'static str) -> Result<Option<Uuid>, sqlx::Error>;

    /// Reads a condition that may be null.
    fn maybe_flag(&self, column: &'static str) -> Result<Option<bool>, sqlx::Error>;

    /// Reads a time that may be null.
    fn maybe_time(&self, column: &'static str) -> Result<Option<DateTime<Utc>>, sqlx::Error>;

    /// Reads a count of attempts.
    fn attempts(&self, column: &'static str) -> Result<i32, sqlx::Error>;

    /// Reads a number that may be null.
    fn maybe_count(&self, column: &'static str) -> Result<Option<i64>, sqlx::Error>;

    /// Reads a count of rows.
    fn count(&self, column: &'static str) -> Result<i64, sqlx::Error>;

    /// Reads a time span in seconds.
    fn seconds(&self, column: &'static str) -> Result<f64, sqlx::Error>;

    /// Reads a text.
    fn text(&self, column: &'static str) -> Result<&str, sqlx::Error> {
        self.maybe_text(column)?.ok_or_else(|| null(column))
    }

    /// Reads a text with the parser of its type.
    fn parsed<T: Stored>(&self, column: &'static str) -> Result<T, sqlx::Error> {
        read(column, self.text(column)?)
    }

    /// Reads a text that may be null with the parser of its type.
    fn maybe_parsed<T: Stored>(&self, column: &'static str) -> Result<Option<T>, sqlx::Error> {
        self.maybe_text(column)?.map(|text| read(column, text)).transpose()
    }

    /// Reads an id.
    fn id<T: From<Uuid>>(&self, column: &'static str) -> Result<T, sqlx::Error> {
        self.maybe_id(column)?.ok_or_else(|| null(column))
    }

    /// Reads an id that may be null.
    fn maybe_id<T: From<Uuid>>(&self, column: &'static str) -> Result<Option<T>, sqlx::Error> {
        Ok(self.maybe_uuid(column)?.map(T::from))
    }

    /// Reads a condition. Null means that there is no row to which it could apply, and counts as false.
    fn flag(&self, column: &'static str) -> Result<bool, sqlx::Error> {
        Ok(self.maybe_flag(column)?.unwrap_or(false))
    }

    /// Reads a time.
    fn time(&self, column: &'static str) -> Result<DateTime<Utc>, sqlx::Error> {
        self.maybe_time(column)?.ok_or_else(|| null(column))
    }

    /// Reads a status. Every word is a status.
    fn status(&self, column: &'static str) -> Result<NumberStatus, sqlx::Error> {
        self.text(column).map(NumberStatus::from)
    }

    /// Reads a status that may be null.
    fn maybe_status(&self, column: &'static str) -> Result<Option<NumberStatus>, sqlx::Error> {
        Ok(self.maybe_text(column)?.map(NumberStatus::from))
    }
}

fn null(column: &'static str) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: "it is null".into() }
}

/// Implements [`DataRow`] for a database's rows. A time is stored as `$stored`, and `$to_time` converts it.
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

            fn maybe_count(&self, column: &'static str) -> Result<Option<i64>, sqlx::Error> {
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

/// Reads another number of a SIM, which may be null.
pub(super) fn other_number(
    row: &impl DataRow,
    column: &'static str,
) -> Result<Option<OtherNumber>, sqlx::Error> {
    let shown =
        |text| Msisdn::exact(text).map_or(OtherNumber::Hidden, |number| OtherNumber::Shown(number.masked()));
    Ok(row.maybe_text(column)?.map(shown))
}

/// Parses a text. The error leaves the text out, because it may be a phone number.
fn read<T: Stored>(column: &'static str, text: &str) -> Result<T, sqlx::Error> {
    T::stored(text).map_err(|_| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: "the text does not have the form of its type".into(),
    })
}

/// Describes a row that cannot be read, for the person who corrects it. Names the column and leaves the text out.
pub(super) fn unreadable(table: &'static str, key: String, error: &sqlx::Error) -> UnreadableRow {
    let reason = match error {
        sqlx::Error::ColumnDecode { index, .. } => format!("{index} cannot be read"),
        _ => "it cannot be read".to_owned(),
    };
    UnreadableRow { table, key, reason }
}

/// A reservation or an order that cannot be read. It has to be set aside, because sweeps would claim it for ever.
pub(super) struct Unreadable {
    pub(super) id: Uuid,
    pub(super) row: UnreadableRow,
}

impl Unreadable {
    pub(super) fn of(
        table: &'static str,
        row: &impl DataRow,
        error: &sqlx::Error,
    ) -> Result<Self, sqlx::Error> {
        let id: Uuid = row.id("id")?;
        Ok(Self { id, row: unreadable(table, id.to_string(), error) })
    }

    /// The statement that sets the row `$1` aside for the reason `$2`: no sweep claims it any more, and a person has to correct it.
    pub(super) fn set_aside(&self) -> &'static str {
        if self.row.table == "sim_order" {
            "update sim_order set set_aside = $2 where id = $1 and set_aside is null"
        } else {
            "update reservation set set_aside = $2 where id = $1 and set_aside is null"
        }
    }
}

/// Writes a value as JSON, for a statement that reads it.
pub(super) fn to_json(value: &impl Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// The use of the connections of a pool.
pub(super) fn usage<DB: Database>(name: &'static str, pool: &Pool<DB>) -> PoolUsage {
    let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
    // The two counts are read one after the other, so more connections may seem idle than are open.
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
