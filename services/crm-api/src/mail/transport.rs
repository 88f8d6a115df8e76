//! Where mails go: to a server by SMTP, or into a directory.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Body, Mailbox};
use lettre::transport::smtp;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use secrecy::ExposeSecret;
use uuid::Uuid;

use super::letter::Letter;
use crate::settings;

/// How long a server is waited for; shorter than the lease of a mail.
const TIMEOUT: Duration = Duration::from_secs(15);
/// A line may have this many characters (RFC 5322, 2.1.1).
const LINE: usize = 998;

/// How mails are handed on.
#[derive(Clone, Debug)]
pub struct Transport {
    from: Mailbox,
    to: Way,
}

#[derive(Clone, Debug)]
enum Way {
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    Directory(PathBuf),
}

/// Why a mail was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// Whether it would not be the next time either.
    pub(super) for_good: bool,
    pub(super) why: String,
}

impl Transport {
    /// What the settings name: a server before a directory, or `None`.
    ///
    /// # Errors
    /// When the sender or the address of the server cannot be read.
    pub fn new(settings: &settings::Mail) -> anyhow::Result<Option<Self>> {
        let from = settings.from.parse().context("mail.from is not a sender such as Pulse <a@b.c>")?;
        // A variable of the environment that is there and empty says nothing.
        let url = settings.smtp_url.as_ref().filter(|url| !url.expose_secret().is_empty());
        let to = match (url, &settings.directory) {
            (Some(url), _) => {
                let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose_secret());
                Way::Smtp(builder.context("mail.smtp_url")?.timeout(Some(TIMEOUT)).build())
            }
            (None, Some(directory)) => Way::Directory(directory.clone()),
            (None, None) => return Ok(None),
        };
        Ok(Some(Self { from, to }))
    }

    /// Hands a mail on. Each try of one has the same `Message-ID`.
    pub(super) async fn send(&self, id: Uuid, recipient: &str, letter: &Letter) -> Result<(), Failure> {
        let message = self.message(id, recipient, letter).map_err(|error| {
            // An address that cannot be written to stays one.
            Failure { for_good: true, why: format!("{error:#}") }
        })?;
        match &self.to {
            Way::Smtp(server) => {
                let sent = server.send(message).await;
                sent.map(drop)
                    .map_err(|error| Failure { for_good: is_for_good(&error), why: error.to_string() })
            }
            Way::Directory(directory) => write(directory, id, message.formatted())
                .await
                .map_err(|error| Failure { for_good: false, why: format!("{error:#}") }),
        }
    }

    fn message(&self, id: Uuid, recipient: &str, letter: &Letter) -> anyhow::Result<Message> {
        Ok(Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, recipient.parse()?))
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .subject(&letter.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(body(&letter.text))?)
    }
}

/// Plain where the protocol lets it be: a link that somebody copies from a file is not to be broken by an encoding, which
/// lettre would choose for lines of more than 76 characters.
fn body(text: &str) -> Body {
    if text.is_ascii() && text.lines().all(|line| line.len() <= LINE) {
        let lines: Vec<&str> = text.lines().collect();
        let plain = lines.join("\r\n").into_bytes();
        return Body::dangerous_pre_encoded(plain, ContentTransferEncoding::SevenBit);
    }
    Body::new(text.to_owned())
}

/// The server has understood, and will not (RFC 5321, 4.2.1).
fn is_for_good(error: &smtp::Error) -> bool {
    error.is_permanent()
}

async fn write(directory: &Path, id: Uuid, mail: Vec<u8>) -> anyhow::Result<()> {
    let directory = directory.to_owned();
    tokio::task::spawn_blocking(move || {
        std::fs::create_dir_all(&directory)?;
        std::fs::write(directory.join(format!("{id}.eml")), mail)
    })
    .await?
    .context("the mail cannot be written")
}
