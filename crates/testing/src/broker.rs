//! A namespace on the broker for one test.

use pulse_bus::dead_letters::{self, Depth};
use pulse_bus::topology::{QUEUES, Queue};
use uuid::Uuid;

/// Settings with a prefix of this test alone; its queues vanish by themselves.
#[must_use]
pub fn settings() -> pulse_bus::Settings {
    pulse_bus::Settings {
        url: crate::server("PULSE_BUS__URL").into(),
        prefix: format!("test.{}.", Uuid::new_v4().simple()),
        confirm_timeout_ms: 5_000,
    }
}

/// Fails the test if a queue still holds messages, or set any aside, other than those of `except`.
///
/// # Panics
/// When something is left over.
pub async fn assert_nothing_left(settings: &pulse_bus::Settings, except: &[Queue]) {
    for queue in QUEUES.iter().filter(|queue| except.iter().all(|other| other.name != queue.name)) {
        let depth = dead_letters::depth(settings, *queue).await.expect("the broker answers");
        assert_eq!(depth, Depth { ready: 0, dead: 0 }, "{} holds leftovers", queue.name);
    }
}
