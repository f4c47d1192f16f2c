//! The contents of the pages of the console.

use oss_core::access::Scope;
use oss_tests::backend::Database;
use oss_tests::clients::ClientsFile;
use oss_tests::console::{Tab, masked};
use oss_tests::server::Server;
use oss_tests::sims::reserve;
use reqwest::Method;
use serde_json::json;

use crate::console::check_safe;

fn links(html: &str, begin: &str) -> Vec<String> {
    let links = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next());
    links
        .filter(|link| link.starts_with(begin))
        .map(|link| link.replace("&#38;", "&").replace("&amp;", "&"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_says_who_made_each_change() {
    let mut clients = ClientsFile::new();
    let shop = clients.admit("shop", "acme", &Scope::ALL);
    let night = clients.admit("night", "acme", &Scope::ALL);
    let database = Database::postgres().await;
    let (server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    let number = reserve(&server.http().with_key(&shop)).await;
    let path = format!("/console/numbers/{number}");
    let mut tab = Tab::of(&server);
    tab.sign_in(&night).await;
    for action in ["extend", "release"] {
        tab.submit(&path, &path, &[("action", action), ("sure", "yes")]).await;
    }
    let story = tab.open(&path).await.html;
    for (kind, client) in
        [("number.reserved", "shop"), ("number.extended", "night"), ("number.released", "night")]
    {
        let entry = story.split("<li").find(|entry| entry.contains(&format!("<strong>{kind}</strong>")));
        let entry = entry.unwrap_or_else(|| panic!("{kind}: {story}"));
        assert!(entry.contains(&format!("Who {client}<")), "{kind}: {entry}");
    }
    let events = tab.open("/console/events").await.html;
    let row = events.split("<tr>").find(|row| row.contains("<td>number.released</td>"));
    assert!(row.is_some_and(|row| row.contains("<td>night</td>")), "{events}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_has_a_page() {
    let mut clients = ClientsFile::new();
    let key = clients.admit("night", "acme", &Scope::ALL);
    let stranger = clients.admit("stranger", "other", &Scope::ALL);
    let database = Database::postgres().await;
    let (server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    let http = server.http().with_key(&key);
    let preview = http.post("/previews", json!({ "areaCode": "11" })).await.body;
    let id = preview["id"].as_str().expect("an id");
    let mut tab = Tab::of(&server);
    tab.sign_in(&key).await;
    let found = tab.submit("/console", "/console/search", &[("text", id)]).await;
    let path = format!("/console/previews/{id}");
    assert_eq!(found.leads_to(), path);
    let page = tab.open(&path).await.html;
    for part in ["acme", "open: a number can be chosen", "sigan pre_reserve", "Who night"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(links(&page, "/console/numbers/").is_empty(), "no number has a page yet: {page}");
    let reserved = http.put(&format!("/previews/{id}/reservations/2")).await.body;
    let number = reserved["msisdn"].as_str().expect("a number");
    let page = tab.open(&path).await.html;
    assert_eq!(links(&page, "/console/numbers/"), [format!("/console/numbers/{number}")]);
    assert!(page.contains(&format!(">{}</a> <strong>chosen</strong>", masked(number))), "{page}");
    assert!(!page.contains(&format!(">{number}<")) && page.contains("sigan reserve"), "{page}");
    assert_eq!(
        links(&tab.open(&format!("/console/numbers/{number}")).await.html, "/console/previews/"),
        std::slice::from_ref(&path)
    );
    let mut other = Tab::of(&server);
    other.sign_in(&stranger).await;
    assert_eq!(other.open(&path).await.status, 404);
    assert_eq!(tab.open("/console/previews/x").await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_paged_back_to_the_begin_of_the_window() {
    let mut clients = ClientsFile::new();
    let key = clients.admit("night", "acme", &Scope::ALL);
    let database = Database::postgres().await;
    let (server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    let events = "
        insert into event (transaction_id, kind, brand_id, state_after, msisdn)
        select 1, 'number.reserved', 'acme', 'HELD', '119' || lpad(n::text, 8, '0') from generate_series(1, 450) n";
    database.execute(events).await;
    let mut tab = Tab::of(&server);
    tab.sign_in(&key).await;
    let mut page = tab.open("/console/events?last=15").await.html;
    let mut counts = Vec::new();
    loop {
        counts.push(page.matches("<td>number.reserved</td>").count());
        let earlier = links(&page, "/console/events?").into_iter().find(|link| link.contains("before="));
        let Some(earlier) = earlier else { break };
        page = tab.open(&earlier).await.html;
    }
    assert_eq!(counts, [200, 200, 50]);
    assert!(page.contains("Back to the latest events"), "{page}");
}

/// Data from before there were brands belongs to the brand of the configuration.
#[tokio::test(flavor = "multi_thread")]
async fn the_counts_of_the_overview_are_those_of_the_list() {
    let mut clients = ClientsFile::new();
    let key = clients.admit("night", "acme", &Scope::ALL);
    let stranger = clients.admit("stranger", "other", &Scope::ALL);
    let database = Database::postgres().await;
    let (server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    let numbers =
        [reserve(&server.http().with_key(&key)).await, reserve(&server.http().with_key(&key)).await];
    let older = format!("update reservation set brand_id = 'unknown' where msisdn = '{}'", numbers[0]);
    for statement in [
        older.as_str(),
        "update event set brand_id = 'unknown' where reservation_id in (select id from reservation where brand_id = 'unknown')",
    ] {
        database.execute(statement).await;
    }
    assert_eq!(
        server
            .http()
            .with_key(&key)
            .send(server.http().with_key(&key).request(Method::POST, "/sweeps"))
            .await
            .status,
        200
    );
    for (key, count) in [(&key, 2), (&stranger, 0)] {
        let mut tab = Tab::of(&server);
        tab.sign_in(key).await;
        let listed = tab.open("/console/numbers?state=HELD").await.html;
        assert_eq!(listed.matches("name=\"msisdn\"").count(), count, "{listed}");
        let overview = tab.open("/console").await.html;
        let tile = overview.split("/console/numbers?state=HELD\"").nth(1).expect("a link to the list");
        let figure: String =
            tile.chars().skip_while(|one| !one.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
        assert_eq!(figure, count.to_string(), "{overview}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn problems_and_audits_speak_the_operator_s_language() {
    let mut clients = ClientsFile::new();
    let key = clients.admit("night", "acme", &Scope::ALL);
    let database = Database::postgres().await;
    let (server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    let number = reserve(&server.http().with_key(&key)).await;
    let mut tab = Tab::of(&server);
    tab.sign_in(&key).await;
    tab.submit("/console", "/console/language", &[("language", "pt-BR")]).await;
    let missing = tab.open("/console/numbers/11999990000").await.html;
    assert!(missing.contains("<p lang=\"pt-BR\">Este número não é conhecido aqui.</p>"), "{missing}");
    assert!(!missing.contains("Not Found"), "{missing}");
    let wrong = tab.open("/console/numbers?ddd=x").await.html;
    assert!(wrong.contains("Um campo não tem o valor esperado: ddd."), "{wrong}");
    let chosen = [("msisdn", "11999990000"), ("step", "preview")];
    let release = tab.submit("/console/numbers?state=HELD", "/console/releases", &chosen).await.html;
    assert!(release.contains("Este número não é conhecido aqui."), "{release}");
    let found = tab.submit("/console", "/console/search", &[("text", "x")]).await.html;
    assert!(found.contains("Isto não é um número"), "{found}");
    for table in ["event", "reservation", "phone_number"] {
        database.execute(&format!("delete from {table}")).await;
    }
    let audit = [("fix", ""), ("min_age_seconds", "0")];
    let shown = tab.submit("/console/audit", "/console/audit", &audit).await.html;
    assert!(shown.contains("reservado no Sigan, desconhecido aqui") && shown.contains("relatado"), "{shown}");
    assert!(shown.contains(&masked(&number)) && !shown.contains("<span lang=\"en\""), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_is_shown_while_it_runs_and_says_what_a_fix_would_do() {
    let mut clients = ClientsFile::new();
    let key = clients.admit("night", "acme", &Scope::ALL);
    let database = Database::postgres().await;
    let (server, sigan) = Server::for_clients(&database, &clients, &[]).await;
    let number = reserve(&server.http().with_key(&key)).await;
    for table in ["event", "reservation"] {
        database.execute(&format!("delete from {table}")).await;
    }
    database.execute("delete from phone_number").await;
    let mut tab = Tab::of(&server);
    tab.sign_in(&key).await;
    let shown =
        tab.submit("/console/audit", "/console/audit", &[("fix", ""), ("min_age_seconds", "0")]).await;
    for part in ["held in Sigan, unknown here", "A fix would settle it.", &masked(&number), "</html>"] {
        assert!(shown.html.contains(part), "{part}: {}", shown.html);
    }
    check_safe("the audit", &shown);
    let unsure = tab.submit("/console/audit", "/console/audit", &[("fix", "yes")]).await;
    assert!(
        unsure.html.contains("Mark that you are sure") && !unsure.html.contains("Finished"),
        "{unsure:?}"
    );
    let fixed = tab
        .submit(
            "/console/audit",
            "/console/audit",
            &[("fix", "yes"), ("sure", "yes"), ("min_age_seconds", "0")],
        )
        .await;
    assert!(fixed.html.contains("fixed"), "{}", fixed.html);
    let clean =
        tab.submit("/console/audit", "/console/audit", &[("fix", ""), ("min_age_seconds", "0")]).await;
    assert!(clean.html.contains("Finished: nothing differs"), "{}", clean.html);
    drop(sigan);
    let stopped =
        tab.submit("/console/audit", "/console/audit", &[("fix", ""), ("min_age_seconds", "0")]).await;
    assert!(stopped.html.contains("The audit could not be finished:"), "{}", stopped.html);
}
