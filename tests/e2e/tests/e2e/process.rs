//! A child process with a log of its own.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

use pulse_testing::eventually;

/// A running program. It ends when this is dropped, and stays in the process group of the test, so that a runner that
/// gives up on the test takes it along.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
}

impl Process {
    /// Starts a program; what it prints is added to the log.
    pub(crate) fn start(name: &'static str, command: &mut Command, log: &Path) -> Self {
        let log = File::options().create(true).append(true).open(log).expect("the log can be written");
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a second handle"))
            .stderr(log)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        Self { name, child }
    }

    /// Kills it, as `kill -9` does.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it has not ended by itself");
        self.child.wait().expect("it was killed");
    }

    /// Asks it to stop, as an orchestrator does, and waits until it has.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        self.ask_to_stop();
        eventually(&format!("{} stops", self.name), async || self.ended_with()).await
    }

    /// Ends it with a signal, and waits until it has.
    pub(crate) async fn end(mut self, signal: &str) {
        self.signal(signal, "");
        eventually(&format!("{} ends", self.name), async || self.ended_with()).await;
    }

    /// Sends a signal to it and to its children.
    pub(crate) fn signal_all(&self, signal: &str) {
        let id = self.child.id();
        self.signal(signal, &format!("$(cat /proc/{id}/task/{id}/children)"));
    }

    /// Fails the test if it has ended by itself.
    pub(crate) fn assert_running(&mut self) {
        if let Some(status) = self.ended_with() {
            panic!("{} has ended: {status}", self.name);
        }
    }

    fn ended_with(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("it is our child")
    }

    fn ask_to_stop(&self) {
        self.signal("TERM", "");
    }

    fn signal(&self, signal: &str, others: &str) {
        // The standard library sends no other signal than SIGKILL.
        let kill = format!("kill -{signal} {} {others}", self.child.id());
        Command::new("sh").args(["-c", &kill]).status().expect("every system has a shell");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.name == super::stack::GATEWAY && self.ended_with().is_none() {
            // Only nginx itself ends its workers.
            self.ask_to_stop();
        } else {
            // Fails only if it has ended already.
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
