//! The measured answers, and the figures that are computed from them.

use std::time::Duration;

use serde::Serialize;

use super::cpu::Cpu;

/// The answers of one run.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(crate) elapsed: Duration,
    pub(crate) errors: u64,
    pub(crate) latencies: Vec<Duration>,
}

/// The figures of one run.
#[derive(Debug, Clone, Copy, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) errors: u64,
    /// The writing statements that PostgreSQL executed for each request, also in the background.
    pub(crate) statements: f64,
    /// The CPU time for each request, also in the background.
    pub(crate) cpu: Cpu,
}

impl Measured {
    pub(crate) fn record(&mut self, latency: Duration, succeeded: bool) {
        self.latencies.push(latency);
        self.errors += u64::from(!succeeded);
    }

    pub(crate) fn absorb(&mut self, other: Self) {
        self.latencies.extend(other.latencies);
        self.errors += other.errors;
    }

    /// The figures of these answers, for which PostgreSQL executed this many statements in this CPU time. Rates count only successes.
    #[expect(clippy::cast_precision_loss, reason = "counts of seconds are far below 2^52")]
    pub(crate) fn figures(mut self, statements: i64, cpu: Cpu) -> Figures {
        self.latencies.sort_unstable();
        let succeeded = self.latencies.len() as u64 - self.errors;
        Figures {
            per_second: succeeded as f64 / self.elapsed.as_secs_f64(),
            p50_ms: self.percentile(50),
            p99_ms: self.percentile(99),
            errors: self.errors,
            statements: statements as f64 / succeeded as f64,
            cpu: cpu.per_request(succeeded as f64),
        }
    }

    fn percentile(&self, percent: usize) -> f64 {
        let at = (self.latencies.len() * percent / 100).min(self.latencies.len().saturating_sub(1));
        self.latencies.get(at).map_or(0.0, |latency| latency.as_secs_f64() * 1000.0)
    }
}

/// The median of several runs, for each figure by itself. Errors are added up.
pub(crate) fn middle(runs: &[Figures]) -> Figures {
    let of = |figure: fn(&Figures) -> f64| median(runs.iter().map(figure));
    Figures {
        per_second: of(|run| run.per_second),
        p50_ms: of(|run| run.p50_ms),
        p99_ms: of(|run| run.p99_ms),
        errors: runs.iter().map(|run| run.errors).sum(),
        statements: of(|run| run.statements),
        cpu: Cpu {
            server: of(|run| run.cpu.server),
            postgres: of(|run| run.cpu.postgres),
            sigan: of(|run| run.cpu.sigan),
            client: of(|run| run.cpu.client),
        },
    }
}

/// The median; NaN if there is no value.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
