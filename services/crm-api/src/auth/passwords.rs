//! Passwords: argon2id, on threads of their own, which are few and yield to those that serve requests.
//!
//! A digest takes 19 MiB and a core for some tens of milliseconds, and anybody may ask for one by trying to sign in. So
//! half of the cores compute them at most, at a lower priority, and those who would wait for long are sent away.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use anyhow::{Context, anyhow};
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use rustix::process::nice;
use tokio::sync::oneshot;

use crate::Error;

/// How many may wait: some seconds' worth for one core.
const WAITING: usize = 64;
/// How much these threads yield, of 19 at most.
const NICENESS: i32 = 10;

type Job = Box<dyn FnOnce() + Send>;

/// Computes and compares digests of passwords.
#[derive(Debug)]
pub struct Passwords {
    jobs: SyncSender<Job>,
    /// Compared with where there is no such user, so that the answer takes as long.
    nobody: Arc<str>,
}

impl Passwords {
    /// Makes it ready, which computes one digest and starts the threads. They end when it is dropped.
    ///
    /// # Errors
    /// When the operating system gives no random bytes, or no threads.
    pub fn new() -> anyhow::Result<Self> {
        let (jobs, queue) = sync_channel::<Job>(WAITING);
        let queue = Arc::new(Mutex::new(queue));
        for _ in 0..(thread::available_parallelism()?.get() / 2).max(1) {
            let queue = Arc::clone(&queue);
            thread::Builder::new().name("passwords".to_owned()).spawn(move || work(&queue))?;
        }
        Ok(Self { jobs, nobody: digest("nobody has this password")?.into() })
    }

    /// The digest to store.
    ///
    /// # Errors
    /// 503 when too many wait already.
    pub(crate) async fn digest(&self, password: &str) -> Result<String, Error> {
        let password = password.to_owned();
        Ok(self.compute(move || digest(&password)).await??)
    }

    /// Whether a password is the one of a stored digest; `None` takes as long and is never.
    ///
    /// # Errors
    /// 503 when too many wait already; when the stored digest is not one.
    pub(crate) async fn matches(&self, password: &str, stored: Option<&str>) -> Result<bool, Error> {
        let known = stored.is_some();
        let stored: Arc<str> = stored.map_or_else(|| Arc::clone(&self.nobody), Arc::from);
        let password = password.to_owned();
        let matches = self.compute(move || {
            let stored =
                PasswordHash::new(&stored).map_err(|error| anyhow!(error)).context("a stored digest")?;
            anyhow::Ok(Argon2::default().verify_password(password.as_bytes(), &stored).is_ok())
        });
        Ok(matches.await?? && known)
    }

    async fn compute<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        let job = move || {
            // Whoever asked may have gone away meanwhile; then nothing is computed for them.
            if !answer.is_closed() {
                let _ = answer.send(job());
            }
        };
        self.jobs.try_send(Box::new(job)).map_err(|full| {
            Error::Unavailable(anyhow!("no further password can be looked at now: {full}"))
        })?;
        Ok(answered.await.context("a password was not looked at")?)
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    if let Err(error) = nice(NICENESS) {
        tracing::warn!(%error, "passwords are computed at the priority of requests");
    }
    loop {
        // The lock is given back before the job runs.
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match job {
            Ok(job) => job(),
            Err(_) => return,
        }
    }
}

fn digest(password: &str) -> anyhow::Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|error| anyhow!(error))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_digest_and_nobody_matches_anything() {
        let passwords = Passwords::new().expect("random bytes");
        let stored = passwords.digest("correct horse").await.expect("a digest");
        assert!(passwords.matches("correct horse", Some(&stored)).await.expect("compares"));
        assert!(!passwords.matches("wrong horse", Some(&stored)).await.expect("compares"));
        assert!(!passwords.matches("nobody has this password", None).await.expect("compares"));
    }

    #[tokio::test]
    async fn who_would_wait_for_long_is_sent_away_and_those_who_wait_are_served() {
        let passwords = Passwords::new().expect("random bytes");
        let held = Arc::new(Mutex::new(()));
        let hold = held.lock().expect("nobody has it");
        let ask = || {
            let held = Arc::clone(&held);
            let mut asked = Box::pin(passwords.compute(move || drop(held.lock())));
            let refused = matches!((&mut asked).now_or_never(), Some(Err(Error::Unavailable(_))));
            (asked, refused)
        };
        let asked: Vec<_> = (0..2 * WAITING).map(|_| ask()).collect();
        let (waiting, refused): (Vec<_>, Vec<_>) = asked.into_iter().partition(|(_, refused)| !refused);
        assert!(waiting.len() >= WAITING && !refused.is_empty(), "{} wait", waiting.len());
        drop(hold);
        let served = join_all(waiting.into_iter().map(|(asked, _)| asked)).await;
        assert!(served.into_iter().all(|answer| answer.is_ok()));
    }
}
