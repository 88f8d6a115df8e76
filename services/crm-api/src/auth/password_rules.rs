//! What a password must be: long, and not what everybody tries first. No mixture of characters is asked for: that makes
//! passwords shorter and no harder to guess (OWASP ASVS 2.1).

use std::collections::HashSet;
use std::sync::LazyLock;

/// Characters at least.
pub(super) const MIN: usize = 12;
/// Characters at most: beyond it hashing becomes a way to keep us busy.
pub(super) const MAX: usize = 128;
/// Different characters at least: fewer are a pattern.
const DIFFERENT: usize = 5;

/// Those of at least [`MIN`] characters among the twenty thousand commonest, as Django lists them, and some more.
static COMMON: LazyLock<HashSet<&str>> =
    LazyLock::new(|| include_str!("common_passwords.txt").lines().collect());

/// What is wrong with a password of somebody about whom this is known; shorter texts than four characters say nothing.
pub(super) fn fault(password: &str, about: &[&str]) -> Option<String> {
    let plain = password.to_lowercase();
    let different: HashSet<char> = plain.chars().collect();
    if password.chars().count() < MIN {
        Some(format!("password has at least {MIN} characters."))
    } else if different.len() < DIFFERENT || COMMON.contains(plain.trim()) {
        Some("password is among those that are guessed first.".to_owned())
    } else if about.iter().flat_map(|text| parts(text)).any(|part| rests_on(&plain, &part)) {
        Some("password says little more than the name or the address.".to_owned())
    } else {
        None
    }
}

/// A text, and an address without its domain.
fn parts(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let before = text.split('@').next().unwrap_or_default().to_owned();
    let mut parts = vec![text, before];
    parts.retain(|part| part.chars().count() >= 4);
    parts
}

/// Whether little is left of a password without something that is known.
fn rests_on(password: &str, known: &str) -> bool {
    password.contains(known) && password.replace(known, "").chars().count() < 5
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_guessed_first_is_refused_and_what_is_long_is_not() {
        let about = ["ada.lovelace@acme.example", "Ada Lovelace", "Analytical Engines"];
        for refused in [
            "short",
            "elevenchars",
            "password1234",
            "PassWord1234",
            "aaaaaaaaaaaaaaaa",
            "121212121212",
            "ada.lovelace@acme.example",
            "Ada.Lovelace1815"[..14].as_ref(),
            "ada lovelace!",
            "Analytical Engines1",
        ] {
            assert!(fault(refused, &about).is_some(), "{refused}");
        }
        for taken in [
            "correct horse battery",
            "pulse-demo-password",
            "ada likes to count bernoulli",
            "пароль очень длинный",
        ] {
            assert_eq!(fault(taken, &about), None, "{taken}");
        }
    }

    #[test]
    fn the_list_has_none_that_is_too_short_to_matter() {
        for password in COMMON.iter() {
            assert!(password.chars().count() >= MIN, "{password}");
            assert_eq!(*password, password.to_lowercase(), "{password}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange_to_be_judged(password in any::<String>(), about in any::<String>()) {
            let judged = fault(&password, &[&about]);
            prop_assert!(judged.is_some() || password.chars().count() >= MIN);
        }
    }
}
