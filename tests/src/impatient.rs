//! A proxy before Sigan that closes kept connections at the worst moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

/// A proxy that runs until the test ends.
#[derive(Debug)]
pub struct Impatient {
    address: String,
    opened: Arc<AtomicUsize>,
    closes: Arc<AtomicBool>,
}

impl Impatient {
    /// A proxy to the program at an address (`127.0.0.1:1234`). It closes nothing yet.
    pub async fn before(address: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = listener.local_addr().expect("a bound socket has an address").to_string();
        let proxy = Self { address: own, opened: Arc::default(), closes: Arc::default() };
        let (to, opened, closes) = (address.to_owned(), proxy.opened.clone(), proxy.closes.clone());
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                opened.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(carry(caller, to.clone(), closes.clone()));
            }
        });
        proxy
    }

    /// The URL that callers use.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The count of connections that callers have opened.
    #[must_use]
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    /// From now on, closes a kept connection as soon as a reserve arrives on it. The reserve does not reach Sigan.
    pub fn close_on_reserve(&self) {
        self.closes.store(true, Ordering::SeqCst);
    }
}

async fn carry(caller: TcpStream, to: String, closes: Arc<AtomicBool>) -> std::io::Result<()> {
    let (mut said_by_caller, mut to_caller) = caller.into_split();
    let (mut answers, mut on_to) = TcpStream::connect(to).await?.into_split();
    let answering = tokio::spawn(async move { copy(&mut answers, &mut to_caller).await });
    let mut said = vec![0; 16 * 1024];
    let mut is_kept = false;
    loop {
        let count = said_by_caller.read(&mut said).await?;
        if count == 0 {
            return on_to.shutdown().await;
        }
        if is_kept && closes.load(Ordering::SeqCst) && said.starts_with(b"PUT ") {
            answering.abort();
            return Ok(());
        }
        is_kept = true;
        on_to.write_all(&said[..count]).await?;
    }
}
