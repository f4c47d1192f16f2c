//! SQL that finds the preview that offered a number, for both databases.

/// An SQL query: the preview that offered a number under an external id, unless the preview has an attempt already. A row that
/// ends or records a hold, but did not begin from that preview, carries its id, so that nobody can reserve a number from it any
/// more.
macro_rules! offering {
    ($external_id:literal, $msisdn:literal) => {
        concat!(
            "select p.id
            from preview_number n
            join preview p on p.id = n.preview_id
            where n.msisdn = ",
            $msisdn,
            " and p.external_id = ",
            $external_id,
            " and not exists (select 1 from reservation r where r.preview_id = p.id and r.state <> 'REJECTED')
            limit 1"
        )
    };
}
pub(super) use offering;
