//! The rules that keep a number from being lost, promised twice or taken away.

/// A rule of the protocol. It can be left out to see what it prevents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safeguard {
    /// The row of an attempt is committed before Sigan is asked. Without the rule, it is written after Sigan has answered.
    IntentRow,
    /// The index that allows one live row for each number.
    OneLiveRow,
    /// A positive outcome names the states that it may leave. Without the rule, it overwrites any state.
    GuardedConfirmation,
    /// A negative or missing outcome names the state that it may leave. Without the rule, it overwrites any state.
    GuardedDenial,
    /// A negative or missing outcome counts only for the call that it answers. Without the rule, it counts for the row's latest call.
    CallNumber,
    /// An attempt whose outcome is unknown is cancelled at Sigan before it is rejected. Without the rule, it is rejected at once.
    CancelBeforeRejecting,
    /// The decision to cancel is committed before the cancel is sent. Without the rule, it is recorded after Sigan has answered.
    CommitBeforeCancel,
    /// A release names the external id that it belongs to. Without the rule, it frees the number for any holder.
    ReleaseById,
    /// The audit lists Sigan's holds, then reads our rows. Without the rule, the order is reversed, and only [`Safeguard::OneRowPerHold`]
    /// prevents the release of a hold that was made in between.
    AuditListsFirst,
    /// Before the audit gives up a hold that Sigan did not list, it asks Sigan once more. Without the rule, it believes the list,
    /// which may be older than the hold.
    AuditAsksAgain,
    /// An attempt that Sigan refuses for now, and not because its hold is over, is cancelled. Without the rule, it is rejected at
    /// once, although a copy of the request may be granted later.
    CancelAfterRefusal,
    /// The index that allows one unsettled or live row for each hold, so that an attempt at a hold and a release of the same hold
    /// cannot both begin.
    OneRowPerHold,
    /// A bare refusal of our credentials, which names no hold, leaves the outcome in doubt. Without the rule, it is believed: a first
    /// call is rejected, and a repeated one is given up.
    CredentialsAreDoubt,
    /// If a failover lost the row of an attempt, its worker writes a row that releases the hold. Without the rule, the outcome is
    /// dropped.
    LostRowIsReleased,
    /// If another attempt has replaced a lost row, the outcome of the lost call counts as a call of that attempt. Without the rule,
    /// the other attempt is rejected if its own first call had no effect, whatever the lost call did.
    ReplacementIsTold,
    /// Sigan's part: a released or cancelled hold never comes back. Without the rule, a late reserve takes the number again.
    OverForEver,
}

/// The safeguards that are in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Safeguards {
    /// A bit for each safeguard that is left out.
    off: u16,
}

impl Safeguards {
    /// All safeguards: the real protocol.
    pub const ALL: Self = Self { off: 0 };

    /// These safeguards without one.
    #[must_use]
    pub const fn without(self, safeguard: Safeguard) -> Self {
        Self { off: self.off | 1 << safeguard as u16 }
    }

    pub(super) const fn has(self, safeguard: Safeguard) -> bool {
        self.off & 1 << safeguard as u16 == 0
    }
}
