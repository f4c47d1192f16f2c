//! The CPU time that each process spends. It hardly depends on what else the machine does, so it tells more than requests per second.

use std::fs::{read_dir, read_to_string};
use std::ops::Sub;

use serde::Serialize;

/// The name of the thread that serves Sigan. It is in the process of the client.
pub(super) const SIGAN_THREAD: &str = "sigan";

/// Microseconds in one tick of the kernel's accounts (`USER_HZ`, which is 100 on every Linux).
const TICK: f64 = 10_000.0;

/// CPU time in microseconds, by process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cpu {
    /// The service, or a floor in its place.
    pub(crate) server: f64,
    /// All processes of PostgreSQL.
    pub(crate) postgres: f64,
    /// The mock of Sigan.
    pub(crate) sigan: f64,
    /// The client that drives the server.
    pub(crate) client: f64,
}

impl Cpu {
    /// The time that everything has spent so far, with these processes of the server and of PostgreSQL's main process.
    pub(super) fn spent(server: u32, postgres: u32) -> Self {
        let sigan = threads_of_this_process();
        let own = ticks("/proc/self/stat").unwrap_or_default().own;
        Self { server: of(server).own, postgres: of_family(postgres), sigan, client: own - sigan }
    }

    /// The time of each request, if this is the time of all.
    pub(super) fn per_request(self, requests: f64) -> Self {
        self.each(|time| time / requests)
    }

    pub(crate) fn total(self) -> f64 {
        self.server + self.postgres + self.sigan + self.client
    }

    fn each(self, of: impl Fn(f64) -> f64) -> Self {
        let Self { server, postgres, sigan, client } = self;
        Self { server: of(server), postgres: of(postgres), sigan: of(sigan), client: of(client) }
    }
}

impl Sub for Cpu {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self {
            server: self.server - before.server,
            postgres: self.postgres - before.postgres,
            sigan: self.sigan - before.sigan,
            client: self.client - before.client,
        }
    }
}

/// The account of a process or a thread, in microseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Account {
    parent: u32,
    own: f64,
    /// The time of its children that have ended.
    of_ended_children: f64,
}

fn of(process: u32) -> Account {
    ticks(&format!("/proc/{process}/stat")).unwrap_or_default()
}

/// The time of a process and of its children, also of those that have ended.
fn of_family(parent: u32) -> f64 {
    let processes = read_dir("/proc").into_iter().flatten().flatten();
    let ids = processes.filter_map(|process| process.file_name().to_str()?.parse().ok());
    let children = ids.map(of).filter(|account| account.parent == parent).map(|account| account.own);
    let Account { own, of_ended_children, .. } = of(parent);
    own + of_ended_children + children.sum::<f64>()
}

/// The time of the threads of this process that serve Sigan.
fn threads_of_this_process() -> f64 {
    let threads = read_dir("/proc/self/task").into_iter().flatten().flatten().map(|thread| thread.path());
    let serving = threads.filter(|thread| {
        read_to_string(thread.join("comm")).is_ok_and(|name| name.trim_end() == SIGAN_THREAD)
    });
    serving.filter_map(|thread| Some(ticks(thread.join("stat").to_str()?)?.own)).sum()
}

/// Reads the account of a process or a thread. Returns none if it has ended.
fn ticks(path: &str) -> Option<Account> {
    let text = read_to_string(path).ok()?;
    // Its name, in brackets, may contain spaces.
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let time = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some(Account {
        parent: fields.get(1)?.parse().ok()?,
        own: (time(11)? + time(12)?) * TICK,
        of_ended_children: (time(13)? + time(14)?) * TICK,
    })
}
