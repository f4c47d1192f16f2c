//! The systems that this process calls, as operators see them.

use std::time::Duration;

use crate::domain::BrandId;
use crate::oss::Oss;
use crate::remote::GateUsage;

/// A system that this process calls.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Upstream {
    /// Its name: `Sigan`, `GSIM (eSIMs)` or `GSIM (SIM cards)`.
    pub name: &'static str,
    /// Whether calls for customers reach it.
    pub answer: Answering,
    /// The time since the first of the calls that got no answer, while it does not answer.
    pub down_for: Option<Duration>,
    /// The calls for customers that are under way, and the most that may be.
    pub in_flight: usize,
    /// The most calls for customers that may be under way.
    pub limit: usize,
    /// The brands that it refuses now.
    pub refused_brands: Vec<BrandId>,
}

/// Whether a system answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answering {
    /// It answers.
    Yes,
    /// It does not, so nothing is sent to it for a while.
    No,
    /// It did not, and a call finds out whether it does now.
    Probing,
}

impl Oss {
    /// The systems that this process calls, by what its own calls showed. It is cheap: it calls nothing and waits for nothing.
    #[must_use]
    pub fn upstreams(&self) -> Vec<Upstream> {
        let mut upstreams = vec![upstream("Sigan", self.sigan().usage())];
        if self.has_gsim() {
            let names = ["GSIM (eSIMs)", "GSIM (SIM cards)"];
            let usage = self.gsim().usage();
            upstreams.extend(names.into_iter().zip(usage).map(|(name, (_, usage))| upstream(name, usage)));
        }
        upstreams
    }
}

fn upstream(name: &'static str, usage: GateUsage) -> Upstream {
    let [callers, ..] = usage.lanes;
    let [(_, breaker), _] = usage.breakers;
    Upstream {
        name,
        answer: match breaker {
            "open" => Answering::No,
            "probing" => Answering::Probing,
            _ => Answering::Yes,
        },
        down_for: usage.down_for,
        in_flight: callers.in_flight,
        limit: callers.limit,
        refused_brands: usage
            .brands
            .into_iter()
            .filter(|(_, refused)| *refused)
            .map(|(brand, _)| brand)
            .collect(),
    }
}
