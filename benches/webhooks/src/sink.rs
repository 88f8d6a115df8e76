//! The receiver: HTTP/1.1 with as little of it as can be, on a thread of its own, so that it costs little beside what
//! it receives. It answers 200 below `/ok/`, and never below `/hang/`.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use uuid::Uuid;

/// Name of its thread.
pub(crate) const THREAD: &str = "sink";

/// Where a delivery says which event it carries: `{"event_id":"…`.
const EVENT_ID: std::ops::Range<usize> = 13..49;

const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A running receiver.
#[derive(Debug)]
pub(crate) struct Sink {
    pub(crate) address: SocketAddr,
    arrivals: Arc<Mutex<Arrivals>>,
}

/// What has arrived since the last [`Sink::forget`].
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    /// Deliveries that had not come before.
    pub(crate) count: usize,
    /// Deliveries that had.
    pub(crate) duplicates: usize,
    /// How long each event took that was [`Sink::sent`].
    pub(crate) took: Vec<Duration>,
    seen: HashSet<(Uuid, String)>,
    sent: HashMap<Uuid, Instant>,
}

impl Sink {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let arrivals = Arc::<Mutex<Arrivals>>::default();
        let shared = Arc::clone(&arrivals);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name(THREAD.into()).spawn(move || {
            let failed = runtime.block_on(async move {
                let listener = TcpListener::from_std(listener)?;
                loop {
                    let (stream, _) = listener.accept().await?;
                    let arrivals = Arc::clone(&shared);
                    #[expect(clippy::disallowed_methods, reason = "ends with the process")]
                    tokio::spawn(async move { serve(stream, &arrivals).await });
                }
                #[expect(unreachable_code, reason = "says what the block returns")]
                anyhow::Ok(())
            });
            eprintln!("the sink has ended: {failed:?}");
        })?;
        Ok(Self { address, arrivals })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Counts from zero.
    pub(crate) fn forget(&self) {
        *self.lock() = Arrivals::default();
    }

    /// Notes that an event has left, for [`Arrivals::took`].
    pub(crate) fn sent(&self, event: Uuid, at: Instant) {
        self.lock().sent.insert(event, at);
    }

    pub(crate) fn count(&self) -> usize {
        self.lock().count
    }

    /// Everything since the last [`Sink::forget`], which this does as well.
    pub(crate) fn take(&self) -> Arrivals {
        std::mem::take(&mut *self.lock())
    }

    /// Waits until so many deliveries have arrived.
    pub(crate) async fn wait_for(&self, count: usize, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        while self.count() < count {
            if Instant::now() > deadline {
                bail!("only {} of {count} deliveries have arrived within {patience:?}", self.count());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Arrivals> {
        self.arrivals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn serve(mut stream: TcpStream, arrivals: &Mutex<Arrivals>) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(16 * 1024);
    loop {
        let (head, length) = loop {
            if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break (end + 4, content_length(&buffer[..end])?);
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        while buffer.len() < head + length {
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        let path = std::str::from_utf8(&buffer[..head])?.split(' ').nth(1).context("a path")?;
        let event = std::str::from_utf8(&buffer[head..][EVENT_ID])?.parse()?;
        if path.starts_with("/hang/") {
            // Until the sender gives up.
            stream.read_to_end(&mut buffer).await?;
            return Ok(());
        }
        arrivals.lock().unwrap_or_else(PoisonError::into_inner).take_in(event, path);
        stream.write_all(OK).await?;
        buffer.drain(..head + length);
    }
}

impl Arrivals {
    fn take_in(&mut self, event: Uuid, path: &str) {
        if !self.seen.insert((event, path.to_owned())) {
            self.duplicates += 1;
            return;
        }
        self.count += 1;
        if let Some(sent) = self.sent.get(&event) {
            self.took.push(sent.elapsed());
        }
    }
}

fn content_length(head: &[u8]) -> anyhow::Result<usize> {
    let fields = std::str::from_utf8(head)?.split("\r\n").filter_map(|line| line.split_once(':'));
    let mut lengths = fields.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    Ok(lengths.next().context("a request without a length")?.1.trim().parse()?)
}
