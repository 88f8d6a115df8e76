//! Phone numbers as E.164: the one form in which numbers can be compared, however they were typed.
//!
//! Only what is unambiguous is read: a number with its international prefix. What a national number means depends on
//! where it was written down, so it has no such form here. Whether a number is assigned is not known either.

/// Digits of a number, its country code included (E.164, 6.2.1: at most 15).
const DIGITS: std::ops::RangeInclusive<usize> = 8..=15;

/// The E.164 form of a number as it was typed: `+442079460001` of `+44 (0)20 7946 0001 x12`, `0044 20 …` and
/// `tel:+44-20-…`; `None` where there is no international prefix, or something in it belongs to no number.
#[must_use]
pub fn e164(typed: &str) -> Option<String> {
    let typed = typed.trim();
    let typed = typed.strip_prefix("tel:").unwrap_or(typed);
    let number = without_extension(typed)?;
    let number = number.strip_prefix('+').or_else(|| number.strip_prefix("00"))?;
    // The zero that is dialled within the country alone.
    let number = number.replacen("(0)", "", 1);
    let mut digits = String::from("+");
    for c in number.chars() {
        match c {
            '0'..='9' => digits.push(c),
            ' ' | '\u{a0}' | '-' | '\u{2010}'..='\u{2015}' | '.' | '/' | '(' | ')' => {}
            _ => return None,
        }
    }
    (DIGITS.contains(&(digits.len() - 1)) && !digits.starts_with("+0")).then_some(digits)
}

/// What stands before an extension (`x12`, `ext. 12`, `;ext=12`); `None` where something else than digits follows.
fn without_extension(typed: &str) -> Option<&str> {
    let Some(start) = typed.find([';', 'x', 'X', 'e', 'E']) else { return Some(typed) };
    let (number, extension) = typed.split_at(start);
    let extension = extension.trim_start_matches(';').to_ascii_lowercase();
    let rest = extension.strip_prefix("ext").or_else(|| extension.strip_prefix('x'))?;
    let digits = rest.trim_start_matches(['.', '=', ' ']);
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_with_an_international_prefix_have_one_form() {
        for typed in [
            "+442079460001",
            "+44 20 7946 0001",
            "+44 (0)20 7946-0001",
            "0044.20.7946.0001",
            "tel:+44-20-7946-0001",
            "+44 20/7946 0001 x12",
            "+44 20 7946 0001 ext. 12",
            " +44\u{a0}20\u{2011}79460001;ext=12 ",
        ] {
            assert_eq!(e164(typed).as_deref(), Some("+442079460001"), "{typed:?}");
        }
    }

    #[test]
    fn what_is_not_surely_a_number_has_none() {
        for typed in [
            "",
            "+",
            "00",
            "020 7946 0001",
            "(415) 555-2671",
            "+44",
            "+0123456789",
            "+1234567890123456",
            "+1 555 CALL",
            "+44 20 7946 0001 x",
            "+44 20 7946 0001 extra",
            "2024-05-01",
            "100%",
            "+44+20 79460001",
        ] {
            assert_eq!(e164(typed), None, "{typed:?}");
        }
    }
}
