//! The rules of [`Tenant`](crate::domain::Tenant) in SQL, for both databases.

/// An SQL expression: the brand of a held number, from the brand of its live reservation, which may be null.
macro_rules! brand_of_held {
    ($live:literal) => {
        concat!("coalesce(", $live, ", 'unknown')")
    };
}
pub(super) use brand_of_held;

/// An SQL expression: the brand of a number, from its text and its status. A number that nobody holds belongs to the brand that gave it
/// back last, or else to the brand of the latest attempt, so that a brand sees what became of its attempts.
macro_rules! brand_of_number {
    ($msisdn:literal, $status:literal) => {
        concat!(
            "coalesce(
                (
                    select holder.brand_id from reservation holder
                    where holder.msisdn = ",
            $msisdn,
            " and ",
            $crate::store::live::live!("holder.state"),
            "
                ),
                case when coalesce(",
            $status,
            ", 'RETURNED') = 'RETURNED' then (
                    select holder.brand_id from reservation holder
                    where holder.msisdn = ",
            $msisdn,
            "
                    order by holder.state in ('RELEASING', 'RELEASED') desc, holder.created_at desc
                    limit 1
                ) end,
                'unknown'
            )"
        )
    };
}
pub(super) use brand_of_number;
