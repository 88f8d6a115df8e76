//! Two processes of each role, as they run where one must not be missed.

use std::time::Duration;

use tokio::time::interval;

use crate::process::Process;
use crate::stack::{CRM_API, Stack, WEBHOOK_DISPATCHER};

/// What a process is: a service, and its role or all of them.
pub(crate) type Part = (&'static str, Option<&'static str>);

/// All that stands between the journal and the receivers, each role apart.
pub(crate) const APART: &[Part] = &[
    (CRM_API, Some("relay")),
    (WEBHOOK_DISPATCHER, Some("fan-out")),
    (WEBHOOK_DISPATCHER, Some("deliver")),
    (WEBHOOK_DISPATCHER, Some("replay")),
    (WEBHOOK_DISPATCHER, Some("sweep")),
];
/// The same with a dispatcher that plays all its roles.
pub(crate) const TOGETHER: &[Part] = &[(CRM_API, Some("relay")), (WEBHOOK_DISPATCHER, None)];

/// Of each part.
const REPLICAS: usize = 2;
/// How long a process lives. Its death makes duplicates of what it has under way or not yet on record, which is what it does
/// in some hundredths of a second, and on a machine that is busy with something else in some tenths.
const LIFE: Duration = Duration::from_secs(30);

/// What differs from the defaults, so that a test need not wait for minutes: leases, which hold for as long as a call
/// may take and 20 seconds more, and how long an event may take before it is swept for.
const HURRIED: &[(&str, &str)] = &[
    ("PULSE_EGRESS__TIMEOUT_MS", "3000"),
    ("PULSE_SWEEP__AFTER_SECONDS", "5"),
    ("PULSE_SWEEP__EVERY_SECONDS", "1"),
];

/// Running processes. They end when it is dropped.
pub(crate) struct Fleet<'a> {
    stack: &'a Stack,
    members: Vec<(Part, Process)>,
}

impl<'a> Fleet<'a> {
    /// Puts processes of their own in the place of the stack's relay and dispatcher.
    pub(crate) async fn take_over(stack: &'a mut Stack, parts: &[Part]) -> Self {
        stack.stop(WEBHOOK_DISPATCHER).await;
        stack.stop(CRM_API).await;
        stack.run(CRM_API, &["serve"]).await;
        let members = parts.iter().cycle().take(REPLICAS * parts.len());
        Self { members: members.map(|part| (*part, start(stack, *part))).collect(), stack }
    }

    /// What everything runs on.
    pub(crate) const fn stack(&self) -> &'a Stack {
        self.stack
    }

    /// Kills one after the other, as `kill -9` does, and starts it again at once: for so long, and one of each part at the
    /// least.
    pub(crate) async fn die_in_turn(&mut self, time: Duration) {
        let respite = LIFE / u32::try_from(self.members.len()).expect("few");
        let deaths = usize::try_from(time.as_millis() / respite.as_millis()).expect("few");
        let deaths = deaths.max(self.members.len() / REPLICAS);
        let mut ticks = interval(respite);
        ticks.tick().await;
        for death in 0..deaths {
            ticks.tick().await;
            let place = death % self.members.len();
            let (part, process) = &mut self.members[place];
            process.assert_running();
            let reborn = start(self.stack, *part);
            std::mem::replace(process, reborn).kill();
        }
    }

    /// Fails the test if any has ended by itself.
    pub(crate) fn assert_running(&mut self) {
        for (_, process) in &mut self.members {
            process.assert_running();
        }
    }

    /// Stops all, as an orchestrator does, and fails the test unless they end well and leave nothing on the bus.
    pub(crate) async fn stop(self) {
        for (part, process) in self.members {
            assert_eq!(process.stop().await.code(), Some(0), "{part:?} ends well");
        }
        self.stack.assert_no_messages_left().await;
    }
}

fn start(stack: &Stack, (service, role): Part) -> Process {
    let settings = if service == WEBHOOK_DISPATCHER { HURRIED } else { &[] };
    stack.another(service, role, settings)
}
