//! One connection to a receiver, which carries one request after the other.
//!
//! Whoever holds it drives it, within the same task: nothing is woken but who waits for the answer, and a connection that
//! nobody holds does nothing.

use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

/// Bytes of an answer's head at most, and of what is read ahead.
const HEAD_BYTES: usize = 64 * 1024;
/// At most this much of an answer's body is read, and of that this is kept.
const READ_BYTES: usize = 64 * 1024;
const KEPT_BYTES: usize = 16 * 1024;
/// A connection carries no request any more when it is this old: by then its address can have changed hands.
const AGE: Duration = Duration::from_secs(60);
/// Nor when it has not been used for so long.
const IDLE: Duration = Duration::from_secs(30);

/// Bytes in both directions.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

pub(super) type Stream = Box<dyn Duplex>;
type Driver = http1::Connection<TokioIo<Stream>, Full<Bytes>>;

/// A connection.
pub(super) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    /// None when it has come to its end.
    driver: Option<Driver>,
    pub(super) remote_address: IpAddr,
    pub(super) tls_version: Option<&'static str>,
    born: Instant,
    used: Instant,
    /// How long it may be idle.
    patience: Duration,
}

impl Connection {
    /// Over a stream that has just been made.
    pub(super) async fn over(
        stream: Stream,
        remote_address: IpAddr,
        tls_version: Option<&'static str>,
    ) -> hyper::Result<Self> {
        #[expect(clippy::disallowed_methods, reason = "this is the guarded client")]
        let (sender, driver) =
            http1::Builder::new().max_buf_size(HEAD_BYTES).handshake(TokioIo::new(stream)).await?;
        let now = Instant::now();
        Ok(Self {
            sender,
            driver: Some(driver),
            remote_address,
            tls_version,
            born: now,
            used: now,
            patience: IDLE,
        })
    }

    /// Sends a request. It is in the error again if not one byte of it was sent: only then can it be sent once more.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Full<Bytes>>>> {
        let answer = self.sender.try_send_request(request);
        let answer = drive(&mut self.driver, answer).await?;
        if let Some(seconds) =
            answer.headers().get("keep-alive").and_then(|value| keep_alive(value.to_str().ok()?))
        {
            // It closes at that time, so it is left alone a moment before.
            self.patience = IDLE.min(Duration::from_secs(seconds.saturating_sub(1)));
        }
        Ok(answer)
    }

    /// Reads the body of an answer, as much as is wanted; what is kept of it, and whether that was the whole body.
    pub(super) async fn read(&mut self, mut body: Incoming) -> hyper::Result<(Bytes, bool)> {
        let (mut kept, mut read) = (Vec::new(), 0);
        while read <= READ_BYTES {
            let Some(frame) = drive(&mut self.driver, body.frame()).await.transpose()? else {
                return Ok((kept.into(), true));
            };
            if let Some(data) = frame.data_ref() {
                read += data.len();
                kept.extend_from_slice(&data[..data.len().min(KEPT_BYTES - kept.len())]);
            }
        }
        Ok((kept.into(), false))
    }

    /// Whether it is too old to carry another request.
    pub(super) fn is_old(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.born) >= AGE
            || now.saturating_duration_since(self.used) >= self.patience
    }

    /// Whether it could carry another request: what came in meanwhile, as the end of it, is taken notice of.
    pub(super) async fn is_ready(&mut self) -> bool {
        poll_fn(|context| {
            poll_driver(&mut self.driver, context);
            Poll::Ready(())
        })
        .await;
        self.driver.is_some() && self.sender.is_ready()
    }

    /// It rests from here on.
    pub(super) fn rest(&mut self) {
        self.used = Instant::now();
    }
}

/// Drives the connection until a piece of work on it is done.
async fn drive<T>(driver: &mut Option<Driver>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    poll_fn(|context| {
        poll_driver(driver, context);
        work.as_mut().poll(context)
    })
    .await
}

/// Its end, good or bad, shows in what waits for it once the driver is gone.
fn poll_driver(driver: &mut Option<Driver>, context: &mut Context<'_>) {
    if driver.as_mut().is_some_and(|driver| Pin::new(driver).poll(context).is_ready()) {
        *driver = None;
    }
}

/// The seconds of `Keep-Alive: timeout=5, max=100`.
fn keep_alive(value: &str) -> Option<u64> {
    value.split(',').find_map(|part| part.trim().strip_prefix("timeout="))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_is_closed_a_minute_after_it_was_made_and_sooner_if_it_is_not_used() {
        let (stream, _receiver) = tokio::io::duplex(64);
        let address = [127, 0, 0, 1].into();
        let mut connection = Connection::over(Box::new(stream), address, None).await.expect("a connection");
        let at = |connection: &Connection, age: Duration| connection.is_old(connection.born + age);
        assert!(!at(&connection, IDLE - Duration::from_millis(1)) && at(&connection, IDLE));
        connection.patience = Duration::from_secs(4);
        assert!(at(&connection, Duration::from_secs(4)), "the receiver closes it after five");
        connection.used += AGE;
        assert!(at(&connection, AGE), "however much it is used");
    }

    #[test]
    fn a_receiver_can_say_how_long_it_keeps_a_connection() {
        assert_eq!(keep_alive("timeout=5, max=100"), Some(5));
        assert_eq!(keep_alive("max=100,timeout=72"), Some(72));
        for unreadable in ["", "5", "timeout=", "timeout=x", "max=3"] {
            assert_eq!(keep_alive(unreadable), None, "{unreadable}");
        }
    }
}
