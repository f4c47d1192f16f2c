//! Every metric of the project, including those of the server.
//!
//! Names follow Prometheus: the prefix `oss_`, base units, `_total` for counters. A histogram of durations also counts what it
//! times (`_count`), so nothing is counted a second time. The outcome of an operation, a call or a request is a label: `ok`, or
//! the stable code of the error.
//!
//! Gauges that describe the database (`oss_reservations`, `oss_due_reservations`, `oss_due_oldest_age_seconds`) say the same on
//! every server of one database: take the maximum over servers, never the sum.

/// The upper bounds of every histogram, in seconds. They range from an answer out of memory to a call to Sigan that used its
/// whole default time-out. The last bound is for longer time-outs.
pub const BUCKETS: [f64; 15] =
    [0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0];

/// Declares each metric as a constant with its name, and [`describe`].
macro_rules! metrics {
    ($($describe:ident $constant:ident = $name:literal: $about:literal;)+) => {
        $(
            #[doc = concat!("`", $name, "`: ", $about)]
            pub const $constant: &str = $name;
        )+

        /// Describes every metric to the recorder of this process. Call it once, after the recorder was installed.
        pub fn describe() {
            $(::metrics::$describe!($name, $about);)+
        }
    };
}

metrics! {
    describe_histogram OPERATION_DURATION = "oss_operation_duration_seconds":
        "Time of the operations of the library, by operation and outcome; unfinished is one whose caller left or that panicked.";
    describe_histogram HTTP_REQUEST_DURATION = "oss_http_request_duration_seconds":
        "Time to answer a request, by route (none if there is no such route), method and status.";
    describe_counter CONNECTIONS_REFUSED = "oss_connections_refused_total":
        "Connections that were closed because too many were open, by listener: the new one on service, the oldest one on admin.";
    describe_gauge HTTP_CONNECTIONS = "oss_http_connections":
        "Connections that are open, by listener (service or admin).";
    describe_gauge HTTP_CONNECTIONS_LIMIT = "oss_http_connections_limit":
        "Limit of the open connections, by listener.";
    describe_counter LOAD_SHED = "oss_load_shed_total":
        "Calls that were answered 503 because this process was at a limit, by limit: requests, or the queue for a call to Sigan or GSIM (sigan-queue or gsim-queue).";
    describe_gauge CERTIFICATE_EXPIRY = "oss_tls_certificate_expiry_timestamp_seconds":
        "When the first certificate of the served chain expires, in seconds since 1970. Absent without TLS.";
    describe_histogram SIGAN_CALL_DURATION = "oss_sigan_call_duration_seconds":
        "Time of the calls to Sigan, by call and outcome.";
    describe_histogram GSIM_CALL_DURATION = "oss_gsim_call_duration_seconds":
        "Time of the calls to GSIM, by call and outcome.";
    describe_counter UPSTREAM_CALLS_DROPPED = "oss_upstream_calls_dropped_total":
        "Records of calls to Sigan and GSIM that were dropped, the oldest first, because the database did not take them in time.";
    describe_counter DRAWS = "oss_draws_total":
        "Calls that asked Sigan for numbers of an area code and were answered, by ddd.";
    describe_counter NO_NUMBERS_LEFT = "oss_no_numbers_left_total":
        "Those of these calls for which no number was left, by ddd.";
    describe_gauge ATTEMPTS = "oss_attempts":
        "Attempts to hold a number, by brand, ddd and state, as the events say; also those on a line and those that are over. First calls under way are not counted.";
    describe_gauge LAST_AUDIT = "oss_last_audit_timestamp_seconds":
        "When the latest audit of a brand had compared everything, in seconds since 1970, by brand; 0 if there was none.";
    describe_counter RECYCLED_OFFERS = "oss_recycled_offers_total":
        "Offers of Sigan that were not used because one of their numbers was given back too recently (numbers.recycle_after).";
    describe_counter SIM_STEPS = "oss_sim_steps_total":
        "Steps of SIMs, by sim_type and step: ordered, refused (with the reason), code_read, and the states of a profile that GSIM reported.";
    describe_gauge GSIM_IN_FLIGHT = "oss_gsim_in_flight":
        "Turns at GSIM that are taken now, by sim_type and lane.";
    describe_gauge GSIM_LIMIT = "oss_gsim_in_flight_limit":
        "Limit of the turns at GSIM, by sim_type and lane.";
    describe_gauge GSIM_WAITING = "oss_gsim_waiting":
        "Callers that wait for a turn at GSIM, by sim_type.";
    describe_gauge GSIM_DOWN = "oss_gsim_down_seconds":
        "Time for which GSIM has given no answer about a type of SIM; 0 while it answers.";
    describe_gauge SIGAN_IN_FLIGHT = "oss_sigan_in_flight":
        "Turns at Sigan that are taken now, by lane: caller, delivery of a release, upkeep.";
    describe_gauge SIGAN_LIMIT = "oss_sigan_in_flight_limit":
        "Limit of the turns at Sigan, by lane.";
    describe_gauge SIGAN_WAITING = "oss_sigan_waiting":
        "Callers that wait for a turn at Sigan.";
    describe_gauge SIGAN_BREAKER = "oss_sigan_breaker":
        "State of the circuits to Sigan, by lane (caller or upkeep): 1 for the one it is in (closed, open or probing), 0 for the others.";
    describe_gauge SIGAN_BRAND_REFUSED = "oss_sigan_brand_refused":
        "1 while Sigan refuses the calls for a brand, so that only a probe is sent now and then; else 0.";
    describe_counter CLIENT_REFUSALS = "oss_client_refusals_total":
        "Calls that were refused because their client had reached a limit, by client and limit (rate, requests, sigan-calls, sigan-queue, gsim-calls, gsim-queue, waiters or draws).";
    describe_gauge DATABASE_CONNECTIONS = "oss_database_connections":
        "Connections to the database that are open, by pool and state (idle or in_use).";
    describe_gauge DATABASE_CONNECTIONS_LIMIT = "oss_database_connections_limit":
        "Limit of the connections to the database, by pool.";
    describe_gauge DATABASE_OLDEST_WRITE = "oss_database_oldest_write_seconds":
        "Time for which the oldest write has been waiting for the database; 0 if none waits. A write without an answer counts for 30 s, or until another one is written.";
    describe_counter CACHE_LOOKUPS = "oss_cache_lookups_total":
        "Look-ups in the caches, by kind of look-up, tier (memory or redis) and result (hit or miss).";
    describe_gauge REDIS_UP = "oss_redis_up":
        "1 if Redis answered the last command in time, else 0. Absent without Redis.";
    describe_gauge RESERVATIONS = "oss_reservations":
        "Reservations that are not over, by state; those on a line and the history are not counted. Exact up to 100000 in all, of which those due first are counted.";
    describe_gauge DUE = "oss_due_reservations":
        "Reservations that are due for the sweep.";
    describe_gauge DUE_OLDEST_AGE = "oss_due_oldest_age_seconds":
        "Time for which the longest due reservation has been due; 0 if none is due.";
    describe_gauge SET_ASIDE = "oss_set_aside_reservations":
        "Reservations that the sweep cannot act on, so that a person has to: oss audit lists them.";
    describe_counter SETTLED_BY_SWEEP = "oss_sweep_settled_total":
        "Rows that sweeps have settled, by result as the report of a sweep names it.";
    describe_counter WEBHOOK_DELIVERIES = "oss_webhook_deliveries_total":
        "Deliveries of events to webhooks, by webhook and outcome (ok, or the reason of the failure).";
    describe_gauge WEBHOOK_LAG = "oss_webhook_lag_seconds":
        "Age of the first event that was not delivered to a webhook yet, by webhook; 0 if there is none.";
    describe_gauge BUILD_INFO = "oss_build_info":
        "1, with the version of this server as a label.";
    describe_gauge PROCESS_START_TIME = "oss_process_start_time_seconds":
        "When this server started, in seconds since 1970.";
}
