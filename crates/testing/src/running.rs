//! A service that runs in the background of a test.

use pulse_service::Service;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A running service. Dropping it leaves it to end with the test's process.
#[derive(Debug)]
pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Running {
    /// Runs a service in the background.
    #[must_use]
    pub fn start(service: Service) -> Self {
        let stop = service.stop();
        #[expect(clippy::disallowed_methods, reason = "awaited by `Running::stop`")]
        let task = tokio::spawn(service.run());
        Self { stop, task }
    }

    /// Stops it the way a signal does, and fails the test unless it ends well.
    ///
    /// # Panics
    /// When the service failed.
    pub async fn stop(self) {
        self.stop.cancel();
        self.task.await.expect("the service does not panic").expect("the service ends well");
    }
}
