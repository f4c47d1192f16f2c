//! The floor of an operation: the statements that the service executed for it, with slots for the values that change from call to
//! call. The load bench records them, and `oss-floor` runs them.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::statements::Executed;

/// The setup of the floor.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Setup {
    /// The URL of the database.
    pub database: String,
    /// The number of connections to it.
    pub pool: u32,
    /// The URL of Sigan.
    pub sigan: String,
    /// The statements. If there are none, the floor does what the specification's pseudo-code does.
    pub plan: Option<Plan>,
}

/// The statements of each operation, in order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Plan {
    /// Creating a preview.
    pub create: Vec<Step>,
    /// Reserving one of its numbers: before and after Sigan is asked.
    pub reserve: Vec<Step>,
    /// Reserving a random number: before and after Sigan is asked.
    pub random: Vec<Step>,
    /// Giving a number back.
    pub release: Vec<Step>,
    /// Recording the delivery of the release.
    pub deliver: Vec<Step>,
}

/// A statement and its values. Each value is an array, because a statement serves several callers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// Its text.
    pub sql: String,
    /// The elements of each value.
    pub values: Vec<Vec<Slot>>,
}

/// An element of a value of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Slot {
    /// A new identifier. Within one operation, slots with the same number get the same one.
    New(usize),
    /// The id of the operation's row: its preview, or its reservation.
    Subject,
    /// A number, by its position among those of the operation.
    Msisdn(usize),
    /// Sigan's name for the pre-reservation.
    ExternalId,
    /// A value that is the same in every call.
    Same(String),
    /// Null.
    Null,
}

/// Makes the steps of any call from the statements of one call. `subject` is the id of its row, and every external id begins with
/// `prefix`.
#[must_use]
pub fn steps(executed: &[Executed], subject: Option<Uuid>, prefix: &str) -> Vec<Step> {
    let mut new = Vec::new();
    let mut slot = |at: usize, value: &str| match Uuid::try_parse(value) {
        Ok(id) if Some(id) == subject => Slot::Subject,
        Ok(id) => {
            let position = new.iter().position(|new| *new == id);
            Slot::New(position.unwrap_or_else(|| {
                new.push(id);
                new.len() - 1
            }))
        }
        Err(_) if value == "NULL" => Slot::Null,
        Err(_) if value.starts_with(prefix) => Slot::ExternalId,
        Err(_) if value.len() == 11 && value.bytes().all(|byte| byte.is_ascii_digit()) => Slot::Msisdn(at),
        Err(_) => Slot::Same(value.to_owned()),
    };
    let mut value = |value: &Option<String>| {
        let array = value.as_deref().unwrap_or_default().trim_matches(['{', '}']);
        array.split(',').enumerate().map(|(at, element)| slot(at, element)).collect()
    };
    let step = |executed: &Executed| Step {
        sql: executed.sql.clone(),
        values: executed.values.iter().map(&mut value).collect(),
    };
    executed.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_differ_between_calls_become_slots() {
        let (subject, new) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let values = [
            format!("{{{new}}}"),
            format!("{{{subject},{new}}}"),
            "{11999950001,11999950002}".to_owned(),
            "{PR-1}".to_owned(),
            "{35,NULL}".to_owned(),
        ];
        let executed = [Executed { sql: String::new(), values: values.map(Some).to_vec() }];
        let expected = [
            vec![Slot::New(0)],
            vec![Slot::Subject, Slot::New(0)],
            vec![Slot::Msisdn(0), Slot::Msisdn(1)],
            vec![Slot::ExternalId],
            vec![Slot::Same("35".to_owned()), Slot::Null],
        ];
        assert_eq!(steps(&executed, Some(subject), "PR-")[0].values, expected);
    }
}
