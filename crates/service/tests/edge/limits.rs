//! A limit that several processes count in one store.

use std::num::NonZeroU32;
use std::time::Duration;

use pulse_service::limit::{Limit, Store, Subject};
use pulse_testing::eventually;
use pulse_testing::redis::Redis;
use uuid::Uuid;

/// What a process knows of a store.
fn store(redis: &Redis) -> Store {
    Store::of(Some(&redis.url().into())).expect("an address").expect("a store")
}

/// A limit as a process counts it.
fn limit(name: &'static str, quota: u32, store: &Store) -> Limit {
    let quota = NonZeroU32::new(quota).expect("not zero");
    Limit::new(name, quota, Duration::from_secs(3_600)).shared(Some(store.clone()))
}

/// Waits until both count in the same store: before, or while it is away, each counts by itself.
async fn connected(one: &Store, other: &Store) {
    let (one, other) = (limit("probe", 10_000, one), limit("probe", 10_000, other));
    let somebody = Subject::workspace(Uuid::new_v4());
    eventually("both count in the store", async || {
        let (first, second) =
            (one.count(somebody).await.remaining(), other.count(somebody).await.remaining());
        (second + 1 == first).then_some(())
    })
    .await;
}

#[tokio::test]
async fn processes_share_what_is_left() {
    let redis = Redis::start().await;
    let (one, other) = (store(&redis), store(&redis));
    connected(&one, &other).await;
    let (one, other) = (limit("read", 4, &one), limit("read", 4, &other));
    let (ada, bob) = (Subject::address([192, 0, 2, 1].into()), Subject::address([192, 0, 2, 2].into()));
    let mut left = Vec::new();
    for limit in [&one, &other, &one, &other] {
        left.push(limit.count(ada).await.remaining());
    }
    assert_eq!(left, [3, 2, 1, 0]);
    for limit in [&one, &other] {
        let wait = limit.count(ada).await.retry_after_seconds().expect("it is used up");
        assert!((890..=900).contains(&wait), "{wait}");
    }
    assert_eq!(other.count(bob).await.remaining(), 3);
}

#[tokio::test]
async fn a_store_that_is_away_refuses_nobody_and_is_used_again_when_it_is_back() {
    let mut redis = Redis::start().await;
    let (one, other) = (store(&redis), store(&redis));
    connected(&one, &other).await;
    redis.kill();
    let ada = Subject::address([192, 0, 2, 1].into());
    let mine = limit("read", 1_000, &one);
    for left in [999, 998, 997] {
        assert_eq!(mine.count(ada).await.remaining(), left);
    }
    assert_eq!(limit("read", 1_000, &other).count(ada).await.remaining(), 999, "each counts by itself");
    redis.restart().await;
    connected(&one, &other).await;
}
