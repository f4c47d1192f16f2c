//! The acquisition of a number: a customer looks at three numbers and takes one.
//!
//! Runs on the sandbox: `cargo run -p oss-examples --bin acquisition`. With `--from-env` it runs on the database and the Sigan that
//! the environment names, as in production; nothing else changes.
#![expect(clippy::print_stdout, reason = "a program that tells a story")]

use oss_core::{Choice, Config, ErrorKind, Oss};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let oss = match std::env::args().nth(1).as_deref() {
        Some("--from-env") => Oss::connect(&Config::from_env()?).await?,
        _ => Oss::sandbox().await?,
    };

    // The customer gives an area code and sees three numbers. They are masked, because they are not the customer's yet.
    let first = oss.create_preview("11".parse()?).await?;
    println!("On offer:");
    for offer in &first.offers {
        println!("  {}: {}", offer.choice, offer.masked);
    }

    // The customer likes none of them. Naming the first preview frees its numbers in the same step.
    let second = oss.create_preview("11".parse()?).replacing(first.id).await?;
    println!("On offer instead:");
    for offer in &second.offers {
        println!("  {}: {}", offer.choice, offer.masked);
    }

    // The customer takes the second one. This is the slow call: with the real Sigan it takes seconds.
    let choice = Choice::try_from(2)?;
    let reservation = oss.reserve(second.id, choice).await?;
    println!("Reserved: {}", reservation.msisdn);

    // A caller that lost the answer asks again and gets the same number. Do so after `ErrorKind::OutcomeUnknown`.
    let again = oss.reserve(second.id, choice).await?;
    assert_eq!(again, reservation);

    // The replaced preview gives no number any more.
    let gone = oss.reserve(first.id, choice).await.expect_err("its numbers are free again");
    assert_eq!(gone.kind(), ErrorKind::Expired);
    println!("The first preview: {gone}");

    let number = oss.number(reservation.msisdn).await?;
    println!("Now: {} {:?}", number.msisdn, number.status());

    // Finish the operations in flight before the process ends.
    oss.shutdown().await;
    Ok(())
}
