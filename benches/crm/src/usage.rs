//! CPU time of the two sides.

use std::time::Duration;

use pulse_bench_usage as usage;

/// CPU time that crm-api and a PostgreSQL server with all its processes have used so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    pub(crate) crm: Duration,
    pub(crate) database: Duration,
}

impl Used {
    pub(crate) fn now(crm: u32, database: u32) -> anyhow::Result<Self> {
        Ok(Self { crm: usage::process(crm)?, database: usage::family(database)? })
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            crm: self.crm.saturating_sub(before.crm),
            database: self.database.saturating_sub(before.database),
        }
    }
}
