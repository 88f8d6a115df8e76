//! HTTP as bytes on a connection, for what no client does.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, ToSocketAddrs};
use tokio::time::{interval, timeout};

/// How long a server may say nothing before the test fails.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection.
#[derive(Debug)]
pub struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its status line and headers.
    pub head: String,
    /// Its body.
    pub body: String,
}

impl Reply {
    /// A header; its name is in small letters.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }
}

impl Wire {
    /// Connects.
    ///
    /// # Panics
    /// When nobody listens there.
    pub async fn open(address: impl ToSocketAddrs) -> Self {
        let stream = TcpStream::connect(address).await.expect("somebody listens");
        stream.set_nodelay(true).expect("an option of every socket");
        Self { stream, read: Vec::new() }
    }

    /// Sends bytes on a connection of their own and reads the answer.
    ///
    /// # Panics
    /// When there is none.
    pub async fn ask(address: impl ToSocketAddrs, bytes: impl AsRef<[u8]>) -> Reply {
        let mut wire = Self::open(address).await;
        wire.send(bytes).await;
        wire.reply().await.expect("an answer")
    }

    /// Sends bytes. That the server has closed the connection meanwhile is no failure: it may have answered before.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Sends the same byte again and again, with a pause before each, until the server answers or closes the connection.
    pub async fn drip(&mut self, byte: u8, pause: Duration) -> Option<Reply> {
        let Self { stream, read } = self;
        let (mut reading, mut writing) = stream.split();
        let mut drops = interval(pause);
        let dripping = async {
            loop {
                drops.tick().await;
                if writing.write_all(&[byte]).await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::select! {
            reply = reply(&mut reading, read) => reply,
            () = dripping => None,
        }
    }

    /// Reads an answer; nothing where the server has closed the connection without one.
    ///
    /// # Panics
    /// When neither happens in time.
    pub async fn reply(&mut self) -> Option<Reply> {
        reply(&mut self.stream, &mut self.read).await
    }
}

async fn reply(stream: &mut (impl AsyncReadExt + Unpin), read: &mut Vec<u8>) -> Option<Reply> {
    loop {
        if let Some(reply) = take(read) {
            return Some(reply);
        }
        let more = timeout(PATIENCE, stream.read_buf(read)).await.expect("the server answers or closes");
        if more.unwrap_or(0) == 0 {
            return None;
        }
    }
}

/// Takes a whole answer off the front of what has been read.
fn take(read: &mut Vec<u8>) -> Option<Reply> {
    let end = read.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(read[..end].to_vec()).expect("headers are ASCII");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    let mut reply = Reply { status, head, body: String::new() };
    let length: usize = reply.header("content-length").map_or(0, |length| length.parse().expect("a number"));
    let rest = end + 4;
    let body = read.get(rest..rest + length)?;
    reply.body = String::from_utf8(body.to_vec()).expect("a text");
    read.drain(..rest + length);
    Some(reply)
}
