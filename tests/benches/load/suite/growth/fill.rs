//! Fills a database with numbers as they are after years: most are on a line, some were given back, some are held and not on a line
//! yet. Only the last have a preview, because older previews are purged.

use std::fmt::Write;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use uuid::Uuid;

/// The number of rows that are sent at once.
const CHUNK: u64 = 10_000;

/// The stored numbers of an area code. They are below the numbers that the mock offers.
const PER_AREA_CODE: u64 = 500_000;

/// Fills the tables with this many numbers. It drops the indexes first and creates them again at the end, because that is faster.
pub(crate) async fn fill(url: &str, numbers: u64) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    // The foreign key of `preview_number` holds by construction.
    connection.execute("set session_replication_role = replica").await?;
    let indexes = without_indexes(&mut connection).await?;
    copy(&mut connection, numbers).await?;
    for index in indexes {
        connection.execute(AssertSqlSafe(index)).await?;
    }
    connection.execute("vacuum analyze").await?;
    connection.execute("checkpoint").await?;
    connection.close().await
}

/// Drops every index that is not a primary key, and returns the statements that create them again.
async fn without_indexes(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    const SQL: &str = "
        select i.indexrelid::regclass::text as name, pg_get_indexdef(i.indexrelid) as definition
        from pg_index i
        join pg_class t on t.oid = i.indrelid
        left join pg_constraint c on c.conindid = i.indexrelid
        where t.relname in ('phone_number', 'reservation', 'preview', 'preview_number') and c.oid is null";
    let mut definitions = Vec::new();
    for row in connection.fetch_all(SQL).await? {
        let drop = format!("drop index {}", row.try_get::<&str, _>("name")?);
        connection.execute(AssertSqlSafe(drop)).await?;
        definitions.push(row.try_get("definition")?);
    }
    Ok(definitions)
}

/// The numbers after one that are held, each with the external id of its hold, in the order of the numbers.
pub(crate) fn holds(after: &str, numbers: u64) -> impl Iterator<Item = (String, String)> + use<> {
    let first = after.split_at_checked(3).map_or(0, |(area_code, subscriber)| {
        let area_code: u64 = area_code[..2].parse().expect("an area code");
        (area_code - 11) * PER_AREA_CODE + subscriber.parse::<u64>().expect("digits") + 1
    });
    let stored = (first..numbers).map(Stored::new).filter(|stored| stored.life != Life::Returned);
    stored.map(|Stored { at, msisdn, .. }| (msisdn, format!("OLD-{at}")))
}

/// A table with the columns to fill, and the function that writes its rows for one number.
type Table = (&'static str, fn(&mut String, &Stored));

const TABLES: [Table; 4] = [
    ("copy phone_number (msisdn, origin, status, assigned_sim_id) from stdin", phone_number),
    ("copy preview (id, external_id, reserved_msisdn, brand_id, expires_at) from stdin", preview),
    ("copy preview_number (preview_id, msisdn, index) from stdin", preview_number),
    (
        "copy reservation (id, preview_id, external_id, brand_id, msisdn, state, due_at, hold_expires_at) from stdin",
        reservation,
    ),
];

async fn copy(connection: &mut PgConnection, numbers: u64) -> Result<(), sqlx::Error> {
    for (table, row) in TABLES {
        let mut copy = connection.copy_in_raw(table).await?;
        for first in (0..numbers).step_by(usize::try_from(CHUNK).unwrap_or(usize::MAX)) {
            let mut rows = String::new();
            for at in first..(first + CHUNK).min(numbers) {
                row(&mut rows, &Stored::new(at));
            }
            copy.send(rows.into_bytes()).await?;
        }
        copy.finish().await?;
    }
    Ok(())
}

/// A stored number.
struct Stored {
    at: u64,
    msisdn: String,
    life: Life,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    OnLine,
    Returned,
    Held,
}

impl Stored {
    fn new(at: u64) -> Self {
        let (area_code, subscriber) = (11 + at / PER_AREA_CODE, at % PER_AREA_CODE);
        let life = match at % 10 {
            0..7 => Life::OnLine,
            7..9 => Life::Returned,
            _ => Life::Held,
        };
        Self { at, msisdn: format!("{area_code}9{subscriber:08}"), life }
    }

    /// Its preview, if it still exists.
    fn preview(&self) -> Option<Uuid> {
        (self.life == Life::Held).then(|| Uuid::from_u128(self.at.into()))
    }
}

// Writing to a string does not fail.

fn phone_number(rows: &mut String, stored: &Stored) {
    let (status, sim) = match stored.life {
        Life::OnLine => ("IN_USE", Uuid::from_u128(stored.at.into()).to_string()),
        Life::Returned => ("RETURNED", "\\N".to_owned()),
        Life::Held => ("RESERVED", "\\N".to_owned()),
    };
    let _ = writeln!(rows, "{}\tVIVO\t{status}\t{sim}", stored.msisdn);
}

fn preview(rows: &mut String, stored: &Stored) {
    if let Some(id) = stored.preview() {
        let _ = writeln!(rows, "{id}\tOLD-{}\t{}\tacme\t2100-01-01", stored.at, stored.msisdn);
    }
}

fn preview_number(rows: &mut String, stored: &Stored) {
    if let Some(id) = stored.preview() {
        let _ = writeln!(rows, "{id}\t{}\t2", stored.msisdn);
    }
}

fn reservation(rows: &mut String, stored: &Stored) {
    let (state, due) = match stored.life {
        Life::OnLine => ("ASSIGNED", "\\N"),
        Life::Returned => ("RELEASED", "\\N"),
        Life::Held => ("HELD", "2100-01-01"),
    };
    let (id, preview) = (Uuid::now_v7(), stored.preview().map_or("\\N".to_owned(), |id| id.to_string()));
    let Stored { at, msisdn, .. } = stored;
    let _ = writeln!(rows, "{id}\t{preview}\tOLD-{at}\tacme\t{msisdn}\t{state}\t{due}\t{due}");
}
