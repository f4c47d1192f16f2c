//! Load with a history: customers take numbers and give them back over and over, whatever fails. They repeat calls without a
//! certain answer, as callers have to. Afterwards no number may be lost or given twice.

mod customer;
mod history;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::join_all;
use oss_core::SimId;
use oss_core::sigan::mock::{Behaviour, Inventory};
use reqwest::RequestBuilder;
use tokio::task::JoinHandle;

use self::customer::Customer;
use self::history::{History, Possession};
use crate::backend::Database;
use crate::events::assert_events_agree;
use crate::eventually::eventually;
use crate::http::{Answer, Http};
use crate::server::Server;
use crate::settle::{assert_records_agree, settle};
use crate::sigan::Sigan;

/// Settings of a server under load. With them, doubts settle soon.
pub const SETTINGS: [(&str, &str); 2] = [("OSS_SIGAN_TIMEOUT", "1500ms"), ("OSS_SWEEP_INTERVAL", "1s")];

const CUSTOMERS: usize = 10;

/// The number of SIMs. Customers who find none left keep their numbers.
const SIMS: usize = 500;

/// Area codes whose numbers are taken.
pub const AREA_CODES: [&str; 40] = [
    "12", "13", "14", "15", "16", "17", "18", "19", "21", "22", "24", "27", "28", "31", "32", "33", "34",
    "35", "37", "38", "41", "42", "43", "44", "45", "46", "47", "48", "49", "51", "53", "54", "55", "61",
    "62", "71", "81", "82", "85", "91",
];

/// Customers at work.
#[derive(Debug)]
pub struct Load {
    shop: Shop,
    customers: Vec<JoinHandle<Vec<Possession>>>,
}

/// The state that the customers share.
#[derive(Debug, Clone, Default)]
struct Shop {
    servers: Arc<Mutex<Vec<Http>>>,
    closing: Arc<AtomicBool>,
    /// The number of numbers that were given.
    given: Arc<AtomicUsize>,
    /// SIMs without a number. A customer takes one to put a number on a line.
    sims: Arc<Mutex<Vec<SimId>>>,
    /// Whether customers sometimes hang up in the middle of a reserve.
    hangs_up: bool,
    /// Whether every request must be answered without a fault.
    always_answered: bool,
}

impl Shop {
    fn server(&self) -> Http {
        let servers = self.servers.lock().expect("nobody panics with the list");
        servers[fastrand::usize(..servers.len())].clone()
    }

    /// Sends a request. Returns its answer, if there is one.
    async fn answer(&self, http: &Http, request: RequestBuilder) -> Option<Answer> {
        let answer = http.try_send(request).await;
        let answered = answer.as_ref().is_some_and(|answer| answer.status < 500);
        assert!(answered || !self.always_answered, "a request was lost: {answer:?}");
        answer
    }

    fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }
}

fn clients(servers: &[&Server]) -> Vec<Http> {
    servers.iter().map(|server| server.http()).collect()
}

/// A Sigan with so few numbers in each area code that they are soon offered again.
pub async fn small_sigan() -> Sigan {
    Sigan::start(Inventory::new("PR").with_numbers_per_ddd(400)).await
}

/// The behaviour of a Sigan that is slow, sometimes fails, and loses answers.
#[must_use]
pub fn unreliable() -> Behaviour {
    let latency = Duration::from_millis(fastrand::u64(0..60));
    Behaviour { latency, fail_rate: 0.03, lose_rate: 0.05 }
}

impl Load {
    /// Starts customers who call these servers at random.
    pub async fn on(database: &Database, servers: &[&Server]) -> Self {
        Self::start(database, clients(servers), Shop::default()).await
    }

    /// Starts customers who sometimes hang up in the middle of a reserve.
    pub async fn that_hangs_up_on(database: &Database, servers: &[&Server]) -> Self {
        Self::start(database, clients(servers), Shop { hangs_up: true, ..Shop::default() }).await
    }

    /// Starts customers of a service that always answers, even if servers fail. A request without an answer fails the test.
    pub async fn always_answered_by(database: &Database, service: Http) -> Self {
        Self::start(database, vec![service], Shop { always_answered: true, ..Shop::default() }).await
    }

    async fn start(database: &Database, servers: Vec<Http>, shop: Shop) -> Self {
        let sims: Vec<_> = (0..SIMS).map(|_| SimId::new()).collect();
        database.add_sims("acme", &sims).await;
        let (servers, sims) = (Arc::new(Mutex::new(servers)), Arc::new(Mutex::new(sims)));
        let load = Self { shop: Shop { servers, sims, ..shop }, customers: Vec::new() };
        let customers = (0..CUSTOMERS).map(|_| tokio::spawn(Customer::of(load.shop.clone()).live()));
        let customers = customers.collect();
        Self { customers, ..load }
    }

    /// Makes the customers call these servers from now on.
    pub fn move_to(&self, servers: &[&Server]) {
        *self.shop.servers.lock().expect("nobody panics with the list") = clients(servers);
    }

    /// Waits until some more numbers were given, so that the next event hits customers in the middle of their calls.
    pub async fn wait_for_progress(&self) {
        let given = || self.shop.given.load(Ordering::Relaxed);
        let wanted = given() + fastrand::usize(5..15);
        eventually(async || (given() >= wanted).then_some(()).ok_or("no numbers are given any more")).await;
    }

    /// Waits until every customer has certain answers, settles the rest, and checks that no number was lost or given twice. Sigan
    /// behaves well from here on.
    pub async fn finish_and_check(self, database: &Database, sigan: &Sigan) {
        sigan.behave(Behaviour::default());
        self.shop.closing.store(true, Ordering::Relaxed);
        let lives = join_all(self.customers).await;
        let history: History = lives.into_iter().flat_map(|life| life.expect("no customer panics")).collect();
        settle(&self.shop.server(), database).await;
        assert_records_agree(database, &sigan.url(), &sigan.inventory()).await;
        assert_events_agree(database).await;
        history.assert_no_number_was_given_twice();
        history.assert_kept_numbers_are_held(database).await;
    }
}
