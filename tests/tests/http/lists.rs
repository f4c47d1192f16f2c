//! Lists of numbers over HTTP, on both databases.

use oss_core::access::Scope;
use oss_tests::backend::Database;
use oss_tests::clients::ClientsFile;
use oss_tests::http::Http;
use oss_tests::server::Server;
use reqwest::Method;
use serde_json::{Value, json};

oss_tests::on_both!(
    a_list_is_filtered_and_comes_in_pages,
    a_list_comes_as_csv_and_as_lines,
    a_filter_that_no_index_serves_is_refused,
    a_client_lists_the_numbers_of_its_brand,
);

async fn reserved(http: &Http, ddd: &str) -> String {
    let answer = http.post("/reservations", json!({ "areaCode": ddd })).await;
    answer.body["msisdn"].as_str().expect("a number").to_owned()
}

async fn listed(http: &Http, query: &str) -> Vec<String> {
    let answer = http.get(&format!("/numbers{query}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let numbers = answer.body["numbers"].as_array().expect("numbers").iter();
    numbers.map(|number| number["msisdn"].as_str().expect("a number").to_owned()).collect()
}

async fn a_list_is_filtered_and_comes_in_pages(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let mut numbers = Vec::new();
    for ddd in ["11", "11", "11", "21"] {
        numbers.push(reserved(&http, ddd).await);
    }
    let sim = database.add_sim().await;
    http.put_json(&format!("/reservations/{}/assignment", numbers[0]), json!({ "simId": sim })).await;
    http.delete(&format!("/reservations/{}", numbers[1])).await;
    for (query, expected) in [
        ("", vec![0, 1, 2, 3]),
        ("?status=RESERVED", vec![2, 3]),
        ("?status=IN_USE", vec![0]),
        ("?status=RETURNED&ddd=11", vec![1]),
        ("?state=HELD", vec![2, 3]),
        ("?state=HELD&ddd=21", vec![3]),
        ("?state=HELD&createdBefore=2100-01-01T00:00:00Z", vec![2, 3]),
        ("?state=HELD&createdAfter=2100-01-01T00:00:00Z", vec![]),
        ("?expiresBefore=2100-01-01T00:00:00Z", vec![2, 3]),
        ("?brandId=nobody", vec![]),
        (&format!("?simId={sim}"), vec![0]),
    ] {
        let expected: Vec<&String> = expected.into_iter().map(|at: usize| &numbers[at]).collect();
        assert_eq!(listed(&http, query).await.iter().collect::<Vec<_>>(), expected, "{query}");
    }
    let first = http.get("/numbers?limit=3").await;
    let next = first.body["next"].as_str().expect("there is a next page");
    assert_eq!(listed(&http, &format!("?limit=3&after={next}")).await, numbers[3..]);
    assert_eq!(http.get("/numbers?status=IN_USE").await.body["next"], Value::Null);
    let held = http.get("/numbers?state=HELD").await.body["numbers"][0].take();
    let shown = http.get(&format!("/numbers/{}", numbers[2])).await.body;
    assert_eq!((&held["status"], &held["brandId"]), (&json!("RESERVED"), &json!("acme")));
    assert_eq!(held["expiresAt"], shown["history"][0]["holdExpiresAt"]);
}

async fn a_list_comes_as_csv_and_as_lines(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let (first, second) = (reserved(&http, "11").await, reserved(&http, "11").await);
    let accept = async |kind: &str, query: &str| {
        let response = http
            .request(Method::GET, &format!("/numbers{query}"))
            .header("Accept", kind)
            .send()
            .await
            .unwrap();
        let header =
            |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        (header("content-type").unwrap(), header("link"), response.text().await.unwrap())
    };
    let (kind, link, csv) = accept("text/csv", "?limit=1&state=HELD").await;
    assert!(kind.starts_with("text/csv"), "{kind}");
    let mut lines = csv.split("\r\n");
    assert_eq!(
        lines.next(),
        Some("msisdn,status,state,brandId,assignedSimId,expiresAt,reason,createdAt,updatedAt")
    );
    assert!(lines.next().unwrap().starts_with(&format!("{first},RESERVED,HELD,acme,,20")), "{csv}");
    let link = link.expect("there is a next page");
    let next = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).expect("a link");
    let (kind, none, lines) = accept("application/x-ndjson", next).await;
    assert_eq!((kind.as_str(), none.is_some()), ("application/x-ndjson", true));
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["msisdn"], second);
    assert_eq!(accept("*/*", "").await.0, "application/json");
    assert_eq!(accept("application/json, text/csv;q=0.5", "").await.0, "application/json");
}

async fn a_filter_that_no_index_serves_is_refused(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    for (query, field) in [
        ("status=REMOVED", "status"),
        ("state=nonsense", "state"),
        ("ddd=1", "ddd"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("after=11999950001", "after"),
        ("status=RESERVED&state=HELD", "status"),
        ("createdBefore=2026-11-25T13:30:43Z", "createdBefore"),
        ("state=ASSIGNED&createdBefore=2026-11-25T13:30:43Z", "state"),
        ("expiresBefore=2026-11-25T13:30:43Z&ddd=11", "ddd"),
        ("owner=me", "owner"),
    ] {
        let answer = http.get(&format!("/numbers?{query}")).await;
        assert_eq!((answer.status, &answer.body["field"]), (400, &json!(field)), "{query}: {answer:?}");
    }
    reserved(&http, "11").await;
    let next = http.get("/numbers?limit=1").await.body["next"].as_str().unwrap().to_owned();
    let other = http.get(&format!("/numbers?state=HELD&after={next}")).await;
    assert_eq!((other.status, &other.body["field"]), (400, &json!("after")), "a place of another list");
}

async fn a_client_lists_the_numbers_of_its_brand(database: Database) {
    let mut clients = ClientsFile::new();
    let [own, other] = ["acme", "other"].map(|brand| clients.admit(brand, brand, &Scope::ALL));
    let releases = clients.admit("releases", "acme", &[Scope::NumbersRelease]);
    let (server, _sigan) = Server::for_clients(&database, &clients, &[]).await;
    let with_key = |key: &str| server.http().with_key(key);
    let (own, other) = (with_key(&own), with_key(&other));
    let (mine, theirs) = (reserved(&own, "11").await, reserved(&other, "11").await);
    for query in ["", "?status=RESERVED", "?state=HELD", "?expiresBefore=2100-01-01T00:00:00Z"] {
        assert_eq!(listed(&own, query).await, std::slice::from_ref(&mine), "{query}");
        assert_eq!(listed(&other, query).await, std::slice::from_ref(&theirs), "{query}");
    }
    assert_eq!(listed(&own, "?brandId=other").await, [""; 0]);
    assert_eq!(listed(&own, "?brandId=acme").await, [mine]);
    assert_eq!(with_key(&releases).get("/numbers").await.status, 403);
}
