//! Programs in other languages use the document: generated clients, a linter, and a fuzzer that tries to prove it wrong.

use std::path::{Path, PathBuf};
use std::process::Command;

use oss_core::access::Scope;
use oss_tests::clients::ClientsFile;
use oss_tests::operations::repository;
use oss_tests::python::{run_successfully, tool};
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
        // The tools call as fast as they can.
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

    /// Runs openapi-generator, with one of its properties.
    fn generate(&self, generator: &str, property: &str, into: &Path) {
        run_successfully(
            tool("openapi-generator-cli")
                .args(["generate", "-i", &self.document(), "-g", generator])
                .args(["--additional-properties", property, "-o"])
                .arg(into),
        );
    }

    /// Checks the types of a program of `tests/clients` and of its generated client, and runs it.
    fn checks_and_runs_python(&self, program: &str) {
        let program = repository().join("tests/clients").join(program);
        let cache = repository().join("target/mypy");
        run_successfully(
            tool("mypy")
                .args(["--strict", "--follow-imports", "silent", "--cache-dir"])
                .arg(cache)
                .arg(&program)
                .env("MYPYPATH", self.dir.path()),
        );
        self.lives(tool("python").arg(&program).env("PYTHONPATH", self.dir.path()));
    }

    fn compiles_and_runs_typescript(&self, dir: &Path) {
        run_successfully(npm_tool("tsc").current_dir(dir));
        self.lives(Command::new("node").arg(dir.join("life.js")));
    }

    /// Runs a program that calls the server.
    fn lives(&self, program: &mut Command) {
        run_successfully(program.env("OSS_URL", self.url()).env("OSS_KEY", &self.key));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_client_previews_reserves_and_releases() {
    let served = Served::start().await;
    let config = repository().join("tests/clients/python/generator.yaml");
    run_successfully(
        tool("openapi-python-client")
            .args(["generate", "--meta", "none", "--fail-on-warning"])
            .args(["--path", &served.document(), "--output-path", &served.path("oss_client")])
            .arg("--config")
            .arg(config),
    );
    served.checks_and_runs_python("python/life.py");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_client_of_openapi_generator_previews_reserves_and_releases() {
    let served = Served::start().await;
    served.generate("python", "packageName=oss_openapi", served.dir.path());
    served.checks_and_runs_python("openapi-generator/life.py");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typescript_client_previews_reserves_and_releases() {
    let served = Served::start().await;
    let dir = typescript_program("typescript");
    let schema = dir.join("schema.d.ts");
    run_successfully(npm_tool("openapi-typescript").arg(served.document()).arg("--output").arg(schema));
    served.compiles_and_runs_typescript(&dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typescript_client_of_openapi_generator_previews_reserves_and_releases() {
    let served = Served::start().await;
    let dir = typescript_program("openapi-generator");
    served.generate("typescript-fetch", "importFileExtension=.js", &dir.join("client"));
    served.compiles_and_runs_typescript(&dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn redocly_finds_nothing() {
    let served = Served::start().await;
    let mut lint = npm_tool("redocly");
    lint.args(["lint", "--max-problems=1000", &served.document()]);
    // Otherwise it would look for a newer version on the internet, and report how it is used.
    lint.env("REDOCLY_TELEMETRY", "off").env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
    let report = run_successfully(&mut lint);
    assert!(report.is_empty(), "{report}");
}

/// Copies a program of `tests/clients` into a new folder next to the packages that `tests/run` installs.
fn typescript_program(name: &str) -> PathBuf {
    let (clients, packages) = (repository().join("tests/clients"), repository().join("target/typescript"));
    let dir = packages.join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("a folder");
    for file in ["life.ts", "tsconfig.json"] {
        std::fs::copy(clients.join(name).join(file), dir.join(file)).expect("it can be copied");
    }
    dir
}

/// A tool that npm installed.
fn npm_tool(name: &str) -> Command {
    let path = repository().join("target/typescript/node_modules/.bin").join(name);
    assert!(path.exists(), "{} is missing; tests/run installs it", path.display());
    Command::new(path)
}

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_nothing() {
    let served = Served::start().await;
    let report = run_successfully(
        tool("schemathesis")
            .arg("--config-file")
            .arg(repository().join("tests/clients/schemathesis.toml"))
            .args(["run", &format!("{}/openapi.json", served.url())])
            .args(["--checks", "all", "--mode", "all", "--seed", "1", "--max-examples", "15", "--no-color"])
            .env("OSS_KEY", &served.key)
            .current_dir(served.dir.path()),
    );
    assert!(report.contains("No issues found"), "{report}");
}
