//! The situations that a scenario must reach. A test in which none of them occurred has tested nothing.

use super::action::{Action, Failure};
use super::network::{Answer, Progress, Request, Task, Worker};
use super::row::Row;
use super::scenario::{Attempt, ExternalId};
use super::sigan::Hold;
use super::state::{Audit, State};

/// The rows in which the audit releases strays.
const RELEASES: [Attempt; 2] = [Attempt::ReleaseOfA, Attempt::ReleaseOfB];

/// A situation that a test must reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// A reserve reached Sigan after the hold was over, and was refused.
    LateReserveBarred,
    /// A reserve reached Sigan twice.
    ReserveRepeated,
    /// A release reached Sigan twice.
    ReleaseRepeated,
    /// A release of one hold reached Sigan while another customer held the number.
    ReleaseMissedNewerHold,
    /// Recovery found that Sigan had granted a number without anybody's knowledge.
    RecoveryAdopted,
    /// Recovery gave an attempt up.
    RecoveryGaveUp,
    /// A worker was granted the number although another worker had taken up its row.
    OlderCallConfirmed,
    /// A worker was granted a number that had meanwhile been given up or given back.
    ConfirmedTooLate,
    /// A negative answer to an older call was ignored.
    OlderDenialIgnored,
    /// A second attempt of one preview was granted the number.
    SecondAttemptHeld,
    /// The second customer was granted the number.
    SecondCustomerHeld,
    /// The audit found a hold that has no row here.
    AuditFoundOrphan,
    /// The release of a stray hold prevented a reserve from its open preview.
    StrayBarredAttempt,
    /// An attempt prevented the audit from releasing a hold of its preview that looked like a stray.
    AttemptBarredStray,
    /// Credentials were refused after the reserve had its effect.
    ForbiddenAfterEffect,
    /// Credentials were refused to a repeated reserve, whose first call had its effect.
    ForbiddenRepeat,
    /// A worker released the hold of a row that a failover had lost.
    LostRowReleased,
    /// Another attempt had replaced a row that a failover had lost.
    LostRowReplaced,
    /// Sigan's list was older than a hold, so that the hold looked lost.
    AuditListWasOlder,
    /// The audit spared a hold because its number was not settled.
    AuditSparedUnsettled,
}

impl Sight {
    pub(super) const ALL: [Self; 20] = [
        Self::LateReserveBarred,
        Self::ReserveRepeated,
        Self::ReleaseRepeated,
        Self::ReleaseMissedNewerHold,
        Self::RecoveryAdopted,
        Self::RecoveryGaveUp,
        Self::OlderCallConfirmed,
        Self::ConfirmedTooLate,
        Self::OlderDenialIgnored,
        Self::SecondAttemptHeld,
        Self::SecondCustomerHeld,
        Self::AuditFoundOrphan,
        Self::StrayBarredAttempt,
        Self::AttemptBarredStray,
        Self::ForbiddenAfterEffect,
        Self::ForbiddenRepeat,
        Self::LostRowReleased,
        Self::LostRowReplaced,
        Self::AuditListWasOlder,
        Self::AuditSparedUnsettled,
    ];

    /// Whether a step reaches this situation.
    pub(super) fn is_shown_by(self, before: &State, action: Action, after: &State) -> bool {
        let executed = executed(action);
        let record = Recorded::of(before, action, after);
        match self {
            Self::LateReserveBarred => is_reserve_on(before, executed, Hold::Over),
            Self::ReserveRepeated => is_reserve_on(before, executed, Hold::Reserved),
            Self::ReleaseRepeated => {
                matches!(executed, Some(Request::Release(id)) if before.sigan.hold(id) == Hold::Over)
            }
            Self::ReleaseMissedNewerHold => {
                matches!(executed, Some(Request::Release(id)) if before.sigan.reserved().is_some_and(|held| held != id))
            }
            Self::RecoveryAdopted => {
                record.is_some_and(|it| it.answer == Answer::Ours && it.after == Row::Held && it.changed())
            }
            Self::RecoveryGaveUp => record.is_some_and(|it| {
                it.answer == Answer::NotOurs && it.after == Row::Cancelling && it.changed()
            }),
            Self::OlderCallConfirmed => record.is_some_and(|it| {
                matches!(it.before, Row::Pending { call, .. } | Row::InDoubt { call } if call > it.call)
                    && it.after == Row::Held
            }),
            Self::ConfirmedTooLate => {
                record.is_some_and(|it| it.answer == Answer::Granted && !it.before.is_live() && !it.changed())
            }
            Self::OlderDenialIgnored => record.is_some_and(|it| {
                let denied = matches!(
                    it.answer,
                    Answer::Refused | Answer::RefusedForNow | Answer::NotOurs | Answer::NotSent
                );
                it.task != Task::Deliver && denied && it.before.is_live() && !it.changed()
            }),
            Self::SecondAttemptHeld => is_held(after, Attempt::Again),
            Self::SecondCustomerHeld => is_held(after, Attempt::Second),
            Self::AuditFoundOrphan => {
                RELEASES.iter().any(|&release| before.row(release) != after.row(release))
                    && action == Action::AuditEnds
            }
            Self::StrayBarredAttempt => {
                after.row(Attempt::ReleaseOfA).is_some()
                    && after.row(Attempt::First).is_none()
                    && after.sigan.hold(ExternalId::A) == Hold::Reserved
            }
            Self::AttemptBarredStray => {
                action == Action::AuditEnds
                    && before.audit == Some(Audit::Listed(Some(ExternalId::A)))
                    && before.row(Attempt::First).is_some()
                    && after.row(Attempt::ReleaseOfA).is_none()
            }
            Self::ForbiddenAfterEffect => is_forbidden(action)
                .is_some_and(|worker| before.sigan.hold(worker.attempt.external_id()) == Hold::Reserved),
            Self::ForbiddenRepeat => is_forbidden(action).is_some_and(|worker| worker.call > 1),
            Self::LostRowReleased => {
                is_recorded_without_row(before, action).is_some_and(|attempt| after.row(attempt).is_some())
            }
            Self::LostRowReplaced => {
                is_recorded_without_row(before, action).is_some_and(|_| before.row(Attempt::Again).is_some())
            }
            Self::AuditListWasOlder => {
                action == Action::AuditEnds
                    && before.audit == Some(Audit::Listed(None))
                    && before.rows().any(|(_, row)| row == Row::Held)
            }
            Self::AuditSparedUnsettled => {
                action == Action::AuditEnds
                    && matches!(before.audit, Some(Audit::Listed(Some(_))))
                    && before.rows().any(|(_, row)| row.is_unsettled())
            }
        }
    }
}

/// The worker whose credentials are refused in a step.
fn is_forbidden(action: Action) -> Option<Worker> {
    match action {
        Action::Network(worker, Failure::Forbid) => Some(worker),
        _ => None,
    }
}

/// The attempt of a worker that has an outcome, in a step that finds no row of the attempt.
fn is_recorded_without_row(before: &State, action: Action) -> Option<Attempt> {
    match action {
        Action::Record(worker) if before.row(worker.attempt).is_none() => Some(worker.attempt),
        _ => None,
    }
}

fn is_held(after: &State, attempt: Attempt) -> bool {
    after.row(attempt) == Some(Row::Held)
}

/// The request that Sigan executes in a step.
fn executed(action: Action) -> Option<Request> {
    match action {
        Action::Execute(worker) => Some(worker.request()),
        Action::ExecuteLate(request) => Some(request),
        _ => None,
    }
}

fn is_reserve_on(before: &State, executed: Option<Request>, hold: Hold) -> bool {
    matches!(executed, Some(Request::Reserve(id)) if before.sigan.hold(id) == hold)
}

/// A worker's last step, and its effect on the row.
#[derive(Debug, Clone, Copy)]
struct Recorded {
    task: Task,
    call: u8,
    answer: Answer,
    before: Row,
    after: Row,
}

impl Recorded {
    fn of(before: &State, action: Action, after: &State) -> Option<Self> {
        let Action::Record(worker) = action else { return None };
        let Progress::Answered(answer) = worker.progress else { return None };
        let (before, after) = (before.row(worker.attempt)?, after.row(worker.attempt)?);
        Some(Self { task: worker.task, call: worker.call, answer, before, after })
    }

    fn changed(self) -> bool {
        self.before != self.after
    }
}
