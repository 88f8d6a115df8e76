//! A proxy in front of a server, which can be slow, hang, or be cut off: the server itself is shared with others.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Bytes that are passed on at once at most.
const CHUNK: usize = 64 * 1024;

/// Passes connections on to a server, unless it is cut off.
pub(crate) struct Proxy {
    address: SocketAddr,
    /// Of the server itself.
    url: String,
    line: Arc<watch::Sender<Line>>,
    /// Ends with this.
    _accepting: JoinSet<()>,
}

/// How it is with the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    /// Everything takes so long each way.
    Takes(Duration),
    /// Nothing arrives, and nobody is told.
    Hangs,
    /// There are no connections.
    Cut,
}

impl Proxy {
    /// A proxy in front of the server of a URL.
    pub(crate) async fn start(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let line = Arc::new(watch::Sender::new(Line::Takes(Duration::ZERO)));
        let mut accepting = JoinSet::new();
        accepting.spawn(accept(listener, parts(url).1.to_owned(), Arc::clone(&line)));
        Self { address, url: url.to_owned(), line, _accepting: accepting }
    }

    /// The server's URL with the proxy's address.
    pub(crate) fn url(&self) -> String {
        let (before, _, after) = parts(&self.url);
        format!("{before}{}{after}", self.address)
    }

    /// Breaks every connection and refuses others.
    pub(crate) fn cut(&self) {
        self.line.send_replace(Line::Cut);
    }

    /// Keeps connections, and passes nothing on.
    pub(crate) fn hang(&self) {
        self.line.send_replace(Line::Hangs);
    }

    /// Passes everything on after a while.
    pub(crate) fn slow_down(&self, time: Duration) {
        self.line.send_replace(Line::Takes(time));
    }

    /// Lets connections through again, with what has waited.
    pub(crate) fn restore(&self) {
        self.slow_down(Duration::ZERO);
    }
}

async fn accept(listener: TcpListener, server: String, line: Arc<watch::Sender<Line>>) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.expect("the listener is ours");
        let (line, server) = (line.subscribe(), server.clone());
        connections.spawn(async move {
            let mut cut = line.clone();
            tokio::select! {
                // Whoever ends it, both sides see the end.
                _ = connect(client, &server, line) => {}
                _ = cut.wait_for(|line| *line == Line::Cut) => {}
            }
        });
    }
}

async fn connect(client: TcpStream, server: &str, line: watch::Receiver<Line>) -> std::io::Result<()> {
    let server = TcpStream::connect(server).await?;
    let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
        (client.into_split(), server.into_split());
    tokio::select! {
        ended = pass_on(&mut from_client, &mut to_server, line.clone()) => ended,
        ended = pass_on(&mut from_server, &mut to_client, line) => ended,
    }
}

async fn pass_on(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut line: watch::Receiver<Line>,
) -> std::io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = from.read(&mut chunk).await?;
        if read == 0 {
            return Ok(());
        }
        // The sender lives as long as the listener.
        let _ = line.wait_for(|line| *line != Line::Hangs).await;
        let line = *line.borrow();
        if let Line::Takes(time) = line
            && !time.is_zero()
        {
            tokio::time::sleep(time).await;
        }
        to.write_all(&chunk[..read]).await?;
    }
}

/// What of a URL stands before its host and port, these, and what stands behind them.
fn parts(url: &str) -> (&str, &str, &str) {
    let start = url.find("://").expect("a URL") + 3;
    let start = url[start..].rfind('@').map_or(start, |at| start + at + 1);
    let end = url[start..].find('/').map_or(url.len(), |slash| start + slash);
    (&url[..start], &url[start..end], &url[end..])
}
