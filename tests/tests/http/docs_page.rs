//! The page that shows the document, opened in a real browser.

use std::process::Command;

use oss_core::access::Scope;
use oss_tests::browser::Browser;
use oss_tests::clients::ClientsFile;
use oss_tests::python::run_successfully;
use oss_tests::server::Server;
use serde_json::Value;

const OPERATION: &str = "#operations-Numbers-createPreview";

/// A selector within the section about creating previews.
fn part(selector: &str) -> String {
    format!("{OPERATION} {selector}")
}

async fn open(browser: &Browser, server: &Server) {
    browser.open(&format!("http://{}/docs", server.http().address())).await;
    browser.click(&part(".opblock-summary-control")).await;
    browser.click(&part(".try-out__btn")).await;
    browser.write(&part(".body-param__text"), r#"{"areaCode":"21"}"#).await;
}

/// Sends the form, and returns the body of the answer that has this status.
async fn execute(browser: &Browser, status: &str) -> String {
    browser.click(&part(".execute")).await;
    let answer = part(".live-responses-table .response");
    browser.wait_for_text(&format!("{answer} .response-col_status"), status).await;
    browser.wait_for_text(&format!("{answer} .response-col_description"), "{").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_tried_from_the_page_which_loads_nothing_from_elsewhere() {
    let browser = Browser::start().await;
    let mut clients = ClientsFile::new();
    let open_to_all = Server::sandbox(&clients, &[]);
    open(&browser, &open_to_all).await;
    let shown = execute(&browser, "201").await;
    for masked in ["(21) 9****-0001", "(21) 9****-0002", "(21) 9****-0003"] {
        assert!(shown.contains(masked), "{shown}");
    }

    let key = clients.admit("page", "acme", &[Scope::NumbersReserve]);
    let with_keys = Server::sandbox(&clients, &[]);
    open(&browser, &with_keys).await;
    let refused = execute(&browser, "401").await;
    assert!(refused.contains("urn:oss:problem:unauthenticated"), "{refused}");
    browser.click(".auth-wrapper .authorize").await;
    browser.write(".auth-container input", &key).await;
    browser.click(".auth-btn-wrapper .authorize").await;
    browser.click(".auth-btn-wrapper .btn-done").await;
    let shown = execute(&browser, "201").await;
    assert!(shown.contains("(21) 9****-0001"), "{shown}");

    let requested = browser.take_requests().await;
    let ours = [&open_to_all, &with_keys].map(|server| format!("http://{}/", server.http().address()));
    let elsewhere: Vec<_> =
        requested.iter().filter(|url| !ours.iter().any(|ours| url.starts_with(ours))).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    for part in ["/docs/swagger-ui-bundle.js", "/openapi.json", "/previews"] {
        assert!(requested.iter().any(|url| url.ends_with(part)), "{part}: {requested:?}");
    }
    browser.close().await;
}

/// Runs a command of the page, like a person who copies it into a shell.
fn run(command: &str, key: &str) -> Value {
    let answer = run_successfully(Command::new("sh").args(["-c", command]).env("OSS_KEY", key));
    serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{command}: {error}: {answer}"))
}

/// Opens a server's address, and runs the first example of the page.
async fn follow_the_first_request(browser: &Browser, server: &Server, key: &str) {
    browser.open(&format!("http://{}/", server.http().address())).await;
    let shown = browser.wait_for_text(".info", "A first request").await;
    assert_eq!(browser.title().await, "vivo-mvne-oss");
    assert!(shown.starts_with("vivo-mvne-oss"), "{shown}");
    let (life, first) = (shown.find("The life of a number"), shown.find("A first request"));
    assert!(life.is_some() && life < first, "{shown}");

    let commands: Vec<&str> = shown.lines().filter(|line| line.starts_with("curl ")).collect();
    let [create, reserve] = commands[..] else { panic!("two commands: {shown}") };
    assert_eq!(create.contains("authorization"), !key.is_empty(), "{create}");
    let preview = run(create, key);
    let id = preview["id"].as_str().unwrap_or_else(|| panic!("{create}: {preview}"));
    let reservation = run(&reserve.replace("PREVIEW_ID", id), key);
    assert_eq!(reservation["msisdn"], "11999950002", "{reserve}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_begins_with_the_life_of_a_number_and_a_first_request_that_works() {
    let browser = Browser::start().await;
    let mut clients = ClientsFile::new();
    follow_the_first_request(&browser, &Server::sandbox(&clients, &[]), "").await;
    let key = clients.admit("page", "acme", &[Scope::NumbersReserve]);
    follow_the_first_request(&browser, &Server::sandbox(&clients, &[]), &key).await;
    browser.close().await;
}
