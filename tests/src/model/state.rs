//! The state: everything that decides which steps can follow.

use std::fmt;

use super::network::{Request, Worker};
use super::row::Row;
use super::safeguards::{Safeguard, Safeguards};
use super::scenario::{Attempt, ExternalId, Faults, Scenario};
use super::sigan::{Hold, Sigan};

/// The state at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct State {
    rows: [Option<Row>; Attempt::ALL.len()],
    pub(super) sigan: Sigan,
    /// Sorted, so that the order in which workers began makes no other state.
    workers: Vec<Worker>,
    /// Delayed requests, which will reach Sigan although nobody waits for their answers. Sorted as well.
    pub(super) late: Vec<Request>,
    pub(super) audit: Option<Audit>,
    /// The faults that are left.
    pub(super) left: Faults,
}

/// An audit that has done the first half of its comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Audit {
    /// Sigan has listed its holds for us. Our rows have not been read yet.
    Listed(Option<ExternalId>),
    /// Our rows were read. Sigan has not listed its holds yet. Only if [`Safeguard::AuditListsFirst`] is left out.
    Read { spares_a: bool, spares_b: bool },
}

impl State {
    pub(super) fn initial(scenario: &Scenario) -> Self {
        let first = if scenario.foreign_hold { Hold::Reserved } else { Hold::PreReserved };
        Self {
            rows: [None; Attempt::ALL.len()],
            sigan: Sigan::new(first),
            workers: Vec::new(),
            late: Vec::new(),
            audit: None,
            left: scenario.faults,
        }
    }

    pub(super) const fn row(&self, attempt: Attempt) -> Option<Row> {
        self.rows[attempt as usize]
    }

    /// The existing rows.
    pub(super) fn rows(&self) -> impl Iterator<Item = (Attempt, Row)> {
        Attempt::ALL.into_iter().filter_map(|attempt| Some((attempt, self.row(attempt)?)))
    }

    pub(super) fn live_rows(&self) -> usize {
        self.rows().filter(|(_, row)| row.is_live()).count()
    }

    /// Whether an index refuses a row: the index of live rows, or the index of the rows of a hold.
    pub(super) fn is_barred(&self, attempt: Attempt, row: Row, safeguards: Safeguards) -> bool {
        let others_live = self.rows().any(|(other, row)| other != attempt && row.is_live());
        safeguards.has(Safeguard::OneLiveRow) && row.is_live() && others_live
            || safeguards.has(Safeguard::OneRowPerHold) && self.hold_is_taken(attempt, row)
    }

    fn hold_is_taken(&self, attempt: Attempt, row: Row) -> bool {
        let counts = |row| !matches!(row, Row::Released | Row::Rejected);
        let is_other = |other: Attempt| other != attempt && other.external_id() == attempt.external_id();
        counts(row) && self.rows().any(|(other, row)| is_other(other) && counts(row))
    }

    /// Writes a row, unless an index refuses it. Returns whether it was written.
    pub(super) fn write(&mut self, attempt: Attempt, row: Row, safeguards: Safeguards) -> bool {
        if self.is_barred(attempt, row, safeguards) {
            return false;
        }
        self.rows[attempt as usize] = Some(row);
        true
    }

    /// Removes a row, like a failover that loses the last commit.
    pub(super) const fn lose(&mut self, attempt: Attempt) {
        self.rows[attempt as usize] = None;
    }

    pub(super) fn workers(&self) -> impl Iterator<Item = Worker> {
        self.workers.iter().copied()
    }

    pub(super) fn start(&mut self, worker: Worker) {
        let at = self.workers.partition_point(|other| *other < worker);
        self.workers.insert(at, worker);
    }

    pub(super) fn stop(&mut self, worker: Worker) {
        if let Some(at) = self.workers.iter().position(|other| *other == worker) {
            self.workers.remove(at);
        }
    }

    pub(super) fn delay(&mut self, request: Request) {
        let at = self.late.partition_point(|other| *other < request);
        self.late.insert(at, request);
    }

    pub(super) fn deliver(&mut self, request: Request) {
        if let Some(at) = self.late.iter().position(|other| *other == request) {
            self.late.remove(at);
        }
    }

    /// Whether the audit spares a hold, because it is ours or its number is not settled.
    pub(super) fn audit_spares(&self, id: ExternalId) -> bool {
        self.rows()
            .any(|(attempt, row)| row.is_unsettled() || row == Row::Held && attempt.external_id() == id)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (attempt, row) in self.rows() {
            write!(f, "{attempt} {row}, ")?;
        }
        write!(f, "Sigan: A {}, B {}", self.sigan.hold(ExternalId::A), self.sigan.hold(ExternalId::B))?;
        self.late.iter().try_for_each(|request| write!(f, ", on its way: {request}"))
    }
}
