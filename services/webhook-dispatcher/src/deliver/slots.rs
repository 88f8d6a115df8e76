//! Slots: the deliveries under way in this process, and the bounds on them.
//!
//! The bound per subscription is what keeps a receiver that hangs from taking every slot.

use std::collections::HashMap;

use tokio::task::{Id, JoinError, JoinSet};
use uuid::Uuid;

use crate::settings;

#[derive(Debug)]
pub(super) struct Slots {
    limits: settings::Delivery,
    tasks: JoinSet<()>,
    subscriptions: HashMap<Id, Uuid>,
}

impl Slots {
    pub(super) fn new(limits: settings::Delivery) -> Self {
        Self { limits, tasks: JoinSet::new(), subscriptions: HashMap::new() }
    }

    /// How many more deliveries may start.
    pub(super) fn free(&self) -> usize {
        self.limits.concurrency.get().saturating_sub(self.tasks.len())
    }

    /// How many deliveries to one subscription may be under way.
    pub(super) fn per_subscription(&self) -> usize {
        self.limits.per_subscription.get()
    }

    /// The subscription of each delivery under way.
    pub(super) fn busy(&self) -> Vec<Uuid> {
        self.subscriptions.values().copied().collect()
    }

    /// The subscriptions to which no more deliveries may start.
    pub(super) fn full(&self) -> Vec<Uuid> {
        let mut counts: HashMap<Uuid, usize> = HashMap::new();
        for subscription in self.subscriptions.values() {
            *counts.entry(*subscription).or_default() += 1;
        }
        counts.retain(|_, count| *count >= self.per_subscription());
        counts.into_keys().collect()
    }

    /// Starts a delivery.
    pub(super) fn start(&mut self, subscription: Uuid, delivery: impl Future<Output = ()> + Send + 'static) {
        let id = self.tasks.spawn(delivery).id();
        self.subscriptions.insert(id, subscription);
    }

    /// Waits until deliveries have ended, and frees the slots of all that have; forever where none is under way. Cancel
    /// safe.
    pub(super) async fn ended(&mut self) {
        match self.tasks.join_next_with_id().await {
            Some(ended) => self.free_slot(ended),
            None => std::future::pending().await,
        }
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.free_slot(ended);
        }
    }

    fn free_slot(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = ended.map_or_else(
            |error| {
                // Its lease runs out, and whoever claims it then finds the attempt with an unknown outcome.
                tracing::error!(%error, "a delivery panicked");
                error.id()
            },
            |(id, ())| id,
        );
        self.subscriptions.remove(&id);
    }

    /// Waits until every delivery under way has ended.
    pub(super) async fn finish(&mut self) {
        while !self.tasks.is_empty() {
            self.ended().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(concurrency: usize, per_subscription: usize) -> Slots {
        let [concurrency, per_subscription] =
            [concurrency, per_subscription].map(|limit| limit.try_into().expect("not zero"));
        Slots::new(settings::Delivery { concurrency, per_subscription })
    }

    #[tokio::test]
    async fn a_subscription_is_full_before_the_process_is() {
        let mut slots = slots(3, 2);
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        slots.start(one, std::future::pending());
        slots.start(other, async {});
        assert_eq!((slots.free(), slots.full()), (1, vec![]));
        slots.start(one, std::future::pending());
        assert_eq!((slots.free(), slots.full()), (0, vec![one]));
        slots.ended().await;
        assert_eq!((slots.free(), slots.busy()), (1, vec![one, one]));
    }

    #[tokio::test]
    async fn a_delivery_that_panics_gives_its_slot_back() {
        let mut slots = slots(1, 1);
        slots.start(Uuid::from_u128(1), async { panic!("on purpose") });
        slots.finish().await;
        assert_eq!((slots.free(), slots.busy()), (1, vec![]));
    }
}
