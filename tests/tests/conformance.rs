//! Every store behaves in the same way: one suite runs on three databases, and through PgBouncer.

mod sqlite_file {
    oss_tests::behaviours!(oss_tests::conformance::Fixture::sqlite_file());
}

mod sqlite_memory {
    oss_tests::behaviours!(oss_tests::conformance::Fixture::sqlite_memory());
}

mod older_sqlite {
    oss_tests::older_behaviours!(oss_tests::conformance::Fixture::sqlite_file());
}

mod older_postgres {
    oss_tests::older_behaviours!(oss_tests::conformance::Fixture::postgres());
}

mod postgres {
    oss_tests::behaviours!(oss_tests::conformance::Fixture::postgres());
}

mod pgbouncer {
    oss_tests::behaviours!(oss_tests::conformance::Fixture::pgbouncer());
}

mod existing {
    oss_tests::behaviours!(oss_tests::conformance::Fixture::existing());
}

mod older_existing {
    oss_tests::older_behaviours!(oss_tests::conformance::Fixture::existing());
}
