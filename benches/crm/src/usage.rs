//! CPU time of processes, as the kernel counts it.

use std::fs;
use std::time::Duration;

use anyhow::Context;

/// The kernel counts in hundredths of a second on every Linux that Rust runs on.
const TICK: Duration = Duration::from_millis(10);

/// CPU time that some processes have used so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used {
    pub(crate) service: Duration,
    pub(crate) database: Duration,
}

impl Used {
    /// Reads what a service and a PostgreSQL server with all its processes have used.
    pub(crate) fn now(service: u32, database: u32) -> anyhow::Result<Self> {
        let service = Stat::of(service)?;
        let server = Stat::of(database)?;
        // Processes of the server that have ended count with their parent.
        let mut ticks = server.own + server.ended;
        for entry in fs::read_dir("/proc")?.flatten() {
            let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
            if let Some(stat) = pid.and_then(|pid: u32| Stat::of(pid).ok())
                && stat.parent == database
            {
                ticks += stat.own;
            }
        }
        Ok(Self { service: TICK * service.own, database: TICK * ticks })
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            service: self.service.saturating_sub(before.service),
            database: self.database.saturating_sub(before.database),
        }
    }
}

struct Stat {
    parent: u32,
    own: u32,
    ended: u32,
}

impl Stat {
    /// `/proc/[pid]/stat`; proc(5) numbers its fields from 1, and the second one may hold anything in brackets.
    fn of(pid: u32) -> anyhow::Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let fields: Vec<&str> = text.rsplit_once(") ").context("a process")?.1.split_whitespace().collect();
        let field = |number: usize| -> anyhow::Result<u32> {
            Ok(fields.get(number - 3).context("a field")?.parse()?)
        };
        Ok(Self { parent: field(4)?, own: field(14)? + field(15)?, ended: field(16)? + field(17)? })
    }
}

/// The load average of the last minute.
pub(crate) fn load() -> anyhow::Result<String> {
    let text = fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}
