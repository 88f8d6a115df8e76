//! How JavaScript talks to Pulse: scripts in `tests/e2e/sdk`, run by Node.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sdk");

/// Runs a script to its end and returns the JSON that it prints.
pub(crate) async fn run(script: &'static str, arguments: &[&str]) -> Value {
    let mut command = command(script);
    command.args(arguments).stderr(Stdio::inherit());
    // The runtime must not wait for it: it may serve what the script talks to.
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("nothing panics");
    let output = output.expect("Node is installed");
    assert!(output.status.success(), "{script} fails: {}", output.status);
    serde_json::from_slice(&output.stdout).expect("the script prints JSON")
}

/// A script that runs until this is dropped.
pub(crate) struct Background(Child);

impl Background {
    pub(crate) fn start(script: &str, settings: &[(&str, &str)]) -> Self {
        let child = command(script).envs(settings.iter().copied()).spawn();
        Self(child.expect("Node is installed"))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn command(script: &str) -> Command {
    let folder = PathBuf::from(FOLDER);
    let installed = folder.join("node_modules/@pulsora/core");
    assert!(installed.exists(), "{} is missing: npm ci --prefix tests/e2e/sdk", installed.display());
    let mut command = Command::new("node");
    command.arg(folder.join(script)).stdin(Stdio::null());
    command
}
