//! The filters, places and lines of lists.

use super::*;

fn time() -> Timestamp {
    "2026-11-25T13:30:43Z".parse().unwrap()
}

fn field(options: &ListOptions) -> Option<&'static str> {
    options.list().err().map(|fault| fault.field)
}

#[test]
fn a_combination_that_no_index_serves_is_refused() {
    let none = ListOptions::default;
    let state = |state| ListOptions { state: Some(state), ..none() };
    let held = || state(AttemptState::Held);
    let (ddd, status, sim) = (Some("11".parse().unwrap()), Some(NumberStatus::InUse), Some(SimId::new()));
    for (options, expected) in [
        (none(), None),
        (ListOptions { ddd, status: status.clone(), ..none() }, None),
        (ListOptions { ddd, ..held() }, None),
        (ListOptions { created_before: Some(time()), created_after: Some(time()), ..held() }, None),
        (ListOptions { expires_before: Some(time()), ..held() }, None),
        (ListOptions { sim, ..none() }, None),
        (ListOptions { status: status.clone(), ..held() }, Some("status")),
        (ListOptions { created_before: Some(time()), ..none() }, Some("createdBefore")),
        (ListOptions { created_after: Some(time()), ..none() }, Some("createdAfter")),
        (ListOptions { created_after: Some(time()), ..state(AttemptState::Assigned) }, Some("state")),
        (ListOptions { created_after: Some(time()), ddd, ..held() }, Some("ddd")),
        (ListOptions { expires_before: Some(time()), ddd, ..none() }, Some("ddd")),
        (ListOptions { expires_before: Some(time()), ..state(AttemptState::Pending) }, Some("state")),
        (
            ListOptions { expires_before: Some(time()), created_after: Some(time()), ..held() },
            Some("createdAfter"),
        ),
        (ListOptions { status, sim, ..none() }, Some("status")),
        (ListOptions { sim, expires_before: Some(time()), ..none() }, Some("expiresBefore")),
    ] {
        assert_eq!(field(&options), expected, "{options:?}");
    }
}

#[test]
fn a_place_belongs_to_its_list() {
    let id = ReservationId::new();
    let micros = DateTime::from_timestamp_micros(1_764_077_443_123_456).unwrap();
    let places =
        [Cursor::Number("11999950001".into()), Cursor::Attempt("x".into(), id), Cursor::Time(micros, id)];
    for place in &places {
        assert_eq!(place.to_string().parse::<Cursor>().as_ref(), Ok(place));
        assert!(!format!("{place:?}").contains("1999"));
    }
    for text in ["", "11999950001", "zz", &hex::encode("a1"), &hex::encode("t1"), &hex::encode("x1")] {
        assert!(text.parse::<Cursor>().is_err(), "{text}");
    }
    let by_number = ListOptions { after: Some(places[0].clone()), ..ListOptions::default() };
    assert_eq!(field(&by_number), None);
    for (after, state) in [(0, AttemptState::Held), (2, AttemptState::Held)] {
        let after = Some(places[after].clone());
        assert_eq!(
            field(&ListOptions { after, state: Some(state), ..ListOptions::default() }),
            Some("after")
        );
    }
}

#[test]
fn a_page_has_a_length() {
    assert_eq!(ListOptions::default().list().unwrap().limit, 100);
    assert_eq!("1000".parse(), Ok(PageLength::MAX));
    for text in ["0", "1001", "-1", "x", ""] {
        assert!(text.parse::<PageLength>().is_err(), "{text}");
    }
}

#[test]
fn a_line_of_csv_quotes_its_fields() {
    let number = ListedNumber {
        msisdn: "11999950001".parse().unwrap(),
        status: None,
        state: Some(AttemptState::InDoubt),
        brand_id: None,
        assigned_sim_id: None,
        expires_at: None,
        reason: Some("he said \"no\", twice".to_owned()),
        created_at: DateTime::from_timestamp(1_764_077_443, 0).unwrap(),
        updated_at: None,
    };
    let line = number.csv_line();
    assert_eq!(line, "11999950001,,IN_DOUBT,,,,\"he said \"\"no\"\", twice\",2025-11-25T13:30:43Z,");
    assert_eq!(ListedNumber::CSV_HEADINGS.split(',').count(), 9);
}
