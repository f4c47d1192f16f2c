//! A reader of the events, who knows each state from them alone.

use std::collections::BTreeMap;

use oss_core::store::{EventCursor, EventRow, Scope, Store};
use uuid::Uuid;

use crate::backend::Database;
use crate::eventually::eventually;

/// Reads all events after a place, in pages. On PostgreSQL, an event can be read once every older transaction of the server has ended, so
/// this waits until every stored event can be.
pub async fn read_all(database: &Database, store: &dyn Store, after: EventCursor) -> Vec<EventRow> {
    let later = format!(
        "select count(*) from event where (transaction_id, position) > ({}, {})",
        after.transaction, after.position
    );
    eventually(async || {
        let stored = usize::try_from(database.count(&later).await).expect("a count");
        let events = read(store, after).await;
        let count = events.len();
        if count == stored { Ok(events) } else { Err(format!("{count} of {stored} events can be read")) }
    })
    .await
}

async fn read(store: &dyn Store, mut after: EventCursor) -> Vec<EventRow> {
    let mut events = Vec::new();
    loop {
        let page = store.events(Scope::AllBrands, after, 500).await.expect("the store answers");
        if page.events.is_empty() {
            return events;
        }
        after = page.next;
        events.extend(page.events);
    }
}

/// The states that follow from events.
#[derive(Debug, Default)]
pub struct Known {
    reservations: BTreeMap<Uuid, String>,
    orders: BTreeMap<Uuid, String>,
    profiles: BTreeMap<Uuid, String>,
}

impl Known {
    /// Goes from event to event. Each one has to begin with the state after the one before it, so that none is missing and none is there
    /// twice. What was there before the first event of the history may begin with any state.
    ///
    /// # Panics
    ///
    /// If an event does not follow.
    #[must_use]
    pub fn from_events(events: &[EventRow], is_whole: bool) -> Self {
        let mut known = Self::default();
        for event in events {
            let (states, id) = known.part_of(event);
            let before = states.insert(id, event.after.clone());
            let follows = before == event.before || before.is_none() && !is_whole;
            let kind = event.kind.as_str();
            assert!(follows, "{kind} of {id} goes from {:?} and not from {before:?}", event.before);
        }
        known
    }

    /// The states of the kind that an event changes, and the id of what it changes. A profile is released when its SIM is issued.
    fn part_of(&mut self, event: &EventRow) -> (&mut BTreeMap<Uuid, String>, Uuid) {
        let is_profile = ["available", "downloaded", "installed", "enabled", "disabled", "deleted", "failed"]
            .iter()
            .any(|state| event.kind.as_str() == format!("sim.{state}"));
        match (event.reservation, event.sim) {
            (Some(id), _) => (&mut self.reservations, id.as_uuid()),
            (None, Some(id)) if is_profile => {
                let id = id.as_uuid();
                if event.before.as_deref() == Some("RELEASED") {
                    self.profiles.entry(id).or_insert_with(|| "RELEASED".to_owned());
                }
                (&mut self.profiles, id)
            }
            (None, Some(id)) => (&mut self.orders, id.as_uuid()),
            (None, None) => panic!("{event:?} is of nothing"),
        }
    }

    /// Checks that the tables have exactly these states. A first call under way has no event yet.
    pub async fn assert_stored(&self, database: &Database, is_whole: bool) {
        let state = "case when state = 'PENDING' and attempts > 1 then 'IN_DOUBT' else state end";
        let shown = "state <> 'PENDING' or attempts > 1";
        for (table, column, condition, known) in [
            ("reservation", state, shown, &self.reservations),
            ("sim_order", state, shown, &self.orders),
            ("sim", "profile_state", "profile_state <> 'RELEASED'", &self.profiles),
        ] {
            let mut stored = stored(database, table, column, condition).await;
            if !is_whole {
                stored.retain(|id, _| known.contains_key(id));
            }
            assert_eq!(&stored, known, "{table}");
        }
    }
}

async fn stored(database: &Database, table: &str, state: &str, condition: &str) -> BTreeMap<Uuid, String> {
    let id = if database.url().starts_with("postgres") { "id::text" } else { "hex(id)" };
    let rows = database.texts(&format!("select {id} || ' ' || {state} from {table} where {condition}")).await;
    rows.iter()
        .map(|row| row.split_once(' ').expect("two words"))
        .map(|(id, state)| (id.parse().expect("a UUID"), state.to_owned()))
        .collect()
}

/// Checks that a reader who starts at the beginning knows the state of everything, and that each change has one event.
pub async fn assert_events_agree(database: &Database) {
    let store = database.store().await;
    let events = read_all(database, &*store, EventCursor::default()).await;
    Known::from_events(&events, true).assert_stored(database, true).await;
}
