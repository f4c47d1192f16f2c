//! `oss audit` with a GSIM: the SIMs that GSIM has, and those that are active here.

use oss_core::gsim::{EsimOrder, GsimConfig, HttpGsim, SimProvider};
use oss_core::{SimId, Technology};
use oss_tests::backend::Database;
use oss_tests::cli::run_beside;
use oss_tests::settle::settings;
use oss_tests::sims::{Lines, esim, id, reserve};
use serde_json::{Value, json};

oss_tests::on_both!(
    ordinary_lines_differ_in_nothing,
    a_sim_that_nobody_has_is_deprogrammed,
    a_sim_whose_number_is_held_here_is_left_to_a_person,
    a_sim_that_gsim_lost_is_left_to_a_person,
    a_sim_with_another_imsi_is_left_to_a_person,
    a_sim_without_a_number_is_left_to_a_person,
);

/// Audits SIMs of any age, and returns the exit code and the report.
async fn audit(lines: &Lines, database: &Database, more: &[&str]) -> (i32, Value) {
    let (sigan, gsim) = (lines.sigan.url(), lines.gsim.url());
    let environment = [&settings(database, sigan.as_str())[..], &[("OSS_GSIM_URL", gsim.as_str())]].concat();
    let audit = ["--output", "json", "audit", "--min-age", "0s"];
    let ended = run_beside(&environment, &[&audit, more].concat()).await;
    (ended.code, ended.json())
}

/// The kind, the SIM and the outcome of the only difference.
fn difference(report: &Value) -> (&str, &str, &str) {
    let [one] = &report["differences"].as_array().expect("a list")[..] else { panic!("{report}") };
    let text = |name: &str| one[name].as_str().unwrap_or_else(|| panic!("{name}: {one}"));
    (text("kind"), text("sim"), text("outcome"))
}

fn client(lines: &Lines) -> HttpGsim {
    HttpGsim::new(&GsimConfig::new(lines.gsim.url())).expect("a client")
}

/// Orders an eSIM from GSIM without our knowledge.
async fn order_beside(lines: &Lines, msisdn: &str) -> String {
    let (reference, brand) = (SimId::new(), "acme".parse().expect("a brand"));
    let msisdn = msisdn.parse().expect("a number");
    let order = EsimOrder::new(reference, msisdn, brand, Technology::FourG);
    client(lines).order_esim(&order).await.expect("GSIM makes it");
    reference.to_string()
}

/// Checks that the audit reports this difference, and that `--fix` leaves it to a person.
async fn is_left_to_a_person(lines: &Lines, database: &Database, kind: &str, sim: &str) {
    let (code, report) = audit(lines, database, &[]).await;
    assert_eq!((code, difference(&report)), (4, (kind, sim, "reported")));
    let before = lines.gsim.book().sims();
    let (code, report) = audit(lines, database, &["--fix"]).await;
    assert_eq!((code, difference(&report)), (4, (kind, sim, "person")));
    assert_eq!(lines.gsim.book().sims(), before);
}

async fn ordinary_lines_differ_in_nothing(database: Database) {
    let lines = Lines::on(&database, &[]).await;
    let http = lines.server.http();
    for _ in 0..3 {
        esim(&http).await;
    }
    let (code, report) = audit(&lines, &database, &[]).await;
    assert_eq!((code, &report["simsListed"], &report["simsDiffer"]), (0, &json!(3), &json!(0)), "{report}");
}

async fn a_sim_that_nobody_has_is_deprogrammed(database: Database) {
    let lines = Lines::on(&database, &[]).await;
    let stray = order_beside(&lines, "21988887777").await;
    let (code, report) = audit(&lines, &database, &[]).await;
    assert_eq!((code, difference(&report)), (4, ("sim-unknown-here", stray.as_str(), "reported")));
    let (code, report) = audit(&lines, &database, &["--fix"]).await;
    assert_eq!((code, difference(&report)), (4, ("sim-unknown-here", stray.as_str(), "fixed")));
    assert_eq!(lines.gsim.book().sims(), []);
    assert_eq!(audit(&lines, &database, &[]).await.0, 0);
}

async fn a_sim_whose_number_is_held_here_is_left_to_a_person(database: Database) {
    let lines = Lines::on(&database, &[]).await;
    let msisdn = reserve(&lines.server.http()).await;
    let sim = order_beside(&lines, &msisdn).await;
    is_left_to_a_person(&lines, &database, "sim-unknown-here", &sim).await;
}

async fn a_sim_that_gsim_lost_is_left_to_a_person(database: Database) {
    let lines = Lines::on(&database, &[]).await;
    let sim = id(&esim(&lines.server.http()).await);
    client(&lines).cancel(sim.parse().expect("an id")).await.expect("GSIM deprograms it");
    is_left_to_a_person(&lines, &database, "sim-unknown-there", &sim).await;
}

async fn a_sim_with_another_imsi_is_left_to_a_person(database: Database) {
    let lines = Lines::on(&database, &[]).await;
    let sim = id(&esim(&lines.server.http()).await);
    database.execute("update sim set vivo_imsi = '724069999999999'").await;
    is_left_to_a_person(&lines, &database, "sim-differs", &sim).await;
}

async fn a_sim_without_a_number_is_left_to_a_person(database: Database) {
    let lines = Lines::on(&database, &[]).await;
    let sim = esim(&lines.server.http()).await;
    // Another program took the number off its SIM.
    database.execute("update phone_number set assigned_sim_id = null").await;
    is_left_to_a_person(&lines, &database, "sim-without-number", &id(&sim)).await;
}
