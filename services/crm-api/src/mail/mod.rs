//! Mails: written in the transaction of what they tell of, sent later by the role `mail`.
//!
//! [`letter`] are their texts. [`queue`] seals one into a row of `mails`, because some have a link that opens an
//! account; whoever plays the role claims due rows and hands them to a [`transport`]. A mail that was sent and could not
//! be marked is sent twice, with the same `Message-ID`.

pub(crate) mod letter;
mod outbox;
mod transport;

use std::time::Duration;

use futures_util::future::join_all;
use pulse_resource::Error;
use pulse_resource::write::Transaction;
use pulse_store::notify::{Channel, Listener};
use secrecy::ExposeSecret;
use tokio_util::sync::CancellationToken;

pub(crate) use letter::Letter;
pub use transport::Transport;

use crate::App;

/// The outbox is looked at this often even if nobody says that there is something: a retry is due, or a writer died.
const SWEEP: Duration = Duration::from_secs(5);
/// Mails that are sent at once.
const AT_ONCE: i64 = 8;

/// Queues a mail, within the transaction; wake the role `mail` after the commit.
///
/// # Errors
/// Those of the database.
pub(crate) async fn queue(
    app: &App,
    transaction: &mut Transaction,
    recipient: &str,
    letter: &Letter,
) -> Result<(), Error> {
    let workspace = transaction.workspace();
    outbox::add(transaction.connection(), &app.0.master_key, workspace, recipient, letter).await?;
    Ok(())
}

/// Sends what is due until told to stop.
///
/// # Errors
/// None: whatever fails is tried again.
pub async fn run(app: App, transport: Option<Transport>, stop: CancellationToken) -> anyhow::Result<()> {
    let Some(transport) = transport else {
        tracing::warn!("no server and no directory for mails is set: they wait");
        stop.cancelled().await;
        return Ok(());
    };
    let url = app.0.settings.database.url.expose_secret();
    let mut listener = Listener::new(url, Channel::Mails, SWEEP);
    while stop.run_until_cancelled(listener.wait(None)).await.is_some() {
        while !stop.is_cancelled() {
            match send_some(&app, &transport).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(error = format!("{error:#}"), "mails wait in the outbox");
                    break;
                }
            }
        }
    }
    Ok(())
}

/// Sends some mails that are due, and returns how many were tried.
async fn send_some(app: &App, transport: &Transport) -> anyhow::Result<usize> {
    let claimed = outbox::claim(&mut *app.0.pool.get().await?, AT_ONCE).await?;
    let tries = claimed.iter().map(|mail| async move {
        let outcome = match mail.open(&app.0.master_key) {
            Ok(letter) => transport.send(mail.id, &mail.recipient, &letter).await,
            Err(error) => Err(transport::Failure { for_good: true, why: error.to_string() }),
        };
        if let Err(failure) = &outcome {
            tracing::warn!(mail = %mail.id, kind = mail.kind, error = failure.why, "a mail was not sent");
        }
        mail.record(&mut *app.0.pool.get().await?, outcome).await?;
        anyhow::Ok(())
    });
    join_all(tries).await.into_iter().collect::<anyhow::Result<()>>()?;
    Ok(claimed.len())
}
