//! The page that shows the document, in a real browser.

use oss_core::access::Scope;
use oss_tests::browser::Browser;
use oss_tests::clients::ClientsFile;
use oss_tests::server::Server;

const OPERATION: &str = "#operations-Numbers-createPreview";

/// Something in the part of the page that is about creating previews.
fn part(selector: &str) -> String {
    format!("{OPERATION} {selector}")
}

async fn open(browser: &Browser, server: &Server) {
    browser.open(&format!("http://{}/docs", server.http().address())).await;
    browser.click(&part(".opblock-summary-control")).await;
    browser.click(&part(".try-out__btn")).await;
    browser.write(&part(".body-param__text"), r#"{"areaCode":"21"}"#).await;
}

/// Sends what was filled in, and gives the body of the answer that has a status.
async fn execute(browser: &Browser, status: &str) -> String {
    browser.click(&part(".execute")).await;
    let answer = part(".live-responses-table .response");
    browser.shows(&format!("{answer} .response-col_status"), status).await;
    browser.shows(&format!("{answer} .response-col_description"), "{").await
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

    let requested = browser.requested().await;
    let ours = [&open_to_all, &with_keys].map(|server| format!("http://{}/", server.http().address()));
    let elsewhere: Vec<_> =
        requested.iter().filter(|url| !ours.iter().any(|ours| url.starts_with(ours))).collect();
    assert!(elsewhere.is_empty(), "{elsewhere:?}");
    for part in ["/docs/swagger-ui-bundle.js", "/openapi.json", "/previews"] {
        assert!(requested.iter().any(|url| url.ends_with(part)), "{part}: {requested:?}");
    }
    browser.close().await;
}
