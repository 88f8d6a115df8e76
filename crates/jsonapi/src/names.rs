//! Member names: what JSON:API allows as the name of a type, an attribute, a relationship or any other
//! member.

/// Tells whether `name` follows the member-name rules: letters, digits and non-ASCII anywhere, `-`, `_` and
/// space only between them, and at least one character.
#[must_use]
pub fn is_member_name(name: &str) -> bool {
    let anywhere = |c: char| c.is_ascii_alphanumeric() || !c.is_ascii();
    name.starts_with(anywhere)
        && name.ends_with(anywhere)
        && name.chars().all(|c| anywhere(c) || matches!(c, '-' | '_' | ' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules() {
        for good in ["a", "9", "first_name", "first-name", "first name", "é", "a_é", "user_sessions"] {
            assert!(is_member_name(good), "{good:?}");
        }
        for bad in ["", "_a", "a_", "-a", "a ", "a.b", "a[b]", "@a", "ns:a", "a+b", "a\u{7f}"] {
            assert!(!is_member_name(bad), "{bad:?}");
        }
    }
}
