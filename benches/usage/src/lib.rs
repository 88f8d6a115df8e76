//! What processes use while they are measured, as the kernel counts it: CPU time, memory, the load of the machine.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;

/// The kernel counts in hundredths of a second on every Linux that Rust runs on.
const TICK: Duration = Duration::from_millis(10);

/// CPU time that a process has used so far, user and system.
///
/// # Errors
/// When there is no such process.
pub fn process(pid: u32) -> anyhow::Result<Duration> {
    Ok(TICK * Stat::of(format!("/proc/{pid}"))?.own)
}

/// CPU time that a process and its children have used so far, those that have ended included.
///
/// # Errors
/// When there is no such process.
pub fn family(pid: u32) -> anyhow::Result<Duration> {
    let parent = Stat::of(format!("/proc/{pid}"))?;
    let mut ticks = parent.own + parent.ended;
    for entry in fs::read_dir("/proc")?.flatten() {
        if let Ok(stat) = Stat::of(entry.path())
            && stat.parent == pid
        {
            ticks += stat.own;
        }
    }
    Ok(TICK * ticks)
}

/// CPU time that the threads of this process have used so far whose name begins with `name`.
///
/// # Errors
/// When the kernel does not say.
pub fn threads(name: &str) -> anyhow::Result<Duration> {
    let mut ticks = 0;
    for entry in fs::read_dir("/proc/self/task")?.flatten() {
        let stat = Stat::of(entry.path())?;
        if stat.name.starts_with(name) {
            ticks += stat.own;
        }
    }
    Ok(TICK * ticks)
}

/// Memory of a process that lies in RAM, in MiB.
///
/// # Errors
/// When there is no such process.
pub fn memory(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line =
        status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("a process with memory")?;
    Ok(line.trim().trim_end_matches(" kB").trim().parse::<u64>()? / 1_024)
}

/// The load average of the last minute.
///
/// # Errors
/// When the kernel does not say.
pub fn load() -> anyhow::Result<String> {
    let text = fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').next().unwrap_or_default().to_owned())
}

/// The middle one of some values; the upper one of two.
#[must_use]
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

struct Stat {
    name: String,
    parent: u32,
    own: u32,
    ended: u32,
}

impl Stat {
    /// `/proc/[pid]/stat`; proc(5) numbers its fields from 1, and the second one may hold anything in brackets.
    fn of(folder: impl AsRef<Path>) -> anyhow::Result<Self> {
        let text = fs::read_to_string(folder.as_ref().join("stat"))?;
        let (head, rest) = text.rsplit_once(") ").context("a process")?;
        let name = head.split_once('(').map_or("", |(_, name)| name).to_owned();
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let field = |number: usize| -> anyhow::Result<u32> {
            Ok(fields.get(number - 3).context("a field")?.parse()?)
        };
        Ok(Self { name, parent: field(4)?, own: field(14)? + field(15)?, ended: field(16)? + field(17)? })
    }
}
