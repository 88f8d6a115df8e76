//! A proxy in front of the broker that can be cut off: the broker itself is shared with other tests.

use std::net::SocketAddr;
use std::sync::Arc;

use pulse_testing::broker;
use secrecy::ExposeSecret;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Passes connections on to the broker, unless it is cut off.
pub(crate) struct Proxy {
    address: SocketAddr,
    open: Arc<watch::Sender<bool>>,
    _accepting: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let open = Arc::new(watch::Sender::new(true));
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, Arc::clone(&open)));
        Self { address, open, _accepting: accepting }
    }

    /// The broker's URL with the proxy's address.
    pub(crate) fn url(&self) -> String {
        let broker = broker::settings().url;
        let (scheme, rest) = split(broker.expose_secret());
        let user = rest.rsplit_once('@').map(|(user, _)| format!("{user}@")).unwrap_or_default();
        let vhost = rest.split_once('/').map(|(_, vhost)| format!("/{vhost}")).unwrap_or_default();
        format!("{scheme}://{user}{}{vhost}", self.address)
    }

    /// Breaks every connection and refuses others.
    pub(crate) fn cut(&self) {
        self.open.send_replace(false);
    }

    /// Lets connections through again.
    pub(crate) fn restore(&self) {
        self.open.send_replace(true);
    }
}

async fn accept(listener: TcpListener, open: Arc<watch::Sender<bool>>) {
    let broker = broker_address();
    let mut connections = JoinSet::new();
    loop {
        let (mut client, _) = listener.accept().await.expect("the listener is ours");
        let mut open = open.subscribe();
        let broker = broker.clone();
        connections.spawn(async move {
            if !*open.borrow() {
                return;
            }
            let Ok(mut server) = TcpStream::connect(broker).await else { return };
            tokio::select! {
                // Whoever ends it, both sides see the end.
                _ = copy_bidirectional(&mut client, &mut server) => {}
                _ = open.wait_for(|open| !open) => {}
            }
        });
    }
}

fn broker_address() -> String {
    let broker = broker::settings().url;
    let (_, rest) = split(broker.expose_secret());
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let host = rest.split_once('/').map_or(rest, |(host, _)| host);
    if host.contains(':') { host.to_owned() } else { format!("{host}:5672") }
}

fn split(url: &str) -> (&str, &str) {
    url.split_once("://").expect("a URL")
}
