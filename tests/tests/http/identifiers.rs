//! Identifiers as people paste them: one table (`cases/identifiers.json`) for the crate, the command line and HTTP.

use std::fmt::Write;

use oss_core::{DeviceChoice, DeviceHash, Imei, Msisdn, Oss};
use oss_tests::backend::Database;
use oss_tests::cli::{Ended, run};
use oss_tests::http::Http;
use oss_tests::server::Server;
use serde::Deserialize;
use serde_json::json;

/// A text, with the identifier that it means or with a part of the reason why it is refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    kind: Kind,
    text: String,
    read: Option<String>,
    refused: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Kind {
    Msisdn,
    Imei,
    DeviceCode,
}

fn cases(kind: Kind) -> Vec<Case> {
    let all: Vec<Case> =
        serde_json::from_str(include_str!("../../cases/identifiers.json")).expect("the table is JSON");
    let of_kind: Vec<Case> = all.into_iter().filter(|case| case.kind == kind).collect();
    assert!(
        of_kind.iter().any(|case| case.read.is_some()) && of_kind.iter().any(|case| case.refused.is_some())
    );
    of_kind
}

impl Case {
    /// Compares an outcome with the table. An error never repeats the text.
    fn check(&self, outcome: Result<String, String>) {
        match (&self.read, &self.refused, outcome) {
            (Some(read), None, Ok(outcome)) => assert_eq!(outcome, *read, "{self:?}"),
            (None, Some(why), Err(error)) => {
                assert!(error.contains(why), "{self:?}: {error}");
                let (error, text) = (error.replace("11999950001", "the example"), self.text.trim());
                assert!(text.len() < 4 || !error.contains(text), "{self:?}: {error}");
            }
            (_, _, outcome) => panic!("{self:?}: {outcome:?}"),
        }
    }
}

/// The hash of a device code or of a TAC, as the contract defines it.
fn hash(kind: Kind, text: &str) -> String {
    let choice = match kind {
        Kind::Imei => DeviceChoice::Tac(text.parse().expect("a TAC")),
        _ => DeviceChoice::Code(text.parse().expect("a code")),
    };
    DeviceHash::of(&choice).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_crate_reads_them() {
    for case in cases(Kind::Msisdn) {
        let read = case.text.parse().map(|msisdn: Msisdn| msisdn.to_string());
        case.check(read.map_err(|error| error.to_string()));
    }
    for case in cases(Kind::Imei) {
        let read = case.text.parse().map(|imei: Imei| imei.tac().to_string());
        case.check(read.map_err(|error| error.to_string()));
    }
    let oss = Oss::sandbox().await.unwrap();
    for mut case in cases(Kind::DeviceCode) {
        case.read = case.read.map(|code| hash(Kind::DeviceCode, &code));
        case.check(match case.text.parse() {
            Ok(code) => {
                let check = oss.check_esim(&DeviceChoice::Code(code)).await.unwrap();
                Ok(check.hash.map(|hash| hash.to_string()).unwrap_or_default())
            }
            Err(error) => Err(error.to_string()),
        });
    }
    oss.shutdown().await;
}

#[test]
fn the_command_line_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [("OSS_SANDBOX_DIR", folder.path().to_str().unwrap())];
    let oss = |arguments: &[&str]| run(&settings, &[&["--sandbox", "--output", "json"], arguments].concat());
    for ddd in ["11", "55"] {
        assert_eq!(oss(&["reserve", "--ddd", ddd]).code, 0);
    }
    let outcome = |ended: &Ended, field: &str| match ended.code {
        0 => Ok(ended.json()[field].as_str().unwrap_or_default().to_owned()),
        2 => Err(ended.stderr.clone()),
        _ => panic!("{ended:?}"),
    };
    for case in cases(Kind::Msisdn) {
        case.check(outcome(&oss(&["show", &case.text]), "msisdn"));
    }
    for (kind, option) in [(Kind::Imei, "--imei"), (Kind::DeviceCode, "--device-code")] {
        for mut case in cases(kind) {
            case.read = case.read.map(|text| hash(kind, &text));
            case.check(outcome(&oss(&["esim", option, &case.text]), "hash"));
        }
    }
}

#[test]
fn a_wrong_number_among_several_is_named_by_its_position() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [("OSS_SANDBOX_DIR", folder.path().to_str().unwrap())];
    let ended = run(&settings, &["--sandbox", "release", "11999950001", "11999950002", "1133334444", "x"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("number 3: expected a mobile number"), "{ended:?}");
    assert!(ended.stderr.contains("land line") && !ended.stderr.contains("1133334444"), "{ended:?}");
}

oss_tests::on_both!(the_server_reads_them);

async fn the_server_reads_them(database: Database) {
    let (server, _sigan) = Server::with_sigan(&database, &[]).await;
    let http = server.http();
    for ddd in ["11", "55"] {
        assert_eq!(http.post("/reservations", json!({ "areaCode": ddd })).await.status, 201);
    }
    for case in cases(Kind::Msisdn) {
        case.check(shown(&http, &case.text).await);
    }
    for mut case in cases(Kind::DeviceCode) {
        case.read = case.read.map(|code| hash(Kind::DeviceCode, &code));
        let answer = http.put_json("/device-models", json!({ "deviceCode": case.text })).await;
        case.check(match answer.status {
            200 => Ok(answer.body["hash"].as_str().unwrap_or_default().to_owned()),
            _ => Err(answer.body["errors"].to_string()),
        });
    }
    assert_eq!(database.count("select count(*) from device_model").await, 2, "a row for each choice");
    let spelled = "select count(*) from device_model where code in ('iPhone15,2', 'SM-S931B')";
    assert_eq!(database.count(spelled).await, 2, "in the catalogue's spelling");
}

/// The number that the server shows under a text.
async fn shown(http: &Http, text: &str) -> Result<String, String> {
    let segment = text.bytes().fold(String::new(), |mut segment, byte| {
        write!(segment, "%{byte:02X}").expect("a String takes any text");
        segment
    });
    let answer = http.get(&format!("/numbers/{segment}")).await;
    match answer.status {
        200 => Ok(answer.body["msisdn"].as_str().unwrap_or_default().to_owned()),
        400 => Err(answer.body["errors"].to_string()),
        _ => panic!("{text:?}: {answer:?}"),
    }
}
