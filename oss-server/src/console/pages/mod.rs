//! The pages, one in each module.

pub(super) mod audit;
pub(super) mod events;
pub(super) mod in_doubt;
pub(super) mod list;
pub(super) mod number;
pub(super) mod overview;
pub(super) mod preview;
pub(super) mod search;
pub(super) mod sign_in;
pub(super) mod sim;
mod story;
pub(super) mod webhooks;

use std::fmt::Display;

/// A value that may be missing, as a cell of a table shows it.
fn or_dash(value: Option<impl Display>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| value.to_string())
}
