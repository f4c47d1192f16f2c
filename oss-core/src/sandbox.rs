//! The sandbox runs the service in one process: on SQLite, with a mock of Sigan and the reference data.
//!
//! A program has to ask for it, and it is never a fallback: a missing database or Sigan is an error.

use std::fs::{File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::config::{CommonConfig, SiganConfig, Sources};
use crate::connect::StartError;
use crate::domain::{BrandId, Msisdn};
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
    sigan: SiganMock,
}

impl Sandbox {
    /// Starts a sandbox in memory. It is gone with its last client.
    ///
    /// # Errors
    ///
    /// [`StartError`] if no port can be opened or the database cannot be created.
    pub async fn in_memory(common: &CommonConfig) -> Result<Self, StartError> {
        let mock = SiganMock::new(Inventory::new(&random_prefix()));
        Self::start(common, &"sqlite::memory:".into(), mock, None).await
    }

    /// Starts a sandbox that keeps its database and its mock in a folder. Only one process can use the folder at a time.
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
        let mock = load_mock(dir.join("sigan.json"))?;
        Self::start(common, &url, mock, Some(lock)).await
    }

    async fn start(
        common: &CommonConfig,
        url: &SecretString,
        mock: SiganMock,
        lock: Option<File>,
    ) -> Result<Self, StartError> {
        let store = SqliteStore::open(url, Arc::new(SystemClock)).await?;
        let server = mock.start().await;
        let brand: BrandId = BRAND.parse().map_err(io::Error::other)?;
        let config = SiganConfig::new(server.url(), brand.clone());
        let config = SiganConfig { timeout: common.settings.sigan_call, ..config };
        let sigan = SandboxSigan {
            client: HttpSigan::new(&config).map_err(StartError::Sigan)?,
            _server: server,
            _lock: lock,
        };
        let builder = Oss::builder(brand).sigan(Arc::new(sigan)).settings(common.settings.clone());
        let oss = builder.other_brands(common.clients.brands().cloned()).build(Arc::new(store));
        Ok(Self { oss, sigan: mock })
    }

    /// The client.
    #[must_use]
    pub fn oss(&self) -> &Oss {
        &self.oss
    }

    /// The mock, to give it faults and to see its holds.
    #[must_use]
    pub fn sigan(&self) -> &SiganMock {
        &self.sigan
    }
}

impl Oss {
    /// Starts a client on a sandbox in memory: SQLite and a mock of Sigan in this process. It is meant for examples and tests.
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

/// Locks the folder for this process, until the file is closed. The mock keeps its whole state in one file and in memory, so two
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

/// Loads the mock from a file. Its state is written there before each call is answered.
fn load_mock(path: PathBuf) -> io::Result<SiganMock> {
    let inventory = match std::fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Inventory::new(&random_prefix()),
        Err(error) => return Err(error),
    };
    let mock = SiganMock::new(inventory);
    mock.on_change(move |inventory| {
        if let Err(error) = write_inventory(&path, inventory) {
            tracing::error!(%error, "The state of the sandbox's Sigan could not be written.");
        }
    });
    Ok(mock)
}

/// Writes a new file and renames it, so that a crash leaves the old state or the new one.
fn write_inventory(path: &Path, inventory: &Inventory) -> io::Result<()> {
    let new_file = path.with_extension("new");
    std::fs::write(&new_file, serde_json::to_vec(inventory)?)?;
    std::fs::rename(new_file, path)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use super::*;
    use crate::domain::{Choice, NumberStatus};
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
    async fn what_one_run_reserves_the_next_can_show_and_release() {
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
