//! When a salt begins and when it ends: the edge makes it, the worker deletes it.

use std::num::NonZeroU32;

use chrono::{Datelike, Days, NaiveDate};

/// The first day of the period that a day belongs to. Periods of `days` follow one another from a fixed day on, so
/// that every process comes to the same.
pub(crate) fn period(day: NaiveDate, days: NonZeroU32) -> NaiveDate {
    let number = day.num_days_from_ce().unsigned_abs();
    day - Days::new(u64::from(number % days))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_follow_one_another_without_a_gap() {
        let days = |count| NonZeroU32::new(count).expect("not zero");
        let start = NaiveDate::from_ymd_opt(2026, 1, 1).expect("a day");
        assert_eq!(period(start, days(1)), start);
        let firsts: Vec<NaiveDate> =
            (0..60).map(|offset| period(start + Days::new(offset), days(30))).collect();
        let mut distinct = firsts.clone();
        distinct.dedup();
        assert!(firsts.is_sorted());
        assert!(distinct.windows(2).all(|pair| pair[1] - pair[0] == chrono::TimeDelta::days(30)));
        assert!((2..=3).contains(&distinct.len()));
    }
}
