//! Tokens that open something by being known: ingest and API tokens, addresses of triggers, forms and signatures,
//! webhook secrets, what links in mails carry.
//!
//! 256 random bits after a prefix that says what it opens. Only the digest of a token is stored, so a look-up by
//! digest reveals nothing by its timing that helps to guess the token.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};

/// What a token opens; told apart by its first characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `pub_…`: browsers may send page views, events and identifications.
    IngestPublic,
    /// `sec_…`: servers may send all of that and revenue.
    IngestSecret,
    /// `in_…`: the last part of a trigger URL.
    Trigger,
    /// `whsec_…`: the key that deliveries of a subscription are signed with.
    Webhook,
    /// `pat_…`: a program may act for a user.
    Api,
    /// `form_…`: the last part but one of a form's address; no secret, but not to be guessed either.
    Form,
    /// `sign_…`: the last part of the address at which somebody signs.
    Signature,
    /// `inv_…`: somebody who was invited may set a password.
    Invitation,
    /// `reset_…`: somebody who has forgotten a password may set another.
    PasswordReset,
    /// `mail_…`: somebody reads what is sent to an address, and may have it for theirs.
    Address,
}

impl Purpose {
    /// The prefix of its tokens.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::IngestPublic => "pub_",
            Self::IngestSecret => "sec_",
            Self::Trigger => "in_",
            Self::Webhook => "whsec_",
            Self::Api => "pat_",
            Self::Form => "form_",
            Self::Signature => "sign_",
            Self::Invitation => "inv_",
            Self::PasswordReset => "reset_",
            Self::Address => "mail_",
        }
    }

    /// Makes a token from the operating system's random source.
    ///
    /// # Panics
    /// When that source fails: nothing secret can be made then.
    #[must_use]
    pub fn generate(self) -> String {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes).expect("the operating system gives random bytes");
        self.encode(&bytes)
    }

    /// The token of given bits, for those who derive them from a key of their own.
    #[must_use]
    pub fn encode(self, bits: &[u8; 32]) -> String {
        let text = match self {
            // As the libraries of Standard Webhooks read it; the others stand in addresses.
            Self::Webhook => BASE64_STANDARD.encode(bits),
            _ => BASE64_URL_SAFE_NO_PAD.encode(bits),
        };
        format!("{}{text}", self.prefix())
    }
}

/// SHA-256 of a token: what is stored and looked up. The token has 256 random bits, so neither salt nor stretching
/// would add anything.
#[must_use]
pub fn digest(token: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    bytes
}

/// What may be shown of a token later: its prefix and four characters.
#[must_use]
pub fn hint(token: &str) -> String {
    let shown = token.find('_').map_or(4, |end| end + 5);
    format!("{}…", token.chars().take(shown).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_say_what_they_open_and_never_repeat() {
        let token = Purpose::IngestSecret.generate();
        assert!(token.starts_with("sec_"));
        assert_eq!(token.len(), 4 + 43);
        assert_ne!(token, Purpose::IngestSecret.generate());
        assert_ne!(digest(&token), digest(&Purpose::IngestSecret.generate()));
    }

    #[test]
    fn a_hint_shows_four_characters() {
        assert_eq!(hint("whsec_abcdefgh"), "whsec_abcd…");
        assert_eq!(hint("abcdefgh"), "abcd…");
        assert_eq!(hint("€€€€€€"), "€€€€…");
    }
}
