//! Lanes: whose turn it is. Each subscription has a lane of what waits in memory, and a call begins only within the
//! bounds on its subscription, its workspace and the process.
//!
//! A rate is not counted here: it is that of all processes, and whoever claims a delivery is told when it may begin.
//!
//! Workspaces take turns, and within one its subscriptions. First attempts go before retries, and retries never take
//! the last quarter of the slots: neither a receiver that hangs nor one that has come back holds up what is fresh.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::time::Instant;

use uuid::Uuid;

use crate::delivery::Leased;
use crate::settings;

/// First attempts, and retries.
const KINDS: [usize; 2] = [FIRST, RETRY];
const FIRST: usize = 0;
const RETRY: usize = 1;

/// What is counted when a call begins, and again when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    workspace: Uuid,
    pub(super) subscription: Uuid,
    retry: bool,
}

impl Slot {
    pub(super) fn of(leased: &Leased) -> Self {
        Self {
            workspace: leased.subscription.workspace_id,
            subscription: leased.subscription.id,
            retry: leased.number > 1,
        }
    }
}

#[derive(Debug)]
pub(super) struct Lanes {
    limits: settings::Delivery,
    lanes: HashMap<Uuid, Lane>,
    turns: [Turns; 2],
    /// Calls under way, and how many of them are retries.
    under_way: usize,
    retries: usize,
    workspaces: HashMap<Uuid, usize>,
    /// Lanes whose rate lets them begin at a time.
    resting: BinaryHeap<Reverse<(Instant, Uuid)>>,
}

#[derive(Debug)]
struct Lane {
    workspace: Uuid,
    waiting: [VecDeque<Leased>; 2],
    /// Whether it stands in the turns for a kind.
    in_turn: [bool; 2],
    under_way: usize,
    concurrency: usize,
    /// When it stands up again, where it rests.
    rests_until: Option<Instant>,
}

/// Lanes that could begin a call, by workspace.
#[derive(Debug, Default)]
struct Turns {
    workspaces: VecDeque<Uuid>,
    lanes: HashMap<Uuid, VecDeque<Uuid>>,
    /// Workspaces that have as many calls under way as they may.
    full: HashSet<Uuid>,
}

impl Turns {
    fn push(&mut self, workspace: Uuid, lane: Uuid) {
        let lanes = self.lanes.entry(workspace).or_default();
        if lanes.is_empty() && !self.full.contains(&workspace) {
            self.workspaces.push_back(workspace);
        }
        lanes.push_back(lane);
    }

    fn pop(&mut self, may_begin: impl Fn(Uuid) -> bool) -> Option<Uuid> {
        while let Some(workspace) = self.workspaces.pop_front() {
            if !may_begin(workspace) {
                self.full.insert(workspace);
                continue;
            }
            let lanes = self.lanes.get_mut(&workspace)?;
            let lane = lanes.pop_front();
            if lanes.is_empty() {
                self.lanes.remove(&workspace);
            } else {
                self.workspaces.push_back(workspace);
            }
            return lane;
        }
        None
    }

    fn ended(&mut self, workspace: Uuid) {
        if self.full.remove(&workspace) && self.lanes.contains_key(&workspace) {
            self.workspaces.push_back(workspace);
        }
    }
}

impl Lanes {
    pub(super) fn new(limits: settings::Delivery) -> Self {
        Self {
            limits,
            lanes: HashMap::new(),
            turns: Default::default(),
            under_way: 0,
            retries: 0,
            workspaces: HashMap::new(),
            resting: BinaryHeap::new(),
        }
    }

    /// Takes a delivery in.
    pub(super) fn push(&mut self, leased: Leased) {
        let subscription = &leased.subscription;
        let (id, slot) = (subscription.id, Slot::of(&leased));
        let lane = self.lanes.entry(id).or_insert_with(|| Lane {
            workspace: slot.workspace,
            waiting: Default::default(),
            in_turn: [false; 2],
            under_way: 0,
            concurrency: 1,
            rests_until: None,
        });
        // The newest version of the subscription says what holds.
        lane.concurrency = subscription.concurrency;
        lane.waiting[usize::from(slot.retry)].push_back(leased);
        self.line_up(id);
    }

    /// The delivery whose turn it is to be called, if any may be.
    pub(super) fn next(&mut self, now: Instant) -> Option<Leased> {
        while let Some(Reverse((at, _))) = self.resting.peek()
            && *at <= now
        {
            if let Some(Reverse((_, id))) = self.resting.pop()
                && let Some(lane) = self.lanes.get_mut(&id)
            {
                lane.rests_until = None;
                self.line_up(id);
                self.remove_if_idle(id);
            }
        }
        for kind in KINDS {
            while self.under_way < self.limits.concurrency.get()
                && (kind == FIRST || self.retries < self.for_retries())
            {
                let per_workspace = self.limits.per_workspace.get();
                let workspaces = &self.workspaces;
                let may_begin = |id: Uuid| workspaces.get(&id).is_none_or(|calls| *calls < per_workspace);
                let Some(id) = self.turns[kind].pop(may_begin) else { break };
                if let Some(leased) = self.begin(id, kind, now) {
                    return Some(leased);
                }
            }
        }
        None
    }

    /// The time at which a lane may begin again that has to rest.
    pub(super) fn next_rested(&self) -> Option<Instant> {
        self.resting.peek().map(|Reverse((at, _))| *at)
    }

    /// A call is over.
    pub(super) fn ended(&mut self, slot: Slot) {
        self.under_way -= 1;
        self.retries -= usize::from(slot.retry);
        if let Some(calls) = self.workspaces.get_mut(&slot.workspace) {
            *calls -= 1;
            if *calls == 0 {
                self.workspaces.remove(&slot.workspace);
            }
        }
        for turns in &mut self.turns {
            turns.ended(slot.workspace);
        }
        if let Some(lane) = self.lanes.get_mut(&slot.subscription) {
            lane.under_way -= 1;
        }
        self.line_up(slot.subscription);
        self.remove_if_idle(slot.subscription);
    }

    /// Takes up to so many of a subscription's deliveries out again, those that came last first.
    pub(super) fn take_back(&mut self, subscription: Uuid, count: usize) -> Vec<Leased> {
        let Some(lane) = self.lanes.get_mut(&subscription) else { return Vec::new() };
        let mut taken = Vec::new();
        for kind in [RETRY, FIRST] {
            while taken.len() < count
                && let Some(leased) = lane.waiting[kind].pop_back()
            {
                taken.push(leased);
            }
        }
        taken
    }

    /// Takes everything out again that waits.
    pub(super) fn clear(&mut self) -> Vec<Leased> {
        let lanes = self.lanes.values_mut();
        lanes.flat_map(|lane| lane.waiting.iter_mut().flat_map(std::mem::take).collect::<Vec<_>>()).collect()
    }

    fn for_retries(&self) -> usize {
        (self.limits.concurrency.get() * 3 / 4).max(1)
    }

    fn begin(&mut self, id: Uuid, kind: usize, now: Instant) -> Option<Leased> {
        let lane = self.lanes.get_mut(&id)?;
        lane.in_turn[kind] = false;
        if !lane.may_begin(kind, now) {
            self.remove_if_idle(id);
            return None;
        }
        let leased = lane.waiting[kind].pop_front()?;
        let slot = Slot::of(&leased);
        lane.under_way += 1;
        self.under_way += 1;
        self.retries += usize::from(slot.retry);
        *self.workspaces.entry(slot.workspace).or_default() += 1;
        self.line_up(id);
        Some(leased)
    }

    /// Puts a lane into the turns that it can have, or lets it rest.
    fn line_up(&mut self, id: Uuid) {
        let Some(lane) = self.lanes.get_mut(&id) else { return };
        let now = Instant::now();
        for kind in KINDS {
            if !lane.in_turn[kind] && lane.may_begin(kind, now) {
                lane.in_turn[kind] = true;
                self.turns[kind].push(lane.workspace, id);
            }
        }
        if let Some(at) = lane.begins_after(now)
            && lane.rests_until.is_none_or(|until| at < until)
        {
            lane.rests_until = Some(at);
            self.resting.push(Reverse((at, id)));
        }
    }

    fn remove_if_idle(&mut self, id: Uuid) {
        let idle = |lane: &Lane| {
            lane.under_way == 0 && lane.in_turn == [false; 2] && lane.waiting.iter().all(VecDeque::is_empty)
        };
        if self.lanes.get(&id).is_some_and(idle) {
            self.lanes.remove(&id);
        }
    }
}

impl Lane {
    fn may_begin(&self, kind: usize, now: Instant) -> bool {
        let is_free = |leased: &Leased| leased.not_before.is_none_or(|at| at <= now);
        self.waiting[kind].front().is_some_and(is_free) && self.under_way < self.concurrency
    }

    /// When the next of what waits may begin that may not yet.
    fn begins_after(&self, now: Instant) -> Option<Instant> {
        let times = self.waiting.iter().filter_map(|waiting| waiting.front()?.not_before);
        times.filter(|at| *at > now).min()
    }
}

#[cfg(test)]
mod tests {
    use std::num::{NonZeroU16, NonZeroUsize};
    use std::sync::Arc;
    use std::time::Duration;

    use bytes::Bytes;
    use chrono::DateTime;

    use super::*;
    use crate::delivery::{Lease, Payload};
    use crate::room::Room;
    use crate::subscriptions::Subscription;

    fn lanes(concurrency: usize, per_workspace: usize) -> Lanes {
        let [concurrency, per_workspace] =
            [concurrency, per_workspace].map(|limit| NonZeroUsize::new(limit).expect("not zero"));
        let (per_subscription, held) = (NonZeroU16::MIN, NonZeroUsize::MAX);
        Lanes::new(settings::Delivery { concurrency, per_subscription, per_workspace, held })
    }

    fn leased(workspace: u128, subscription: Subscription, number: i32) -> Leased {
        let subscription = Subscription { workspace_id: Uuid::from_u128(workspace), ..subscription };
        let at = DateTime::from_timestamp(1_700_000_000, 0).expect("in range");
        let place = Room::new(4).take(subscription.workspace_id, subscription.id, 8).expect("an empty room");
        Leased {
            subscription: Arc::new(subscription),
            id: Uuid::now_v7(),
            event_id: Uuid::now_v7(),
            event_type: "contact.created".into(),
            payload: Arc::new(Payload::new(Bytes::new(), Uuid::now_v7())),
            retries: number - 1,
            number,
            first_attempt_at: at,
            anchor: at,
            not_before: None,
            sequence: None,
            strand: None,
            lease: Lease { epoch: 1, at, since: Instant::now() },
            _place: place,
        }
    }

    fn begin_all(lanes: &mut Lanes) -> Vec<Slot> {
        let now = Instant::now();
        std::iter::from_fn(|| lanes.next(now)).map(|leased| Slot::of(&leased)).collect()
    }

    #[test]
    fn a_call_begins_within_the_bounds_of_subscription_workspace_and_process() {
        let mut lanes = lanes(5, 3);
        for subscription in [1, 1, 1, 2, 2, 2] {
            lanes.push(leased(1, Subscription::sample(subscription, 2), 1));
        }
        let first = begin_all(&mut lanes);
        assert_eq!(first.len(), 3, "of the workspace");
        for subscription in [3, 3, 3] {
            lanes.push(leased(2, Subscription::sample(subscription, 1), 1));
        }
        assert_eq!(begin_all(&mut lanes).len(), 1, "of the subscription");
        for subscription in [4, 4] {
            lanes.push(leased(3, Subscription::sample(subscription, 8), 1));
        }
        assert_eq!(begin_all(&mut lanes).len(), 1, "of the process");
        for slot in first {
            lanes.ended(slot);
        }
        assert_eq!(begin_all(&mut lanes).len(), 3);
    }

    #[test]
    fn workspaces_and_their_subscriptions_take_turns() {
        let mut lanes = lanes(100, 100);
        for (workspace, subscription) in [(1, 1), (1, 1), (1, 2), (2, 3), (2, 3)] {
            lanes.push(leased(workspace, Subscription::sample(subscription, 8), 1));
        }
        let order: Vec<u128> = begin_all(&mut lanes).iter().map(|slot| slot.subscription.as_u128()).collect();
        assert_eq!(order, [1, 3, 2, 3, 1]);
    }

    #[test]
    fn retries_leave_slots_to_first_attempts() {
        let mut lanes = lanes(4, 8);
        for _ in 0..6 {
            lanes.push(leased(1, Subscription::sample(1, 8), 2));
        }
        assert_eq!(begin_all(&mut lanes).len(), 3);
        lanes.push(leased(2, Subscription::sample(2, 8), 1));
        assert_eq!(begin_all(&mut lanes).len(), 1);
    }

    #[test]
    fn a_call_begins_no_earlier_than_its_rate_lets_it() {
        let mut lanes = lanes(4, 8);
        let now = Instant::now();
        let later = now + Duration::from_secs(3_600);
        for (number, not_before) in [(1, now), (1, later), (2, later + Duration::from_secs(1))] {
            let leased = leased(1, Subscription::sample(1, 8), number);
            lanes.push(Leased { not_before: Some(not_before), ..leased });
        }
        let slot = Slot::of(&lanes.next(now).expect("the first"));
        assert!(lanes.next(now).is_none());
        lanes.ended(slot);
        assert!(lanes.next(now).is_none());
        assert_eq!(lanes.next_rested(), Some(later));
        assert_eq!(lanes.clear().len(), 2);
    }

    #[test]
    fn what_waits_can_be_taken_back() {
        let mut lanes = lanes(4, 8);
        for number in [1, 2, 1, 1] {
            lanes.push(leased(1, Subscription::sample(1, 1), number));
        }
        let slot = Slot::of(&lanes.next(Instant::now()).expect("a call"));
        let taken = lanes.take_back(slot.subscription, 2);
        assert_eq!(taken.iter().map(|leased| leased.number).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(lanes.clear().len(), 1);
        lanes.ended(slot);
        assert!(lanes.next(Instant::now()).is_none() && lanes.lanes.is_empty());
    }
}
