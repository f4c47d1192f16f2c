//! What keeps a number from being lost, promised twice or taken away.

/// A rule of the protocol that can be left out, to see what it is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mend {
    /// The row of an attempt is committed before Sigan is asked. Without it, it is written with Sigan's answer.
    IntentRow,
    /// The index that allows one live row for each number.
    OneLiveRow,
    /// A positive outcome names the states it may leave. Without it, it overwrites whatever is there.
    GuardedConfirmation,
    /// A negative or missing outcome names the state it may leave. Without it, it overwrites whatever is there.
    GuardedDenial,
    /// A negative or missing outcome counts for the call that it answers. Without it, for whichever call the row is at.
    CallNumber,
    /// An attempt whose outcome is unknown is cancelled at Sigan before it is rejected. Without it, it is rejected at once.
    CancelBeforeRejecting,
    /// The decision to cancel is committed before the cancel is sent. Without it, the row says so once Sigan has answered.
    CommitBeforeCancel,
    /// A release names the external id it belongs to. Without it, it frees the number, whoever holds it.
    ReleaseById,
    /// The audit lists Sigan's holds, then reads our rows. Without it, the other way round, and only [`Mend::OneRowPerHold`] keeps a
    /// hold that was made in between from being released.
    AuditListsFirst,
    /// Before the audit gives up a hold that Sigan did not list, it asks Sigan once more. Without it, the list is believed, which
    /// may be older than the hold.
    AuditAsksAgain,
    /// An attempt that Sigan refuses for now, and not because its hold is over, is cancelled. Without it, it is rejected at once,
    /// though a copy of the request may be granted later.
    CancelAfterRefusal,
    /// The index that allows one unsettled or live row for each hold, so that an attempt at a hold and a release of the same hold
    /// cannot both begin.
    OneRowPerHold,
    /// A bare refusal of our credentials, which names no hold, leaves the outcome in doubt. Without it, it is believed: a first call
    /// is rejected, and a repeated one given up.
    CredentialsAreDoubt,
    /// A worker who finds that a failover lost the row of its attempt writes one that releases the hold. Without it, the outcome
    /// is dropped.
    LostRowIsReleased,
    /// Where another attempt has taken the place of a lost row, the outcome of the lost call counts as a call of that attempt.
    /// Without it, the other attempt is rejected once its own first call had no effect, whatever the lost call did.
    ReplacementIsTold,
    /// Sigan's part: a hold that was released or cancelled never comes back. Without it, a late reserve takes the number again.
    OverForEver,
}

/// The mends that are in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mends {
    /// A bit for each mend that is left out.
    off: u16,
}

impl Mends {
    /// All of them: the protocol as it is.
    pub const ALL: Self = Self { off: 0 };

    /// The same, but for one.
    #[must_use]
    pub const fn without(self, mend: Mend) -> Self {
        Self { off: self.off | 1 << mend as u16 }
    }

    pub(super) const fn has(self, mend: Mend) -> bool {
        self.off & 1 << mend as u16 == 0
    }
}
