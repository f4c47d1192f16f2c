//! The acquisition of a number: a customer looks at three numbers, takes one, and gets it as an eSIM.
//!
//! Runs on the sandbox: `cargo run -p oss-examples --bin acquisition`. With `--from-env` it runs on the database, the Sigan and the
//! GSIM that the environment names, as in production; nothing else changes.
#![expect(clippy::print_stdout, reason = "a program that tells a story")]

use oss_core::sims::qr_text;
use oss_core::{Choice, Config, DeviceChoice, ErrorKind, LineId, Oss, WantedSim};
use uuid::Uuid;

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

    // The customer's phone supports eSIM. The hash names this choice of device.
    let check = oss.check_esim(&DeviceChoice::Code("iPhone15,2".parse()?)).await?;
    let device = check.hash.ok_or("this phone needs a plastic card")?;

    // An eSIM is ordered for the line that the customer subscribed to, and the number goes on the line: from now on it does not expire.
    // This is the second slow call. A caller that lost the answer asks again, and gets the same eSIM.
    let line = LineId::from(Uuid::now_v7());
    let sim = oss.order_sim(reservation.msisdn, line, WantedSim::Esim(device)).await?;
    let again = oss.order_sim(reservation.msisdn, line, WantedSim::Esim(device)).await?;
    assert_eq!(again, sim);
    let number = oss.number(reservation.msisdn).await?;
    println!("Now: {} {:?}", number.msisdn, number.status());

    // The customer scans the code. It is a credential: show it to nobody else, and write it to no log.
    let code = oss.activation_code(sim.id).await?;
    println!("{}\nOn an iPhone, this link does the same: {}", qr_text(&code)?, code.install_url_ios());

    // Finish the operations in flight before the process ends.
    oss.shutdown().await;
    Ok(())
}
