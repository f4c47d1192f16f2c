//! A real browser without a screen, by the `WebDriver` protocol (W3C): what a person does with a page, and what the page loads.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::process::{Guarded, free_port, program};

/// The key under which the protocol names an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// How long a page may take to show what it should.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running Chromium with one page.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    session: String,
    _profile: TempDir,
    _driver: Guarded,
}

impl Browser {
    /// Starts a browser with a profile of its own.
    pub async fn start() -> Self {
        let chromium = program("chromium", &[], "chromium");
        let profile = TempDir::new().expect("a folder");
        let (port, driver) = drive();
        let client = Client::builder().no_proxy().tls_certs_only([]).build().expect("a client");
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,2000",
            &format!("--user-data-dir={}", profile.path().display()),
        ];
        let wanted = json!({ "capabilities": { "alwaysMatch": {
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": chromium, "args": arguments },
            "goog:loggingPrefs": { "performance": "ALL" },
        }}});
        let sessions = format!("http://127.0.0.1:{port}/session");
        let begun = Instant::now();
        let answer = loop {
            let sent = client.post(&sessions).json(&wanted).send().await;
            match sent {
                Ok(answer) => break answer.json::<Value>().await.expect("the driver answers in JSON"),
                Err(error) => assert!(begun.elapsed() < PATIENCE, "the driver does not answer: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        let id = answer["value"]["sessionId"].as_str().unwrap_or_else(|| panic!("no browser: {answer}"));
        Self { client, session: format!("{sessions}/{id}"), _profile: profile, _driver: driver }
    }

    /// Opens a page.
    pub async fn open(&self, url: &str) {
        self.tell("/url", json!({ "url": url })).await;
    }

    /// The title of the page.
    pub async fn title(&self) -> String {
        let title = self.ask(Method::GET, "/title", None).await.expect("a page has a title");
        title.as_str().expect("a title is text").to_owned()
    }

    /// Clicks on what a CSS selector finds, once it is there.
    pub async fn click(&self, selector: &str) {
        let element = self.find(selector).await;
        self.tell(&format!("/element/{element}/click"), json!({})).await;
    }

    /// Writes into a field, in the place of what is there.
    pub async fn write(&self, selector: &str, text: &str) {
        let element = self.find(selector).await;
        self.tell(&format!("/element/{element}/clear"), json!({})).await;
        self.tell(&format!("/element/{element}/value"), json!({ "text": text })).await;
    }

    /// Waits until what a selector finds shows a text, and gives the whole of it.
    pub async fn shows(&self, selector: &str, text: &str) -> String {
        let begun = Instant::now();
        loop {
            let element = self.find(selector).await;
            let shown = self.ask(Method::GET, &format!("/element/{element}/text"), None).await;
            // What was found may be drawn anew before it is read.
            let shown = shown.unwrap_or_default().as_str().unwrap_or_default().to_owned();
            if shown.contains(text) {
                return shown;
            }
            assert!(begun.elapsed() < PATIENCE, "{selector} does not show {text:?} but {shown:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The address of everything that was asked of any server since the last look. The browser's own parts are no servers.
    pub async fn requested(&self) -> Vec<String> {
        let log = self.tell("/se/log", json!({ "type": "performance" })).await;
        let events = log.as_array().expect("a log is a list").iter().filter_map(|entry| {
            let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let event = &event["message"];
            (event["method"] == "Network.requestWillBeSent")
                .then(|| event["params"]["request"]["url"].clone())
        });
        let urls = events.filter_map(|url| url.as_str().map(str::to_owned));
        urls.filter(|url| url.starts_with("http") || url.starts_with("ws")).collect()
    }

    /// Ends it.
    pub async fn close(self) {
        self.ask(Method::DELETE, "", None).await.expect("the browser ends");
    }

    async fn find(&self, selector: &str) -> String {
        let wanted = json!({ "using": "css selector", "value": selector });
        let begun = Instant::now();
        loop {
            match self.ask(Method::POST, "/element", Some(wanted.clone())).await {
                Ok(found) => return found[ELEMENT].as_str().expect("an element has an id").to_owned(),
                Err(error) => assert!(begun.elapsed() < PATIENCE, "{selector}: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn tell(&self, command: &str, body: Value) -> Value {
        let told = self.ask(Method::POST, command, Some(body)).await;
        told.unwrap_or_else(|error| panic!("{command}: {error}"))
    }

    async fn ask(&self, method: Method, command: &str, body: Option<Value>) -> Result<Value, Value> {
        let mut request = self.client.request(method, format!("{}{command}", self.session));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.expect("the driver answers");
        let status = answer.status();
        let mut body: Value = answer.json().await.expect("the driver answers in JSON");
        if status.is_success() { Ok(body["value"].take()) } else { Err(body["value"].take()) }
    }
}

/// A driver on a free port, in a process group of its own with the browser that it starts.
fn drive() -> (u16, Guarded) {
    let driver: PathBuf = program("chromedriver", &[], "chromium-driver");
    let port = free_port();
    // The guard removes the folder.
    let dir = tempfile::Builder::new().prefix("oss-browser-").tempdir().expect("a folder").keep();
    let command = ["setsid", &driver.display().to_string(), &format!("--port={port}")];
    (port, Guarded::start(&command, "kill -s TERM -- -$pid", None, &dir))
}
