//! SQL that finds the number that a SIM has already, for both databases. A SIM has one number (the data model's 1:1).

/// The unique index that refuses a second number for a SIM, if two steps assign one at the same time.
pub(super) const INDEX: &str = "phone_number_sim";

/// An SQL query: a number other than `$msisdn` that a SIM has.
macro_rules! other_number_of_sim {
    ($sim:literal, $msisdn:literal) => {
        concat!(
            "select o.msisdn, o.status
            from phone_number o
            where o.assigned_sim_id = ",
            $sim,
            " and o.status = 'IN_USE' and o.msisdn <> ",
            $msisdn,
            "
            order by o.msisdn
            limit 1"
        )
    };
}
pub(super) use other_number_of_sim;
