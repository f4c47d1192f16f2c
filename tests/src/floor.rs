//! What the floor of an operation is made of: the statements that the service was seen to execute, with the values that change
//! from call to call left open. Recorded by the load bench, run by `oss-floor`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::statements::Executed;

/// What the floor needs to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Setup {
    /// The database.
    pub database: String,
    /// Connections to it.
    pub pool: u32,
    /// Sigan.
    pub sigan: String,
    /// The statements.
    pub plan: Plan,
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
    /// Recording that Sigan was told of it.
    pub told: Vec<Step>,
}

/// A statement and its values.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// Its text.
    pub sql: String,
    /// Its values.
    pub values: Vec<Slot>,
}

/// A value of a statement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Slot {
    /// A new identifier; the same one wherever the number is the same, within one operation.
    New(usize),
    /// The row that the operation is about: its preview, or its reservation.
    Subject,
    /// The number.
    Msisdn,
    /// The numbers that Sigan offered.
    Msisdns,
    /// Sigan's name for the pre-reservation.
    ExternalId,
    /// The same in every call.
    Same(String),
    /// Null.
    Null,
}

/// Turns what one call executed into what any call executes. `subject` names the row that it was about, and every external id
/// begins with `prefix`.
#[must_use]
pub fn steps(executed: &[Executed], subject: Option<Uuid>, prefix: &str) -> Vec<Step> {
    let mut new = Vec::new();
    let mut slot = |value: &Option<String>| {
        let Some(value) = value else { return Slot::Null };
        match Uuid::try_parse(value) {
            Ok(id) if Some(id) == subject => Slot::Subject,
            Ok(id) => {
                let known = new.iter().position(|known| *known == id);
                Slot::New(known.unwrap_or_else(|| {
                    new.push(id);
                    new.len() - 1
                }))
            }
            Err(_) if value.starts_with('{') => Slot::Msisdns,
            Err(_) if value.starts_with(prefix) => Slot::ExternalId,
            Err(_) if value.len() == 11 && value.bytes().all(|byte| byte.is_ascii_digit()) => Slot::Msisdn,
            Err(_) => Slot::Same(value.clone()),
        }
    };
    let step = |executed: &Executed| Step {
        sql: executed.sql.clone(),
        values: executed.values.iter().map(&mut slot).collect(),
    };
    executed.iter().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_from_call_to_call_is_left_open() {
        let (subject, new) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let values = [
            Some(new.to_string()),
            Some(subject.to_string()),
            Some("11999950001".to_owned()),
            Some("{11999950001}".to_owned()),
            Some("PR-1".to_owned()),
            Some("35".to_owned()),
            None,
            Some(new.to_string()),
        ];
        let executed = [Executed { sql: String::new(), values: values.to_vec() }];
        let expected = [
            Slot::New(0),
            Slot::Subject,
            Slot::Msisdn,
            Slot::Msisdns,
            Slot::ExternalId,
            Slot::Same("35".to_owned()),
            Slot::Null,
            Slot::New(0),
        ];
        assert_eq!(steps(&executed, Some(subject), "PR-")[0].values, expected);
    }
}
