//! The console in a real browser: the work of a night, each page in both languages and widths, and its accessibility.

use std::fs;
use std::path::{Path, PathBuf};

use oss_core::access::Scope;
use oss_tests::browser::Browser;
use oss_tests::clients::ClientsFile;
use oss_tests::server::Server;
use oss_tests::sims::{esim, notify, reserve};
use serde_json::Value;

/// The folder for the images of the pages.
fn images() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/console");
    fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// The checker of accessibility that npm installed.
fn axe() -> String {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/typescript/node_modules/axe-core/axe.min.js");
    fs::read_to_string(&file).expect("tests/install has installed it")
}

/// The serious faults that the checker finds in the page.
async fn serious_faults(browser: &Browser, axe: &str) -> Vec<Value> {
    browser.run(axe).await;
    let found = browser.run_until_done("axe.run().then(done)").await;
    let faults = found["violations"].as_array().expect("a list of faults").iter();
    let serious =
        faults.filter(|fault| ["serious", "critical"].iter().any(|impact| fault["impact"] == *impact));
    serious
        .map(|fault| {
            serde_json::json!([fault["id"], fault["nodes"][0]["html"], fault["nodes"][0]["failureSummary"]])
        })
        .collect()
}

async fn sign_in(browser: &Browser, base: &str, key: &str) {
    browser.open(&format!("{base}/console")).await;
    browser.write("#key", key).await;
    browser.click("main button").await;
    browser.wait_for_text("h1", "Overview").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_finds_a_number_reads_its_story_and_releases_it() {
    let browser = Browser::start().await;
    let mut clients = ClientsFile::new();
    let key = clients.admit("night", "acme", &Scope::ALL);
    let server = Server::sandbox(&clients, &[]);
    let base = format!("http://{}", server.address());
    let number = reserve(&server.http().with_key(&key)).await;
    sign_in(&browser, &base, &key).await;

    // The key / leads to the search box.
    browser.press("/").await;
    browser.press(&format!("{number}\u{e007}")).await;
    browser.wait_for_text("h1", &number).await;
    let story = browser.wait_for_text(".story", "number.reserved").await;
    for part in ["sigan pre_reserve", "sigan reserve", "ok", "night"] {
        assert!(story.contains(part), "{part}: {story}");
    }

    // Without scripts, the rest of the work is the same.
    browser.set_scripts(false).await;
    browser.open(&format!("{base}/console/numbers/{number}")).await;
    browser.click("button[value=release]").await;
    browser.wait_for_text("h1", &number).await;
    browser.click(".panel:has(button[value=release]) input[name=sure]").await;
    browser.click("button[value=release]").await;
    browser.wait_for_text(".notice", "The number is given back.").await;
    browser.click("nav a[href='/console/events']").await;
    browser.wait_for_text("tbody", "number.released").await;
    browser.set_scripts(true).await;
    let elsewhere: Vec<_> =
        browser.take_requests().await.into_iter().filter(|url| !url.starts_with(&base)).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    browser.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_page_is_accessible_in_both_languages_and_widths() {
    let browser = Browser::start().await;
    let mut clients = ClientsFile::new();
    let key = clients.admit("night", "acme", &Scope::ALL);
    let server = Server::sandbox(&clients, &[]);
    let base = format!("http://{}", server.address());
    let http = server.http().with_key(&key);
    let (number, sim) = (reserve(&http).await, esim(&http).await);
    let text = |field: &str| sim[field].as_str().unwrap_or_else(|| panic!("{sim}")).to_owned();
    let (on_line, sim) = (text("msisdn"), text("id"));
    notify(&http, &sim, "DOWNLOADED", "2026-11-25T13:35:12Z").await;
    let preview = http.post("/previews", serde_json::json!({ "areaCode": "11" })).await.body;
    let preview = preview["id"].as_str().expect("an id").to_owned();
    assert_eq!(http.put(&format!("/previews/{preview}/reservations/2")).await.status, 200);
    let (axe, images) = (axe(), images());

    browser.open(&format!("{base}/console/sign-in")).await;
    let faults = serious_faults(&browser, &axe).await;
    assert!(faults.is_empty(), "sign-in: {faults:#?}");
    sign_in(&browser, &base, &key).await;
    let pages = [
        ("overview", "/console".to_owned()),
        ("list", "/console/numbers?state=HELD".to_owned()),
        ("number", format!("/console/numbers/{number}")),
        ("line", format!("/console/numbers/{on_line}")),
        ("sim", format!("/console/sims/{sim}")),
        ("in-doubt", "/console/in-doubt".to_owned()),
        ("events", "/console/events".to_owned()),
        ("webhooks", "/console/webhooks".to_owned()),
        ("audit", "/console/audit".to_owned()),
        ("preview", format!("/console/previews/{preview}")),
        ("search", "/console/search".to_owned()),
        ("missing", "/console/numbers/11999990000".to_owned()),
    ];
    for language in ["en", "pt-BR"] {
        browser.open(&format!("{base}/console")).await;
        browser.click(&format!("button[value='{language}']")).await;
        for (name, path) in &pages {
            for width in [1280, 360] {
                browser.set_width(width).await;
                browser.open(&format!("{base}{path}")).await;
                let overflow = browser.run("return document.documentElement.scrollWidth - innerWidth").await;
                assert!(overflow.as_i64() <= Some(0), "{name} {width}: {overflow} pixels too wide");
                assert_eq!(browser.run("return document.documentElement.lang").await, language, "{name}");
                let faults = serious_faults(&browser, &axe).await;
                assert!(faults.is_empty(), "{name} {language} {width}: {faults:#?}");
                let image = browser.screenshot().await;
                fs::write(images.join(format!("{name}-{language}-{width}.png")), image).expect("it is kept");
            }
        }
    }
    browser.close().await;
}
