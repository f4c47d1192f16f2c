//! The state: everything that decides which steps can follow.

use std::fmt;

use oss_core::AttemptState;

use super::super::scenario::Faults;
use super::gsim::Gsim;
use super::order::Order;
use super::scenario::{Number, Sim};
use super::worker::{Request, Worker};

/// A row of `phone_number` with its `reservation`. One statement always changes both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct NumberRow {
    /// `HELD` while the number is RESERVED, `ASSIGNED` while it is `IN_USE`.
    pub(super) reservation: AttemptState,
    /// The order that has to be settled before the reservation goes on.
    pub(super) order: Option<Sim>,
    /// The SIM that the number is on.
    pub(super) sim: Option<Sim>,
}

impl NumberRow {
    const RESERVED: Self = Self { reservation: AttemptState::Held, order: None, sim: None };

    /// Whether the number is RESERVED or `IN_USE`.
    pub(super) const fn is_ours(self) -> bool {
        matches!(self.reservation, AttemptState::Held | AttemptState::Assigned)
    }
}

/// The state at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct State {
    numbers: [NumberRow; 2],
    orders: [Option<Order>; Sim::ALL.len()],
    /// Whether the row of each SIM is ACTIVE.
    active: [bool; Sim::ALL.len()],
    pub(super) gsim: Gsim,
    /// Whether Sigan holds each number for us.
    held: [bool; 2],
    /// Sorted, so that the order in which workers began makes no other state.
    workers: Vec<Worker>,
    /// Delayed requests, which will reach GSIM although nobody waits for their answers. Sorted as well.
    pub(super) late: Vec<Request>,
    /// The faults that are left.
    pub(super) left: Faults,
}

impl State {
    pub(super) const fn initial(faults: Faults) -> Self {
        Self {
            numbers: [NumberRow::RESERVED; 2],
            orders: [None; Sim::ALL.len()],
            active: [false; Sim::ALL.len()],
            gsim: Gsim::EMPTY,
            held: [true; 2],
            workers: Vec::new(),
            late: Vec::new(),
            left: faults,
        }
    }

    pub(super) const fn number(&self, number: Number) -> &NumberRow {
        &self.numbers[number as usize]
    }

    pub(super) const fn number_mut(&mut self, number: Number) -> &mut NumberRow {
        &mut self.numbers[number as usize]
    }

    pub(super) const fn order(&self, sim: Sim) -> Option<Order> {
        self.orders[sim as usize]
    }

    pub(super) const fn write(&mut self, sim: Sim, order: Order) {
        self.orders[sim as usize] = Some(order);
    }

    pub(super) const fn is_active(&self, sim: Sim) -> bool {
        self.active[sim as usize]
    }

    pub(super) const fn set_active(&mut self, sim: Sim, active: bool) {
        self.active[sim as usize] = active;
    }

    /// Whether Sigan holds a number for us.
    pub(super) const fn is_held(&self, number: Number) -> bool {
        self.held[number as usize]
    }

    pub(super) const fn release(&mut self, number: Number) {
        self.held[number as usize] = false;
    }

    pub(super) fn workers(&self) -> impl Iterator<Item = Worker> {
        self.workers.iter().copied()
    }

    pub(super) fn workers_of(&self, sim: Sim) -> impl Iterator<Item = Worker> {
        self.workers().filter(move |worker| worker.sim == sim)
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
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for number in [Number::One, Number::Two] {
            let row = self.number(number);
            write!(f, "{number:?} {}", row.reservation)?;
            row.sim.iter().try_for_each(|sim| write!(f, " on {sim}"))?;
            row.order.iter().try_for_each(|sim| write!(f, " waits for {sim}"))?;
            f.write_str(if self.is_held(number) { ", " } else { " (not at Sigan), " })?;
        }
        for sim in Sim::ALL {
            let Some(order) = self.order(sim) else { continue };
            write!(f, "{sim} {order}")?;
            f.write_str(if self.is_active(sim) { " ACTIVE, " } else { ", " })?;
        }
        write!(f, "GSIM:")?;
        Sim::ALL.iter().try_for_each(|sim| write!(f, " {sim} {}", self.gsim.entry(*sim)))?;
        self.late.iter().try_for_each(|request| write!(f, ", on its way: {request}"))
    }
}
