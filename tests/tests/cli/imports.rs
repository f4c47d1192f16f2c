//! The device commands and the imports, tested through the binary.

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
    for device in [["--tac", "35050556"], ["--imei", "35-050556-000000-6"]] {
        let output = in_sandbox(&sandbox, &["esim", device[0], device[1]]).json();
        assert_eq!(
            (&output["supportsEsim"], &output["hash"]),
            (&json!(true), &json!("014338fee969ef8655b64f83fcee7a89"))
        );
    }
    let iphone = in_sandbox(&sandbox, &["esim", "--device-code", "iPhone15,2"]);
    assert_eq!(iphone.json()["supportsEsim"], true);
    let unknown = in_sandbox(&sandbox, &["esim", "--device-code", "iPhone10,3"]);
    assert_eq!((unknown.code, &unknown.json()["support"]), (0, &json!("unknown")));
    assert_eq!(in_sandbox(&sandbox, &["esim", "--model", "SAMSUNG_GALAXY_S25"]).json()["supportsEsim"], true);
    let table = run(
        &[("OSS_SANDBOX_DIR", sandbox.path().to_str().unwrap())],
        &["--sandbox", "esim", "--tac", "00000000"],
    );
    assert!(table.stdout.contains("Unknown: no source has this device"), "{table:?}");
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
    let report = in_sandbox(&sandbox, &["ddd", "import", list, "--dry-run", "--force"]).json();
    assert_eq!(report, json!({ "dryRun": true, "localities": counts }));
    for arguments in [vec!["ddd", "import", list], vec!["ddd", "import", list, "--dry-run"]] {
        let refused = in_sandbox(&sandbox, &arguments);
        assert_eq!((refused.code, refused.stdout.as_str()), (4, ""), "{refused:?}");
        for part in ["mass-removal", "5571 of 5571 localities", "--force"] {
            assert!(refused.stderr.contains(part), "{part} is not in {refused:?}");
        }
    }
    assert_eq!(in_sandbox(&sandbox, &["ddd", "11"]).code, 0, "nothing was written");
    assert_eq!(in_sandbox(&sandbox, &["ddd", "import", list, "--force"]).json()["localities"], counts);
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

fn import_devices(database: &Database, lists: &Lists, more: &[&str]) -> Ended {
    let arguments = [&["--output", "json", "devices", "import", lists.path()], more].concat();
    run(&[("OSS_DATABASE_URL", database.url())], &arguments)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_replaces_the_catalogue() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        let import = |lists: &Lists, more: &[&str]| import_devices(&database, lists, more);
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
        let report = import(&lists, &["--dry-run"]).json();
        assert_eq!(everything(&database).await, before, "a dry run writes nothing");
        assert_eq!(report["brands"], json!({ "added": 1, "changed": 1, "removed": 0, "total": 32 }));
        assert_eq!(report["tacs"], json!({ "added": 0, "changed": 0, "removed": 1, "total": 1388 }));
        let mut written = import(&lists, &[]).json();
        written["dryRun"] = json!(true);
        assert_eq!(written, report, "the dry run reported the same changes");
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
async fn a_list_with_faults_changes_nothing_and_reports_each_fault() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        let on = [("OSS_DATABASE_URL", database.url())];
        let before = everything(&database).await;
        // The cut is within a line, so that the rest is not a valid list.
        let half = |bytes: Vec<u8>| bytes[..bytes.len() / 2].trim_ascii_end().to_vec();
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
            "device_codes.csv:882: model: NO_SUCH_MODEL is not in device_models.csv",
            "device_tacs.csv:1391: tac: expected a TAC: 8 digits",
            "device_tacs.csv:1392: it is not UTF-8",
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

/// Sums over every locality, and how many lists have a new version.
async fn localities(database: &Database) -> Vec<i64> {
    let mut counts = Vec::new();
    for sum in ["count(*)", "sum(location_cnl)", "sum(cast(ddd as integer) * location_cnl)"] {
        counts.push(database.count(&format!("select cast({sum} as bigint) from location_ddd")).await);
    }
    counts.push(database.count("select count(*) from reference_data where version <> zeroblob(16)").await);
    counts
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_localities_is_read_right_or_refused_with_its_line() {
    const CASES: [(&str, Result<u64, &str>); 16] = [
        ("ddd_min.csv", Err("ddd_min.csv:2: uf: the field contains a line break")),
        ("ddd_unclosed_quote_last_column.csv", Err("quote_last_column.csv:3: uf: the field contains a line")),
        ("ddd_stray_quotes_in_uf.csv", Err("ddd_stray_quotes_in_uf.csv:11: uf: the field contains a line")),
        ("ddd_crlf_unclosed_quote.csv", Err("unclosed_quote.csv:3: municipality: the field contains a line")),
        ("ddd_blank_lines.csv", Err("ddd_blank_lines.csv:6: ddd: expected a DDD")),
        ("ddd_invisible_inside.csv", Err("2: location_cnl: it contains an invisible character (U+200B)")),
        (
            "ddd_other_headings.csv",
            Err("1: expected the headings location_cnl,ddd[,municipality,uf]; found \"cnl,ddd\""),
        ),
        (
            "ddd_sep_pipe.csv",
            Err("ddd_sep_pipe.csv:1: the line sep= names \"|\"; expected a comma, a semicolon"),
        ),
        ("ddd_utf16_cut.csv", Err("ddd_utf16_cut.csv:1: it begins as UTF-16, but it is not")),
        ("ddd_excel_empty_rows.csv", Ok(2)),
        ("ddd_padded.csv", Ok(2)),
        ("ddd_semicolons.csv", Ok(2)),
        ("ddd_sep_line.csv", Ok(2)),
        ("ddd_utf16le_bom.csv", Ok(2)),
        ("ddd_utf16be_tabs.csv", Ok(2)),
        ("ddd_invisible_around.csv", Ok(2)),
    ];
    let database = Database::sqlite().await;
    let on = [("OSS_DATABASE_URL", database.url())];
    let before = localities(&database).await;
    let lists = Lists::localities();
    for (file, expected) in CASES {
        let path = lists.file(file);
        let import = ["--output", "json", "ddd", "import", path.to_str().unwrap(), "--force"];
        let Ok(total) = expected else {
            let ended = run(&on, &import);
            let fault = expected.unwrap_err();
            assert_eq!((ended.code, ended.stdout.as_str()), (2, ""), "{file}: {ended:?}");
            let error: serde_json::Value = serde_json::from_str(&ended.stderr).unwrap();
            assert!(error.to_string().replace("\\\"", "\"").contains(fault), "{file}: {fault}: {error}");
            assert_eq!(localities(&database).await, before, "{file}: after a fault nothing has changed");
            continue;
        };
        let counts = json!({ "added": 0, "changed": 0, "removed": 5571 - total, "total": total });
        let ended = run(&on, &[&import[..], &["--dry-run"]].concat());
        assert_eq!(ended.code, 0, "{file}: {ended:?}");
        assert_eq!(ended.json()["localities"], counts, "{file}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_a_catalogue_are_trimmed_and_its_flags_are_read_in_both_languages() {
    let database = Database::sqlite().await;
    let lists = Lists::devices();
    lists.add("device_brands.csv", " lori\u{a0},Lori");
    lists.add("device_models.csv", "\u{feff}lori , LORI_1\u{200b},Lori 1,VERDADEIRO,");
    lists.add("device_models.csv", "lori,LORI_2,Lori 2,False,");
    lists.add("device_codes.csv", "SM-X999 ,SAMSUNG_GALAXY_S25");
    lists.add("device_tacs.csv", "35000001\t,LORI_1 ,");
    lists.change("device_models.csv", |bytes| {
        String::from_utf8(bytes).unwrap().replace(",true,", ",TRUE,").into()
    });
    let ended = run(&[("OSS_DATABASE_URL", database.url())], &["devices", "import", lists.path()]);
    assert_eq!(ended.code, 0, "{ended:?}");
    for (rows, condition) in [
        (1, "device_code where code = 'SM-X999'"),
        (1, "device_brand where slug = 'lori'"),
        (1, "device_catalog_model where model = 'LORI_1' and supports_esim"),
        (1, "device_catalog_model where model = 'LORI_2' and not supports_esim"),
        (1, "device_tac where tac = '35000001' and model = 'LORI_1'"),
    ] {
        assert_eq!(database.count(&format!("select count(*) from {condition}")).await, rows, "{condition}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_removes_more_than_a_tenth_of_a_kind_is_refused_unless_it_is_forced() {
    for database in [Database::sqlite().await, Database::postgres().await] {
        let import = |lists: &Lists, more: &[&str]| import_devices(&database, lists, more);
        let before = everything(&database).await;
        let lists = Lists::devices();
        for file in ["device_codes.csv", "device_tacs.csv"] {
            lists.keep_lines(file, 1);
        }
        lists.remove("device_models.csv", "zte,");
        for more in [&[][..], &["--dry-run"]] {
            let refused = import(&lists, more);
            assert_eq!((refused.code, refused.stdout.as_str()), (4, ""), "{refused:?}");
            for part in ["mass-removal", " of 415 models, 880 of 880 codes and 1389 of 1389 TACs", "--force"]
            {
                assert!(refused.stderr.contains(part), "{part} is not in {refused:?}");
            }
        }
        assert_eq!(everything(&database).await, before, "a list that is refused changes nothing");

        let few = Lists::devices();
        few.keep_lines("device_tacs.csv", 1 + 1389 - 138);
        assert_eq!(import(&few, &[]).json()["tacs"]["removed"], 138, "a tenth may go");
        few.keep_lines("device_tacs.csv", 1 + 1251 - 126);
        assert_eq!(import(&few, &[]).code, 4, "one more than a tenth may not");

        assert_eq!(import(&lists, &["--force"]).json()["codes"]["removed"], 880);
        assert_eq!(database.count("select count(*) from device_tac").await, 0);
        assert_eq!(import(&Lists::devices(), &[]).json()["tacs"]["added"], 1389, "an empty kind is filled");
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
