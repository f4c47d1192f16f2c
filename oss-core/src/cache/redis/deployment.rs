//! The deployments of Redis: one server, a cluster, or a master that sentinels watch. Parses their addresses and connects to
//! them.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClient, SentinelNodeConnectionInfo, SentinelServerType};
use redis::{AsyncConnectionConfig, Client, Cmd, FromRedisValue, IntoConnectionInfo, RedisError, TlsMode};
use tokio::sync::Mutex;
use url::Url;

/// The longest time for one server to connect or to answer. The crate's defaults wait for seconds.
const ANSWER: Duration = Duration::from_millis(100);

/// The forms of an address, for the error.
const EXPECTED: &str = "redis://host:6379, redis+cluster://host:6379,host:6379 or \
                        redis+sentinel://host:26379,host:26379/master; with rediss for TLS";

/// A deployment, with the client that connects to it.
pub(crate) enum Deployment {
    Single(Box<Client>),
    Cluster(Box<ClusterClient>),
    /// Behind a lock, because the client caches its connections to the sentinels.
    Sentinel(Box<Mutex<SentinelClient>>),
}

/// A connection that any number of commands share. It is cheap to clone.
#[derive(Clone)]
pub(super) enum Link {
    Server(MultiplexedConnection),
    Cluster(ClusterConnection),
}

/// The parts of an address: `scheme://user:password@host,host/path?query`.
struct Address<'a> {
    /// `redis`, or `rediss` for TLS.
    scheme: &'a str,
    /// The user and password, including the `@` that ends them.
    credentials: &'a str,
    hosts: Vec<&'a str>,
    path: &'a str,
    query: &'a str,
}

impl Deployment {
    /// Parses an address. Opens no connection. The error says what is expected.
    pub(crate) fn at(url: &str) -> Result<Self, &'static str> {
        Self::read(url).ok_or(EXPECTED)
    }

    fn read(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (scheme, kind) = scheme.split_once('+').map_or((scheme, None), |(base, kind)| (base, Some(kind)));
        if !matches!(scheme, "redis" | "rediss") {
            return None;
        }
        match kind {
            None => Client::open(url).ok().map(Box::new).map(Self::Single),
            Some("cluster") => Address::read(scheme, rest)?.cluster().map(Box::new).map(Self::Cluster),
            Some("sentinel") => {
                let client = Address::read(scheme, rest)?.sentinel()?;
                Some(Self::Sentinel(Box::new(Mutex::new(client))))
            }
            Some(_) => None,
        }
    }

    /// Connects: to the server, to the nodes that the cluster consists of now, or to the master that the sentinels name now.
    pub(super) async fn connect(&self) -> Result<Link, RedisError> {
        let bounded = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(ANSWER))
            .set_response_timeout(Some(ANSWER));
        match self {
            Self::Single(client) => {
                client.get_multiplexed_async_connection_with_config(&bounded).await.map(Link::Server)
            }
            Self::Cluster(client) => client.get_async_connection().await.map(Link::Cluster),
            Self::Sentinel(client) => {
                client.lock().await.get_async_connection_with_config(&bounded).await.map(Link::Server)
            }
        }
    }
}

impl Link {
    pub(super) async fn run<T: FromRedisValue>(&mut self, command: &Cmd) -> Result<T, RedisError> {
        match self {
            Self::Server(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }
}

impl<'a> Address<'a> {
    fn read(scheme: &'a str, rest: &'a str) -> Option<Self> {
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (credentials, hosts) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
        let address = Self { scheme, credentials, hosts: hosts.split(',').collect(), path, query };
        // The ports of servers and of sentinels differ, so none is assumed.
        let has_port = |host: &&str| address.of(host).is_some_and(|url| url.port().is_some());
        address.hosts.iter().all(has_port).then_some(address)
    }

    /// The address of one host, without credentials.
    fn of(&self, host: &str) -> Option<Url> {
        Url::parse(&format!("{}://{host}", self.scheme)).ok().filter(Url::has_host)
    }

    fn cluster(&self) -> Option<ClusterClient> {
        if !self.path.is_empty() || !self.query.is_empty() {
            return None;
        }
        let nodes = self.hosts.iter().map(|host| format!("{}://{}{host}", self.scheme, self.credentials));
        let client = ClusterClient::builder(nodes).connection_timeout(ANSWER).response_timeout(ANSWER);
        // If a slot has moved, the command is repeated at its new node. The crate's defaults would wait for over a second first.
        client.retries(2).min_retry_wait(5).max_retry_wait(25).build().ok()
    }

    /// The credentials in the address belong to the servers. The query has those of the sentinels.
    fn sentinel(&self) -> Option<SentinelClient> {
        let master = Some(self.path).filter(|name| !name.is_empty() && !name.contains('/'))?;
        let (mut user, mut password) = (None, None);
        for (name, value) in url::form_urlencoded::parse(self.query.as_bytes()) {
            match name.as_ref() {
                "sentinel_user" => user = Some(value),
                "sentinel_password" => password = Some(value),
                _ => return None,
            }
        }
        let sentinels = self.hosts.iter().map(|host| {
            let mut sentinel = self.of(host)?;
            sentinel.set_username(user.as_deref().unwrap_or_default()).ok()?;
            sentinel.set_password(password.as_deref()).ok()?;
            Some(sentinel.to_string())
        });
        let sentinels: Vec<String> = sentinels.collect::<Option<_>>()?;
        // The sentinels only name the servers' addresses, so the credentials and the database come from here.
        let server = format!("{}://{}{}", self.scheme, self.credentials, self.hosts.first()?);
        let server = server.into_connection_info().ok()?;
        let mut servers =
            SentinelNodeConnectionInfo::default().set_redis_connection_info(server.redis_settings().clone());
        if self.scheme == "rediss" {
            servers = servers.set_tls_mode(TlsMode::Secure);
        }
        SentinelClient::build(sentinels, master, Some(servers), SentinelServerType::Master).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_deployment() {
        let kind = |url: &str| match Deployment::at(url) {
            Ok(Deployment::Single(_)) => "single",
            Ok(Deployment::Cluster(_)) => "cluster",
            Ok(Deployment::Sentinel(_)) => "sentinel",
            Err(_) => "none",
        };
        for (url, expected) in [
            ("redis://cache", "single"),
            ("rediss://user:p%40ss@cache:6380/2", "single"),
            ("redis+cluster://a:1", "cluster"),
            ("rediss+cluster://user:p%40ss@a:1,[::1]:2", "cluster"),
            ("redis+sentinel://a:1,b:2/main", "sentinel"),
            ("rediss+sentinel://:p%2Fss@a:1/main?sentinel_user=u&sentinel_password=p%26q", "sentinel"),
        ] {
            assert_eq!(kind(url), expected, "{url}");
        }
        for url in [
            "cache",
            "http://cache",
            "redis://",
            "redis://cache/one",
            "redis+other://a:1",
            "redis+cluster://a",
            "redis+cluster://a:1,",
            "redis+cluster://a:1/0",
            "redis+sentinel://a:1",
            "redis+sentinel://a:1/",
            "redis+sentinel://a:1/main/0",
            "redis+sentinel://a,b:1/main",
            "redis+sentinel://a:1/main?db=1",
        ] {
            assert_eq!(kind(url), "none", "{url}");
        }
    }
}
