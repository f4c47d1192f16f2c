//! The duration of requests, by route, method and status.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use axum::http::StatusCode;
use metrics::{Histogram, histogram};
use oss_core::telemetry::names::HTTP_REQUEST_DURATION;

/// Records the duration of requests. The series of the last answer is kept, because the next answer mostly has the same one.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    latest: ArcSwapOption<Series>,
}

#[derive(Debug)]
struct Series {
    route: String,
    method: &'static str,
    status: StatusCode,
    times: Histogram,
}

impl Requests {
    pub(crate) fn record(&self, route: &str, method: &'static str, status: StatusCode, time: Duration) {
        let latest = self.latest.load();
        if let Some(series) = &*latest
            && (series.status, series.method, &*series.route) == (status, method, route)
        {
            return series.times.record(time);
        }
        let series = Series::new(route, method, status);
        series.times.record(time);
        self.latest.store(Some(Arc::new(series)));
    }
}

impl Series {
    fn new(route: &str, method: &'static str, status: StatusCode) -> Self {
        let (route, code) = (route.to_owned(), status.as_str().to_owned());
        let times =
            histogram!(HTTP_REQUEST_DURATION, "route" => route.clone(), "method" => method, "status" => code);
        Self { route, method, status, times }
    }
}

#[cfg(test)]
mod tests {
    use metrics_util::debugging::{DebugValue, DebuggingRecorder};

    use super::*;

    #[test]
    fn each_answer_is_counted_under_its_labels() {
        let recorder = DebuggingRecorder::new();
        metrics::with_local_recorder(&recorder, || {
            let requests = Requests::default();
            let record = |route, method, status| requests.record(route, method, status, Duration::ZERO);
            for status in [StatusCode::NO_CONTENT, StatusCode::NO_CONTENT, StatusCode::NOT_FOUND] {
                record("/ddds/{ddd}", "GET", status);
            }
            record("/ddds/{ddd}", "HEAD", StatusCode::NOT_FOUND);
            record("/other", "HEAD", StatusCode::NOT_FOUND);
            record("/ddds/{ddd}", "GET", StatusCode::NO_CONTENT);
        });
        let mut counted = Vec::new();
        for (key, _, _, value) in recorder.snapshotter().snapshot().into_vec() {
            let DebugValue::Histogram(times) = value else { panic!("{key:?} is no histogram") };
            let labels: Vec<_> = key.key().labels().map(|label| label.value().to_owned()).collect();
            counted.push((labels.join(" "), times.len()));
        }
        counted.sort();
        let expected = [
            ("/ddds/{ddd} GET 204", 3),
            ("/ddds/{ddd} GET 404", 1),
            ("/ddds/{ddd} HEAD 404", 1),
            ("/other HEAD 404", 1),
        ];
        assert_eq!(counted, expected.map(|(labels, times)| (labels.to_owned(), times)));
    }
}
