//! Reading columns into the domain's types, the same on both databases.

use std::str::FromStr;

use sqlx::{ColumnIndex, Decode, Row, Type};

/// A column of text, through the parser of its type.
pub(super) fn parsed<'r, T, R>(row: &'r R, column: &'static str) -> Result<T, sqlx::Error>
where
    T: FromStr,
    R: Row,
    &'static str: ColumnIndex<R>,
    &'r str: Decode<'r, R::Database> + Type<R::Database>,
{
    read(column, row.try_get::<&'r str, _>(column)?)
}

/// A column of text that may be null, through the parser of its type.
pub(super) fn maybe_parsed<'r, T, R>(row: &'r R, column: &'static str) -> Result<Option<T>, sqlx::Error>
where
    T: FromStr,
    R: Row,
    &'static str: ColumnIndex<R>,
    Option<&'r str>: Decode<'r, R::Database> + Type<R::Database>,
{
    row.try_get::<Option<&'r str>, _>(column)?.map(|text| read(column, text)).transpose()
}

/// The error leaves the text out: it may be a number.
fn read<T: FromStr>(column: &'static str, text: &str) -> Result<T, sqlx::Error> {
    text.parse().map_err(|_| sqlx::Error::ColumnDecode {
        index: column.to_owned(),
        source: "the text has not the form of its type".into(),
    })
}
