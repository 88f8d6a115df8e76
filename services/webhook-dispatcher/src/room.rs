//! Room: how many deliveries this process may hold, waiting in memory or under way.
//!
//! What it has no room for stays in the database, where every process can claim it. A receiver gets as much room as it
//! works off in a moment: one that is slow or fails gets no more than it may have calls under way, and its deliveries
//! wait where they cost nothing. One that is parked gets none. One workspace gets no more than a quarter of all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use uuid::Uuid;

use crate::subscriptions::Subscription;

/// Deliveries to one receiver at most, however fast it is: those of some batches.
const MOST: usize = 512;
/// To one that has not been called yet.
const AT_FIRST: usize = 64;
/// What is held for a receiver shall be worked off within this.
const MOMENT: Duration = Duration::from_secs(2);
/// One workspace gets this part of all room.
const SHARE: usize = 4;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Room(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    most: usize,
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    closed: bool,
    held: usize,
    workspaces: HashMap<Uuid, usize>,
    subscriptions: HashMap<Uuid, Held>,
}

#[derive(Debug)]
struct Held {
    places: usize,
    most: usize,
    parked_until: Option<Instant>,
}

/// A place that is taken, until this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    room: Room,
    workspace: Uuid,
    subscription: Uuid,
}

impl Room {
    /// Room for so many in all.
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Shared { most, state: Mutex::default(), freed: Notify::new() }))
    }

    /// Takes a place for a delivery to a subscription, if there is one.
    pub(crate) fn take(&self, workspace: Uuid, subscription: Uuid, concurrency: usize) -> Option<Place> {
        self.take_if(workspace, subscription, concurrency, |held| {
            held.places < held.most && held.parked_until.is_none_or(|until| until <= Instant::now())
        })
    }

    /// The same, even if the receiver is parked: for a probe, or for an attempt that cannot wait.
    pub(crate) fn take_if_parked(
        &self,
        workspace: Uuid,
        subscription: Uuid,
        concurrency: usize,
    ) -> Option<Place> {
        self.take_if(workspace, subscription, concurrency, |held| held.places < concurrency)
    }

    fn take_if(
        &self,
        workspace: Uuid,
        subscription: Uuid,
        concurrency: usize,
        fits: impl Fn(&Held) -> bool,
    ) -> Option<Place> {
        let mut state = self.state();
        let share = (self.0.most / SHARE).max(1);
        let State { closed, held, workspaces, subscriptions } = &mut *state;
        let of_workspace = workspaces.entry(workspace).or_default();
        let of_subscription = subscriptions.entry(subscription).or_insert_with(|| Held {
            places: 0,
            most: AT_FIRST.max(concurrency),
            parked_until: None,
        });
        if *closed || *held >= self.0.most || *of_workspace >= share || !fits(of_subscription) {
            return None;
        }
        *held += 1;
        *of_workspace += 1;
        of_subscription.places += 1;
        Some(Place { room: self.clone(), workspace, subscription })
    }

    /// Notes how a call went: how long it took, or that it failed.
    pub(crate) fn note(&self, subscription: &Subscription, took: Option<Duration>) {
        let most = match took {
            Some(took) => {
                let rounds = MOMENT.as_micros() / took.as_micros().max(1);
                let rounds = usize::try_from(rounds).unwrap_or(MOST);
                subscription.concurrency.saturating_mul(rounds.max(1)).min(MOST.max(subscription.concurrency))
            }
            None => subscription.concurrency,
        };
        if let Some(held) = self.state().subscriptions.get_mut(&subscription.id) {
            // A receiver that comes back is not overrun: each success lets twice as much in.
            held.most = most.min(held.most * 2);
            if took.is_some() {
                held.parked_until = None;
            }
        }
    }

    /// Lets nothing in for a subscription for a while, and one delivery after that: a probe.
    pub(crate) fn park(&self, subscription: Uuid, time: Duration) {
        let mut state = self.state();
        let held = state.subscriptions.entry(subscription).or_insert(Held {
            places: 0,
            most: 1,
            parked_until: None,
        });
        held.most = 1;
        held.parked_until = Some(Instant::now() + time);
    }

    /// The receiver is not parked any more.
    pub(crate) fn unpark(&self, subscription: Uuid) {
        if let Some(held) = self.state().subscriptions.get_mut(&subscription) {
            held.parked_until = None;
        }
    }

    /// How many places of a subscription are taken that it should not have any more.
    pub(crate) fn surplus(&self, subscription: Uuid) -> usize {
        self.state().subscriptions.get(&subscription).map_or(0, |held| held.places.saturating_sub(held.most))
    }

    /// No place is given any more.
    pub(crate) fn close(&self) {
        self.state().closed = true;
    }

    /// Whether it was closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.state().closed
    }

    /// Returns when a place was freed since it last returned.
    pub(crate) async fn freed(&self) {
        self.0.freed.notified().await;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.room.state();
        state.held -= 1;
        if let Some(places) = state.workspaces.get_mut(&self.workspace) {
            *places -= 1;
            if *places == 0 {
                state.workspaces.remove(&self.workspace);
            }
        }
        // How a receiver does is remembered: one that fails would get more room again at once.
        if let Some(held) = state.subscriptions.get_mut(&self.subscription) {
            held.places -= 1;
        }
        drop(state);
        self.room.0.freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKSPACE: Uuid = Uuid::from_u128(1);

    fn take(room: &Room, count: usize, subscription: &Subscription) -> Vec<Place> {
        (0..count).map_while(|_| room.take(WORKSPACE, subscription.id, subscription.concurrency)).collect()
    }

    #[test]
    fn a_receiver_gets_as_much_room_as_it_works_off_in_a_moment() {
        let (room, subscription) = (Room::new(4_000), Subscription::sample(2, 2));
        for (took, most) in [
            (Some(Duration::from_millis(1)), MOST),
            (Some(Duration::from_millis(100)), 40),
            (Some(Duration::from_secs(9)), 2),
            (None, 2),
        ] {
            for _ in 0..4 {
                let _first = take(&room, 1, &subscription);
                room.note(&subscription, took);
            }
            assert_eq!(take(&room, 1_000, &subscription).len(), most, "{took:?}");
        }
        let unknown = Subscription::sample(3, 2);
        let places = take(&room, 1_000, &unknown);
        assert_eq!((places.len(), room.surplus(unknown.id)), (AT_FIRST, 0));
        room.note(&unknown, None);
        assert_eq!(room.surplus(unknown.id), AT_FIRST - 2);
    }

    #[test]
    fn a_receiver_that_is_parked_gets_a_probe_and_then_twice_as_much_with_each_success() {
        let (room, subscription) = (Room::new(4_000), Subscription::sample(2, 8));
        room.park(subscription.id, Duration::from_secs(3_600));
        assert!(take(&room, 1, &subscription).is_empty());
        room.park(subscription.id, Duration::ZERO);
        let mut most = 1;
        for _ in 0..5 {
            let places = take(&room, 1_000, &subscription);
            assert_eq!(places.len(), most);
            room.note(&subscription, Some(Duration::from_millis(1)));
            most *= 2;
        }
    }

    #[test]
    fn a_workspace_gets_a_quarter_and_nobody_gets_any_after_it_was_closed() {
        let (room, subscription) = (Room::new(40), Subscription::sample(2, 2));
        let mut places = take(&room, 100, &subscription);
        assert_eq!(places.len(), 10);
        places.pop();
        places.extend(take(&room, 100, &subscription));
        assert_eq!(places.len(), 10);
        room.close();
        places.clear();
        assert!(take(&room, 1, &subscription).is_empty());
    }
}
