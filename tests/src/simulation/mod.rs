//! A deterministic simulation of the whole service: many customers, several instances, a hostile network, one seed.
//!
//! It runs the real code: the operations of `oss-core`, its gate, its sweep, and the statements of the SQLite store. Only the
//! edges are simulated. Time is tokio's paused clock. The network to Sigan and GSIM loses, delays and doubles requests and answers. Sigan
//! refuses the credentials of a brand, and has holds without a row. The database loses answers and rows, and has rows that nobody
//! can read. Audits run, and an instance may die or fall asleep at any await at which it uses Sigan or the database. Every choice
//! comes from the seed, so a seed that fails once always fails.
//!
//! While it runs, it checks that no number is given to two customers or to another brand, that no release of a number that is
//! held here is sent to Sigan, and that each hold has a row. When everything has settled, it checks that Sigan and we hold the
//! same numbers for each brand, and GSIM and we the same SIMs.

mod checks;
mod customer;
mod gsim;
mod sigan;
mod store;
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use oss_core::BrandId;

use self::world::World;

/// The number of instances of the service, each with its own sweep.
const INSTANCES: usize = 3;

/// The number of customers at the same time.
const CUSTOMERS: usize = 12;

/// The number of Sigan's numbers in each area code: so few that a returned number is soon offered again.
const NUMBERS: u32 = 40;

/// The longest call to Sigan.
const CALL: Duration = Duration::from_secs(5);

/// The brands for which numbers are held: the brand of the settings, and another.
fn brands() -> [BrandId; 2] {
    ["acme", "other"].map(|brand| brand.parse().expect("a brand"))
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The seed.
    pub seed: u64,
    /// The number of calls that the customers made.
    pub operations: u64,
    /// The number of times that each rare event happened.
    pub seen: BTreeMap<&'static str, u64>,
    /// A hash of everything that happened, in order. It is the same for two runs of one seed.
    pub trace: u64,
    /// The violations, each with its time.
    pub violations: Vec<String>,
}

/// Runs one seed to its end.
#[must_use]
pub fn run(seed: u64) -> Run {
    // The jitter of the code under test draws from this thread's generator.
    fastrand::seed(seed);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime of one thread");
    runtime.block_on(async {
        let world = Arc::new(World::new(seed));
        for place in 0..INSTANCES {
            world.start_instance(place);
        }
        let storms = [
            tokio::spawn(world.clone().kill_now_and_then()),
            tokio::spawn(world.clone().cut_off_now_and_then()),
            tokio::spawn(world.clone().refuse_credentials_now_and_then()),
            tokio::spawn(world.clone().fail_over_now_and_then()),
            tokio::spawn(world.clone().plant_unknown_ids_now_and_then()),
            tokio::spawn(world.clone().leave_unusual_rows()),
            tokio::spawn(world.clone().audit_now_and_then()),
            tokio::spawn(world.clone().watch_for_leaks()),
        ];
        let customers: Vec<_> =
            (0..CUSTOMERS).map(|name| tokio::spawn(customer::live(world.clone(), name))).collect();
        for customer in customers {
            customer.await.expect("a customer's life ends without a panic");
        }
        storms.iter().for_each(tokio::task::JoinHandle::abort);
        world.calm_down();
        checks::settle(&world).await;
        world.check_every_hold_has_a_row();
        checks::audit_until_clean(&world).await;
        checks::settle(&world).await;
        checks::compare(&world).await;
        world.result()
    })
}
