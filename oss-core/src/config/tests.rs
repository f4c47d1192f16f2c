use std::io::Write;
use std::time::Duration;

use secrecy::ExposeSecret;

use super::*;

const REQUIRED: [(&str, &str); 3] = [
    ("OSS_DATABASE_URL", "postgres://oss:s3cret@db/oss"),
    ("OSS_SIGAN_URL", "https://sigan.example/base"),
    ("OSS_SIGAN_BRAND_ID", "acme"),
];

fn with(more: &[(&str, &str)]) -> Sources {
    Sources::of_environment(REQUIRED.iter().chain(more).copied())
}

fn file(text: &str) -> (tempfile::NamedTempFile, Option<PathBuf>) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let path = Some(file.path().to_owned());
    (file, path)
}

#[test]
fn each_layer_is_stronger_than_the_one_below() {
    let listen = |sources: &Sources| CommonConfig::load(sources).unwrap().server.listen.port();
    let (_file, path) = file("[server]\nlisten = \"127.0.0.1:1\"");
    let mut sources = Sources::default();
    assert_eq!(listen(&sources), 8080);
    sources.file = path;
    assert_eq!(listen(&sources), 1);
    sources.environment = vec![("OSS_LISTEN".into(), "127.0.0.1:2".into())];
    assert_eq!(listen(&sources), 2);
    let sources = sources.with_listen("127.0.0.1:3".parse().ok());
    assert_eq!(listen(&sources), 3);
}

#[test]
fn every_fault_is_reported_at_once_and_none_repeats_a_secret() {
    let (_file, path) =
        file("[sigan]\ntimeot = \"5s\"\ntoken = \"t0ken\"\n[server]\nlisten = 7\n[extra]\na = 1");
    let mut sources = with(&[
        ("OSS_PREVIEW_TTL", "soon"),
        ("OSS_SIGAN_USER", "u"),
        ("OSS_DATABSE_URL", "x"),
        ("OSS_REDIS_URL", "http://:hunter2@redis"),
        ("OSS_LOG", "loud"),
    ]);
    sources.file = path;
    let error = Config::load(&sources).unwrap_err();
    let text = error.to_string();
    for part in [
        "sigan.timeot",
        "extra.a",
        "OSS_DATABSE_URL",
        "OSS_PREVIEW_TTL",
        "server.listen",
        "OSS_REDIS_URL",
        "OSS_LOG",
        "sigan.token",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    assert_eq!(error.faults.len(), 8, "{text}");
    for secret in ["hunter2", "t0ken", "s3cret"] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[test]
fn a_fault_names_the_setting_that_is_missing() {
    let error = Config::load(&Sources::default()).unwrap_err();
    assert_eq!(error.faults.len(), 3);
    for name in ["OSS_DATABASE_URL", "OSS_SIGAN_URL", "OSS_SIGAN_BRAND_ID"] {
        assert!(error.to_string().contains(name));
    }
    assert!(CommonConfig::load(&Sources::default()).is_ok());
}

#[test]
fn debug_shows_no_secret() {
    let config = Config::load(&with(&[("OSS_SIGAN_TOKEN", "t0ken")])).unwrap();
    let sources = with(&[("OSS_SIGAN_TOKEN", "t0ken")]);
    for text in [format!("{config:?}"), format!("{sources:?}")] {
        assert!(!text.contains("t0ken") && !text.contains("s3cret"), "{text}");
    }
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let config = Config::load(&with(&[("OSS_REDIS_URL", ""), ("OSS_SIGAN_TOKEN", "")])).unwrap();
    assert!(config.redis.is_none());
    assert!(matches!(config.sigan.credentials, Credentials::None));
}

#[test]
fn a_line_break_at_the_end_of_any_value_is_removed() {
    let sources = with(&[
        ("OSS_DATABASE_URL", "postgres://oss:s3cret@db/oss\n"),
        ("OSS_SIGAN_URL", "https://sigan.example/base\r\n"),
        ("OSS_SIGAN_BRAND_ID", "acme\n"),
        ("OSS_SIGAN_TOKEN", "t0ken\n"),
        ("OSS_DATABASE_POOL", "7\n"),
        ("OSS_REDIS_URL", "\n"),
        ("OSS_LISTEN", "127.0.0.1:1\n"),
    ]);
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.database.url.expose_secret(), "postgres://oss:s3cret@db/oss");
    assert_eq!((config.database.pool, config.sigan.brand.as_str()), (7, "acme"));
    assert!(config.redis.is_none(), "an empty line is no value");
    let Credentials::Bearer(token) = &config.sigan.credentials else { panic!("{:?}", config.sigan) };
    assert_eq!(token.expose_secret(), "t0ken");
}

#[test]
fn a_preview_outlives_a_call() {
    let error = Config::load(&with(&[("OSS_PREVIEW_TTL", "10s"), ("OSS_SIGAN_TIMEOUT", "10s")])).unwrap_err();
    assert_eq!(error.faults.len(), 1);
    assert!(Config::load(&with(&[("OSS_SIGAN_TIMEOUT", "1s")])).is_err());
}

#[test]
fn a_file_that_is_no_toml_is_a_fault() {
    let (_file, path) = file("[sigan\ntoken = \"t0ken\"");
    let error = CommonConfig::load(&Sources { file: path, ..Sources::default() }).unwrap_err();
    assert!(!error.to_string().contains("t0ken"));
    let error = CommonConfig::load(&Sources { file: Some("/does/not/exist".into()), ..Sources::default() })
        .unwrap_err();
    assert!(error.to_string().contains("/does/not/exist"));
}

#[test]
fn one_client_may_take_a_part_of_the_whole() {
    let common = |set: &[(&str, &str)]| CommonConfig::load(&Sources::of_environment(set.iter().copied()));
    let defaults = common(&[]).unwrap();
    assert_eq!(defaults.settings.client_share.of(2000), 1000);
    assert_eq!(defaults.settings.draws, DrawBudget::new(2000, Duration::from_mins(15)));
    assert_eq!(common(&[("OSS_DRAWS_PER_DDD", "0")]).unwrap().settings.draws, None);
    for wrong in [
        ("OSS_CLIENT_SHARE", "0"),
        ("OSS_CLIENT_SHARE", "101"),
        ("OSS_CLIENT_SHARE", "50%"),
        // A preview draws three.
        ("OSS_DRAWS_PER_DDD", "2"),
        ("OSS_DRAWS_PER_DDD", "many"),
        ("OSS_DRAWS_WINDOW", "0s"),
    ] {
        assert_eq!(common(&[wrong]).unwrap_err().faults.len(), 1, "{wrong:?}");
    }
}

#[test]
fn only_a_variable_that_resembles_one_of_ours_is_a_fault() {
    for (name, ours) in [
        ("OSS_DATABSE_URL", "OSS_DATABASE_URL"),
        ("OSS_DATABASE", "OSS_DATABASE_URL"),
        ("OSS_SIGAN_BRAND", "OSS_SIGAN_BRAND_ID"),
        ("OSS_SIGAN_SECRET", "OSS_SIGAN_URL"),
        ("OSS_LISTNE", "OSS_LISTEN"),
        ("OSS_CONFG", "OSS_CONFIG"),
        ("OSS_PREVIEW_LIFETIME", "OSS_PREVIEW_TTL"),
        ("OSS_SERVER_LISTEN", "OSS_LISTEN"),
        ("OSS_SERVER_TLS_CLIENT_CA", "OSS_TLS_CLIENT_CA"),
        ("OSS_LIMITS_DRAWS_PER_DDD", "OSS_DRAWS_PER_DDD"),
        ("OSS_TELEMETRY_OTLP_ENDPOINT", "OSS_OTLP_ENDPOINT"),
        ("OSS_CREDENTIALS_ALLOW_HTTP", "OSS_ALLOW_HTTP_CREDENTIALS"),
    ] {
        let faults = Config::load(&with(&[(name, "s3cret")])).unwrap_err().to_string();
        assert!(faults.contains(&format!("{name} is not a setting; did you mean {ours}?")), "{faults}");
        assert!(!faults.contains("s3cret"));
    }
    for name in ["OSS_SERVER", "OSS_KEY", "OSS_PROFILE"] {
        Config::load(&with(&[(name, "x")])).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    }
    // The variables of Alibaba Cloud's Object Storage Service, and of whatever else is called OSS.
    let others = [
        "ACCESS_KEY_ID",
        "ACCESS_KEY_SECRET",
        "ENDPOINT",
        "BUCKET",
        "REGION",
        "SESSION_TOKEN",
        "SECURITY_TOKEN",
    ];
    for name in others.map(|name| format!("OSS_{name}")) {
        Config::load(&with(&[(&name, "x")])).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    }
}

#[test]
fn the_bounds_in_a_fault_are_those_of_the_table() {
    let table = markdown_table();
    for (name, value, expected, shown) in [
        ("OSS_DATABASE_POOL", "1001", "a number from 1 to 1000", "connections to PostgreSQL, 1 to 1000 |"),
        ("OSS_SIGAN_QUEUE", "-1", "a number from 0 to 100000", "for at most 2s, 0 to 100000; any"),
        (
            "OSS_DRAWS_PER_DDD",
            "1",
            "a number from 3 to 1000000, or 0",
            "has to wait, 3 to 1000000 (a preview",
        ),
        (
            "OSS_GSIM_TIMEOUT",
            "1s",
            "a time over 1s and up to 2m, such as 15s",
            "GSIM, over 1s and up to 2m |",
        ),
        ("OSS_DRAIN", "6m", "a time up to 5m, such as 5s, or 0s", "is not ready; up to 5m, `0s`"),
    ] {
        let error = Config::load(&with(&[(name, value)])).unwrap_err();
        assert_eq!(error.faults, [format!("{name}: expected {expected}")]);
        assert!(table.contains(shown), "{shown}");
    }
}
