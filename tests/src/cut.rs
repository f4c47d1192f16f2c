//! A connection to a database that loses some answers: the statements are executed, but the sender never learns it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};

/// A proxy that runs until the test ends.
#[derive(Debug)]
pub struct CutWire {
    address: String,
    marker: Arc<Mutex<Option<Vec<u8>>>>,
}

impl CutWire {
    /// A proxy to the program at an address (`127.0.0.1:1234`). It loses nothing yet.
    pub async fn to(address: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = listener.local_addr().expect("a bound socket has an address").to_string();
        let (to, marker) = (address.to_owned(), Arc::new(Mutex::new(None)));
        let cuts = marker.clone();
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                tokio::spawn(carry(caller, to.clone(), cuts.clone()));
            }
        });
        Self { address: own, marker }
    }

    /// The address that callers connect to.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Cuts the connection after each message that contains these bytes has arrived, and before its answer. None ends that.
    pub fn cut_after(&self, marker: Option<&[u8]>) {
        *self.marker.lock().unwrap_or_else(PoisonError::into_inner) = marker.map(<[u8]>::to_vec);
    }
}

async fn carry(caller: TcpStream, to: String, marker: Arc<Mutex<Option<Vec<u8>>>>) -> std::io::Result<()> {
    let (mut said_by_caller, mut to_caller) = caller.into_split();
    let (mut answers, mut on_to) = TcpStream::connect(to).await?.into_split();
    let answering = tokio::spawn(async move { copy(&mut answers, &mut to_caller).await });
    let mut said = vec![0; 64 * 1024];
    loop {
        let count = said_by_caller.read(&mut said).await?;
        if count == 0 {
            return on_to.shutdown().await;
        }
        let marker = marker.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let is_marked = |marker: &Vec<u8>| said[..count].windows(marker.len()).any(|part| part == marker);
        if marker.as_ref().is_some_and(is_marked) {
            answering.abort();
            on_to.write_all(&said[..count]).await?;
            // The database needs time to execute it.
            tokio::time::sleep(Duration::from_millis(100)).await;
            return Ok(());
        }
        on_to.write_all(&said[..count]).await?;
    }
}
