//! `POST /searches`: one search for any identifier, on both databases.

use oss_core::access::Scope;
use oss_core::gsim::mock::{GsimMock, OrderBook};
use oss_tests::backend::Database;
use oss_tests::clients::ClientsFile;
use oss_tests::http::{Answer, Http};
use oss_tests::server::Server;
use oss_tests::sims::{self, Lines};
use serde_json::{Value, json};

oss_tests::on_both!(each_identifier_finds_its_thing, a_search_finds_what_the_client_may_see);

const EID: &str = "89049032000100000123456789012326";

async fn search(http: &Http, text: &str) -> Answer {
    http.post("/searches", json!({ "text": text })).await
}

/// The kinds and the names of the things that a search finds.
async fn found(http: &Http, text: &str) -> Vec<(&'static str, Value)> {
    let answer = search(http, text).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let mut found = Vec::new();
    for (kind, name) in [("previews", "id"), ("numbers", "msisdn"), ("sims", "id")] {
        let things = answer.body[kind].as_array().unwrap_or_else(|| panic!("{answer:?}"));
        found.extend(things.iter().map(|thing| (kind, thing[name].clone())));
    }
    found
}

async fn each_identifier_finds_its_thing(database: Database) {
    let lines = Lines::on(&database, &[]).await;
    let http = lines.server.http();
    let preview = http.preview().await;
    let reserved = http.reserve(&preview, 2).await.body["msisdn"].clone();
    let sim = sims::esim(&http).await;
    let report = json!({
        "reference": sim["id"], "profileState": "DOWNLOADED", "at": "2026-11-25T13:35:12Z", "eid": EID
    });
    assert_eq!(http.post("/gsim/notifications", report).await.status, 204);
    let text = |of: &Value| of.as_str().expect("a text").to_owned();
    let number = http.get(&format!("/numbers/{}", text(&reserved))).await;
    let is_number = |msisdn: &Value| vec![("numbers", msisdn.clone())];
    let is_sim = vec![("sims", sim["id"].clone())];
    let of_preview = [vec![("previews", json!(preview))], is_number(&reserved)].concat();
    for (wanted, expected) in [
        (text(&reserved), is_number(&reserved)),
        (format!("+55 {}", text(&reserved)), is_number(&reserved)),
        (text(&number.body["history"][0]["id"]), is_number(&reserved)),
        (preview.clone(), of_preview),
        (text(&sim["msisdn"]), is_number(&sim["msisdn"])),
        (text(&sim["iccid"]), is_sim.clone()),
        (text(&sim["imsi"]), is_sim.clone()),
        (text(&sim["id"]), is_sim.clone()),
        (text(&sim["lineId"]), is_sim.clone()),
        (EID.to_owned(), is_sim),
        ("11900000000".to_owned(), vec![]),
        ("018f0000-0000-7000-8000-00000000ffff".to_owned(), vec![]),
    ] {
        assert_eq!(found(&http, &wanted).await, expected, "{wanted}");
    }
    let shown = search(&http, &preview).await;
    let shown = &shown.body["previews"][0];
    assert_eq!(shown["reservedMsisdn"], reserved);
    assert!(shown["msisdns"].to_string().contains("9****-"), "{shown}");
    for body in [json!({ "text": "joão" }), json!({ "text": 11_999_950_001_u64 }), json!({})] {
        let refused = http.post("/searches", body).await;
        assert_eq!(
            (refused.status, &refused.body["errors"][0]["field"]),
            (400, &json!("text")),
            "{refused:?}"
        );
        assert!(!refused.body.to_string().contains("joão"), "{refused:?}");
    }
}

async fn a_search_finds_what_the_client_may_see(database: Database) {
    let mut clients = ClientsFile::new();
    let all = clients.admit("all", "acme", &Scope::ALL);
    let numbers = clients.admit("numbers", "acme", &[Scope::NumbersRead]);
    let sims_alone = clients.admit("sims", "acme", &[Scope::SimsRead]);
    let stranger = clients.admit("stranger", "other", &Scope::ALL);
    let gsim = GsimMock::new(OrderBook::new()).start().await;
    let url = gsim.url();
    let settings = [("OSS_GSIM_URL", url.as_str()), ("OSS_LOG", "trace")];
    let (server, _sigan) = Server::for_clients(&database, &clients, &settings).await;
    let as_client = |key: &str| server.http().with_key(key);
    let sim = sims::esim(&as_client(&all)).await;
    for (name, is_of_sim) in
        [("msisdn", false), ("iccid", true), ("imsi", true), ("id", true), ("lineId", true)]
    {
        let wanted = sim[name].as_str().expect("a text");
        assert_eq!(found(&as_client(&all), wanted).await.len(), 1, "{name}");
        assert_eq!(found(&as_client(&numbers), wanted).await.len(), usize::from(!is_of_sim), "{name}");
        assert_eq!(found(&as_client(&stranger), wanted).await, [], "{name}");
        assert_eq!(search(&as_client(&sims_alone), wanted).await.status, 403);
    }
    server.wait_for_log("/searches").await;
    let log = server.log().join("\n");
    for name in ["msisdn", "iccid", "imsi"] {
        assert!(!log.contains(sim[name].as_str().expect("a text")), "{name}");
    }
}
