//! Reading columns into the domain's types, and the use of a pool, the same on both databases.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::{ColumnIndex, Database, Decode, Pool, Row, Type};

use super::{HeldNumber, HeldPage, OtherNumber, PoolUsage, UnreadableRow};
use crate::domain::{
    Assortment, BrandId, BrandSlug, DataVersion, DeviceBrand, DeviceCode, DeviceModel, DeviceModelId,
    DisplayName, EsimAnswer, ExternalId, Malformed, Msisdn, NumberStatus, ReservationState, Source,
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

/// A column of text, through the parser of its type.
pub(super) fn parsed<'r, T, R>(row: &'r R, column: &'static str) -> Result<T, sqlx::Error>
where
    T: Stored,
    R: Row,
    &'static str: ColumnIndex<R>,
    &'r str: Decode<'r, R::Database> + Type<R::Database>,
{
    read(column, row.try_get::<&'r str, _>(column)?)
}

/// A column of text that may be null, through the parser of its type.
pub(super) fn maybe_parsed<'r, T, R>(row: &'r R, column: &'static str) -> Result<Option<T>, sqlx::Error>
where
    T: Stored,
    R: Row,
    &'static str: ColumnIndex<R>,
    Option<&'r str>: Decode<'r, R::Database> + Type<R::Database>,
{
    row.try_get::<Option<&'r str>, _>(column)?.map(|text| read(column, text)).transpose()
}

/// Another number of a SIM, which may be null.
pub(super) fn other_number<'r, R>(
    row: &'r R,
    column: &'static str,
) -> Result<Option<OtherNumber>, sqlx::Error>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    Option<&'r str>: Decode<'r, R::Database> + Type<R::Database>,
{
    let text = row.try_get::<Option<&'r str>, _>(column)?;
    let shown =
        |text| Msisdn::exact(text).map_or(OtherNumber::Hidden, |number| OtherNumber::Shown(number.masked()));
    Ok(text.map(shown))
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

/// A status, as it is stored. Every word is one.
pub(super) fn status<'r, R>(row: &'r R, column: &'static str) -> Result<NumberStatus, sqlx::Error>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    &'r str: Decode<'r, R::Database> + Type<R::Database>,
{
    row.try_get::<&'r str, _>(column).map(NumberStatus::from)
}

/// A status that may be null.
pub(super) fn maybe_status<'r, R>(
    row: &'r R,
    column: &'static str,
) -> Result<Option<NumberStatus>, sqlx::Error>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    Option<&'r str>: Decode<'r, R::Database> + Type<R::Database>,
{
    Ok(row.try_get::<Option<&'r str>, _>(column)?.map(NumberStatus::from))
}

/// A value as JSON, for the database to take apart.
pub(super) fn to_json(value: &impl Serialize) -> Result<String, sqlx::Error> {
    serde_json::to_string(value).map_err(|error| sqlx::Error::Encode(error.into()))
}

/// The catalogue's answer about a device, from a row whose columns are null if the device is not in it.
pub(super) fn esim_answer<'r, R>(list_version: DataVersion, row: &'r R) -> Result<EsimAnswer, sqlx::Error>
where
    R: Row,
    &'static str: ColumnIndex<R>,
    Option<bool>: Decode<'r, R::Database> + Type<R::Database>,
    Option<&'r str>: Decode<'r, R::Database> + Type<R::Database>,
{
    let supports_esim = row.try_get::<Option<bool>, _>("supports_esim")?;
    let lists = maybe_parsed(row, "source")?;
    Ok(EsimAnswer::of_catalogue(list_version, supports_esim.zip(lists)))
}

/// A value that the database put together as JSON. The error leaves the text out.
pub(super) fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, sqlx::Error> {
    serde_json::from_str(text)
        .map_err(|_| sqlx::Error::Decode("the JSON has not the form of its type".into()))
}

/// A page of at most `limit` rows, each with its key and what was read of it.
pub(super) fn held_page(
    rows: impl Iterator<Item = (String, Result<HeldNumber, sqlx::Error>)>,
    limit: u32,
) -> HeldPage {
    let mut page = HeldPage::default();
    let mut last = None;
    let mut count = 0;
    for (key, read) in rows {
        match read {
            Ok(number) => page.numbers.push(number),
            Err(error) => page.unreadable.push(unreadable("phone_number", key.clone(), &error)),
        }
        last = Some(key);
        count += 1;
    }
    page.next = last.filter(|_| count == limit);
    page
}

/// Brands with their models, from rows of which those of one brand lie together.
pub(super) fn assorted(
    rows: impl Iterator<Item = Result<(DeviceBrand, Option<DeviceModel>), sqlx::Error>>,
) -> Result<Vec<Assortment>, sqlx::Error> {
    let mut assortments: Vec<Assortment> = Vec::new();
    for row in rows {
        let (brand, model) = row?;
        match assortments.last_mut() {
            Some(last) if last.brand == brand => last.models.extend(model),
            _ => assortments.push(Assortment { brand, models: model.into_iter().collect() }),
        }
    }
    Ok(assortments)
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
