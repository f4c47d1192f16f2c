//! A real browser without a screen. It uses a page like a person, and lists the requests of the page.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use fantoccini::error::CmdError;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use url::{ParseError, Url};

use crate::eventually::eventually;
use crate::process::{Guarded, free_port, program};

/// A running Chromium with one page.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    _profile: TempDir,
    _driver: Guarded,
}

/// Takes the network events of the page since the last call. This command is Chromium's own addition to the protocol.
#[derive(Debug)]
struct TakeNetworkLog;

impl WebDriverCompatibleCommand for TakeNetworkLog {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "type": "performance" }).to_string()))
    }
}

/// Runs a command of Chromium's own protocol.
#[derive(Debug)]
struct Cdp(&'static str, Value);

impl WebDriverCompatibleCommand for Cdp {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "cmd": self.0, "params": self.1 }).to_string()))
    }
}

impl Browser {
    /// Starts a browser with a profile of its own.
    pub async fn start() -> Self {
        let chromium = program("chromium", &[], "chromium");
        let profile = TempDir::new().expect("a folder");
        let (port, driver) = start_driver();
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
        let capabilities = json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": chromium, "args": arguments },
            "goog:loggingPrefs": { "performance": "ALL" },
        });
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities.as_object().cloned().unwrap_or_default());
        let client = eventually(async || builder.connect(&format!("http://127.0.0.1:{port}")).await).await;
        Self { client, _profile: profile, _driver: driver }
    }

    /// Opens a page.
    pub async fn open(&self, url: &str) {
        self.client.goto(url).await.expect("the page loads");
    }

    /// The title of the page.
    pub async fn title(&self) -> String {
        self.client.title().await.expect("a page has a title")
    }

    /// Clicks on the element of a CSS selector when it is there.
    pub async fn click(&self, selector: &str) {
        let element = eventually(async || self.client.find(Locator::Css(selector)).await).await;
        element.click().await.expect("it can be clicked on");
    }

    /// Replaces the text of a field.
    pub async fn write(&self, selector: &str, text: &str) {
        let field = eventually(async || self.client.find(Locator::Css(selector)).await).await;
        field.clear().await.expect("the field is cleared");
        field.send_keys(text).await.expect("the field takes the text");
    }

    /// Makes the page as wide as a screen, in pixels, and as high as it is.
    pub async fn set_width(&self, width: u32) {
        let screen = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.client
            .issue_cmd(Cdp("Emulation.setDeviceMetricsOverride", screen))
            .await
            .expect("another width");
    }

    /// Switches the scripts of the pages off or on, from the next page on.
    pub async fn set_scripts(&self, on: bool) {
        let off = json!({ "value": !on });
        self.client.issue_cmd(Cdp("Emulation.setScriptExecutionDisabled", off)).await.expect("a switch");
    }

    /// Runs a script in the page, and returns its value.
    pub async fn run(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.expect("the script runs")
    }

    /// Runs a script that passes its value on to the function `done`.
    pub async fn run_until_done(&self, script: &str) -> Value {
        let script = format!("const done = arguments[arguments.length - 1]; {script}");
        self.client.execute_async(&script, Vec::new()).await.expect("the script runs")
    }

    /// Sends keys to the element that has the focus.
    pub async fn press(&self, keys: &str) {
        self.client
            .active_element()
            .await
            .expect("it has the focus")
            .send_keys(keys)
            .await
            .expect("the keys arrive");
    }

    /// The image of the whole page, as PNG.
    pub async fn screenshot(&self) -> Vec<u8> {
        let whole = json!({ "format": "png", "captureBeyondViewport": true });
        let image = self.client.issue_cmd(Cdp("Page.captureScreenshot", whole)).await.expect("an image");
        STANDARD.decode(image["data"].as_str().expect("its data")).expect("Base64")
    }

    /// Waits until the element of a selector shows a text, and returns all of its text.
    pub async fn wait_for_text(&self, selector: &str, text: &str) -> String {
        eventually(async || {
            // The element may be drawn anew before it is read.
            let shown = self.read(selector).await.map_err(|error| format!("{selector}: {error}"))?;
            let reason = format!("{selector} does not show {text:?} but {shown:?}");
            shown.contains(text).then_some(shown).ok_or(reason)
        })
        .await
    }

    async fn read(&self, selector: &str) -> Result<String, CmdError> {
        self.client.find(Locator::Css(selector)).await?.text().await
    }

    /// The URL of every request to a server since the last call. The browser's internal addresses are left out.
    pub async fn take_requests(&self) -> Vec<String> {
        let log = self.client.issue_cmd(TakeNetworkLog).await.expect("the browser lists them");
        let events = log.as_array().expect("a log is a list").iter().filter_map(|entry| {
            let event: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let event = &event["message"];
            (event["method"] == "Network.requestWillBeSent")
                .then(|| event["params"]["request"]["url"].clone())
        });
        let urls = events.filter_map(|url| url.as_str().map(str::to_owned));
        urls.filter(|url| url.starts_with("http") || url.starts_with("ws")).collect()
    }

    /// Ends the browser.
    pub async fn close(self) {
        self.client.close().await.expect("the browser ends");
    }
}

/// Starts a driver on a free port, in a process group of its own with the browser that it starts.
fn start_driver() -> (u16, Guarded) {
    let driver: PathBuf = program("chromedriver", &[], "chromium-driver");
    let port = free_port();
    // The guard removes the folder.
    let dir = tempfile::Builder::new().prefix("oss-browser-").tempdir().expect("a folder").keep();
    let command = ["setsid", &driver.display().to_string(), &format!("--port={port}")];
    (port, Guarded::start(&command, "kill -s TERM -- -$pid", None, &dir))
}
