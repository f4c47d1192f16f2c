//! The server's part of the configuration: where it listens, and how much it serves.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use super::layers::Layers;
use super::settings;

/// How the server serves.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where it answers health checks and metrics instead, if apart.
    pub admin_listen: Option<SocketAddr>,
    /// How long it goes on serving, not ready any more, after it was told to stop.
    pub drain: Duration,
    /// Its certificate, where it speaks TLS itself.
    pub tls: Option<TlsConfig>,
    /// How many requests of one client are served in a second.
    pub requests_per_second: NonZeroU32,
    /// How many requests are served at the same time.
    pub concurrent_requests: usize,
    /// How many connections are open at the same time.
    pub connections: usize,
}

/// The files of TLS, all PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// The certificate and its chain.
    pub cert: PathBuf,
    /// The private key.
    pub key: PathBuf,
    /// The authorities one of which must have signed every caller's certificate, where callers must show one.
    pub client_ca: Option<PathBuf>,
}

impl ServerConfig {
    pub(super) fn read(layers: &mut Layers) -> Option<Self> {
        let listen = layers.required("server.listen", settings::address);
        let admin_listen = layers.optional("server.admin_listen", settings::address);
        let drain = layers.required("server.drain", settings::drain);
        let tls = TlsConfig::read(layers);
        let requests_per_second = layers.required("limits.requests_per_second", settings::rate);
        let concurrent_requests = layers.required("limits.concurrent_requests", settings::calls);
        let connections = layers.required("limits.connections", settings::calls);
        Some(Self {
            listen: listen?,
            admin_listen,
            drain: drain?,
            tls,
            requests_per_second: requests_per_second?,
            concurrent_requests: concurrent_requests?,
            connections: connections?,
        })
    }
}

impl TlsConfig {
    fn read(layers: &mut Layers) -> Option<Self> {
        let cert = layers.optional("server.tls_cert", settings::file);
        let key = layers.optional("server.tls_key", settings::file);
        let client_ca = layers.optional("server.tls_client_ca", settings::file);
        match (cert, key, client_ca) {
            (Some(cert), Some(key), client_ca) => Some(Self { cert, key, client_ca }),
            (None, None, None) => None,
            _ => {
                layers.fault("server.tls_cert", "server.tls_cert and server.tls_key, both or neither");
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CommonConfig, Sources};

    #[test]
    fn a_certificate_needs_its_key() {
        let tls = |set: &[(&str, &str)]| {
            CommonConfig::load(&Sources::of_environment(set.iter().copied())).map(|basics| basics.server.tls)
        };
        let (cert, key, ca) =
            (("OSS_TLS_CERT", "c.pem"), ("OSS_TLS_KEY", "k.pem"), ("OSS_TLS_CLIENT_CA", "a.pem"));
        assert_eq!(tls(&[]).unwrap(), None);
        assert!(tls(&[cert, key]).unwrap().unwrap().client_ca.is_none());
        assert!(tls(&[cert, key, ca]).unwrap().unwrap().client_ca.is_some());
        for half in [&[cert][..], &[key], &[ca], &[cert, ca]] {
            assert!(tls(half).unwrap_err().faults[0].contains("tls_key"), "{half:?}");
        }
    }
}
