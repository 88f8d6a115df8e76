//! The rules of revenue: which amounts go with which event type, and with which sign they are stored.

use super::envelope::Data;
use super::refusal::Refusal;
use crate::accepted::Revenue;

const EVENT_TYPES: [&str; 7] =
    ["purchase", "subscription", "renewal", "upgrade", "downgrade", "churn", "refund"];

/// What an amount without an event type is.
const DEFAULT_EVENT_TYPE: &str = EVENT_TYPES[0];

const DEFAULT_CURRENCY: &str = "USD";

/// Amounts below this are exact to four decimals although JSON numbers are binary.
const AMOUNT_LIMIT: f64 = 100_000_000_000.0;

const AMOUNT: &str = "must be a positive number.";
const TOO_LARGE: &str = "must be less than 100000000000.";
const CURRENCY: &str = "must be a three-letter ISO 4217 code.";

/// Checks what is special about revenue, and says of which type it is.
pub(super) fn check(data: &Data<'_>) -> Result<(Revenue, &'static str), Refusal> {
    let amount = data.number("amount", AMOUNT)?.ok_or_else(|| data.refuse("amount", AMOUNT))?;
    let transaction_id = data.required("transaction_id")?;
    let event_type = event_type(data)?;
    let amount = ten_thousandths(amount).ok_or_else(|| data.refuse("amount", TOO_LARGE))?;
    let amount_e4 = signed(event_type, amount).ok_or_else(|| data.refuse("amount", AMOUNT))?;
    let mrr_impact_e4 = match data.number("mrr_impact", "must be a number.")? {
        Some(impact) => Some(ten_thousandths(impact).ok_or_else(|| data.refuse("mrr_impact", TOO_LARGE))?),
        None => None,
    };
    let revenue = Revenue {
        transaction_id,
        amount_e4,
        currency: currency(data)?,
        mrr_impact_e4,
        is_recurring: data.flag("is_recurring")?.unwrap_or(false),
        customer_subscription_id: data.identifier("customer_subscription_id")?,
        payment_processor: data.identifier("payment_processor")?,
        metadata: data.object("metadata")?,
    };
    Ok((revenue, event_type))
}

fn event_type(data: &Data<'_>) -> Result<&'static str, Refusal> {
    match data.identifier("event_type") {
        Ok(None) => Some(DEFAULT_EVENT_TYPE),
        Ok(Some(given)) => EVENT_TYPES.into_iter().find(|known| *known == given),
        Err(_) => None,
    }
    .ok_or_else(|| data.refuse("event_type", &format!("must be one of: {}.", EVENT_TYPES.join(", "))))
}

/// Only what is paid back may be written with a minus, and has one in the table either way; an end or a cut of a
/// subscription may come without money.
fn signed(event_type: &str, amount_e4: i64) -> Option<i64> {
    match event_type {
        "refund" => (amount_e4 != 0).then_some(-amount_e4.abs()),
        "churn" | "downgrade" => (amount_e4 >= 0).then_some(amount_e4),
        _ => (amount_e4 > 0).then_some(amount_e4),
    }
}

fn ten_thousandths(amount: f64) -> Option<i64> {
    #[expect(clippy::cast_possible_truncation, reason = "the limit is far within an i64")]
    (amount.abs() < AMOUNT_LIMIT).then(|| (amount * 10_000.0).round() as i64)
}

fn currency(data: &Data<'_>) -> Result<String, Refusal> {
    let Some(mut currency) = data.identifier("currency")? else { return Ok(DEFAULT_CURRENCY.to_owned()) };
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(data.refuse("currency", CURRENCY));
    }
    currency.make_ascii_uppercase();
    Ok(currency)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_keep_four_decimals() {
        assert_eq!(ten_thousandths(49.99), Some(499_900));
        assert_eq!(ten_thousandths(0.1 + 0.2), Some(3_000));
        assert_eq!(ten_thousandths(99_999_999_999.987_6), Some(999_999_999_999_876));
        assert_eq!(ten_thousandths(100_000_000_000.0), None);
        assert_eq!(ten_thousandths(f64::NAN), None);
        assert_eq!(ten_thousandths(1e-300), Some(0));
    }

    #[test]
    fn the_event_type_decides_about_the_sign() {
        for (event_type, amount, stored) in [
            ("purchase", 10, Some(10)),
            ("purchase", 0, None),
            ("purchase", -10, None),
            ("renewal", -10, None),
            ("refund", 10, Some(-10)),
            ("refund", -10, Some(-10)),
            ("refund", 0, None),
            ("churn", 0, Some(0)),
            ("downgrade", 0, Some(0)),
            ("churn", -10, None),
        ] {
            assert_eq!(signed(event_type, amount), stored, "{event_type} {amount}");
        }
    }
}
