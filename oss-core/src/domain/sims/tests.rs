//! The identifiers of SIMs, by a table of texts and by random ones.

use super::{ActivationCode, Eid, Iccid, Imsi, MalformedAt};

/// The column `accepted` that a text deserves.
fn accepted(kind: &str, text: &str) -> &'static str {
    let is_right: Result<bool, MalformedAt> = match kind {
        "iccid" => text.parse().map(|iccid: Iccid| iccid.has_valid_check_digit()),
        "imsi" => text.parse().map(|_: Imsi| true),
        "eid" => text.parse().map(|_: Eid| true),
        "activation" => text.parse().map(|_: ActivationCode| true),
        _ => panic!("unknown kind {kind}"),
    };
    match is_right {
        Ok(true) => "yes",
        Ok(false) => "warn",
        Err(_) => "no",
    }
}

#[test]
fn each_identifier_of_the_table_is_accepted_or_refused() {
    let table = include_str!("../../../../tests/cases/sim_identifiers.csv");
    let mut rows = 0;
    for line in table.lines().skip(1) {
        let mut columns = line.splitn(4, ',');
        let [kind, text, expected, why] = std::array::from_fn(|_| columns.next().unwrap());
        assert_eq!(accepted(kind, text), expected, "{kind} {text}: {why}");
        rows += 1;
    }
    assert!(rows >= 26, "the table has {rows} rows");
}
