//! CPU time of everything that takes part in a delivery but its receiver.

use std::time::Duration;

use pulse_bench_usage as usage;

use crate::Bench;

/// CPU time that has been used so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cost {
    dispatcher: Duration,
    database: Duration,
    bus: Duration,
}

/// Milliseconds for each of some deliveries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Each {
    pub(crate) dispatcher: f64,
    pub(crate) database: f64,
    pub(crate) bus: f64,
}

impl Each {
    pub(crate) fn sum(&self) -> f64 {
        self.dispatcher + self.database + self.bus
    }
}

impl Cost {
    pub(crate) fn now(bench: &Bench) -> anyhow::Result<Self> {
        Ok(Self {
            dispatcher: usage::process(bench.cli.dispatcher_pid)?,
            database: usage::family(bench.cli.database_pid)?,
            bus: usage::family(bench.cli.bus_pid)?,
        })
    }

    /// What has been used since `before`, for each of `count`.
    pub(crate) fn since(self, before: Self, count: usize) -> Each {
        let each = |now: Duration, before: Duration| {
            now.saturating_sub(before).as_secs_f64() * 1_000.0 / count.max(1) as f64
        };
        Each {
            dispatcher: each(self.dispatcher, before.dispatcher),
            database: each(self.database, before.database),
            bus: each(self.bus, before.bus),
        }
    }
}
