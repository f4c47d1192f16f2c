//! The sandbox runs the service in one process: on SQLite, with mocks of Sigan and GSIM and the reference data.
//!
//! A program has to ask for it, and it is never a fallback: a missing database or Sigan is an error. GSIM's mock gets the orders of
//! SIMs, and knows no device.

mod phones;

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::config::{CommonConfig, SiganConfig, Sources};
use crate::connect::StartError;
use crate::domain::{BrandId, Msisdn};
use crate::gsim::mock::{GsimMock, OrderBook};
use crate::oss::Oss;
use crate::sigan::mock::{Inventory, RunningSigan, SiganMock};
use crate::sigan::{Hold, Holder, HoldsPage, HttpSigan, PreReservation, PreReserve, Sigan, SiganError};
use crate::store::{SqliteStore, SystemClock};

/// The brand for which numbers are held in the sandbox.
const BRAND: &str = "sandbox";

/// A sandbox that runs until its last client is dropped.
#[derive(Debug)]
pub struct Sandbox {
    oss: Oss,
    mocks: Mocks,
}

/// The mocks of the external systems.
#[derive(Debug)]
struct Mocks {
    sigan: SiganMock,
    gsim: GsimMock,
}

impl Sandbox {
    /// Starts a sandbox in memory. It is gone with its last client.
    ///
    /// # Errors
    ///
    /// [`StartError`] if no port can be opened or the database cannot be created.
    pub async fn in_memory(common: &CommonConfig) -> Result<Self, StartError> {
        let mocks = Mocks {
            sigan: SiganMock::new(Inventory::new(&random_prefix())),
            gsim: GsimMock::new(phones::installing(OrderBook::new())),
        };
        Self::start(common, &"sqlite::memory:".into(), mocks, None).await
    }

    /// Starts a sandbox that keeps its database and its mocks in a folder. Only one process can use the folder at a time.
    ///
    /// # Errors
    ///
    /// [`StartError::SandboxInUse`] while another process uses it; another [`StartError`] if the folder or a port cannot be used.
    pub async fn in_dir(common: &CommonConfig, dir: &Path) -> Result<Self, StartError> {
        std::fs::create_dir_all(dir)?;
        let dir = &std::path::absolute(dir)?;
        let lock = lock(dir)?;
        let url = sqlite_url(&dir.join("oss.db"))?;
        SqliteStore::migrate(&url).await?;
        let mocks = Mocks { sigan: load_sigan(dir)?, gsim: load_gsim(dir)? };
        Self::start(common, &url, mocks, Some(lock)).await
    }

    async fn start(
        common: &CommonConfig,
        url: &SecretString,
        mocks: Mocks,
        lock: Option<File>,
    ) -> Result<Self, StartError> {
        let store = SqliteStore::open(url, Arc::new(SystemClock)).await?;
        let server = mocks.sigan.start().await;
        let brand: BrandId = BRAND.parse().map_err(io::Error::other)?;
        let config = SiganConfig::new(server.url(), brand.clone());
        let config = SiganConfig { timeout: common.settings.sigan_call, ..config };
        let sigan = SandboxSigan {
            client: HttpSigan::new(&config).map_err(StartError::Sigan)?,
            _server: server,
            _lock: lock,
        };
        let gsim = mocks.gsim.client(common.settings.gsim_call);
        let builder = Oss::builder(brand).sigan(Arc::new(sigan)).sims(Arc::new(gsim));
        let builder = builder.settings(common.settings.clone());
        let oss = builder.other_brands(common.clients.brands().cloned()).build(Arc::new(store));
        Ok(Self { oss, mocks })
    }

    /// The client.
    #[must_use]
    pub fn oss(&self) -> &Oss {
        &self.oss
    }

    /// Lets customers install the eSIMs whose activation codes were read, in a task that ends with [`Oss::shutdown`]. A profile that
    /// should have come to a state before now is there when this returns.
    pub async fn install_profiles(&self) {
        phones::install_in_background(&self.oss, &self.mocks.gsim).await;
    }

    /// The mock of Sigan, to give it faults and to see its holds.
    #[must_use]
    pub fn sigan(&self) -> &SiganMock {
        &self.mocks.sigan
    }

    /// The mock of GSIM, to give it faults, to see its SIMs and to let their profiles live.
    #[must_use]
    pub fn gsim(&self) -> &GsimMock {
        &self.mocks.gsim
    }
}

impl Oss {
    /// Starts a client on a sandbox in memory: SQLite and mocks of Sigan and GSIM in this process. It is meant for examples and tests.
    ///
    /// # Errors
    ///
    /// [`StartError`] if no port can be opened or the database cannot be created.
    pub async fn sandbox() -> Result<Self, StartError> {
        let common = CommonConfig::load(&Sources::default())?;
        Ok(Sandbox::in_memory(&common).await?.oss)
    }
}

/// A client of the mock. It keeps the mock's server running, and the folder locked.
#[derive(Debug)]
struct SandboxSigan {
    client: HttpSigan,
    _server: RunningSigan,
    _lock: Option<File>,
}

#[async_trait]
impl Sigan for SandboxSigan {
    async fn pre_reserve(&self, wish: &PreReserve) -> Result<PreReservation, SiganError> {
        self.client.pre_reserve(wish).await
    }

    async fn reserve(&self, hold: &Hold) -> Result<(), SiganError> {
        self.client.reserve(hold).await
    }

    async fn release(&self, hold: &Hold) -> Result<(), SiganError> {
        self.client.release(hold).await
    }

    async fn holder(&self, hold: &Hold) -> Result<Holder, SiganError> {
        self.client.holder(hold).await
    }

    async fn holds(
        &self,
        brand: &BrandId,
        after: Option<Msisdn>,
        limit: usize,
    ) -> Result<HoldsPage, SiganError> {
        self.client.holds(brand, after, limit).await
    }
}

/// The URL of a file. Its name may contain characters that have a meaning in a URL.
fn sqlite_url(file: &Path) -> io::Result<SecretString> {
    if file.to_str().is_none() {
        return Err(io::Error::other("the name of its folder is not UTF-8, which SQLite needs"));
    }
    // The path is absolute, because the caller made it so.
    let url = url::Url::from_file_path(file).map_err(|()| io::Error::other("its path is not absolute"))?;
    Ok(format!("sqlite://{}", url.path()).into())
}

/// A random prefix for the external ids of one inventory, so that those of another inventory differ.
fn random_prefix() -> String {
    format!("SB{:08x}", rand::random::<u32>())
}

/// Locks the folder for this process, until the file is closed. A mock keeps its whole state in one file and in memory, so two
/// processes would overwrite each other's changes.
fn lock(dir: &Path) -> Result<File, StartError> {
    let path = dir.join("lock");
    let mut file = File::options().read(true).write(true).create(true).truncate(false).open(&path)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let process = std::fs::read_to_string(path).ok().and_then(|id| id.trim().parse().ok());
            return Err(StartError::SandboxInUse { dir: dir.to_owned(), process });
        }
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())?;
    Ok(file)
}

/// Loads Sigan's mock from the folder. Its state is written there before each call is answered.
fn load_sigan(dir: &Path) -> io::Result<SiganMock> {
    let path = dir.join("sigan.json");
    let mock = SiganMock::new(read_state(&path)?.unwrap_or_else(|| Inventory::new(&random_prefix())));
    mock.on_change(move |inventory| keep_state(&path, inventory));
    Ok(mock)
}

/// Loads GSIM's mock from the folder. Its state is written there before each call is answered.
fn load_gsim(dir: &Path) -> io::Result<GsimMock> {
    let path = dir.join("gsim.json");
    let mock = GsimMock::new(phones::installing(read_state(&path)?.unwrap_or_default()));
    mock.on_change(move |book| keep_state(&path, book));
    Ok(mock)
}

/// Reads the state of a mock; none if it was never written.
fn read_state<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match std::fs::read(path) {
        Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn keep_state(path: &Path, state: &impl Serialize) {
    if let Err(error) = write_state(path, state) {
        tracing::error!(%error, "The state of a mock of the sandbox could not be written.");
    }
}

/// Writes a new file and renames it, so that a crash leaves the old state or the new one.
fn write_state(path: &Path, state: &impl Serialize) -> io::Result<()> {
    let new_file = path.with_extension("new");
    std::fs::write(&new_file, serde_json::to_vec(state)?)?;
    std::fs::rename(new_file, path)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;
    use crate::domain::{Choice, NumberStatus, SimId, SimType};
    use crate::gsim::{EsimOrder, OrderProgress, OrderState};
    use crate::sigan::Lane;
    use crate::sigan::mock::CallKind;

    fn common() -> CommonConfig {
        CommonConfig::load(&Sources::default()).unwrap()
    }

    #[tokio::test]
    async fn a_folder_may_have_any_name() {
        let parent = tempfile::tempdir().unwrap();
        for name in ["a?mode=ro", "100%41", "a#b", "ção e espaço", ":memory:", "a&b=c;d", "a\\b"] {
            let dir = parent.path().join(name);
            Sandbox::in_dir(&common(), &dir).await.unwrap().oss().shutdown().await;
            assert!(dir.join("oss.db").is_file(), "{name}");
        }
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), 7, "and nothing beside them");
        let unreadable = parent.path().join(OsStr::from_bytes(b"a\xff"));
        let error = Sandbox::in_dir(&common(), &unreadable).await.unwrap_err().to_string();
        assert!(error.contains("not UTF-8"), "{error}");
    }

    #[tokio::test]
    async fn one_process_uses_it_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = Sandbox::in_dir(&common(), dir.path()).await.unwrap();
        let second = Sandbox::in_dir(&common(), dir.path()).await.unwrap_err();
        let StartError::SandboxInUse { process, .. } = second else { panic!("{second}") };
        assert_eq!(process, Some(std::process::id()));
        first.oss().shutdown().await;
        drop(first);
        Sandbox::in_dir(&common(), dir.path()).await.unwrap();
    }

    #[tokio::test]
    async fn the_next_run_has_the_sims_of_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let (reference, brand) = (SimId::new(), BRAND.parse::<BrandId>().unwrap());
        let first = Sandbox::in_dir(&common(), dir.path()).await.unwrap();
        let order = EsimOrder::new(reference, "11999950001".parse().unwrap(), brand.clone(), "4G".into());
        let lane = Lane::Caller { brand: &brand, client: None };
        let turn = first.oss().gsim().turn(SimType::Esim, lane).await.unwrap();
        let Ok(OrderProgress::Issued(sim)) = turn.order_esim(&order).await else { panic!("it is issued") };
        drop(turn);
        first.oss().shutdown().await;
        drop(first);

        let second = Sandbox::in_dir(&common(), dir.path()).await.unwrap();
        let turn = second.oss().gsim().turn(SimType::Esim, Lane::Upkeep).await.unwrap();
        assert_eq!(turn.order(reference).await, Ok(OrderState::Issued(sim)));
        assert_eq!(turn.cancel(reference).await, Ok(()));
        assert_eq!(second.gsim().book().sims(), []);
    }

    #[tokio::test]
    async fn the_next_run_can_show_and_release_a_reserved_number() {
        let dir = tempfile::tempdir().unwrap();
        let first = Sandbox::in_dir(&common(), dir.path()).await.unwrap();
        let preview = first.oss().create_preview("11".parse().unwrap()).await.unwrap();
        let reserved = first.oss().reserve(preview.id, Choice::ALL[1]).await.unwrap();
        first.oss().shutdown().await;
        drop(first);

        let second = Sandbox::in_dir(&common(), dir.path()).await.unwrap();
        let number = second.oss().number(reserved.msisdn).await.unwrap();
        assert_eq!(number.status(), Some(NumberStatus::Reserved));
        assert!(second.sigan().inventory().holder_of(reserved.msisdn).is_some());
        second.oss().release(reserved.msisdn).await.unwrap();
        second.oss().shutdown().await;
        assert_eq!(second.sigan().inventory().reserved(), []);
        assert_eq!(second.sigan().calls(CallKind::Release), 1);
    }
}
