//! CPU time of the two sides.

use std::time::Duration;

use pulse_bench_usage as usage;

/// CPU time that crm-api and a PostgreSQL server with all its processes have used so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    pub(crate) service: Duration,
    pub(crate) database: Duration,
}

impl Used {
    /// Reads what a service and a PostgreSQL server with all its processes have used.
    pub(crate) fn now(service: u32, database: u32) -> anyhow::Result<Self> {
        Ok(Self { service: usage::process(service)?, database: usage::family(database)? })
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            service: self.service.saturating_sub(before.service),
            database: self.database.saturating_sub(before.database),
        }
    }
}
