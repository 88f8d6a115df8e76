//! Connections that rest between two requests, by what they lead to.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::target::Origin;

/// Connections that rest to one origin at most.
const MOST: usize = 256;
/// How often those are closed that are too old.
const SWEEP: Duration = Duration::from_secs(5);

#[derive(Default)]
pub(super) struct Pool(Mutex<State>);

#[derive(Default)]
struct State {
    resting: HashMap<Arc<Origin>, Vec<Connection>>,
    /// Whether somebody closes what is too old.
    swept: bool,
}

impl Pool {
    /// The connection that was used last, if one is still good.
    pub(super) async fn take(&self, origin: &Origin) -> Option<Connection> {
        loop {
            let mut connection = self.pop(origin)?;
            if !connection.is_old(Instant::now()) && connection.is_ready().await {
                return Some(connection);
            }
        }
    }

    /// Lets a connection rest whose last answer was read to its end.
    pub(super) async fn put(self: &Arc<Self>, origin: &Arc<Origin>, mut connection: Connection) {
        if !connection.is_ready().await {
            return;
        }
        connection.rest();
        let mut state = self.state();
        let resting = state.resting.entry(Arc::clone(origin)).or_default();
        if resting.len() < MOST {
            resting.push(connection);
        }
        if !std::mem::replace(&mut state.swept, true) {
            #[expect(
                clippy::disallowed_methods,
                reason = "ends with the pool, and loses nothing when it is dropped"
            )]
            tokio::spawn(sweep(Arc::downgrade(self)));
        }
    }

    fn pop(&self, origin: &Origin) -> Option<Connection> {
        self.state().resting.get_mut(origin)?.pop()
    }

    /// Closes what is too old; whether anything rests.
    fn close_old(&self) -> bool {
        let mut state = self.state();
        let now = Instant::now();
        state.resting.retain(|_, resting| {
            resting.retain(|connection| !connection.is_old(now));
            !resting.is_empty()
        });
        state.swept = !state.resting.is_empty();
        state.swept
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sweep(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        if !pool.upgrade().is_some_and(|pool| pool.close_old()) {
            return;
        }
    }
}
