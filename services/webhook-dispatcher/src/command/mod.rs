//! Commands: what crm-api asks for, each kind in a queue of its own.
//!
//! Whoever asks chooses the ids of what shall come of it, so a command that arrives twice has one effect.

mod ping;
mod recover;
mod replay;

use std::time::Duration;

use pulse_bus::topology::Queue;
use pulse_bus::{Consumer, Failure, Incoming};
use pulse_domain::command::{Ping, Recovery, Replay};
use pulse_service::Service;
use pulse_store::notify::Waker;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use crate::Settings;
use crate::link::Link;

/// Commands taken at once at most.
const BATCH: u16 = 32;

/// Something that can be asked for.
trait Command: Sized + Send {
    /// What it is called.
    const NAME: &'static str;
    /// Where it arrives.
    const QUEUE: Queue;

    /// Reads a message.
    ///
    /// # Errors
    /// When it is not this command.
    fn decode(bytes: &[u8]) -> Result<Self, serde_json::Error>;

    /// Does what is asked for.
    fn obey(&self, link: &mut Link) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Adds the tasks that take commands.
pub(crate) fn add_tasks(service: &mut Service, settings: &Settings, waker: &Waker) {
    let wake = || {
        let waker = waker.clone();
        move || waker.wake()
    };
    service.task(Replay::NAME, take::<Replay, _>(settings, wake(), service.stop()));
    service.task(Ping::NAME, take::<Ping, _>(settings, wake(), service.stop()));
    service.task(Recovery::NAME, recover::run(settings, waker.clone(), service.stop()));
}

/// Takes commands of a kind until told to stop, and says so when some were obeyed.
fn take<C: Command, O: Fn() + Send + Sync>(
    settings: &Settings,
    obeyed: O,
    stop: CancellationToken,
) -> impl Future<Output = anyhow::Result<()>> + use<C, O> {
    let consumer = Consumer {
        settings: settings.bus.clone(),
        name: format!("webhook-dispatcher {}", C::NAME),
        queue: C::QUEUE,
        batch: BATCH,
        linger: Duration::ZERO,
    };
    let link = Mutex::new(Link::new(&settings.database));
    async move {
        consumer.run(stop, |messages| obey_all::<C>(&link, &obeyed, messages)).await;
        Ok(())
    }
}

async fn obey_all<C: Command>(
    link: &Mutex<Link>,
    obeyed: &(impl Fn() + Sync),
    messages: Vec<Incoming>,
) -> Vec<Result<(), Failure>> {
    let mut link = link.lock().await;
    let mut results = Vec::with_capacity(messages.len());
    for message in &messages {
        results.push(match C::decode(&message.body) {
            Ok(command) => command.obey(&mut link).await,
            Err(error) => Err(Failure::Discard(error.into())),
        });
    }
    if results.iter().any(Result::is_ok) {
        obeyed();
    }
    results
}
