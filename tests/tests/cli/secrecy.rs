//! Files, credentials and other clients' reservations are hidden from those who may not see them.

use std::fs::{Permissions, metadata, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use oss_core::access::Scope;
use oss_tests::cli;
use oss_tests::clients::ClientsFile;
use oss_tests::server::Server;
use tempfile::TempDir;

fn mode(file: &Path) -> u32 {
    metadata(file).unwrap_or_else(|_| panic!("{} is there", file.display())).permissions().mode() & 0o777
}

fn migrate(file: &Path) {
    let url = format!("sqlite://{}", file.display());
    let migrated = cli::run(&[], &["--database-url", &url, "migrate"]);
    assert_eq!(migrated.code, 0, "{migrated:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_database_file_is_its_owners_alone() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("oss.db");
    migrate(&file);
    assert_eq!(mode(&file), 0o600);

    // SQLite keeps further files next to it while it is in use.
    let url = format!("sqlite://{}", file.display());
    let mut command = Server::command();
    command.arg("--allow-anonymous").envs([
        ("OSS_DATABASE_URL", url.as_str()),
        ("OSS_SIGAN_URL", "http://127.0.0.1:9"),
        ("OSS_SIGAN_BRAND_ID", "acme"),
    ]);
    let server = Server::spawn(command);
    assert_eq!(server.http().get("/health/ready").await.status, 200);
    for beside in ["oss.db-wal", "oss.db-shm"] {
        assert_eq!(mode(&dir.path().join(beside)), 0o600, "{beside}");
    }
}

#[test]
fn the_mode_of_a_file_that_is_there_stays() {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("oss.db");
    migrate(&file);
    set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
    migrate(&file);
    assert_eq!(mode(&file), 0o640);
}

#[test]
fn the_sandbox_keeps_its_database_from_others() {
    let dir = TempDir::new().unwrap();
    let reserved = cli::run(
        &[("OSS_SANDBOX_DIR", dir.path().to_str().unwrap())],
        &["--sandbox", "reserve", "--ddd", "11"],
    );
    assert_eq!(reserved.code, 0, "{reserved:?}");
    assert_eq!(mode(&dir.path().join("oss.db")), 0o600);
}

/// Settings that would send a token in the clear.
const IN_THE_CLEAR: [(&str, &str); 4] = [
    ("OSS_DATABASE_URL", "sqlite:///nowhere/oss.db"),
    ("OSS_SIGAN_URL", "http://sigan.invalid"),
    ("OSS_SIGAN_BRAND_ID", "acme"),
    ("OSS_SIGAN_TOKEN", "s3cret"),
];

/// Runs both programs. Returns the exit code and the messages of each.
fn run_both(settings: &[(&str, &str)]) -> (Option<i32>, String, i32, String) {
    let server = Server::command().arg("--allow-anonymous").envs(settings.iter().copied()).output();
    let server = server.expect("it runs");
    let cli = cli::run(settings, &["show", "11999950001"]);
    (server.status.code(), String::from_utf8_lossy(&server.stderr).into_owned(), cli.code, cli.stderr)
}

#[test]
fn a_parameter_of_the_database_that_is_not_known_is_named_without_its_value() {
    let url = ("OSS_DATABASE_URL", "postgres://oss@127.0.0.1:1,127.0.0.1:2/oss?conect_timeout=s3cret");
    let settings = [url, ("OSS_SIGAN_URL", "http://127.0.0.1:3"), ("OSS_SIGAN_BRAND_ID", "acme")];
    let (server, text, cli, cli_text) = run_both(&settings);
    assert_eq!((server, cli), (Some(2), 2), "{text}{cli_text}");
    for text in [text, cli_text] {
        assert!(text.contains("OSS_DATABASE_URL") && text.contains("conect_timeout"), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[test]
fn a_token_is_not_sent_in_the_clear_unless_a_setting_allows_it() {
    let (server, text, cli, cli_text) = run_both(&IN_THE_CLEAR);
    assert_eq!((server, cli), (Some(2), 2), "{text}{cli_text}");
    for text in [text, cli_text] {
        assert!(text.contains("OSS_SIGAN_URL") && text.contains("OSS_ALLOW_HTTP_CREDENTIALS"), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }
    // Then only the database is missing.
    let allowed = [&IN_THE_CLEAR[..], &[("OSS_ALLOW_HTTP_CREDENTIALS", "true")]].concat();
    let (server, text, cli, cli_text) = run_both(&allowed);
    assert_eq!((server, cli), (Some(6), 6), "{text}{cli_text}");
}

#[test]
fn a_client_cannot_have_a_reserved_name() {
    for name in ["oss", "anonymous"] {
        let key = cli::run(&[], &["keys", "new", name]);
        assert_eq!(key.code, 2, "{key:?}");
        assert!(key.stderr.contains("a client's name other than"), "{key:?}");

        let mut clients = ClientsFile::new();
        clients.admit(name, "acme", &Scope::ALL);
        let server = Server::command().arg("--sandbox").arg("--config").arg(clients.path()).output();
        let server = server.expect("it runs");
        let text = String::from_utf8_lossy(&server.stderr);
        assert_eq!(server.status.code(), Some(2), "{text}");
        assert!(text.contains("name of clients 1"), "{text}");
    }
}
