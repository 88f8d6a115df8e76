//! Making a connection: the name is looked up, every address behind it is vetted, one of them is connected to, and
//! encryption agreed on. What was vetted is what gets connected to, so a name cannot change its mind in between.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::connection::{Connection, Stream};
use super::course::{Course, Phase};
use super::failure::{Failure, Layer};
use super::proxy::{Fault, Proxy};
use super::resolve::{self, Resolver, Unresolved};
use super::target::{Host, Origin, Rules};

/// An address that has not answered by then is given up.
const PATIENCE: Duration = Duration::from_secs(3);
/// After this long the next address is tried as well (RFC 8305, section 5).
const STAGGER: Duration = Duration::from_millis(250);
/// Addresses of a name that are tried: an answer can hold hundreds, and all of them somebody else's.
const MOST: usize = 6;
const MOST_THROUGH_PROXY: usize = 2;

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    rules: Rules,
    resolver: Resolver,
    proxy: Option<Proxy>,
    tls: TlsConnector,
}

impl Connector {
    pub(super) fn new(
        rules: Rules,
        resolver: Resolver,
        proxy: Option<Proxy>,
        tls: Arc<ClientConfig>,
    ) -> Self {
        Self { rules, resolver, proxy, tls: tls.into() }
    }

    /// Makes a connection, and notes in the course how.
    pub(super) async fn connect(&self, origin: &Origin, course: &mut Course) -> Result<Connection, Failure> {
        let addresses = self.addresses(&origin.host, course).await?;
        course.enter(Phase::Connect);
        let reached = match &self.proxy {
            None => dial(&addresses, origin.port).await.map_err(Fault::Receiver),
            Some(proxy) => dial_through(proxy, &addresses, origin.port).await,
        };
        let (stream, address) = reached.map_err(|fault| match fault {
            Fault::Receiver(error) => Failure::connect(&error, PATIENCE),
            Fault::Proxy(cause) => Failure::new(Layer::Proxy, "the proxy does not work").because(cause),
        })?;
        course.remote_address = Some(address);
        let (stream, tls_version): (Stream, _) = if origin.encrypted {
            course.enter(Phase::Tls);
            let stream = self
                .tls
                .connect(origin.host.server_name(), stream)
                .await
                .map_err(|error| Failure::tls(&error))?;
            let version = stream.get_ref().1.protocol_version().and_then(version);
            (Box::new(stream), version)
        } else {
            (Box::new(stream), None)
        };
        Connection::over(stream, address, tls_version).await.map_err(|error| Failure::broken(&error))
    }

    /// The addresses to connect to. One that is forbidden refuses them all: who answers with a private address among
    /// public ones wants it to be taken some time.
    pub(super) async fn addresses(&self, host: &Host, course: &mut Course) -> Result<Vec<IpAddr>, Failure> {
        let found = match host {
            Host::Address(address) => vec![*address],
            Host::Name(name) => {
                course.enter(Phase::Dns);
                self.resolver.look_up(name.as_ref()).await.map_err(|unresolved| match unresolved {
                    Unresolved::Nowhere(cause) => {
                        Failure::new(Layer::Dns, "the name has no address").because(cause)
                    }
                    Unresolved::Late => Failure::timeout(Phase::Dns, resolve::BUDGET),
                })?
            }
        };
        if found.is_empty() {
            return Err(Failure::new(Layer::Dns, "the name has no address"));
        }
        match found.iter().find(|address| !self.rules.reachable(**address)) {
            None => Ok(found),
            Some(forbidden) => {
                let message = "the name leads to an address that is not public";
                Err(Failure::new(Layer::BlockedTarget, message).because(forbidden))
            }
        }
    }
}

/// The address that answers first. They are tried in their order, each a moment after the one before or when that has
/// failed.
async fn dial(addresses: &[IpAddr], port: u16) -> io::Result<(TcpStream, IpAddr)> {
    let mut rest = addresses.iter().take(MOST);
    let mut tried = FuturesUnordered::new();
    tried.extend(rest.next().map(|address| reach(*address, port)));
    loop {
        let waiting = rest.len() > 0;
        let failed = tokio::select! {
            Some(reached) = tried.next() => match reached {
                Ok(reached) => return Ok(reached),
                Err(error) => Some(error),
            },
            () = tokio::time::sleep(STAGGER), if waiting => None,
        };
        match (rest.next(), failed) {
            (Some(address), _) => tried.push(reach(*address, port)),
            (None, Some(error)) if tried.is_empty() => return Err(error),
            (None, _) => {}
        }
    }
}

/// The first address that the proxy reaches. It has its own patience, so that not many are tried.
async fn dial_through(proxy: &Proxy, addresses: &[IpAddr], port: u16) -> Result<(TcpStream, IpAddr), Fault> {
    let mut failed = io::Error::from(io::ErrorKind::HostUnreachable);
    for address in addresses.iter().take(MOST_THROUGH_PROXY) {
        match proxy.reach(SocketAddr::new(*address, port), PATIENCE).await {
            Ok(stream) => return Ok((stream, *address)),
            Err(Fault::Receiver(error)) => failed = error,
            Err(fault @ Fault::Proxy(_)) => return Err(fault),
        }
    }
    Err(Fault::Receiver(failed))
}

async fn reach(address: IpAddr, port: u16) -> io::Result<(TcpStream, IpAddr)> {
    let stream = tokio::time::timeout(PATIENCE, TcpStream::connect(SocketAddr::new(address, port)))
        .await
        .unwrap_or_else(|elapsed| Err(io::Error::new(io::ErrorKind::TimedOut, elapsed)))?;
    if stream.peer_addr()?.ip().to_canonical() != address.to_canonical() {
        return Err(io::Error::other("connected to another address than was asked for"));
    }
    stream.set_nodelay(true)?;
    Ok((stream, address))
}

/// TLS 1.2 or 1.3, with the certificate always verified against the authorities of the system.
pub(super) fn tls() -> Result<Arc<ClientConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_platform_verifier()?
        .with_no_client_auth();
    Ok(Arc::new(config))
}

fn version(version: rustls::ProtocolVersion) -> Option<&'static str> {
    match version {
        rustls::ProtocolVersion::TLSv1_2 => Some("1.2"),
        rustls::ProtocolVersion::TLSv1_3 => Some("1.3"),
        _ => None,
    }
}
