//! A store under test, and short ways to bring it into a state.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use oss_core::sigan::Hold;
use oss_core::store::{Begin, Intent, Lease, NewPreview, PostgresStore, Scope, Store, Tenant};
use oss_core::{AttemptState, Choice, Msisdn, Number, NumberStatus, PreviewId, ReservationId, SimId};

use crate::backend::Database;
use crate::pgbouncer::{PgBouncer, ROLE};

/// A lease that does not run out during a test.
pub(super) const LEASE: Duration = Duration::from_mins(10);

/// A lease that has run out at once.
pub(super) const LAPSED: Duration = Duration::ZERO;

/// A store on a database of its own.
#[derive(Debug)]
pub struct Fixture {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Its database, which other programs can reach too.
    pub database: Database,
    made: AtomicU32,
    existing: bool,
}

impl Fixture {
    /// A store on a SQLite file.
    pub async fn sqlite_file() -> Self {
        Self::on(Database::sqlite().await).await
    }

    /// A store on PostgreSQL.
    pub async fn postgres() -> Self {
        Self::on(Database::postgres().await).await
    }

    /// A store on the database that existed before this service, after the migration.
    pub async fn existing() -> Self {
        Self { existing: true, ..Self::on(Database::existing().await).await }
    }

    /// A store on PostgreSQL behind PgBouncer.
    pub async fn pgbouncer() -> Self {
        let database = Database::postgres().await;
        let url = PgBouncer::shared().await.url(&database, ROLE).await;
        let store = PostgresStore::new(&url, 10).expect("the URL is one of PostgreSQL");
        Self { store: Arc::new(store), database, made: AtomicU32::new(0), existing: false }
    }

    /// A store on SQLite in memory.
    pub async fn sqlite_memory() -> Self {
        Self::on(Database::sqlite_memory()).await
    }

    async fn on(database: Database) -> Self {
        Self { store: database.store().await, database, made: AtomicU32::new(0), existing: false }
    }

    /// Whether the database existed before this service.
    pub(super) fn is_existing(&self) -> bool {
        self.existing
    }

    /// Whether the database is one of SQLite.
    pub(super) fn is_sqlite(&self) -> bool {
        self.database.url().starts_with("sqlite")
    }

    /// A SIM without a number.
    pub async fn sim(&self) -> SimId {
        self.database.add_sim().await
    }

    /// A SIM of a brand, without a number. The existing database has a table of brands.
    pub(super) async fn sim_for(&self, tenant: &Tenant) -> SimId {
        let (id, brand) = (SimId::new(), tenant.brand());
        if self.existing {
            let carrier = format!("insert into bss_core.carrier values ('{brand}') on conflict do nothing");
            self.database.execute(&carrier).await;
        }
        self.database.add_sims(brand.as_str(), &[id]).await;
        id
    }

    /// A preview of three numbers that no other preview has. It is not stored.
    #[must_use]
    pub fn offer(&self) -> NewPreview {
        let at = self.made.fetch_add(1, Ordering::Relaxed);
        let number = |choice: u32| format!("119{:08}", at * 10 + choice).parse().expect("a number");
        NewPreview {
            id: PreviewId::new(),
            external_id: format!("PR-{at}").parse().expect("an id"),
            brand: "acme".parse().expect("a brand"),
            msisdns: (1..=3).map(number).collect(),
            valid_for: Duration::from_mins(15),
            previous: None,
            key: None,
        }
    }

    /// A stored preview.
    pub async fn preview(&self) -> NewPreview {
        let preview = self.offer();
        self.store_preview(&preview).await;
        preview
    }

    /// A stored preview whose time is over.
    pub async fn expired(&self) -> NewPreview {
        let preview = NewPreview { valid_for: Duration::ZERO, ..self.offer() };
        self.store_preview(&preview).await;
        preview
    }

    /// A stored preview that offers the same numbers as another one.
    pub async fn same_numbers(&self, other: &NewPreview) -> NewPreview {
        let preview = NewPreview { msisdns: other.msisdns.clone(), ..self.offer() };
        self.store_preview(&preview).await;
        preview
    }

    async fn store_preview(&self, preview: &NewPreview) {
        let stored = self.store.create_preview(preview).await.expect("the store answers");
        assert!(stored.is_some(), "a preview is stored");
    }

    /// A wish for a number of a preview, with a lease that lasts.
    pub async fn begin(&self, preview: &NewPreview, index: u8) -> Begin {
        self.begin_for(preview, index, LEASE).await
    }

    /// A wish for a number of a preview.
    pub async fn begin_for(&self, preview: &NewPreview, index: u8, lease: Duration) -> Begin {
        let begun = self.store.begin_reservation(
            Scope::AllBrands,
            ReservationId::new(),
            preview.id,
            choice(index),
            Intent::Take(lease),
        );
        begun.await.expect("the store answers")
    }

    /// The lease on a number of a preview.
    pub async fn started(&self, preview: &NewPreview, index: u8) -> Lease {
        match self.begin(preview, index).await {
            Begin::Started(lease) => lease,
            other => panic!("expected a lease, not {other:?}"),
        }
    }

    /// A number of a preview, held.
    pub async fn held(&self, preview: &NewPreview, index: u8) -> Lease {
        let lease = self.started(preview, index).await;
        self.store.confirm(&lease, LEASE).await.expect("the store answers");
        lease
    }

    /// A number of a preview, in doubt.
    pub async fn doubtful(&self, preview: &NewPreview, index: u8) -> Lease {
        let lease = self.started(preview, index).await;
        self.store.doubt(&lease, "no answer in time", LEASE).await.expect("the store answers");
        lease
    }

    /// The view of a number.
    pub async fn number(&self, msisdn: Msisdn) -> Option<Number> {
        self.store.number(Scope::AllBrands, msisdn).await.expect("the store answers")
    }

    /// The status of a number, and the state of each of its holds, the latest first.
    pub async fn states(&self, msisdn: Msisdn) -> (Option<NumberStatus>, Vec<AttemptState>) {
        match self.number(msisdn).await {
            Some(number) => (number.status(), number.history.iter().map(|hold| hold.state).collect()),
            None => (None, Vec::new()),
        }
    }
}

/// The brand that the previews of a fixture are for.
pub(super) fn acme() -> Tenant {
    Tenant::new("acme".parse().expect("a brand"), false)
}

/// A brand for which no preview of a fixture is.
pub(super) fn other() -> Tenant {
    Tenant::new("other".parse().expect("a brand"), false)
}

/// The number that a begin found held.
pub(super) fn held_number(begun: &Begin) -> Option<Msisdn> {
    if let Begin::Held(reservation) = begun { Some(reservation.msisdn) } else { None }
}

/// The choice with an index.
pub(super) fn choice(index: u8) -> Choice {
    index.try_into().expect("1 to 3")
}

/// The hold of a number of a preview, as Sigan sees it.
pub(super) fn hold(preview: &NewPreview, index: usize) -> Hold {
    Hold { external_id: preview.external_id.clone(), msisdn: preview.msisdns[index - 1] }
}
