//! A proxy between two programs that keeps the bytes that one sends to the other.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

/// A proxy that runs until the test ends.
#[derive(Debug)]
pub struct Wiretap {
    address: String,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Wiretap {
    /// A proxy to the program at an address (`127.0.0.1:1234`).
    pub async fn to(address: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = listener.local_addr().expect("a bound socket has an address").to_string();
        let (to, heard) = (address.to_owned(), Arc::new(Mutex::new(Vec::new())));
        let keeps = heard.clone();
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                tokio::spawn(carry(caller, to.clone(), keeps.clone()));
            }
        });
        Self { address: own, heard }
    }

    /// The URL that callers use.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that callers have sent.
    #[must_use]
    pub fn heard(&self) -> String {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&heard).into_owned()
    }
}

async fn carry(caller: TcpStream, to: String, heard: Arc<Mutex<Vec<u8>>>) -> std::io::Result<()> {
    let (mut said_by_caller, mut to_answer) = caller.into_split();
    let (mut answers, mut on_to) = TcpStream::connect(to).await?.into_split();
    tokio::spawn(async move { copy(&mut answers, &mut to_answer).await });
    let mut said = vec![0; 16 * 1024];
    loop {
        let count = said_by_caller.read(&mut said).await?;
        if count == 0 {
            return on_to.shutdown().await;
        }
        heard.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&said[..count]);
        on_to.write_all(&said[..count]).await?;
    }
}
