use super::*;

#[test]
fn a_lease_is_a_repeat_from_the_second_call() {
    let hold = Hold { external_id: "EXT-1".parse().unwrap(), msisdn: "11999950001".parse().unwrap() };
    let lease = |call| Lease {
        reservation: ReservationId::new(),
        call,
        brand: "marca".parse().unwrap(),
        hold: hold.clone(),
    };
    assert_eq!([1, 2, 3].map(|call| lease(call).is_repeat()), [false, true, true]);
}

#[test]
fn only_a_step_that_takes_the_lease_has_a_time() {
    let time = Duration::from_secs(30);
    assert_eq!([Intent::Take(time).lease(), Intent::Look.lease()], [Some(time), None]);
}

#[test]
fn every_row_that_changed_counts() {
    let overdue = Overdue { expired: 1, assigned: 10, lapsed: 100, set_aside: 1_000 };
    assert_eq!(overdue.rows(), 1_111);
}

#[test]
fn a_census_adds_up_what_its_states_count() {
    let mut census = Census::default();
    census.add(AttemptState::InDoubt, 3, 1, 20.0);
    census.add(AttemptState::Releasing, 5, 4, 60.0);
    census.add(AttemptState::Held, 7, 0, 90.0);
    let of =
        [AttemptState::InDoubt, AttemptState::Releasing, AttemptState::Pending].map(|state| census.of(state));
    assert_eq!(of, [3, 5, 0]);
    assert_eq!(
        (census.due, census.oldest_due),
        (5, Some(Duration::from_mins(1))),
        "only a due row has waited"
    );
}
