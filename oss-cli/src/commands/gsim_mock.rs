//! `oss gsim-mock`: runs the mock of GSIM alone, through its plain HTTP interface.

use std::path::Path;
use std::process::ExitCode;

use oss_core::gsim::mock::{Behaviour, CallBack, Delivery, GsimMock, OrderBook, Pace, serve};
use tokio::net::TcpListener;

use crate::args::GsimMockArgs;
use crate::exit::Failure;
use crate::status_line::print_notice;

pub(crate) async fn run(args: GsimMockArgs) -> Result<ExitCode, Failure> {
    let listen = args.listen;
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| Failure::usage(format!("cannot listen on {listen}: {error}")))?;
    let address = listener.local_addr().map_err(Failure::internal)?;
    let mock = GsimMock::new(book(&args));
    let GsimMockArgs { latency, fail_rate, lose_rate, .. } = args;
    mock.behave(Behaviour { latency, fail_rate, lose_rate });
    mock.call_back(call_back(&args)?);
    print_notice(&format!("GSIM's mock listens on http://{address}"));
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    tokio::select! {
        served = serve(mock.clone(), listener, interrupted) => served.map_err(Failure::internal)?,
        () = notify(&mock, &args) => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn book(args: &GsimMockArgs) -> OrderBook {
    let mut book = OrderBook::new();
    book.set_esims(args.esims);
    book.set_pace(args.later.map_or(Pace::AtOnce, Pace::After));
    if args.reuse_iccids {
        book = book.reusing_iccids();
    }
    match args.profile_step {
        Some(step) => book.with_life(step),
        None => book,
    }
}

fn call_back(args: &GsimMockArgs) -> Result<Option<CallBack>, Failure> {
    let Some(service) = &args.notify else { return Ok(None) };
    let key = args.notify_key.as_deref().map(read_key).transpose()?;
    CallBack::new(service, key.map(Into::into)).map(Some).map_err(Failure::internal)
}

fn read_key(file: &Path) -> Result<String, Failure> {
    let key = std::fs::read_to_string(file)
        .map_err(|error| Failure::usage(format!("cannot read the key in {}: {error}", file.display())))?;
    Ok(key.trim_end().to_owned())
}

/// Sends the call-backs, in rounds without end.
async fn notify(mock: &GsimMock, args: &GsimMockArgs) {
    let delivery = Delivery::from(args.notify_delivery);
    loop {
        tokio::time::sleep(args.notify_every).await;
        mock.send_notifications(delivery).await;
    }
}
