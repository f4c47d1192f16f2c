//! The device commands and the imports, by the binary.

use oss_tests::backend::Database;
use oss_tests::cli::{Ended, run};
use oss_tests::lists::Lists;
use serde_json::json;
use tempfile::TempDir;

/// Runs in a sandbox of its own.
fn in_sandbox(sandbox: &TempDir, arguments: &[&str]) -> Ended {
    let dir = sandbox.path().to_str().expect("a path of ASCII");
    run(&[("OSS_SANDBOX_DIR", dir)], &[&["--sandbox", "--output", "json"], arguments].concat())
}

#[test]
fn devices_are_listed_and_checked() {
    let sandbox = tempfile::tempdir().unwrap();
    let brands = in_sandbox(&sandbox, &["brands"]).json();
    let samsung =
        brands["brands"].as_array().unwrap().iter().find(|brand| brand["slug"] == "samsung").unwrap();
    let id = samsung["id"].as_str().unwrap();
    let by_id = in_sandbox(&sandbox, &["models", id]).json();
    let s25 = json!({ "model": "SAMSUNG_GALAXY_S25", "name": "Galaxy S25", "homologated": true });
    assert!(by_id["models"].as_array().unwrap().contains(&s25));
    for brand in ["samsung", "SAMSUNG", "Samsung"] {
        assert_eq!(in_sandbox(&sandbox, &["models", brand]).json(), by_id, "{brand}");
    }
    for brand in ["nobody", "018f0000-0000-7000-8000-000000000000"] {
        assert_eq!(in_sandbox(&sandbox, &["models", brand]).code, 3, "{brand}");
    }
    let hash = json!({ "supportsEsim": true, "hash": "014338fee969ef8655b64f83fcee7a89" });
    for device in [["--tac", "35050556"], ["--imei", "35-050556-000000-6"]] {
        assert_eq!(in_sandbox(&sandbox, &["esim", device[0], device[1]]).json(), hash);
    }
    let iphone = in_sandbox(&sandbox, &["esim", "--device-code", "iPhone15,2"]);
    assert_eq!(iphone.json()["supportsEsim"], true);
    let unknown = in_sandbox(&sandbox, &["esim", "--device-code", "iPhone10,3"]);
    assert_eq!((unknown.code, unknown.json()), (0, json!({ "supportsEsim": false })));
    assert_eq!(in_sandbox(&sandbox, &["esim", "--model", "SAMSUNG_GALAXY_S25"]).json()["supportsEsim"], true);
    let table = run(
        &[("OSS_SANDBOX_DIR", sandbox.path().to_str().unwrap())],
        &["--sandbox", "esim", "--tac", "00000000"],
    );
    assert!(table.stdout.contains("Does not support eSIM"), "{table:?}");
}

#[test]
fn an_area_code_is_asked_for_as_ever() {
    let sandbox = tempfile::tempdir().unwrap();
    assert_eq!(in_sandbox(&sandbox, &["ddd", "11"]).json(), json!({ "ddd": "11", "exists": true }));
    for wrong in [vec!["ddd"], vec!["ddd", "import"], vec!["ddd", "11", "import", "list.csv"]] {
        assert_eq!(in_sandbox(&sandbox, &wrong).code, 2, "{wrong:?}");
    }
    let list = sandbox.path().join("list.csv");
    std::fs::write(&list, "location_cnl,ddd,municipality,uf\n1,23,L'Oeste,SP\n").unwrap();
    let list = list.to_str().unwrap();
    let counts = json!({ "added": 1, "changed": 0, "removed": 5571, "total": 1 });
    let told = in_sandbox(&sandbox, &["ddd", "import", list, "--dry-run"]).json();
    assert_eq!(told, json!({ "dryRun": true, "localities": counts }));
    assert_eq!(in_sandbox(&sandbox, &["ddd", "11"]).code, 0, "nothing was written");
    assert_eq!(in_sandbox(&sandbox, &["ddd", "import", list]).json()["localities"], counts);
    assert_eq!(
        (in_sandbox(&sandbox, &["ddd", "11"]).code, in_sandbox(&sandbox, &["ddd", "23"]).code),
        (3, 0)
    );
}

async fn everything(database: &Database) -> Vec<i64> {
    let mut counts = Vec::new();
    for (table, part) in [
        ("device_brand", "name"),
        ("device_catalog_model", "name || source"),
        ("device_code", "code || model"),
        ("device_tac", "model || source"),
        ("reference_data", "name"),
    ] {
        counts.push(
            database
                .count(&format!("select cast(count(*) + sum(length({part})) as bigint) from {table}"))
                .await,
        );
    }
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catalogue_takes_the_place_of_the_one_there_is() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        let on = [("OSS_DATABASE_URL", database.url())];
        let import = |lists: &Lists, more: &[&str]| {
            run(&on, &[&["--output", "json", "devices", "import", lists.path()], more].concat())
        };
        let before = everything(&database).await;
        let lists = Lists::devices();
        let same = import(&lists, &[]).json();
        assert_eq!(same["models"], json!({ "added": 0, "changed": 0, "removed": 0, "total": 415 }));
        lists.add("device_brands.csv", "lori,L'Original");
        lists.add("device_models.csv", "lori,LORI_1,\"L'1 \"\"Um\"\"\",true,");
        lists.remove("device_tacs.csv", "35050556,");
        lists.change("device_brands.csv", |bytes| {
            String::from_utf8(bytes).unwrap().replace("zte,ZTE", "zte,Zte").into()
        });
        let told = import(&lists, &["--dry-run"]).json();
        assert_eq!(everything(&database).await, before, "a dry run writes nothing");
        assert_eq!(told["brands"], json!({ "added": 1, "changed": 1, "removed": 0, "total": 32 }));
        assert_eq!(told["tacs"], json!({ "added": 0, "changed": 0, "removed": 1, "total": 1391 }));
        let mut written = import(&lists, &[]).json();
        written["dryRun"] = json!(true);
        assert_eq!(written, told, "what the dry run told is what is written");
        assert_eq!(database.count("select count(*) from device_brand where name = 'L''Original'").await, 1);
        assert_eq!(run(&[], &["--database-url", database.url(), "migrate"]).code, 0);
        assert_eq!(
            database.count("select count(*) from device_brand").await,
            32,
            "a migration leaves it alone"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_with_faults_changes_nothing_and_tells_each() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        let on = [("OSS_DATABASE_URL", database.url())];
        let before = everything(&database).await;
        let half = |bytes: Vec<u8>| bytes[..bytes.len() / 2].to_vec();
        let lists = Lists::devices();
        lists.add("device_brands.csv", "more,\"More\"");
        lists.add("device_models.csv", "apple,SAMSUNG_GALAXY_S25,Twice,true,");
        lists.add("device_codes.csv", "NONE,NO_SUCH_MODEL");
        lists.add("device_tacs.csv", "3500001,SAMSUNG_GALAXY_S25,");
        lists.change("device_tacs.csv", |bytes| [bytes.as_slice(), b"35000001,SAMSUNG_\xff,\n"].concat());
        let ended = run(&on, &["devices", "import", lists.path()]);
        assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{ended:?}");
        for fault in [
            "device_models.csv:417: model SAMSUNG_GALAXY_S25 is already in line",
            "device_codes.csv:858: model: NO_SUCH_MODEL is not in device_models.csv",
            "device_tacs.csv:1394: tac: expected a TAC: 8 digits",
            "device_tacs.csv:1395: it is not UTF-8",
        ] {
            assert!(ended.stderr.contains(fault), "{fault} is not in {ended:?}");
        }
        assert_eq!(ended.stderr.lines().count(), 5, "{ended:?}");
        for file in ["device_brands.csv", "device_models.csv", "device_codes.csv", "device_tacs.csv"] {
            let lists = Lists::devices();
            lists.change(file, half);
            let ended = run(&on, &["--output", "json", "devices", "import", lists.path()]);
            assert_eq!(ended.code, 2, "{file}: {ended:?}");
            assert!(ended.stderr.contains("import-faults") && ended.stderr.contains(file), "{ended:?}");
        }
        let ended = run(&on, &["devices", "import", "/does/not/exist"]);
        assert_eq!((ended.code, ended.stderr.lines().count()), (2, 5), "{ended:?}");
        assert_eq!(everything(&database).await, before);
    }
}

#[test]
fn an_import_needs_a_database_with_its_tables() {
    let lists = Lists::devices();
    let import = ["devices", "import", lists.path()];
    let ended = run(&[], &import);
    assert!(ended.code == 2 && ended.stderr.contains("OSS_DATABASE_URL"), "{ended:?}");
    assert!(!ended.stderr.contains("OSS_SIGAN_URL"), "{ended:?}");
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", dir.path().join("none.db").display());
    let ended = run(&[("OSS_DATABASE_URL", &url)], &import);
    assert!(ended.code == 6 && ended.stderr.contains("oss migrate"), "{ended:?}");
}
