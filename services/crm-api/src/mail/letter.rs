//! The texts of mails. Plain and short; each says why it came, and what to do if nobody asked for it.

use crate::Settings;

/// A mail without its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    /// What it is about, for the table of mails.
    pub(crate) kind: &'static str,
    /// One line.
    pub(crate) subject: String,
    /// The text.
    pub(crate) text: String,
}

/// The addresses that mails name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Links<'a> {
    /// For people.
    app: &'a str,
    /// For programs.
    api: &'a str,
}

impl<'a> Links<'a> {
    /// Those of an installation.
    pub(crate) fn of(settings: &'a Settings) -> Self {
        let api = settings.gateway.url.trim_end_matches('/');
        Self { app: settings.mail.app_url.as_deref().unwrap_or(api).trim_end_matches('/'), api }
    }

    /// What to do with a token. It stands behind a `#`, which browsers send to no server and write into no log.
    fn step(self, page: &str, endpoint: &str, token: &str) -> String {
        format!(
            "{}/{page}#token={token}\n\nPrograms send the token to POST {}/api/v1/auth/{endpoint}:\n{token}\n",
            self.app, self.api
        )
    }
}

/// Somebody shall join a workspace.
pub(crate) fn invitation(links: Links<'_>, workspace: &str, by: Option<&str>, token: &str) -> Letter {
    let by = by.map(|by| format!(" by {by}")).unwrap_or_default();
    Letter {
        kind: "invitation",
        subject: one_line(&format!("Your invitation to {workspace}")),
        text: format!(
            "You were invited{by} to the workspace {workspace} of Pulse. Choose a password within seven days:\n\n{}\n\
             If you do not know what this is about, do nothing.\n",
            links.step("accept-invitation", "invitations/accept", token)
        ),
    }
}

/// Somebody has forgotten a password.
pub(crate) fn password_reset(links: Links<'_>, token: &str) -> Letter {
    Letter {
        kind: "password_reset",
        subject: "Set another password".to_owned(),
        text: format!(
            "Somebody, hopefully you, wants another password for this address. Choose one within an hour:\n\n{}\n\
             If it was not you, do nothing: your password stays as it is.\n",
            links.step("reset-password", "password_reset/confirm", token)
        ),
    }
}

/// A password is another one.
pub(crate) fn password_changed(links: Links<'_>) -> Letter {
    Letter {
        kind: "password_changed",
        subject: "Your password was changed".to_owned(),
        text: format!(
            "The password of your account was changed, and its other sessions were ended.\n\n\
             If it was not you, set another one: {}/reset-password\n",
            links.app
        ),
    }
}

/// An address shall become that of an account.
pub(crate) fn email_change(links: Links<'_>, token: &str) -> Letter {
    Letter {
        kind: "email_change",
        subject: "Confirm this address".to_owned(),
        text: format!(
            "Somebody, hopefully you, wants to sign in with this address. Confirm it within an hour:\n\n{}\n\
             If it was not you, do nothing.\n",
            links.step("confirm-email", "email/confirm", token)
        ),
    }
}

/// An address no longer is that of an account.
pub(crate) fn email_changed(new: &str) -> Letter {
    Letter {
        kind: "email_changed",
        subject: "Your address was changed".to_owned(),
        text: format!(
            "You sign in with {new} from now on, and no longer with this address.\n\n\
             If it was not you, tell an admin of your workspace at once.\n"
        ),
    }
}

/// An account has a second factor, or none any more.
pub(crate) fn second_factor(on: bool) -> Letter {
    let (subject, what) = match on {
        true => ("A second factor was added", "Signing in asks for a code from now on."),
        false => ("The second factor was removed", "Signing in asks for no code any more."),
    };
    Letter {
        kind: "second_factor",
        subject: subject.to_owned(),
        text: format!(
            "{what}\n\nIf it was not you, change your password and tell an admin of your workspace.\n"
        ),
    }
}

/// Names are chosen by users, and a subject is one line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_keeps_its_token_from_servers_and_a_name_breaks_no_subject() {
        let links = Links { app: "https://app.example", api: "https://api.example" };
        let letter = invitation(links, "Ac\r\nme", Some("Ada"), "inv_x");
        assert_eq!(letter.subject, "Your invitation to Ac  me");
        assert!(
            letter.text.contains("https://app.example/accept-invitation#token=inv_x\n"),
            "{}",
            letter.text
        );
        assert!(letter.text.contains("POST https://api.example/api/v1/auth/invitations/accept:\ninv_x\n"));
    }
}
