//! The console without a browser: who sees it, what a form needs, and what no page and no log may have.

use oss_core::access::Scope;
use oss_tests::backend::Database;
use oss_tests::clients::ClientsFile;
use oss_tests::console::{Shown, Tab, masked};
use oss_tests::eventually::eventually;
use oss_tests::server::Server;
use oss_tests::sims::reserve;
use reqwest::Method;
use serde_json::json;

/// The pages that need no number.
const PAGES: [&str; 7] = [
    "/console",
    "/console/numbers",
    "/console/in-doubt",
    "/console/events",
    "/console/webhooks",
    "/console/audit",
    "/console/search",
];

const SIGN_IN: &str = "/console/sign-in";

async fn status_of(server: &Server, key: &str, msisdn: &str) -> String {
    let shown = server.http().with_key(key).get(&format!("/numbers/{msisdn}")).await;
    shown.body["status"].as_str().expect("a status").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_signs_in_and_out() {
    let mut clients = ClientsFile::new();
    let (key, other) = (
        clients.admit("night", "acme", &Scope::ALL),
        clients.admit("shop", "acme", &[Scope::NumbersReserve]),
    );
    let database = Database::postgres().await;
    let (server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    let mut tab = Tab::of(&server);
    for page in PAGES {
        let shown = tab.open(page).await;
        assert_eq!((shown.status, shown.leads_to()), (303, SIGN_IN), "{page}");
    }
    assert!(tab.open(SIGN_IN).await.html.contains("type=\"password\""));
    let refused = tab.sign_in("oss_wrong").await;
    assert!(refused.status == 401 && refused.html.contains("No client has this key."), "{refused:?}");
    let refused = tab.sign_in(&other).await;
    assert!(refused.status == 403 && refused.html.contains("operations"), "{refused:?}");
    assert_eq!(tab.cookie("oss_session"), None);

    let signed_in = tab.sign_in(&key).await;
    assert_eq!((signed_in.status, signed_in.leads_to()), (303, "/console"), "{signed_in:?}");
    let cookie = signed_in.headers["set-cookie"].to_str().unwrap();
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/console", "; Max-Age=28800"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "the server is reached in the clear: {cookie}");
    for page in PAGES {
        assert_eq!(tab.open(page).await.status, 200, "{page}");
    }
    let stored = database.texts("select token_digest from operator_session").await;
    let token = tab.cookie("oss_session").unwrap().to_owned();
    assert!(stored.len() == 1 && stored[0] != token, "the database has a digest");

    let mut copy = tab.clone();
    let out = tab.submit("/console", "/console/sign-out", &[]).await;
    assert_eq!((out.status, out.leads_to()), (303, SIGN_IN));
    assert_eq!(copy.open("/console").await.leads_to(), SIGN_IN, "the session is over, not only the cookie");
    let log = server.log().join("\n");
    assert!(!log.contains(&key) && !log.contains(&token), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_secure_under_tls_and_ends_with_its_time_and_its_key() {
    let mut clients = ClientsFile::new();
    let key = clients.admit("night", "acme", &Scope::ALL);
    let database = Database::postgres().await;
    let (server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    let mut tab = Tab::of(&server);
    let request = tab.request(Method::POST, SIGN_IN).header("x-forwarded-proto", "https");
    let signed_in = tab.send(request.body(format!("key={key}"))).await;
    assert!(signed_in.headers["set-cookie"].to_str().unwrap().contains("; Secure"), "{signed_in:?}");
    assert_eq!(tab.open("/console").await.status, 200);

    let hours = "select (extract(epoch from expires_at - now()) / 3600)::text from operator_session";
    let hours: f64 = database.texts(hours).await[0].parse().unwrap();
    assert!((7.9..8.1).contains(&hours), "{hours}");
    database.execute("update operator_session set expires_at = now() - interval '1 second'").await;
    assert_eq!(tab.open("/console").await.leads_to(), SIGN_IN, "its time is over");

    tab.sign_in(&key).await;
    assert_eq!(database.count("select count(*) from operator_session").await, 1, "the old one is forgotten");
    assert_eq!(tab.open("/console").await.status, 200);
    clients.clear();
    clients.admit("night", "acme", &Scope::ALL);
    server.hang_up();
    eventually(async || {
        let shown = tab.clone().open("/console").await;
        if shown.leads_to() == SIGN_IN { Ok(()) } else { Err("the old key still opens the console") }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_keys_are_limited_and_lock_nobody_out() {
    let mut clients = ClientsFile::new();
    let key = clients.admit("night", "acme", &Scope::ALL);
    let server = Server::sandbox(&clients, &[]);
    let mut tab = Tab::of(&server);
    let mut statuses = Vec::new();
    for _ in 0..30 {
        statuses.push(tab.sign_in("oss_wrong").await.status);
    }
    assert_eq!(statuses[..10], [401; 10], "{statuses:?}");
    assert_eq!(statuses[25..], [429; 5], "{statuses:?}");
    assert_eq!(tab.sign_in(&key).await.status, 303, "the right key still opens it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_form_changes_nothing() {
    let mut clients = ClientsFile::new();
    let key = clients.admit("night", "acme", &Scope::ALL);
    let database = Database::postgres().await;
    let (server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    let number = reserve(&server.http().with_key(&key)).await;
    let path = format!("/console/numbers/{number}");
    let release = [("action", "release"), ("sure", "yes")];
    let (mut tab, mut other) = (Tab::of(&server), Tab::of(&server));
    tab.sign_in(&key).await;
    other.sign_in(&key).await;
    let (token, token_of_other) = (tab.form_token().await, other.form_token().await);
    assert_ne!(token, token_of_other);

    for wrong in [None, Some(""), Some("0"), Some(token_of_other.as_str())] {
        let fields: Vec<_> = release.into_iter().chain(wrong.map(|token| ("form_token", token))).collect();
        assert_eq!(tab.post(&path, &fields).await.status, 403, "{wrong:?}");
    }
    let body = format!("action=release&sure=yes&form_token={token}");
    for site in ["cross-site", "same-site"] {
        let request = tab.request(Method::POST, &path).header("sec-fetch-site", site).body(body.clone());
        assert_eq!(tab.send(request).await.status, 403, "{site}");
    }
    let without_cookie = Tab::of(&server).post(&path, &[("form_token", &token)]).await;
    assert_eq!(without_cookie.leads_to(), SIGN_IN);
    let bulk = [("msisdn", number.as_str()), ("step", "release")];
    assert_eq!(tab.post("/console/releases", &bulk).await.status, 403);
    assert_eq!(status_of(&server, &key, &number).await, "RESERVED");

    let unsure = tab.submit(&path, &path, &[("action", "release")]).await;
    assert!(unsure.leads_to().ends_with("?done=unsure"), "{unsure:?}");
    assert_eq!(status_of(&server, &key, &number).await, "RESERVED");
    let done = tab.submit(&path, &path, &release).await;
    assert!(done.leads_to().ends_with("?done=released"), "{done:?}");
    assert_eq!(status_of(&server, &key, &number).await, "RETURNED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_does_on_a_page_what_it_may_do_in_a_request() {
    let mut clients = ClientsFile::new();
    let all = clients.admit("all", "acme", &Scope::ALL);
    let reader = clients.admit("reader", "acme", &[Scope::Operations, Scope::NumbersRead]);
    let blind = clients.admit("blind", "acme", &[Scope::Operations]);
    let stranger = clients.admit("stranger", "other", &Scope::ALL);
    let database = Database::postgres().await;
    let (server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    let number = reserve(&server.http().with_key(&all)).await;
    let path = format!("/console/numbers/{number}");
    let mut tabs = [&all, &reader, &blind, &stranger].map(|key| (Tab::of(&server), key));
    for (tab, key) in &mut tabs {
        tab.sign_in(key).await;
    }
    let [(all_tab, _), (reader_tab, _), (blind_tab, _), (stranger_tab, _)] = &mut tabs;

    let page = all_tab.open(&path).await;
    for action in ["settle", "extend", "release"] {
        assert!(page.html.contains(&format!("value=\"{action}\"")), "{action}: {}", page.html);
    }
    assert!(!page.html.contains("value=\"end-line\""), "it is on no line");
    let page = reader_tab.open(&path).await;
    assert!(page.html.contains("value=\"settle\"") && !page.html.contains("value=\"release\""));
    for (action, status) in [("release", 403), ("extend", 403), ("end-line", 403), ("other", 400)] {
        let done = reader_tab.submit(&path, &path, &[("action", action), ("sure", "yes")]).await;
        assert_eq!(done.status, status, "{action}");
    }
    let settled = all_tab.submit(&path, &path, &[("action", "settle")]).await;
    assert!(settled.leads_to().ends_with("?done=agrees"), "{settled:?}");
    let story = all_tab.open(&path).await.html;
    assert!(story.contains("sigan holder") && story.contains("Who all"), "the story says who asked: {story}");
    let bulk = [("msisdn", number.as_str()), ("step", "release")];
    assert_eq!(reader_tab.submit("/console/numbers", "/console/releases", &bulk).await.status, 403);
    for page in [path.as_str(), "/console/numbers", "/console/events"] {
        assert_eq!(blind_tab.open(page).await.status, 403, "{page}");
    }
    assert_eq!(blind_tab.submit("/console", "/console/search", &[("text", &number)]).await.status, 403);
    assert_eq!(stranger_tab.open(&path).await.status, 404);
    let found = stranger_tab.submit("/console", "/console/search", &[("text", &number)]).await;
    assert!(found.html.contains("Nothing that you may see"), "{found:?}");
    let token = stranger_tab.form_token().await;
    let release = [("action", "release"), ("sure", "yes"), ("form_token", token.as_str())];
    let done = stranger_tab.post(&path, &release).await;
    assert_eq!(done.status, 404);
    assert_eq!(status_of(&server, &all, &number).await, "RESERVED");
}

/// The values of the links of a page that begin like this.
#[tokio::test(flavor = "multi_thread")]
async fn an_operator_of_two_brands_chooses_one() {
    let mut clients = ClientsFile::new();
    let key = clients.admit_for("night", &["acme", "other"], &Scope::ALL);
    let database = Database::postgres().await;
    let (server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    let number = reserve(&server.http().with_key(&key)).await;
    let path = format!("/console/numbers/{number}");
    let mut tab = Tab::of(&server);
    tab.sign_in(&key).await;
    assert_eq!(tab.open(&path).await.status, 200);
    assert_eq!(tab.submit("/console", "/console/brand", &[("brand", "third")]).await.status, 400);
    assert_eq!(tab.submit("/console", "/console/brand", &[("brand", "other")]).await.leads_to(), "/console");
    assert_eq!(tab.open(&path).await.status, 404);
    tab.submit("/console", "/console/brand", &[("brand", "acme")]).await;
    assert_eq!(tab.open(&path).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_are_masked_until_one_is_opened_and_are_in_no_query_and_no_log() {
    let mut clients = ClientsFile::new();
    let key = clients.admit("night", "acme", &Scope::ALL);
    let database = Database::postgres().await;
    let (server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    let (one, two) =
        (reserve(&server.http().with_key(&key)).await, reserve(&server.http().with_key(&key)).await);
    let mut tab = Tab::of(&server);
    tab.sign_in(&key).await;

    let list = tab.open("/console/numbers?state=HELD").await;
    assert!(list.html.contains(&format!(">{}</a>", masked(&one))), "{}", list.html);
    assert!(!list.html.contains(&format!(">{one}<")), "{}", list.html);
    let wrong = tab.open("/console/numbers?state=HELD&status=RESERVED").await;
    assert!(wrong.status == 200 && wrong.html.contains("class=\"notice bad\""), "{}", wrong.html);

    let chosen = [("msisdn", one.as_str()), ("msisdn", "11999990000"), ("step", "preview")];
    let preview = tab.submit("/console/numbers", "/console/releases", &chosen).await;
    assert!(
        preview.html.contains("would be released") && preview.html.contains("stays as it is"),
        "{}",
        preview.html
    );
    assert_eq!(status_of(&server, &key, &one).await, "RESERVED");
    let hidden = preview.hidden_fields("/console/releases");
    let hidden = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let done = tab.post("/console/releases", &hidden.chain([("step", "release")]).collect::<Vec<_>>()).await;
    assert!(done.html.contains(">released<") && !done.html.contains("stays as it is"), "{}", done.html);
    assert_eq!(status_of(&server, &key, &one).await, "RETURNED");
    let switched = tab.submit("/console/numbers", "/console/language", &[("language", "en")]).await;
    assert_eq!(tab.open(switched.leads_to()).await.status, 200);
    assert!(
        preview
            .hidden_fields("/console/language")
            .contains(&("path".to_owned(), "/console/numbers".to_owned()))
    );

    let found = tab.submit("/console", "/console/search", &[("text", &two)]).await;
    assert_eq!(found.leads_to(), format!("/console/numbers/{two}"));
    let page = tab.open(found.leads_to()).await;
    for part in [two.as_str(), "number.reserved", "reserve", "HELD"] {
        assert!(page.html.contains(part), "{part}: {}", page.html);
    }
    let extended = tab.submit(found.leads_to(), found.leads_to(), &[("action", "extend")]).await;
    assert!(extended.leads_to().ends_with("?done=extended"), "{extended:?}");
    let wrong = tab.submit("/console", "/console/search", &[("text", "joão")]).await;
    assert!(wrong.html.contains("class=\"notice bad\""), "{}", wrong.html);

    let log = server.log().join("\n");
    assert!(!log.contains(&one) && !log.contains(&two), "{log}");
    assert!(log.contains("/console/numbers/{msisdn}"), "{log}");
}

pub(crate) fn check_safe(page: &str, shown: &Shown) {
    let header = |name: &str| shown.headers[name].to_str().unwrap();
    let policy = header("content-security-policy");
    for part in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part) && !policy.contains("unsafe"), "{page}: {policy}");
    }
    assert_eq!(header("referrer-policy"), "no-referrer", "{page}");
    assert_eq!(header("cache-control"), "no-store", "{page}");
    assert_eq!(header("x-content-type-options"), "nosniff", "{page}");
    let html = &shown.html;
    assert_eq!(html.matches("<script").count(), html.matches("<script src=\"/console/").count(), "{page}");
    for inline in ["<style", " style=\"", " onclick", " onload", "javascript:", "http://", "https://"] {
        let html = html.replace("http://www.w3.org/2000/svg", "");
        assert!(!html.contains(inline), "{page}: {inline}: {html}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_runs_nothing_of_others_and_speaks_two_languages() {
    let server = Server::sandbox(&ClientsFile::new(), &[]);
    let number = reserve(&server.http()).await;
    let mut tab = Tab::of(&server);
    assert_eq!(tab.open(SIGN_IN).await.leads_to(), "/console", "a sandbox needs no sign-in");
    let preview = server.http().post("/previews", json!({ "areaCode": "11" })).await.body;
    let preview_page = format!("/console/previews/{}", preview["id"].as_str().expect("an id"));
    let number_page = format!("/console/numbers/{number}");
    let missing = "/console/numbers/11999990000";
    for page in
        PAGES.into_iter().chain([number_page.as_str(), preview_page.as_str(), missing, "/console/nothing"])
    {
        let english = tab.open(page).await;
        check_safe(page, &english);
        assert!(english.html.contains("<html lang=\"en\">"), "{page}");
        let request = tab.request(Method::GET, page).header("accept-language", "pt-BR,en;q=0.5");
        let portuguese = tab.send(request).await;
        assert!(portuguese.html.contains("<html lang=\"pt-BR\">"), "{page}");
        assert_eq!(portuguese.status, english.status, "{page}");
        // The switch of the language changes nothing else.
        let forms = english.html.matches("method=\"post\"").count();
        assert_eq!(english.html.matches("name=\"form_token\"").count(), forms - 1, "{page}");
    }
    assert_eq!(tab.open(missing).await.status, 404);
    let chosen = tab.post("/console/language", &[("language", "pt-BR"), ("path", &number_page)]).await;
    assert_eq!(chosen.leads_to(), number_page);
    assert!(tab.open("/console").await.html.contains("Visão geral"));
    for (file, kind) in
        [("console.css", "text/css"), ("console.js", "text/javascript"), ("icon.svg", "image/svg+xml")]
    {
        let asset = tab.open(&format!("/console/assets/{file}")).await;
        assert!(asset.headers["content-type"].to_str().unwrap().starts_with(kind), "{asset:?}");
    }
    let forged = tab.post("/console/releases", &[("msisdn", &number), ("step", "release")]).await;
    assert_eq!(forged.status, 403, "also a sandbox takes only forms of its own pages");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_the_console_is_a_safe_page() {
    let (server, _sigan) = Server::with_sigan(&Database::sqlite().await, &[]).await;
    let mut tab = Tab::of(&server);
    let sim = "/console/sims/018f0000-0000-7000-8000-000000000001/code";
    for (path, status) in
        [("/console/releases", 405), (sim, 405), ("/console/", 404), ("/console/nothing", 404)]
    {
        let shown = tab.open(path).await;
        assert_eq!(shown.status, status, "{path}");
        check_safe(path, &shown);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_turns_the_console_off() {
    let server = Server::sandbox(&ClientsFile::new(), &[("OSS_CONSOLE", "false")]);
    assert_eq!(server.http().get("/console").await.status, 404);
}
