//! The device operations over HTTP, on both databases, with the reference data of this repository.

use std::time::Duration;

use futures::future::join_all;
use oss_core::config::{Config, Sources};
use oss_core::gsim::mock::{CallKind, Fault, GsimMock, OrderBook};
use oss_core::{DeviceBrandId, DeviceChoice, DeviceHash, EsimCheck, EsimSource, EsimSupport, Oss};
use oss_tests::backend::Database;
use oss_tests::cli::run;
use oss_tests::eventually::eventually;
use oss_tests::http::{Answer, Http};
use oss_tests::lists::Lists;
use oss_tests::metrics::Scrape;
use oss_tests::redis::Redis;
use oss_tests::server::Server;
use reqwest::Method;
use serde_json::{Value, json};

oss_tests::on_both!(
    the_real_devices_are_known,
    one_choice_is_one_row,
    bad_choices_name_their_fields,
    brands_and_models_are_listed,
    an_unchanged_list_is_not_sent_again,
    an_import_is_seen_by_every_server,
    gsim_is_asked_once_about_an_unknown_device,
    a_gsim_that_fails_changes_no_answer,
    an_answer_is_yes_no_or_unknown_and_names_its_source,
);

async fn check(http: &Http, choice: Value) -> Answer {
    http.put_json("/device-models", choice).await
}

async fn supported(http: &Http, choice: Value) -> bool {
    let answer = check(http, choice).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body["supportsEsim"].as_bool().expect("it says so")
}

fn samsung() -> String {
    format!("/brands/{}/models", DeviceBrandId::of(&"samsung".parse().unwrap()))
}

async fn the_real_devices_are_known(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    for (choice, body) in [
        (
            json!({ "deviceModel": "SAMSUNG_GALAXY_S25" }),
            json!({ "supportsEsim": true, "known": true, "hash": "ae3c0d941cea2bc1ee8d059a0bd7478f" }),
        ),
        (
            json!({ "deviceCode": "iPhone15,2" }),
            json!({ "supportsEsim": true, "known": true, "hash": "bcd1624a168e2722691c565e0c6dc479" }),
        ),
        (
            json!({ "tac": "35050556" }),
            json!({ "supportsEsim": true, "known": true, "hash": "014338fee969ef8655b64f83fcee7a89" }),
        ),
        (json!({ "deviceCode": "iPhone10,3" }), json!({ "supportsEsim": false, "known": false })),
        (json!({ "deviceCode": "Watch1,1" }), json!({ "supportsEsim": false, "known": true })),
        (json!({ "tac": "00000000" }), json!({ "supportsEsim": false, "known": false })),
        (json!({ "tac": null, "deviceModel": "NOBODY'S" }), json!({ "supportsEsim": false, "known": false })),
    ] {
        let mut answer = check(&http, choice).await;
        for origin in ["support", "source", "listVersion"] {
            answer.body.as_object_mut().expect("an object").remove(origin);
        }
        assert_eq!((answer.status, answer.body), (200, body));
    }
    assert_eq!(
        database.count("select count(*) from device_model").await,
        3,
        "what is supported, and only that"
    );
}

async fn one_choice_is_one_row(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let answers = join_all((0..50).map(|_| check(&http, json!({ "deviceCode": "iPhone15,2" })))).await;
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.status == 200), "{answers:?}");
    assert_eq!(database.count("select count(*) from device_model").await, 1);
    let row = "select count(*) from device_model
               where hash = 'bcd1624a168e2722691c565e0c6dc479' and code = 'iPhone15,2' and created_at is not null";
    assert_eq!(database.count(row).await, 1);
}

async fn bad_choices_name_their_fields(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[("OSS_LOG", "trace")]).await;
    let http = server.http();
    for (choice, fields) in [
        (json!({}), vec!["tac", "deviceCode", "deviceModel"]),
        (json!({ "tac": null }), vec!["tac", "deviceCode", "deviceModel"]),
        (json!({ "tac": "35050556", "deviceModel": "X" }), vec!["tac", "deviceCode", "deviceModel"]),
        (json!({ "tac": "3505055" }), vec!["tac"]),
        (json!({ "tac": "490154203237518" }), vec!["tac"]),
        (json!({ "tac": 35_050_556 }), vec!["tac"]),
        (json!({ "deviceCode": "" }), vec!["deviceCode"]),
        (json!({ "deviceCode": "a\u{0}b" }), vec!["deviceCode"]),
        (json!({ "deviceModel": "x".repeat(129) }), vec!["deviceModel"]),
        (json!({ "deviceModel": ["X"] }), vec!["deviceModel"]),
        (json!({ "imei": "490154203237518" }), vec!["tac", "deviceCode", "deviceModel", "imei"]),
        (json!({ "tac": "35050556", "colour": "red" }), vec!["colour"]),
    ] {
        let answer = check(&http, choice).await;
        let errors = answer.body["errors"].as_array().cloned().unwrap_or_default();
        let named: Vec<&str> = errors.iter().filter_map(|error| error["field"].as_str()).collect();
        assert_eq!((answer.status, named), (400, fields), "{answer:?}");
        assert!(!answer.body.to_string().contains("49015420"), "{answer:?}");
    }
    http.get("/brands/490154203237518/models").await;
    assert_eq!(database.count("select count(*) from device_model").await, 0);
    assert!(server.log().iter().all(|line| !line.contains("490154203237518")), "{:#?}", server.log());
}

async fn brands_and_models_are_listed(database: Database) {
    // A brand that has no model with eSIM.
    database.execute("update device_catalog_model set supports_esim = false where model like 'NOKIA%'").await;
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    let brands = http.get("/brands").await.body;
    let names: Vec<&str> =
        brands["brands"].as_array().unwrap().iter().filter_map(|brand| brand["name"].as_str()).collect();
    assert_eq!(names.len(), 30);
    assert_eq!((names[0], names[29]), ("Alcatel", "ZTE"));
    assert!(names.is_sorted_by_key(|name| name.to_lowercase()) && !names.contains(&"Nokia"));
    assert_eq!(brands["brands"][0].as_object().unwrap().len(), 3, "these fields and no others");

    let models = http.get(&samsung()).await.body;
    let models = models["models"].as_array().unwrap();
    assert!(
        models.contains(&json!({ "model": "SAMSUNG_GALAXY_S25", "name": "Galaxy S25", "homologated": true }))
    );
    assert!(models.is_sorted_by_key(|model| model["name"].as_str().unwrap().to_lowercase()));

    let nokia = DeviceBrandId::of(&"nokia".parse().unwrap());
    assert_eq!(http.get(&format!("/brands/{nokia}/models")).await.body, json!({ "models": [] }));
    let unknown = http.get(&format!("/brands/{}/models", uuid::Uuid::now_v7())).await;
    assert_eq!((unknown.status, &unknown.body["field"]), (404, &json!("brandId")));
    assert_eq!(http.get("/brands/samsung/models").await.status, 400);
}

async fn an_unchanged_list_is_not_sent_again(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    for path in ["/brands", &samsung()] {
        let first = http.request(Method::GET, path).send().await.unwrap();
        assert_eq!(
            (first.headers()["cache-control"].to_str().unwrap(), first.status().as_u16()),
            ("no-cache", 200)
        );
        let tag = first.headers()["etag"].clone();
        let again = http.request(Method::GET, path).header("if-none-match", &tag).send().await.unwrap();
        assert_eq!((again.status().as_u16(), &again.headers()["etag"]), (304, &tag));
        assert_eq!(again.text().await.unwrap(), "");
        let other = http.request(Method::GET, path).header("if-none-match", "\"x\"").send().await.unwrap();
        assert_eq!(other.status(), 200);
    }
    let check = http.request(Method::GET, "/ddds/11").send().await.unwrap();
    assert_eq!(check.headers()["cache-control"], "no-store");
}

/// Waits for an answer as long as an import may take to appear.
async fn becomes<T: PartialEq + std::fmt::Debug>(expected: T, mut asked: impl AsyncFnMut() -> T) {
    eventually(async || {
        let answer = asked().await;
        if answer == expected { Ok(()) } else { Err(format!("{answer:?} is not {expected:?}")) }
    })
    .await;
}

async fn an_import_is_seen_by_every_server(database: Database) {
    let redis = Redis::start().await;
    let settings = [("OSS_REDIS_URL", redis.url())];
    let (first, sigan) = Server::with_sigan(&database, &settings).await;
    let second = Server::start(&database, sigan.url().as_str(), &settings);
    let servers = [first.http(), second.http()];
    let listed = async |http: &Http, name: &str| http.get(&samsung()).await.body.to_string().contains(name);
    for http in &servers {
        assert!(listed(http, "\"Galaxy S25\"").await && !listed(http, "L'Original").await);
        assert_eq!(http.get("/ddds/23").await.status, 404);
    }

    let lists = Lists::devices();
    lists.add("device_models.csv", "samsung,NEW_1,L'Original,true,");
    lists.add("device_tacs.csv", "00000001,NEW_1,");
    lists.change("device_models.csv", |bytes| {
        String::from_utf8(bytes)
            .unwrap()
            .replace("SAMSUNG_GALAXY_S25,Galaxy S25,true", "SAMSUNG_GALAXY_S25,Galaxy S25,false")
            .into()
    });
    std::fs::write(lists.file("ddd.csv"), "location_cnl,ddd\n11000,11\n23000,23\n").unwrap();
    let on = [("OSS_DATABASE_URL", database.url())];
    assert_eq!(run(&on, &["devices", "import", lists.path()]).code, 0);
    let ddds = lists.file("ddd.csv").display().to_string();
    assert_eq!(run(&on, &["ddd", "import", &ddds, "--force"]).code, 0, "only two localities are left");
    for http in &servers {
        becomes(true, async || listed(http, "L'Original").await).await;
        assert!(!listed(http, "\"Galaxy S25\"").await);
        becomes((204, 404), async || (http.get("/ddds/23").await.status, http.get("/ddds/21").await.status))
            .await;
        assert!(supported(http, json!({ "tac": "00000001" })).await);
        assert!(!supported(http, json!({ "deviceModel": "SAMSUNG_GALAXY_S25" })).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_looked_up_once_for_all_servers() {
    let (database, redis) = (Database::postgres().await, Redis::start().await);
    let (first, sigan) = Server::with_sigan(&database, &[("OSS_REDIS_URL", redis.url())]).await;
    let brands = first.http().get("/brands").await;
    // The second server must ask Redis and not the tables.
    database
        .execute("delete from device_tac; delete from device_code; delete from device_catalog_model")
        .await;
    let second = Server::start(&database, sigan.url().as_str(), &[("OSS_REDIS_URL", redis.url())]);
    assert_eq!(second.http().get("/brands").await, brands);
}

async fn gsim_is_asked_once_about_an_unknown_device(database: Database) {
    let gsim = GsimMock::new(OrderBook::new()).start().await;
    gsim.knows(&DeviceChoice::Tac("00000001".parse().unwrap()), true);
    gsim.knows(&DeviceChoice::Code("a&b=c,2".parse().unwrap()), true);
    gsim.knows(&DeviceChoice::Model("OLD".parse().unwrap()), false);
    gsim.knows(&DeviceChoice::Code("Watch1,1".parse().unwrap()), true);
    let (server, _sigan) = Server::with_sigan(&database, &[("OSS_GSIM_URL", gsim.url().as_str())]).await;
    let http = server.http();
    for _ in 0..2 {
        assert!(supported(&http, json!({ "tac": "00000001" })).await);
        assert!(supported(&http, json!({ "deviceCode": "a&b=c,2" })).await);
        assert!(!supported(&http, json!({ "deviceModel": "OLD" })).await);
        assert!(!supported(&http, json!({ "tac": "00000002" })).await);
        assert_eq!(gsim.calls(CallKind::Device), 4, "once each");
    }
    assert!(supported(&http, json!({ "deviceCode": "iPhone15,2" })).await);
    assert!(!supported(&http, json!({ "deviceCode": "Watch1,1" })).await, "what is known here is not asked");
    assert_eq!(gsim.calls(CallKind::Device), 4);
    assert_eq!(database.count("select count(*) from device_model").await, 3);
}

/// The origin of an answer, as `oss esim` shows it.
enum Origin {
    Lists(&'static str),
    Gsim,
    Nobody,
}

impl Origin {
    fn source(&self) -> Option<EsimSource> {
        match self {
            Self::Lists(lists) => Some(EsimSource::Catalogue { lists: lists.parse().unwrap() }),
            Self::Gsim => Some(EsimSource::Gsim),
            Self::Nobody => None,
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Lists(lists) => json!({ "name": "catalogue", "lists": lists }),
            Self::Gsim => json!({ "name": "gsim" }),
            Self::Nobody => Value::Null,
        }
    }

    fn line(&self, version: &str) -> String {
        match self {
            Self::Lists("") => format!("Source: device catalogue, version {version}\n"),
            Self::Lists(lists) => format!("Source: device catalogue, version {version} ({lists})\n"),
            Self::Gsim => {
                format!("Source: GSIM; the device catalogue, version {version}, does not have this device\n")
            }
            Self::Nobody => format!("Looked in: device catalogue, version {version}\n"),
        }
    }
}

async fn an_answer_is_yes_no_or_unknown_and_names_its_source(database: Database) {
    let lists = Lists::devices();
    lists.add("device_models.csv", "samsung,NEW_1,New 1,false,");
    let on = [("OSS_DATABASE_URL", database.url())];
    assert_eq!(run(&on, &["devices", "import", lists.path()]).code, 0);
    let (version, _) = database.store().await.devices().await.unwrap();
    let gsim = GsimMock::new(OrderBook::new()).start().await;
    gsim.knows(&DeviceChoice::Tac("00000001".parse().unwrap()), true);
    gsim.knows(&DeviceChoice::Tac("00000002".parse().unwrap()), false);
    let (server, sigan) = Server::with_sigan(&database, &[("OSS_GSIM_URL", gsim.url().as_str())]).await;
    let (sigan, gsim) = (sigan.url().to_string(), gsim.url().to_string());
    let settings = [
        on[0],
        ("OSS_SIGAN_URL", sigan.as_str()),
        ("OSS_GSIM_URL", gsim.as_str()),
        ("OSS_SIGAN_BRAND_ID", "acme"),
    ];
    let oss = Oss::connect(&Config::load(&Sources::of_environment(settings)).unwrap()).await.unwrap();

    let s25 = Origin::Lists("gsm-sim:some;list-A;list-H;list-U;!variants");
    for ((flag, value), support, word, origin) in [
        (("--tac", "35050556"), EsimSupport::Yes, "yes", s25),
        (("--device-code", "Watch1,1"), EsimSupport::No, "no", Origin::Lists("no-cellular-modem")),
        (("--model", "NEW_1"), EsimSupport::No, "no", Origin::Lists("")),
        (("--tac", "00000001"), EsimSupport::Yes, "yes", Origin::Gsim),
        (("--tac", "00000002"), EsimSupport::No, "no", Origin::Gsim),
        (("--tac", "00000003"), EsimSupport::Unknown, "unknown", Origin::Nobody),
    ] {
        let (field, choice) = match flag {
            "--tac" => ("tac", DeviceChoice::Tac(value.parse().unwrap())),
            "--device-code" => ("deviceCode", DeviceChoice::Code(value.parse().unwrap())),
            _ => ("deviceModel", DeviceChoice::Model(value.parse().unwrap())),
        };
        let hash = (support == EsimSupport::Yes).then(|| DeviceHash::of(&choice));
        let EsimCheck { support: actual, source, list_version, hash: name, .. } =
            oss.check_esim(&choice).await.unwrap();
        assert_eq!(
            (actual, source, list_version, name),
            (support, origin.source(), version, hash),
            "{value}"
        );

        let mut body = json!({ "supportsEsim": hash.is_some(), "known": support != EsimSupport::Unknown });
        add(&mut body, "hash", &json!(hash));
        add(&mut body, "support", &json!(word));
        add(&mut body, "source", &origin.json());
        add(&mut body, "listVersion", &json!(version));
        assert_eq!(check(&server.http(), json!({ field: value })).await.body, body, "{value}");

        let ended = run(&settings, &["--output", "json", "esim", flag, value]);
        assert_eq!((ended.code, ended.json()), (0, body), "{value}");

        let text = run(&settings, &["esim", flag, value]).stdout;
        let begin = match support {
            EsimSupport::Yes => "Supports eSIM; ask for one with the hash ",
            EsimSupport::No => "Does not support eSIM\n",
            EsimSupport::Unknown => "Unknown: no source has this device\n",
        };
        let end = origin.line(&version.to_string());
        assert!(text.starts_with(begin) && text.ends_with(&end), "{value}: {text}");
    }
    oss.shutdown().await;
}

/// Adds a field unless its value is null.
fn add(body: &mut Value, field: &str, value: &Value) {
    if !value.is_null() {
        body[field] = value.clone();
    }
}

async fn a_gsim_that_fails_changes_no_answer(database: Database) {
    let gsim = GsimMock::new(OrderBook::new()).start().await;
    gsim.knows(&DeviceChoice::Tac("00000001".parse().unwrap()), true);
    let url = gsim.url();
    let settings =
        [("OSS_GSIM_URL", url.as_str()), ("OSS_GSIM_TIMEOUT", "1100ms"), ("OSS_GSIM_TOKEN", "t0ken-g")];
    let slow = Fault::Slow(Duration::from_mins(1));
    for fault in [slow, Fault::FailBefore, Fault::Garble, Fault::Unauthorized] {
        gsim.always(CallKind::Device, Some(fault));
        let (server, _sigan) = Server::with_sigan(&database, &settings).await;
        let (http, before) = (server.http(), gsim.calls(CallKind::Device));
        for tac in ["00000001", "00000002", "00000003", "35050556"] {
            let answer = check(&http, json!({ "tac": tac })).await;
            let listed = tac == "35050556";
            assert_eq!((answer.status, &answer.body["supportsEsim"]), (200, &json!(listed)), "{fault:?}");
            assert_eq!(answer.body["known"], json!(listed), "{fault:?}: no answer is not a no");
        }
        assert_eq!(
            gsim.calls(CallKind::Device) - before,
            1,
            "{fault:?}: a GSIM that failed is left alone for a while"
        );
        let warnings = server.log().iter().filter(|line| line.contains("GSIM gives no answer")).count();
        assert_eq!(warnings, 1, "{fault:?}: logged once: {:#?}", server.log());
        assert!(server.log().iter().all(|line| !line.contains("t0ken-g")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gsim_is_not_asked_about_everything_at_once() {
    const ASKED: usize = 64;
    const CALLERS: usize = 200;
    let gsim = GsimMock::new(OrderBook::new()).start().await;
    gsim.always(CallKind::Device, Some(Fault::Slow(Duration::from_secs(10))));
    let database = Database::sqlite().await;
    let settings = [("OSS_GSIM_URL", gsim.url().to_string()), ("OSS_GSIM_TIMEOUT", "30s".to_owned())];
    let settings = settings.each_ref().map(|(name, value)| (*name, value.as_str()));
    let (server, _sigan) = Server::with_sigan(&database, &settings).await;
    let http = server.http();
    let ask = |tac: usize| supported(&http, json!({ "tac": format!("{tac:08}") }));
    // Each caller asks about an unknown device. The last one asks while GSIM is busy with the others.
    let others = join_all((1..CALLERS).map(ask));
    let last = async {
        eventually(async || {
            (gsim.calls(CallKind::Device) >= ASKED as u64).then_some(()).ok_or("they are not asked")
        })
        .await;
        ask(CALLERS).await
    };
    let (others, last) = tokio::join!(others, last);
    assert!(!last && others.iter().all(|supported| !supported), "all are answered");
    let calls = usize::try_from(gsim.calls(CallKind::Device)).unwrap();
    assert_eq!(calls, ASKED);
    let scrape = Scrape::of(&http).await;
    let counted = |outcome| {
        let labels = [("call", "supports_esim"), ("outcome", outcome)];
        scrape.value("oss_gsim_call_duration_seconds_count", &labels).to_string()
    };
    assert_eq!(counted("ok"), ASKED.to_string());
    assert_eq!(counted("busy"), (CALLERS - ASKED).to_string());

    // This is not an outage of GSIM, and no answer is cached for a device that GSIM was not asked about.
    gsim.always(CallKind::Device, None);
    gsim.knows(&DeviceChoice::Tac(format!("{CALLERS:08}").parse().unwrap()), true);
    assert!(ask(CALLERS).await);
    assert!(server.log().iter().all(|line| !line.contains("GSIM gives no answer")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gsim_that_is_not_there_changes_no_answer() {
    let database = Database::sqlite().await;
    let (server, _sigan) =
        Server::with_sigan(&database, &[("OSS_GSIM_URL", "http://127.0.0.1:9/gsim")]).await;
    assert!(!supported(&server.http(), json!({ "tac": "00000001" })).await);
    assert!(supported(&server.http(), json!({ "tac": "35050556" })).await);
}
