//! The filters of `oss list`.

use oss_core::{
    AttemptState, BrandId, Cursor, Ddd, ListFault, ListOptions, ListedStatus, NumberList, PageLength, SimId,
    Timestamp,
};

use crate::exit::Failure;

/// A list of numbers. Only filters that an index serves go together.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ListArgs {
    /// Numbers with this status: `RESERVED`, `IN_USE` or `RETURNED`. Goes with --ddd.
    #[arg(long)]
    status: Option<ListedStatus>,
    /// Numbers with an attempt in this state, such as `HELD` or `IN_DOUBT`. Goes with --ddd, or with the age.
    #[arg(long)]
    state: Option<AttemptState>,
    /// Numbers of this area code.
    #[arg(long)]
    ddd: Option<Ddd>,
    /// Numbers of this brand. Goes with every filter.
    #[arg(long)]
    brand: Option<BrandId>,
    /// The number that is on this SIM.
    #[arg(long, value_name = "UUID")]
    sim: Option<SimId>,
    /// Numbers whose attempt began after this time; with --state.
    #[arg(long, value_name = "TIME")]
    created_after: Option<Timestamp>,
    /// Numbers whose attempt began before this time; with --state.
    #[arg(long, value_name = "TIME")]
    created_before: Option<Timestamp>,
    /// Numbers whose hold ends before this time.
    #[arg(long, value_name = "TIME")]
    expires_before: Option<Timestamp>,
    /// The place that the page before ended with.
    #[arg(long, value_name = "NEXT")]
    after: Option<Cursor>,
    /// The most numbers of the page, 1 to 1000 [default: 100].
    #[arg(long)]
    limit: Option<PageLength>,
    /// List every page.
    #[arg(long, conflicts_with = "limit")]
    pub(crate) all: bool,
}

impl ListArgs {
    /// The page that is asked for.
    pub(crate) fn list(self) -> Result<NumberList, Failure> {
        let mut options = ListOptions::default();
        options.status = self.status.map(|ListedStatus(status)| status);
        options.state = self.state;
        options.ddd = self.ddd;
        options.brand = self.brand;
        options.sim = self.sim;
        options.created_after = self.created_after;
        options.created_before = self.created_before;
        options.expires_before = self.expires_before;
        options.after = self.after;
        options.limit = if self.all { Some(PageLength::MAX) } else { self.limit };
        options.list().map_err(|ListFault { field, expected, .. }| {
            Failure::usage(format!("{}: expected {expected}", option(field)))
        })
    }
}

/// The option for a field of the list.
fn option(field: &str) -> &str {
    match field {
        "createdAfter" => "--created-after",
        "createdBefore" => "--created-before",
        "expiresBefore" => "--expires-before",
        "status" => "--status",
        "state" => "--state",
        "ddd" => "--ddd",
        "after" => "--after",
        other => other,
    }
}
