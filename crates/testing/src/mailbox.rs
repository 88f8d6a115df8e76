//! A server that takes mails by SMTP, remembers them, and answers as it is told.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::eventually;

/// A mail that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Whom it is for, as the server was told.
    pub to: String,
    /// Headers and body, lines parted by `\n`.
    pub data: String,
}

impl Mail {
    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let (head, _) = self.data.split_once("\n\n")?;
        head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The line that begins with this, such as a token.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn line(&self, beginning: &str) -> String {
        let line = self.data.lines().find(|line| line.starts_with(beginning));
        line.unwrap_or_else(|| panic!("no line begins with {beginning}: {}", self.data)).to_owned()
    }
}

#[derive(Debug, Default)]
struct State {
    mails: Vec<Mail>,
    /// Codes that the next mails are answered with; 250 when there is none.
    answers: Vec<u16>,
    /// Mails that were offered.
    offered: usize,
}

/// A server on a free port of the loopback interface.
#[derive(Clone, Debug)]
pub struct Mailbox {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Mailbox {
    /// Starts a server.
    ///
    /// # Panics
    /// When no port is free.
    #[must_use]
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        #[expect(clippy::disallowed_methods, reason = "ends with the test's process")]
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                #[expect(clippy::disallowed_methods, reason = "ends with its connection")]
                tokio::spawn(async move {
                    // A client that goes away in the middle is none of our business.
                    let _ = converse(stream, &state).await;
                });
            }
        });
        Self { address, state }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Codes to answer the next mails with, such as 451 or 550; 250 afterwards.
    pub fn answer(&self, codes: &[u16]) {
        lock(&self.state).answers.extend_from_slice(codes);
    }

    /// Everything that was taken.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        lock(&self.state).mails.clone()
    }

    /// How many mails were offered, taken or not.
    #[must_use]
    pub fn offered(&self) -> usize {
        lock(&self.state).offered
    }

    /// Waits until there are at least `count` mails, and returns all.
    pub async fn wait_for(&self, count: usize) -> Vec<Mail> {
        eventually(&format!("{count} mails"), || async {
            Some(self.mails()).filter(|mails| mails.len() >= count)
        })
        .await
    }

    /// Waits until there are `count` mails for an address, and returns the last of them.
    pub async fn wait_for_nth(&self, count: usize, to: &str) -> Mail {
        eventually(&format!("{count} mails for {to}"), || async {
            let mut mails = self.mails();
            mails.retain(|mail| mail.to == to);
            if mails.len() >= count { mails.pop() } else { None }
        })
        .await
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("no test panics while it holds this")
}

/// One conversation (RFC 5321), as far as clients need it that send.
async fn converse(mut stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut lines = BufReader::new(reader).lines();
    let mut to = String::new();
    writer.write_all(b"220 mailbox\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        let command = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        let answer = match command.as_str() {
            "RCPT" => {
                to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                "250 OK"
            }
            "DATA" => {
                writer.write_all(b"354 go on\r\n").await?;
                let mut data = String::new();
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    data.push_str(line.strip_prefix('.').unwrap_or(&line));
                    data.push('\n');
                }
                let code = take(state, Mail { to: to.clone(), data });
                writer.write_all(format!("{code} said\r\n").as_bytes()).await?;
                continue;
            }
            "QUIT" => {
                writer.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "250 OK",
        };
        writer.write_all(format!("{answer}\r\n").as_bytes()).await?;
    }
    Ok(())
}

fn take(state: &Mutex<State>, mail: Mail) -> u16 {
    let mut state = lock(state);
    state.offered += 1;
    let code = if state.answers.is_empty() { 250 } else { state.answers.remove(0) };
    if code == 250 {
        state.mails.push(mail);
    }
    code
}
