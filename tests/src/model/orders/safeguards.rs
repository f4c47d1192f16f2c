//! The rules that keep a SIM from being lost, made twice, or outliving its number.

/// A rule of the protocol. It can be left out to see what it prevents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Safeguard {
    /// The order is committed before GSIM is asked. Without the rule, it is written after GSIM has answered.
    IntentRow,
    /// The index that allows one open order for each number.
    OneOpenOrder,
    /// An order begins only if no order waits on the reservation of its number. Without the rule, it takes the place of that order.
    OneOrderForReservation,
    /// A SIM is recorded only from the states that an order may leave. Without the rule, it overwrites any state.
    GuardedIssue,
    /// A negative or missing outcome names the state that it may leave. Without the rule, it overwrites any state.
    GuardedDenial,
    /// A negative or missing outcome counts only for the call that it answers. Without the rule, it counts for the order's latest call.
    CallNumber,
    /// An order is rejected only if no earlier call of it may have had an effect. Without the rule, each refusal is believed.
    RejectOnlyFirstCall,
    /// An order that GSIM refuses for now is cancelled, even at its first call. Without the rule, it is rejected at once, although a
    /// copy of the request may be granted later.
    CancelAfterRefusal,
    /// An order that GSIM does not know is cancelled there before it is rejected. Without the rule, it is rejected at once.
    CancelBeforeRejecting,
    /// An order that GSIM has accepted is in doubt until its SIM is made. Without the rule, it is rejected.
    AcceptedIsInDoubt,
    /// The decision to cancel is committed before the cancel is sent. Without the rule, it is recorded after GSIM has answered.
    CommitBeforeCancel,
    /// A number is not given back while an order waits on its reservation.
    OrderBlocksGiveBack,
    /// A line does not end while an order waits on its reservation.
    OrderBlocksEnd,
    /// The statement that records a SIM gives the replaced one back to GSIM.
    ReplacedIsReleased,
    /// At the end of a line, the reservation waits for the order of its SIM. Without the rule, only [`Safeguard::SiganAfterEverySim`]
    /// prevents that Sigan is told before GSIM.
    SiganAfterGsim,
    /// Sigan is told of a number after GSIM was told of all its SIMs, also of those that were replaced before the line ended.
    SiganAfterEverySim,
    /// GSIM's part: a cancelled or deprogrammed reference is barred for ever. Without the rule, a late order makes a SIM.
    BarredForEver,
    /// GSIM's part: an order that is repeated makes no second SIM.
    IdempotentOrders,
    /// GSIM's part: a number gets a second SIM only in place of its first.
    OneSimPerNumber,
    /// GSIM's part: a card that is in use is not activated for another number.
    OneNumberPerCard,
}
