//! What programs that are not Rust make of the document: clients generated from it, and one that tries to prove it wrong.

use std::path::Path;
use std::process::Command;

use oss_core::access::Scope;
use oss_tests::clients::ClientsFile;
use oss_tests::operations::repository;
use oss_tests::python::{succeeds, tool};
use oss_tests::server::Server;
use reqwest::Method;
use tempfile::TempDir;

/// A sandbox with one client that may do everything, and the document that it serves.
struct Served {
    server: Server,
    key: String,
    dir: TempDir,
}

impl Served {
    async fn start() -> Self {
        let mut clients = ClientsFile::new();
        let key = clients.admit("generated", "acme", &Scope::ALL);
        // The tools ask as fast as they can.
        let server = Server::sandbox(&clients, &[("OSS_REQUESTS_PER_SECOND", "100000")]);
        let dir = TempDir::new().expect("a folder");
        let http = server.http();
        let document = http.send(http.request(Method::GET, "/openapi.json")).await;
        std::fs::write(dir.path().join("openapi.json"), document.body.to_string()).expect("it is written");
        Self { server, key, dir }
    }

    fn url(&self) -> String {
        format!("http://{}", self.server.http().address())
    }

    fn document(&self) -> String {
        self.path("openapi.json")
    }

    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).display().to_string()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_client_previews_reserves_and_releases() {
    let served = Served::start().await;
    let program = repository().join("tests/clients/python/life.py");
    let config = repository().join("tests/clients/python/generator.yaml");
    succeeds(
        tool("openapi-python-client")
            .args(["generate", "--meta", "none", "--fail-on-warning"])
            .args(["--path", &served.document(), "--output-path", &served.path("oss_client")])
            .arg("--config")
            .arg(config),
    );
    let cache = repository().join("target/mypy");
    succeeds(
        tool("mypy")
            .args(["--strict", "--follow-imports", "silent", "--cache-dir"])
            .arg(cache)
            .arg(&program)
            .env("MYPYPATH", served.dir.path()),
    );
    succeeds(
        tool("python")
            .arg(&program)
            .env("PYTHONPATH", served.dir.path())
            .env("OSS_URL", served.url())
            .env("OSS_KEY", &served.key),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typescript_client_previews_reserves_and_releases() {
    let served = Served::start().await;
    // Its packages are found beside the program.
    let dir = repository().join("target/typescript");
    for name in ["life.ts", "tsconfig.json"] {
        let source = repository().join("tests/clients/typescript").join(name);
        std::fs::copy(source, dir.join(name)).expect("tests/run makes target/typescript");
    }
    let schema = dir.join("schema.d.ts");
    succeeds(bin(&dir, "openapi-typescript").arg(served.document()).arg("--output").arg(schema));
    succeeds(&mut bin(&dir, "tsc"));
    succeeds(
        Command::new("node")
            .arg(dir.join("life.js"))
            .env("OSS_URL", served.url())
            .env("OSS_KEY", &served.key),
    );
}

/// A tool that npm installed.
fn bin(dir: &Path, name: &str) -> Command {
    let path = dir.join("node_modules/.bin").join(name);
    assert!(path.exists(), "{} is missing; tests/run installs it", path.display());
    let mut command = Command::new(path);
    command.current_dir(dir);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing() {
    let served = Served::start().await;
    let told = succeeds(
        tool("schemathesis")
            .arg("--config-file")
            .arg(repository().join("tests/clients/schemathesis.toml"))
            .args(["run", &format!("{}/openapi.json", served.url())])
            .args(["--checks", "all", "--mode", "all", "--seed", "1", "--max-examples", "15", "--no-color"])
            .env("OSS_KEY", &served.key)
            .current_dir(served.dir.path()),
    );
    assert!(told.contains("No issues found"), "{told}");
}
