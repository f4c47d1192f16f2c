//! `cargo bench -p oss-tests --bench micro`: the small steps of every request.

use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use divan::{Bencher, black_box};
use http_body_util::BodyExt;
use oss_core::{Ddd, DeviceChoice, DeviceHash, Msisdn, Oss};
use oss_server::{Access, Health, Metrics, RouterOptions, routers};
use tokio::runtime::Runtime;
use tower::ServiceExt;

fn main() {
    divan::main();
}

#[divan::bench]
fn parse_number() -> Option<Msisdn> {
    black_box("11999950001").parse().ok()
}

#[divan::bench]
fn parse_area_code() -> Option<Ddd> {
    black_box("11").parse().ok()
}

#[divan::bench]
fn mask_number(bencher: Bencher<'_, '_>) {
    let number: Msisdn = "11999950001".parse().expect("a number");
    bencher.bench_local(|| black_box(number).masked().to_string());
}

#[divan::bench]
fn hash_device(bencher: Bencher<'_, '_>) {
    let choice = DeviceChoice::Model("SAMSUNG_GALAXY_S25".parse().expect("a model"));
    bencher.bench_local(|| DeviceHash::of(black_box(&choice)).to_string());
}

/// A refused request, from the router to the last byte of its problem.
#[divan::bench]
fn answer_a_problem(bencher: Bencher<'_, '_>) {
    let runtime = Runtime::new().expect("a runtime");
    let oss = runtime.block_on(Oss::sandbox()).expect("a sandbox");
    let access = Access::anyone(std::num::NonZeroU32::MAX).expect("a name that is well formed");
    let metrics = runtime.block_on(async { Metrics::install() }).expect("the first recorder of this process");
    let router =
        routers(oss, Health::default(), metrics, &Arc::new(access), RouterOptions::new(1000)).service;
    bencher.bench_local(|| {
        runtime.block_on(async {
            let request = Request::get("/ddds/xx").body(Body::empty()).expect("a request");
            let answer = router.clone().oneshot(request).await.expect("a router does not fail");
            answer.into_body().collect().await.expect("a body in memory").to_bytes()
        })
    });
}
