//! How programs of others talk to Pulse: scripts beside this package, run by Node and by Python with the packages that the
//! lock file beside each names, and examples, which cargo builds.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

const FOLDER: &str = env!("CARGO_MANIFEST_DIR");

/// Runs a script to its end and returns the JSON that it prints.
pub(crate) async fn run(script: &str, arguments: &[&str]) -> Value {
    let mut command = command(script);
    command.args(arguments);
    let output = finish(command).await;
    serde_json::from_slice(&output).expect("the script prints JSON")
}

/// Runs a command to its end, which must be a good one, and returns what it prints.
pub(crate) async fn finish(mut command: Command) -> Vec<u8> {
    command.stderr(Stdio::inherit());
    // The runtime must not wait for it: it may serve what the command talks to.
    let output = tokio::task::spawn_blocking(move || (command.output(), command)).await;
    let (output, command) = output.expect("nothing panics");
    let output = output.expect("the program is installed");
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{command:?} fails, {}: {printed}", output.status);
    output.stdout
}

/// A script that runs until this is dropped.
pub(crate) struct Background(Child);

impl Background {
    pub(crate) fn start(script: &str, settings: &[(&str, &str)]) -> Self {
        let child = command(script).envs(settings.iter().copied()).spawn();
        Self(child.expect("its program is installed"))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        // Fails only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program that comes with the Python packages.
pub(crate) fn python(program: &str) -> Command {
    let installed = PathBuf::from(FOLDER).join("clients/.venv/bin").join(program);
    assert!(installed.exists(), "{} is missing: `make test` installs it", installed.display());
    let mut command = Command::new(installed);
    command.current_dir(FOLDER).stdin(Stdio::null());
    command
}

/// A command that runs a script or an example.
pub(crate) fn command(script: &str) -> Command {
    let mut command = match Path::new(script).extension().and_then(OsStr::to_str) {
        Some("py") => {
            let mut command = python("python");
            command.arg(script);
            command
        }
        Some(_) => {
            let script = PathBuf::from(FOLDER).join(script);
            let installed = script.with_file_name("node_modules");
            assert!(installed.exists(), "{} is missing: `make test` installs it", installed.display());
            let mut command = Command::new("node");
            command.arg(script);
            command
        }
        None => Command::new(example(script)),
    };
    command.stdin(Stdio::null());
    command
}

/// An example of the workspace, beside the folder that cargo has put this test in.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("the system knows");
    let built = test.parent().and_then(Path::parent).expect("target/debug/deps").join("examples").join(name);
    assert!(built.exists(), "{} is missing: cargo build --workspace --examples", built.display());
    built
}
