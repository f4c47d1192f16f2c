//! A database with its systems, and the command line that works on it, with or without a server in between.

use oss_core::access::Scope;
use oss_core::gsim::mock::{GsimMock, OrderBook, RunningGsim};
use oss_core::sigan::mock::{Inventory, RunningSigan, SiganMock};
use oss_tests::backend::Database;
use oss_tests::cli::{Ended, run_beside};
use oss_tests::clients::ClientsFile;
use oss_tests::server::Server;

/// A database with its own Sigan and GSIM, and the settings of a command line that works on it.
pub(super) struct World {
    pub(super) settings: Vec<(&'static str, String)>,
    pub(super) database: Database,
    pub(super) sigan: RunningSigan,
    pub(super) gsim: RunningGsim,
    /// The clients of the settings of a database, so that an audit knows every brand.
    _clients: ClientsFile,
    /// The server in front of it, if commands go through one.
    pub(super) server: Option<(Server, ClientsFile)>,
    /// Values of earlier answers, by name.
    pub(super) known: Vec<(&'static str, String)>,
}

impl World {
    pub(super) async fn on_database() -> Self {
        let database = Database::sqlite().await;
        let sigan = SiganMock::new(Inventory::new("PR")).start().await;
        let gsim = GsimMock::new(OrderBook::new()).start().await;
        let mut clients = ClientsFile::new();
        clients.admit("laptop", "acme", &Scope::ALL);
        let settings = vec![
            ("OSS_CONFIG", clients.path().display().to_string()),
            ("OSS_DATABASE_URL", database.url().to_owned()),
            ("OSS_SIGAN_URL", sigan.url().to_string()),
            ("OSS_SIGAN_BRAND_ID", "acme".to_owned()),
            ("OSS_GSIM_URL", gsim.url().to_string()),
        ];
        Self { settings, database, sigan, gsim, _clients: clients, server: None, known: Vec::new() }
    }

    /// A world behind a server whose client may act for two brands.
    pub(super) async fn through_server() -> Self {
        let world = Self::on_database().await;
        let mut clients = ClientsFile::new();
        let key = clients.admit_for("laptop", &["acme", "zeta"], &Scope::ALL);
        let mut command = Server::command();
        command.envs(world.settings.iter().cloned()).env("OSS_SWEEP_INTERVAL", "1h").env("OSS_DRAIN", "0s");
        command.arg("--config").arg(clients.path());
        let server = Server::spawn(command);
        let settings = vec![("OSS_SERVER", format!("http://{}", server.address())), ("OSS_KEY", key)];
        Self { settings, server: Some((server, clients)), ..world }
    }

    pub(super) fn key(&self) -> &str {
        &self.settings[1].1
    }

    pub(super) fn url(&self) -> &str {
        &self.settings[0].1
    }

    pub(super) async fn run(&self, line: &str) -> Ended {
        let settings = self.settings.iter().map(|(name, value)| (*name, value.as_str()));
        // The warnings of a server are in its own log.
        let settings: Vec<_> = settings.chain([("OSS_LOG", "error")]).collect();
        self.run_with(&settings, line).await
    }

    pub(super) async fn run_with(&self, settings: &[(&str, &str)], line: &str) -> Ended {
        let mut line = line.to_owned();
        for (name, value) in &self.known {
            line = line.replace(&format!("{{{name}}}"), value);
        }
        run_beside(settings, &line.split(' ').collect::<Vec<_>>()).await
    }
}

/// The result of a command, with ids and times left out, because no two worlds share them.
pub(super) fn without_ids(Ended { code, stdout, stderr }: &Ended) -> (i32, String, String) {
    let plain = |text: &str| {
        let mut plain = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let length = id_length(rest).unwrap_or(first.len_utf8());
            plain += if length == first.len_utf8() { &rest[..length] } else { "#" };
            rest = &rest[length..];
        }
        plain
    };
    (*code, plain(stdout), plain(stderr))
}

/// The length of the UUID or the time at the beginning of a text.
fn id_length(text: &str) -> Option<usize> {
    let begins = |length: usize| text.get(..length);
    if begins(36).is_some_and(|id| uuid::Uuid::try_parse(id).is_ok()) {
        return Some(36);
    }
    let has_form = |text: &str, form: &str| {
        let digit_or_same =
            |(byte, form): (u8, u8)| byte == form || byte.is_ascii_digit() && form.is_ascii_digit();
        text.bytes().zip(form.bytes()).all(digit_or_same)
    };
    // A table may break a line between the date and the time of day.
    if begins(12).is_some_and(|time| has_form(time, "20:18:40 UTC")) {
        return Some(12);
    }
    begins(10).filter(|date| has_form(date, "2026-11-27"))?;
    text.find(['Z', '"', '\n']).or_else(|| text.find(" UTC")).or(Some(text.len()))
}
