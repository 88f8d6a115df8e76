//! Faults under load: while events are written without a pause, something of what delivers them breaks. Whatever it
//! is, in the end every event that was committed has reached every subscription that asks for it, fewer than one
//! delivery of a hundred more than once, and the log tells of every attempt.
//!
//! In reading order: [`load`] writes the events, [`audience`] receives them and is audited in the end, a [`fleet`] is
//! what delivers; then what breaks: processes are [`killed`], the [`broker`], the [`database`], the [`network`].
//!
//! In `make test` each fault lasts for seconds, in `make faults` for a minute: what is asserted is the same.

mod audience;
mod broker;
mod database;
mod fleet;
mod killed;
mod load;
mod network;

use std::time::Duration;

/// How long a fault lasts, in seconds.
const SECONDS: u64 = 6;

/// How long a fault lasts.
fn while_it_lasts() -> Duration {
    #[expect(clippy::disallowed_methods, reason = "`make faults` asks these tests for more")]
    let seconds = std::env::var("FAULT_SECONDS").ok();
    Duration::from_secs(seconds.map_or(SECONDS, |seconds| seconds.parse().expect("a number of seconds")))
}
