//! Connections that keep a client's place for nothing are closed.
//!
//! The server times the head of the first request of a connection, and the wait for the next one. It does not time a
//! head that has begun to arrive after that, nor a client that does not read its answer. Both look the same from here: a
//! connection on which no request has been under way for a while.

use std::any::Any;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use actix_web::dev::Extensions;
use tokio_util::sync::CancellationToken;

/// So many looks within the time that a connection may be idle.
const LOOKS: u32 = 8;

/// Those of one server.
#[derive(Clone, Debug, Default)]
pub(crate) struct Connections(Arc<Mutex<Vec<Weak<Connection>>>>);

/// One of them. The server drops it when it closes the connection.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: TcpStream,
    opened: Instant,
    under_way: AtomicUsize,
    /// Milliseconds from its opening until its last answer was ready.
    idle_since: AtomicU64,
}

/// A request that is under way on a connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct UnderWay(Arc<Connection>);

impl Connections {
    /// Notes a connection among the data that its requests share.
    pub(crate) fn opened(&self, connection: &dyn Any, data: &mut Extensions) {
        let stream = connection.downcast_ref::<tokio::net::TcpStream>();
        // A process that is out of descriptors has other troubles.
        let Some(Ok(socket)) = stream.map(|stream| stream.as_fd().try_clone_to_owned()) else { return };
        let connection = Arc::new(Connection {
            socket: socket.into(),
            opened: Instant::now(),
            under_way: AtomicUsize::new(0),
            idle_since: AtomicU64::new(0),
        });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&connection));
        data.insert(connection);
    }

    /// Closes, until it is told to stop, what has been idle for too long.
    pub(crate) async fn watch(self, patience: Duration, stop: CancellationToken) -> anyhow::Result<()> {
        let mut look = tokio::time::interval((patience / LOOKS).max(Duration::from_millis(10)));
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                _ = look.tick() => self.close_idle(patience),
            }
        }
    }

    fn close_idle(&self, patience: Duration) {
        let mut connections = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        connections.retain(|connection| {
            let Some(connection) = connection.upgrade() else { return false };
            let is_idle = connection.is_idle(patience);
            if is_idle {
                // Fails only where the client has gone already.
                let _ = connection.socket.shutdown(Shutdown::Both);
            }
            !is_idle
        });
    }
}

impl Connection {
    /// A request has begun.
    pub(crate) fn begin(self: &Arc<Self>) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::AcqRel);
        UnderWay(Arc::clone(self))
    }

    fn is_idle(&self, patience: Duration) -> bool {
        let idle_since = Duration::from_millis(self.idle_since.load(Ordering::Acquire));
        self.under_way.load(Ordering::Acquire) == 0 && self.opened.elapsed() > idle_since + patience
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let now = u64::try_from(self.0.opened.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.idle_since.store(now, Ordering::Release);
        self.0.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}
