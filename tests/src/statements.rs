//! The statements that PostgreSQL executed, read from its log.

/// A statement that was executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// Its text, on one line.
    pub sql: String,
    /// Its values, as PostgreSQL writes them; none for null.
    pub values: Vec<Option<String>>,
}

impl Executed {
    /// Whether it reads the versions of the lists. A server does so every two seconds, even without a request.
    #[must_use]
    pub fn asks_for_versions(&self) -> bool {
        self.sql.contains("from reference_data")
    }

    /// Whether it records calls to Sigan and GSIM. A server does so about a second after them, and nobody waits for it.
    #[must_use]
    pub fn records_calls(&self) -> bool {
        self.sql.contains("insert into upstream_call")
    }
}

/// The URL of the same database for sessions of which the server logs every statement.
#[must_use]
pub fn logged(url: &str) -> String {
    format!("{url}?options=-c%20log_statement%3Dall")
}

/// The statements in a piece of the log, in order.
#[must_use]
pub fn executed(log: &str) -> Vec<Executed> {
    let (mut statements, mut in_statement) = (Vec::<Executed>::new(), false);
    for line in log.lines() {
        match (line.strip_prefix('\t'), statements.last_mut()) {
            (Some(more), Some(last)) if in_statement => last.sql.extend([" ", more]),
            (Some(_), _) => {}
            (None, last) => {
                if let (Some(values), Some(last)) = (values(line), last) {
                    last.values = values;
                }
                let begun = begun(line).map(|sql| Executed { sql: sql.to_owned(), values: Vec::new() });
                in_statement = begun.is_some();
                statements.extend(begun);
            }
        }
    }
    for statement in &mut statements {
        statement.sql = statement.sql.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    statements
}

/// The first line of a statement: `… LOG:  execute sqlx_s_1: select`, or `… LOG:  statement: select` of one without values.
fn begun(line: &str) -> Option<&str> {
    let (_, logged) = line.split_once(" LOG:  ")?;
    logged.strip_prefix("statement: ").or_else(|| Some(logged.strip_prefix("execute ")?.split_once(": ")?.1))
}

/// The values of the statement before: `… DETAIL:  parameters: $1 = 'one', $2 = NULL`.
fn values(line: &str) -> Option<Vec<Option<String>>> {
    let (_, detail) = line.split_once(" DETAIL:  ")?;
    let (name, values) = detail.split_once(": ")?;
    let value = |text: &str| {
        let (_, value) = text.split_once(" = ")?;
        Some(value.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'"))
    };
    name.eq_ignore_ascii_case("parameters").then(|| values.split(", $").map(value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_ends_where_another_line_begins() {
        let log = "2026-01-01 00:00:00.000 UTC [1] LOG:  execute sqlx_s_1: \n\t  with a as (\n\t    select $1\n\t  )\n\
                   2026-01-01 00:00:00.000 UTC [1] DETAIL:  parameters: $1 = '{a,b}', $2 = NULL\n\
                   2026-01-01 00:00:00.000 UTC [1] LOG:  statement: select 1\n";
        let [one, two] = &executed(log)[..] else { panic!("{:?}", executed(log)) };
        assert_eq!(
            (&*one.sql, &*one.values),
            ("with a as ( select $1 )", &[Some("{a,b}".to_owned()), None][..])
        );
        assert_eq!((&*two.sql, &*two.values), ("select 1", &[][..]));
    }
}
