//! Dates and times, in the spellings Ruby's parser reads: ISO 8601, slashes, dots, month names.
//!
//! Where two readings are possible the day comes before the month, and a time without an offset is UTC.

use chrono::{DateTime, Days, NaiveDate, TimeDelta, Utc};

/// A date; a time behind it is read and ignored.
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    let (day, _time) = parse(text)?;
    NaiveDate::from_ymd_opt(day.year, day.month, day.day)
}

/// A moment; a date alone is its first moment. A day its month does not have rolls into the next month.
pub(super) fn date_time(text: &str) -> Option<DateTime<Utc>> {
    let (day, time) = parse(text)?;
    let date = NaiveDate::from_ymd_opt(day.year, day.month, 1)?
        .checked_add_days(Days::new(u64::from(day.day) - 1))?;
    let midnight = date.and_time(chrono::NaiveTime::MIN).and_utc();
    midnight.checked_add_signed(time.since_midnight - TimeDelta::seconds(time.offset_seconds))
}

struct Day {
    year: i32,
    month: u32,
    day: u32,
}

#[derive(Default)]
struct Time {
    since_midnight: TimeDelta,
    offset_seconds: i64,
}

fn parse(text: &str) -> Option<(Day, Time)> {
    let mut scanner = Scanner { rest: text.trim() };
    let day = scanner.day()?;
    let time = scanner.time()?;
    scanner.rest.is_empty().then_some((day, time))
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

struct Scanner<'t> {
    rest: &'t str,
}

impl<'t> Scanner<'t> {
    fn day(&mut self) -> Option<Day> {
        let word = self.word();
        let word = if among(&WEEKDAYS, word).is_some() {
            self.skip(" ,");
            self.word()
        } else {
            word
        };
        if !word.is_empty() {
            let month = among(&MONTHS, word)?;
            self.skip(" .-");
            let day = self.ordinal()?;
            self.skip(" ,-");
            return Some(Day { year: self.year()?, month, day }).filter(Day::is_possible);
        }
        let digits = self.digits();
        let day = match digits.len() {
            8 => Day {
                year: digits[..4].parse().ok()?,
                month: number(&digits[4..6])?,
                day: number(&digits[6..])?,
            },
            4 => {
                let separator = self.separator();
                let month = self.month(separator)?;
                Day { year: digits.parse().ok()?, month, day: self.ordinal()? }
            }
            1 | 2 => {
                self.ordinal_suffix();
                let separator = self.separator();
                let month = self.month(separator)?;
                Day { year: self.year()?, month, day: number(digits)? }
            }
            _ => return None,
        };
        Some(day).filter(Day::is_possible)
    }

    /// The month between two separators, as a number (then both are the same) or as a name.
    fn month(&mut self, separator: Option<char>) -> Option<u32> {
        let name = self.word();
        if name.is_empty() {
            let separator = separator.filter(|c| "-/.".contains(*c))?;
            let month = number(self.digits())?;
            self.rest = self.rest.strip_prefix(separator)?;
            Some(month)
        } else {
            self.skip(" .,-");
            among(&MONTHS, name)
        }
    }

    fn separator(&mut self) -> Option<char> {
        let separator = self.rest.chars().next().filter(|c| " -/.".contains(*c))?;
        self.rest = self.rest[1..].trim_start();
        Some(separator)
    }

    fn year(&mut self) -> Option<i32> {
        let digits = self.digits();
        if digits.len() == 4 { digits.parse().ok() } else { None }
    }

    fn ordinal(&mut self) -> Option<u32> {
        let day = number(self.digits())?;
        self.ordinal_suffix();
        Some(day)
    }

    fn ordinal_suffix(&mut self) {
        for suffix in ["st", "nd", "rd", "th"] {
            if let Some(rest) = self.rest.strip_prefix(suffix) {
                self.rest = rest;
                return;
            }
        }
    }

    fn time(&mut self) -> Option<Time> {
        if self.rest.is_empty() {
            return Some(Time::default());
        }
        let start = self.rest;
        self.skip(" ,");
        self.rest = self.rest.strip_prefix(['T', 't']).unwrap_or(self.rest);
        if self.rest.len() == start.len() {
            return None;
        }
        let digits = self.digits();
        let (hour, minute, second) = match digits.len() {
            1 | 2 => {
                let minute = self.after_colon()?;
                let second = if minute.is_some() { self.after_colon()? } else { None };
                (number(digits)?, minute.unwrap_or(0), second.unwrap_or(0))
            }
            4 => (number(&digits[..2])?, number(&digits[2..])?, 0),
            6 => (number(&digits[..2])?, number(&digits[2..4])?, number(&digits[4..])?),
            _ => return None,
        };
        let micros = self.fraction()?;
        self.skip(" ");
        let hour = self.half_of_day(hour)?;
        // Ruby takes 24:00:00 for the next midnight and a leap second for the next minute.
        let possible =
            minute < 60 && second <= 60 && (hour < 24 || (hour == 24 && minute == 0 && second == 0));
        let offset_seconds = self.offset()?;
        let seconds = i64::from(hour * 3600 + minute * 60 + second);
        let since_midnight = TimeDelta::seconds(seconds) + TimeDelta::microseconds(micros);
        possible.then_some(Time { since_midnight, offset_seconds })
    }

    fn after_colon(&mut self) -> Option<Option<u32>> {
        match self.rest.strip_prefix(':') {
            Some(rest) => {
                self.rest = rest;
                Some(Some(number(self.digits())?))
            }
            None => Some(None),
        }
    }

    /// Microseconds; further digits are cut off.
    fn fraction(&mut self) -> Option<i64> {
        let Some(rest) = self.rest.strip_prefix(['.', ',']) else { return Some(0) };
        self.rest = rest;
        let digits = self.digits();
        let kept = &digits[..digits.len().min(6)];
        let scale = 10_i64.pow(u32::try_from(6 - kept.len()).ok()?);
        kept.parse::<i64>().ok().map(|fraction| fraction * scale)
    }

    fn half_of_day(&mut self, hour: u32) -> Option<u32> {
        let half = self.rest.get(..2).map(str::to_ascii_lowercase);
        let noon = match half.as_deref() {
            Some("am") => 0,
            Some("pm") => 12,
            _ => return Some(hour),
        };
        self.rest = &self.rest[2..];
        self.skip(" ");
        (1..=12).contains(&hour).then_some(hour % 12 + noon)
    }

    fn offset(&mut self) -> Option<i64> {
        let sign = match self.rest.chars().next() {
            None => return Some(0),
            Some('+') => 1,
            Some('-') => -1,
            Some(_) => {
                let zone = self.word().to_ascii_uppercase();
                return matches!(zone.as_str(), "Z" | "UTC" | "GMT").then_some(0);
            }
        };
        self.rest = &self.rest[1..];
        let digits = self.digits();
        let (hours, minutes) = match digits.len() {
            1 | 2 => (number(digits)?, self.after_colon()?.unwrap_or(0)),
            4 => (number(&digits[..2])?, number(&digits[2..])?),
            _ => return None,
        };
        (hours < 24 && minutes < 60).then(|| sign * i64::from(hours * 3600 + minutes * 60))
    }

    fn digits(&mut self) -> &'t str {
        self.take_while(|c| c.is_ascii_digit())
    }

    fn word(&mut self) -> &'t str {
        self.take_while(|c| c.is_ascii_alphabetic())
    }

    fn skip(&mut self, chars: &str) {
        self.take_while(|c| chars.contains(c));
    }

    fn take_while(&mut self, mut belongs: impl FnMut(char) -> bool) -> &'t str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }
}

impl Day {
    fn is_possible(&self) -> bool {
        (1..=12).contains(&self.month) && (1..=31).contains(&self.day)
    }
}

/// One or two digits.
fn number(digits: &str) -> Option<u32> {
    if digits.len() <= 2 { digits.parse().ok() } else { None }
}

/// The place (from one) of the name that the word is or abbreviates to at least three letters.
fn among(names: &[&str], word: &str) -> Option<u32> {
    let word = word.to_ascii_lowercase();
    let place = names.iter().position(|name| word.len() >= 3 && name.starts_with(&word))?;
    u32::try_from(place + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(year, month, day)
    }

    #[test]
    fn dates_are_read_in_every_usual_spelling() {
        for text in [
            "1985-03-04",
            "1985-3-4",
            "1985/03/04",
            "1985.03.04",
            "19850304",
            "04/03/1985",
            "4/3/1985",
            "04.03.1985",
            "04-03-1985",
            "4 March 1985",
            "4th Mar 1985",
            "4-Mar-1985",
            "Mar 4, 1985",
            "March 4th 1985",
            "1985 Mar 4",
            "Mon, 4 Mar 1985",
            " 1985-03-04 ",
            "1985-03-04T10:00:00Z",
            "1985-03-04 23:59",
        ] {
            assert_eq!(date(text), day(1985, 3, 4), "{text}");
        }
    }

    #[test]
    fn what_is_no_day_is_no_date() {
        for text in [
            "",
            " ",
            "garbage",
            "tomorrow",
            "2000",
            "2000-02",
            "2024-02-30",
            "2024-13-01",
            "2024-00-01",
            "2024-01-00",
            "13/13/2024",
            "1985-03-04 garbage",
            "1985-03-04x",
            "1985-03/04",
            "Foo 4 1985",
            "1700000000",
            "１９８５-03-04",
            "4 March",
            "2024-02-32",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_utc_unless_they_say_otherwise() {
        for (text, expected) in [
            ("2024-03-04", "2024-03-04T00:00:00Z"),
            ("2024-03-04T10:00", "2024-03-04T10:00:00Z"),
            ("2024-03-04 10", "2024-03-04T10:00:00Z"),
            ("2024/03/04 10:00", "2024-03-04T10:00:00Z"),
            ("4 March 2024 10:00", "2024-03-04T10:00:00Z"),
            ("20240304T100000Z", "2024-03-04T10:00:00Z"),
            ("20240304T1000", "2024-03-04T10:00:00Z"),
            ("2024-03-04T10:00:00+02:00", "2024-03-04T08:00:00Z"),
            ("2024-03-04T10:00:00-0530", "2024-03-04T15:30:00Z"),
            ("2024-03-04 10:00:00 UTC", "2024-03-04T10:00:00Z"),
            ("2024-03-04 10:00:00 +02", "2024-03-04T08:00:00Z"),
            ("2024-03-04T10:00:00.1234567Z", "2024-03-04T10:00:00.123456Z"),
            ("2024-03-04 10:15 pm", "2024-03-04T22:15:00Z"),
            ("2024-03-04T24:00:00Z", "2024-03-05T00:00:00Z"),
            ("2024-02-30T00:00:00Z", "2024-03-01T00:00:00Z"),
        ] {
            assert_eq!(date_time(text), expected.parse().ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_no_time() {
        for text in [
            "25:99",
            "10:00",
            "1700000000",
            "2024-03-04T25:00",
            "2024-03-04T10:60",
            "2024-03-04T",
            "2024-03-04T10:00:00 02:00",
            "2024-03-04T10:00:00+99:00",
            "2024-02-32",
            "2024-03-04 10:00 MARS",
            "2024-03-04T10:00:00.",
            "tomorrow",
        ] {
            assert_eq!(date_time(text), None, "{text}");
        }
    }
}
