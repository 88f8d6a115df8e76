//! Numbers: all of a text, or what it begins with.

use std::str::FromStr;

use bigdecimal::{BigDecimal, RoundingMode};

use super::Value;

/// Exponents and lengths beyond this mean nothing to a business and would cost memory to round.
const MAX_EXPONENT: i32 = 400;
const MAX_LENGTH: usize = 500;

pub(super) fn integer(text: &str) -> Option<BigDecimal> {
    let text = text.trim();
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let whole =
        !digits.is_empty() && digits.len() <= MAX_LENGTH && digits.bytes().all(|b| b.is_ascii_digit());
    whole.then(|| BigDecimal::from_str(text).ok()).flatten()
}

pub(super) fn decimal(text: &str, scale: u32) -> Option<BigDecimal> {
    let text = text.trim();
    let number = Number::at_start(text)?;
    (number.text == text).then(|| number.read()).flatten().map(|number| round(&number, scale))
}

pub(super) fn float(text: &str) -> Option<f64> {
    let text = text.trim();
    let number = Number::at_start(text)?;
    (number.text == text).then(|| text.parse().ok()).flatten()
}

/// Ruby's `String#to_i`: an optional sign and digits with single underscores between them, else 0.
pub(super) fn leading_integer(text: &str) -> BigDecimal {
    let text = text.trim_start();
    let (sign, rest) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (&text[..1], rest),
        None => ("", text),
    };
    let mut number = sign.replace('+', "");
    let mut previous = '_';
    for c in rest.chars().take(MAX_LENGTH) {
        match c {
            '0'..='9' => number.push(c),
            '_' if previous != '_' => {}
            _ => break,
        }
        previous = c;
    }
    BigDecimal::from_str(&number).unwrap_or_default()
}

/// Ruby's `String#to_d`, rounded to the column.
pub(super) fn leading_decimal(text: &str, scale: u32) -> Value {
    let text = text.trim_start();
    match text.trim_end() {
        "NaN" => Value::Float(f64::NAN),
        "Infinity" | "+Infinity" => Value::Float(f64::INFINITY),
        "-Infinity" => Value::Float(f64::NEG_INFINITY),
        _ => {
            let number = Number::at_start(text).and_then(|number| number.read()).unwrap_or_default();
            Value::Decimal(round(&number, scale))
        }
    }
}

/// Ruby's `String#to_f`.
pub(super) fn leading_float(text: &str) -> f64 {
    let number = Number::at_start(text.trim_start());
    number.and_then(|number| number.text.parse().ok()).unwrap_or(0.0)
}

/// Half up, away from zero, as Ruby rounds.
fn round(number: &BigDecimal, scale: u32) -> BigDecimal {
    number.with_scale_round(i64::from(scale), RoundingMode::HalfUp)
}

/// The longest number a text begins with: `12`, `-1.5`, `.5`, `5e4`.
struct Number<'t> {
    text: &'t str,
    exponent: Option<&'t str>,
}

impl<'t> Number<'t> {
    fn at_start(text: &'t str) -> Option<Self> {
        let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
        let sign = usize::from(text.starts_with(['+', '-']));
        let whole = digits(sign);
        let mut end = sign + whole;
        let fraction = if text[end..].starts_with('.') { digits(end + 1) } else { 0 };
        if fraction > 0 {
            end += 1 + fraction;
        }
        if whole + fraction == 0 {
            return None;
        }
        let mut exponent = None;
        if text[end..].starts_with(['e', 'E']) {
            let sign = end + 1 + usize::from(text[end + 1..].starts_with(['+', '-']));
            if digits(sign) > 0 {
                exponent = Some(&text[end + 1..sign + digits(sign)]);
                end = sign + digits(sign);
            }
        }
        Some(Self { text: &text[..end], exponent })
    }

    fn read(&self) -> Option<BigDecimal> {
        let exponent = self.exponent.map_or(Ok(0), str::parse::<i32>).ok()?;
        let sane = exponent.abs() <= MAX_EXPONENT && self.text.len() <= MAX_LENGTH;
        sane.then(|| BigDecimal::from_str(self.text).ok()).flatten()
    }
}
