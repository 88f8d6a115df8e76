//! A store of limits for one test: a server of the Redis protocol in memory.

use std::process::{Child, Command, Stdio};

use tokio::net::{TcpListener, TcpStream};

use crate::eventually;

/// A running server. Dropping it kills it.
#[derive(Debug)]
pub struct Redis {
    port: u16,
    process: Child,
}

impl Redis {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// When the program is not installed.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        Self { port, process: launch(port).await }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Kills it.
    ///
    /// # Panics
    /// When it cannot be killed.
    pub fn kill(&mut self) {
        self.process.kill().expect("it can be killed");
        self.process.wait().expect("it ends");
    }

    /// Starts it again after it was killed, empty, at the same address.
    pub async fn restart(&mut self) {
        self.process = launch(self.port).await;
    }
}

async fn launch(port: u16) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port.to_string()]);
    let process = command.stdout(Stdio::null()).spawn().expect("redis-server is installed");
    eventually("the store listens", async || TcpStream::connect(("127.0.0.1", port)).await.ok()).await;
    process
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
