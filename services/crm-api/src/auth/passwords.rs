//! Passwords: argon2id, off the threads that serve requests, a few at a time.

use anyhow::{Context, anyhow};
use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;

/// Hashes computed at once: each takes 19 MiB and a core for some tens of milliseconds, and requests need cores too.
const AT_ONCE: usize = 2;

/// Computes and compares digests of passwords.
#[derive(Debug)]
pub struct Passwords {
    turns: Semaphore,
    /// Compared with where there is no such user, so that the answer takes as long.
    nobody: String,
}

impl Passwords {
    /// Makes it ready, which computes one digest.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self { turns: Semaphore::new(AT_ONCE), nobody: digest("nobody has this password")? })
    }

    /// The digest to store.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub async fn digest(&self, password: &str) -> anyhow::Result<String> {
        let _turn = self.turns.acquire().await?;
        let password = password.to_owned();
        tokio::task::spawn_blocking(move || digest(&password)).await?
    }

    /// Whether a password is the one of a stored digest; `None` takes as long and is never.
    ///
    /// # Errors
    /// When the stored digest is not one.
    pub async fn matches(&self, password: &str, stored: Option<&str>) -> anyhow::Result<bool> {
        let _turn = self.turns.acquire().await?;
        let known = stored.is_some();
        let (password, stored) = (password.to_owned(), stored.unwrap_or(&self.nobody).to_owned());
        let matches = tokio::task::spawn_blocking(move || {
            let stored =
                PasswordHash::new(&stored).map_err(|error| anyhow!(error)).context("a stored digest")?;
            anyhow::Ok(Argon2::default().verify_password(password.as_bytes(), &stored).is_ok())
        })
        .await??;
        Ok(matches && known)
    }
}

fn digest(password: &str) -> anyhow::Result<String> {
    let hash = Argon2::default().hash_password(password.as_bytes()).map_err(|error| anyhow!(error))?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_digest_and_nobody_matches_anything() {
        let passwords = Passwords::new().expect("random bytes");
        let stored = passwords.digest("correct horse").await.expect("a digest");
        assert!(passwords.matches("correct horse", Some(&stored)).await.expect("compares"));
        assert!(!passwords.matches("wrong horse", Some(&stored)).await.expect("compares"));
        assert!(!passwords.matches("nobody has this password", None).await.expect("compares"));
    }
}
