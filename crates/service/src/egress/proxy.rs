//! The proxy that everything leaves through, where the operator has set one: HTTP `CONNECT` (RFC 9110, section 9.3.6) or
//! SOCKS 5 (RFC 1928 and 1929).
//!
//! It is asked for an address that was vetted here and never for a name, and who is spoken to behind it is found out by
//! TLS as ever. When it fails the fault is ours; when it says that it cannot reach the receiver it works.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use url::Url;

/// The proxy itself answers within this.
const PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of an answer to `CONNECT` at most.
const HEAD_BYTES: usize = 8 * 1024;

/// Section `[egress.proxy]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// `http://host:port` for one that is asked by `CONNECT`, or `socks5://host:port`; none where it is not set.
    pub url: Option<String>,
    /// Who we are to it. With a password, or neither.
    pub user: Option<String>,
    /// What proves that.
    pub password: Option<SecretString>,
}

/// A proxy.
#[derive(Clone, Debug)]
pub(super) struct Proxy {
    protocol: Protocol,
    /// Host and port.
    address: (String, u16),
    credentials: Option<(String, SecretString)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Connect,
    Socks5,
}

/// Whose fault it is that there is no connection.
#[derive(Debug)]
pub(super) enum Fault {
    /// The proxy's, which is ours.
    Proxy(String),
    /// The receiver's, as the proxy says.
    Receiver(io::Error),
}

impl Proxy {
    /// As the settings have it, if they do.
    pub(super) fn new(settings: &Settings) -> anyhow::Result<Option<Self>> {
        let Some(url) = &settings.url else { return Ok(None) };
        let url = Url::parse(url).context("egress.proxy.url")?;
        let (protocol, port) = match url.scheme() {
            "http" => (Protocol::Connect, url.port_or_known_default()),
            "socks5" => (Protocol::Socks5, Some(url.port().unwrap_or(1080))),
            scheme => bail!("egress.proxy.url: `{scheme}` is neither http nor socks5"),
        };
        if !url.username().is_empty() || url.password().is_some() {
            bail!("egress.proxy.url: user and password are settings of their own");
        }
        let host = url.host_str().context("egress.proxy.url has no host")?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let credentials = match (&settings.user, &settings.password) {
            (Some(user), Some(password)) => Some((user.clone(), password.clone())),
            (None, None) => None,
            _ => bail!("egress.proxy has a user without a password, or the other way round"),
        };
        let lengths =
            credentials.iter().flat_map(|(user, password)| [user.len(), password.expose_secret().len()]);
        if lengths.into_iter().any(|length| length == 0 || length > 255) {
            bail!("egress.proxy: user and password have from 1 to 255 bytes");
        }
        Ok(Some(Self { protocol, address: (host, port.unwrap_or_default()), credentials }))
    }

    /// A connection to an address, within a time.
    pub(super) async fn reach(&self, address: SocketAddr, limit: Duration) -> Result<TcpStream, Fault> {
        let mut stream = self.connect().await.map_err(|error| Fault::Proxy(error.to_string()))?;
        if self.protocol == Protocol::Socks5 {
            let greeted = tokio::time::timeout(PATIENCE, self.greet(&mut stream)).await;
            greeted
                .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "it does not greet")))
                .map_err(|error| Fault::Proxy(error.to_string()))?;
        }
        let asked = async {
            match self.protocol {
                Protocol::Connect => self.ask_by_connect(&mut stream, address).await,
                Protocol::Socks5 => ask_by_socks5(&mut stream, address).await,
            }
        };
        match tokio::time::timeout(limit, asked).await {
            Ok(asked) => asked.map(|()| stream),
            Err(elapsed) if self.answers().await => {
                Err(Fault::Receiver(io::Error::new(io::ErrorKind::TimedOut, elapsed)))
            }
            Err(_) => Err(Fault::Proxy("it takes connections and does not answer".to_owned())),
        }
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let (host, port) = &self.address;
        let stream = tokio::time::timeout(PATIENCE, TcpStream::connect((host.as_str(), *port)))
            .await
            .unwrap_or_else(|elapsed| Err(io::Error::new(io::ErrorKind::TimedOut, elapsed)))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Whether it answers at all, to what it can answer by itself: a receiver that does not cannot be told from a proxy
    /// that hangs without that.
    async fn answers(&self) -> bool {
        let asked = async {
            let mut stream = self.connect().await?;
            match self.protocol {
                Protocol::Connect => {
                    stream
                        .write_all(b"OPTIONS * HTTP/1.1\r\nHost: proxy\r\nConnection: close\r\n\r\n")
                        .await?;
                    stream.read_u8().await.map(drop)
                }
                Protocol::Socks5 => self.greet(&mut stream).await,
            }
        };
        matches!(tokio::time::timeout(PATIENCE, asked).await, Ok(Ok(())))
    }

    async fn ask_by_connect(&self, stream: &mut TcpStream, address: SocketAddr) -> Result<(), Fault> {
        let mut request = format!("CONNECT {address} HTTP/1.1\r\nHost: {address}\r\n");
        if let Some((user, password)) = &self.credentials {
            let credentials = STANDARD.encode(format!("{user}:{}", password.expose_secret()));
            request.push_str(&format!("Proxy-Authorization: Basic {credentials}\r\n"));
        }
        request.push_str("\r\n");
        let broken = |error: io::Error| Fault::Proxy(error.to_string());
        stream.write_all(request.as_bytes()).await.map_err(broken)?;
        let mut head = Vec::with_capacity(256);
        while !head.ends_with(b"\r\n\r\n") {
            // The receiver speaks second, so nothing of it can follow the head.
            if head.len() >= HEAD_BYTES || stream.read_buf(&mut head).await.map_err(broken)? == 0 {
                return Err(Fault::Proxy("its answer is not HTTP".to_owned()));
            }
        }
        let line = String::from_utf8_lossy(head.split(|byte| *byte == b'\r').next().unwrap_or_default());
        match line.split(' ').nth(1).and_then(|status| status.parse::<u16>().ok()) {
            Some(200..300) => Ok(()),
            // Of these Squid, Envoy and others say that they found nobody there (RFC 9110, sections 15.6.3 to 15.6.5).
            Some(502..=504) => Err(Fault::Receiver(io::Error::other(format!("the proxy answers {line}")))),
            _ => Err(Fault::Proxy(format!("it answers {line}"))),
        }
    }

    /// Agrees on a method, and shows who we are.
    async fn greet(&self, stream: &mut TcpStream) -> io::Result<()> {
        const OPEN: u8 = 0;
        const PASSWORD: u8 = 2;
        let method = if self.credentials.is_some() { PASSWORD } else { OPEN };
        stream.write_all(&[5, 1, method]).await?;
        let mut chosen = [0; 2];
        stream.read_exact(&mut chosen).await?;
        if chosen != [5, method] {
            return Err(io::Error::other("it wants to know us in another way"));
        }
        let Some((user, password)) = &self.credentials else { return Ok(()) };
        let mut request = vec![1];
        for text in [user.as_str(), password.expose_secret()] {
            request.push(u8::try_from(text.len()).map_err(io::Error::other)?);
            request.extend(text.as_bytes());
        }
        stream.write_all(&request).await?;
        let mut accepted = [0; 2];
        stream.read_exact(&mut accepted).await?;
        if accepted[1] == 0 { Ok(()) } else { Err(io::Error::other("it does not accept user and password")) }
    }
}

async fn ask_by_socks5(stream: &mut TcpStream, address: SocketAddr) -> Result<(), Fault> {
    let mut request = vec![5, 1, 0];
    match address {
        SocketAddr::V4(address) => {
            request.push(1);
            request.extend(address.ip().octets());
        }
        SocketAddr::V6(address) => {
            request.push(4);
            request.extend(address.ip().octets());
        }
    }
    request.extend(address.port().to_be_bytes());
    let answered = async {
        stream.write_all(&request).await?;
        let mut head = [0; 4];
        stream.read_exact(&mut head).await?;
        // The address that it is reached from, and a port.
        let rest = match head[3] {
            1 => 4 + 2,
            3 => usize::from(stream.read_u8().await?) + 2,
            4 => 16 + 2,
            _ => return Err(io::Error::other("its answer is not SOCKS 5")),
        };
        stream.read_exact(&mut vec![0; rest]).await?;
        Ok(head[1])
    };
    match answered.await.map_err(|error: io::Error| Fault::Proxy(error.to_string()))? {
        0 => Ok(()),
        // Network or host unreachable, connection refused, time to live expired.
        3 | 4 | 6 => Err(Fault::Receiver(io::ErrorKind::HostUnreachable.into())),
        5 => Err(Fault::Receiver(io::ErrorKind::ConnectionRefused.into())),
        code => Err(Fault::Proxy(format!("it answers with code {code}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(url: &str, user: Option<&str>, password: Option<&str>) -> anyhow::Result<Option<Proxy>> {
        let [user, password] = [user, password].map(|text| text.map(str::to_owned));
        Proxy::new(&Settings { url: Some(url.to_owned()), user, password: password.map(Into::into) })
    }

    #[test]
    fn a_proxy_is_an_address_with_a_protocol() {
        assert!(Proxy::new(&Settings::default()).expect("no proxy").is_none());
        for (url, protocol, host, port) in [
            ("http://squid.internal:3128", Protocol::Connect, "squid.internal", 3128),
            ("http://10.0.0.1", Protocol::Connect, "10.0.0.1", 80),
            ("socks5://[fd00::1]:1081", Protocol::Socks5, "fd00::1", 1081),
            ("socks5://proxy", Protocol::Socks5, "proxy", 1080),
        ] {
            let proxy = proxy(url, None, None).expect(url).expect(url);
            assert_eq!((proxy.protocol, proxy.address), (protocol, (host.to_owned(), port)));
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_meant_is_refused_at_the_start() {
        for url in ["https://proxy:3128", "proxy:3128", "", "http://u:p@proxy:3128"] {
            assert!(proxy(url, None, None).is_err(), "{url}");
        }
        let url = "http://proxy:3128";
        let long = "x".repeat(256);
        for (user, password) in
            [(Some("u"), None), (None, Some("p")), (Some(""), Some("p")), (Some("u"), Some(&*long))]
        {
            assert!(proxy(url, user, password).is_err());
        }
        let shown = format!("{:?}", proxy(url, Some("ada"), Some("hunter2")).expect("complete"));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
