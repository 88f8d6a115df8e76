//! Pages: which part of a collection is asked for, and the links to its neighbours.

use super::Reader;
use crate::document::Links;
use crate::{Code, Problem, nested};

/// The part of a collection that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Page {
    /// `page[number]` and `page[size]`, counting from one.
    Number {
        /// From one.
        number: u64,
        /// From one to the maximum.
        size: u64,
    },
    /// `page[after]`, `page[before]` and `page[size]`, as the cursor pagination profile has it. Cursors are opaque
    /// here.
    Cursor {
        /// The items behind this one.
        after: Option<String>,
        /// The items in front of this one.
        before: Option<String>,
        /// From one to the maximum.
        size: u64,
    },
}

impl Page {
    /// How many items the page holds at most.
    #[must_use]
    pub const fn size(&self) -> u64 {
        match self {
            Self::Number { size, .. } | Self::Cursor { size, .. } => *size,
        }
    }

    /// How many items come before the page, where that is what it is asked for by; fits an `i64`.
    #[must_use]
    pub const fn offset(&self) -> u64 {
        match self {
            Self::Number { number, size } => (*number - 1) * *size,
            Self::Cursor { .. } => 0,
        }
    }
}

impl Reader<'_> {
    pub(super) fn page(&mut self) -> (Page, bool) {
        let limits = self.accepts.limits;
        let (mut number, mut size, mut count, mut after, mut before) = (None, None, None, None, None);
        for pair in self.family("page", self.accepts.page) {
            let value = pair.value.as_deref().unwrap_or_default();
            let repeated = match pair.segments.as_slice() {
                [member] if member == "number" => number.replace(positive(value, &pair.name)).is_some(),
                [member] if member == "size" => size.replace(positive(value, &pair.name)).is_some(),
                [member] if member == "total" => count.replace(switch(value, &pair.name)).is_some(),
                [member] if member == "after" => after.replace(value.to_owned()).is_some(),
                [member] if member == "before" => before.replace(value.to_owned()).is_some(),
                _ => {
                    let detail = "allowed: page[number], page[size], page[after], page[before], page[total]";
                    self.refuse(Code::UnknownParameter, detail, &pair.name);
                    false
                }
            };
            if repeated {
                self.refuse(Code::InvalidPage, "this is given more than once", &pair.name);
            }
        }
        let by_cursor = after.is_some() || before.is_some();
        if by_cursor && number.is_some() {
            self.refuse(Code::InvalidPage, "a page is asked for by number or by cursor", "page[number]");
        }
        let by_cursor = by_cursor || (self.accepts.by_cursor && number.is_none());
        // Whoever asks for what lies between two cursors wants all of it.
        let range = after.is_some() && before.is_some();
        let default = if range { limits.max_size } else { limits.default_size };
        let size = self.or_refuse(size).unwrap_or(default);
        let number = self.or_refuse(number).unwrap_or(1);
        let count = self.or_refuse(count).unwrap_or(true);
        if size > limits.max_size {
            let detail = format!("a page has at most {} items", limits.max_size);
            let meta = serde_json::json!({ "page": { "maxSize": limits.max_size } });
            let problem = Problem::new(Code::PageTooLarge, detail).at_parameter("page[size]").with_meta(meta);
            self.problems.push(problem);
        } else if number.checked_mul(size).is_none_or(|end| i64::try_from(end).is_err()) {
            self.refuse(Code::InvalidPage, "no collection has that many pages", "page[number]");
        }
        let page =
            if by_cursor { Page::Cursor { after, before, size } } else { Page::Number { number, size } };
        (page, count)
    }

    fn or_refuse<T>(&mut self, value: Option<Result<T, Problem>>) -> Option<T> {
        match value? {
            Ok(value) => Some(value),
            Err(problem) => {
                self.problems.push(problem);
                None
            }
        }
    }
}

fn positive(value: &str, parameter: &str) -> Result<u64, Problem> {
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    match value.parse() {
        Ok(number) if digits && number > 0 => Ok(number),
        _ => {
            let detail = format!("{value:?} is not a whole number from 1");
            Err(Problem::new(Code::InvalidPage, detail).at_parameter(parameter))
        }
    }
}

fn switch(value: &str, parameter: &str) -> Result<bool, Problem> {
    match value {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => {
            let detail = format!("{value:?} is neither true nor false");
            Err(Problem::new(Code::InvalidPage, detail).at_parameter(parameter))
        }
    }
}

/// Makes the links of a page of a collection: `self`, `first`, `prev`, `next` and `last`, null where there is
/// none.
///
/// `path` is what stands before the `?`, `raw` the query string as it came: every parameter but the page
/// number is kept to the letter. The page is told by its number and size. `total` is the number of items if it was counted; without it there is no
/// `last`, and `more` alone says whether there is a `next`.
#[must_use]
pub fn page_links(
    path: &str,
    raw: &str,
    (number, size): (u64, u64),
    total: Option<u64>,
    more: bool,
) -> Links {
    let last = total.map(|total| total.div_ceil(size).max(1));
    let has_next = last.map_or(more, |last| number < last);
    let prev = (number > 1).then(|| last.map_or(number - 1, |last| last.min(number - 1)));
    let to = |number: u64| link(path, raw, &[("page[number]", Some(&number.to_string()))]);
    Links::new(with_query(path, raw))
        .with("first", Some(to(1)))
        .with("prev", prev.map(to))
        .with("next", has_next.then(|| to(number + 1)))
        .with("last", last.map(to))
}

/// A page next to one that was asked for by cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Neighbour {
    /// The first of all.
    First,
    /// What lies behind a cursor.
    After(String),
    /// What lies in front of a cursor.
    Before(String),
}

/// As [`page_links`], of a page that was asked for by cursor: `self`, `first`, `prev` and `next`. There is no `last`,
/// since no cursor is known to be in front of it.
#[must_use]
pub fn cursor_links(path: &str, raw: &str, prev: Option<Neighbour>, next: Option<Neighbour>) -> Links {
    let to = |neighbour: Neighbour| {
        let (after, before) = match &neighbour {
            Neighbour::First => (None, None),
            Neighbour::After(cursor) => (Some(cursor.as_str()), None),
            Neighbour::Before(cursor) => (None, Some(cursor.as_str())),
        };
        link(path, raw, &[("page[after]", after), ("page[before]", before)])
    };
    Links::new(with_query(path, raw))
        .with("first", Some(to(Neighbour::First)))
        .with("prev", prev.map(to))
        .with("next", next.map(to))
}

/// The address with some parameters replaced or left out. Their values need no encoding.
fn link(path: &str, raw: &str, replaced: &[(&str, Option<&str>)]) -> String {
    let is_replaced = |part: &&str| {
        let name = part.split('=').next().unwrap_or_default();
        nested::decode(name).is_ok_and(|name| replaced.iter().any(|(known, _)| *known == name))
    };
    let kept = raw.split('&').filter(|part| !part.is_empty() && !is_replaced(part)).map(str::to_owned);
    let given = replaced.iter().filter_map(|(name, value)| {
        Some(format!("{}={}", name.replace('[', "%5B").replace(']', "%5D"), (*value)?))
    });
    with_query(path, &kept.chain(given).collect::<Vec<_>>().join("&"))
}

fn with_query(path: &str, query: &str) -> String {
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::super::{Accepts, parse};
    use super::*;

    fn page(raw: &str) -> Result<(Page, bool), (Code, Option<serde_json::Value>)> {
        match parse(raw, &Accepts::COLLECTION) {
            Ok(query) => Ok((query.page, query.count)),
            Err(mut problems) => {
                let problem = problems.remove(0);
                Err((problem.code, problem.meta))
            }
        }
    }

    #[test]
    fn pages_count_from_one() {
        assert_eq!(page("page[number]=3&page[size]=10"), Ok((Page::Number { number: 3, size: 10 }, true)));
        assert_eq!(
            page("page%5Bsize%5D=100&page[total]=false"),
            Ok((Page::Number { number: 1, size: 100 }, false))
        );
        assert_eq!(Page::Number { number: 3, size: 10 }.offset(), 20);
    }

    #[test]
    fn pages_out_of_range_are_refused() {
        for raw in [
            "page[number]=0",
            "page[size]=-1",
            "page[size]=+5",
            "page[size]=%2B5",
            "page[size]=1.5",
            "page[size]=",
            "page[size]",
            "page[number]=99999999999999999999",
            "page[number]=9223372036854775807",
            "page[number]=1&page[number]=2",
        ] {
            assert_eq!(page(raw), Err((Code::InvalidPage, None)), "{raw}");
        }
        let meta = serde_json::json!({"page": {"maxSize": 100}});
        assert_eq!(page("page[size]=101"), Err((Code::PageTooLarge, Some(meta))));
    }

    #[test]
    fn cursors_exclude_numbers_and_a_range_is_wanted_whole() {
        let cursor = |after: Option<&str>, before: Option<&str>, size| {
            let text = |text: &str| text.to_owned();
            Ok((Page::Cursor { after: after.map(text), before: before.map(text), size }, true))
        };
        assert_eq!(page("page[after]=abc"), cursor(Some("abc"), None, 25));
        assert_eq!(page("page[before]=abc&page[size]=7"), cursor(None, Some("abc"), 7));
        assert_eq!(page("page[after]=a&page[before]=b"), cursor(Some("a"), Some("b"), 100));
        assert_eq!(page("page[after]=abc&page[number]=1"), Err((Code::InvalidPage, None)));
        assert_eq!(page("page[after]=a&page[after]=b"), Err((Code::InvalidPage, None)));
        let applied = |raw| parse(raw, &Accepts { by_cursor: true, ..Accepts::COLLECTION }).unwrap().page;
        assert_eq!(applied("page[size]=2"), Page::Cursor { after: None, before: None, size: 2 });
        assert_eq!(applied("page[number]=2"), Page::Number { number: 2, size: 25 });
    }

    #[test]
    fn links_to_cursors_leave_the_others_out() {
        let raw = "sort=-name&page[after]=old&page%5Bbefore%5D=older&page[size]=2";
        let links = cursor_links("/t", raw, Some(Neighbour::Before("a".into())), None);
        assert_eq!(links.get("first"), Some("/t?sort=-name&page[size]=2"));
        assert_eq!(links.get("prev"), Some("/t?sort=-name&page[size]=2&page%5Bbefore%5D=a"));
        assert_eq!(links.get("next"), None);
        let links = cursor_links("/t", "", None, Some(Neighbour::After("b".into())));
        assert_eq!(links.get("next"), Some("/t?page%5Bafter%5D=b"));
    }

    #[test]
    fn links_keep_every_other_parameter_to_the_letter() {
        let raw = "q[name_cont]=a%20b&page%5Bnumber%5D=2&page[size]=10&sort=-name&x=a+b";
        let links = page_links("/api/v1/tags", raw, (2, 10), Some(31), true);
        let to = |number| {
            let kept = "q[name_cont]=a%20b&page[size]=10&sort=-name&x=a+b";
            Some(format!("/api/v1/tags?{kept}&page%5Bnumber%5D={number}"))
        };
        assert_eq!(links.get("self"), Some(format!("/api/v1/tags?{raw}").as_str()));
        assert_eq!(links.get("first"), to(1).as_deref());
        assert_eq!(links.get("prev"), to(1).as_deref());
        assert_eq!(links.get("next"), to(3).as_deref());
        assert_eq!(links.get("last"), to(4).as_deref());
    }

    #[test]
    fn links_end_where_the_collection_does() {
        let links = |number, total, more| page_links("/t", "", (number, 10), total, more);
        let empty = links(1, Some(0), false);
        assert_eq!((empty.get("self"), empty.get("prev"), empty.get("next")), (Some("/t"), None, None));
        assert_eq!(empty.get("last"), Some("/t?page%5Bnumber%5D=1"));
        assert_eq!(links(2, Some(20), false).get("next"), None);
        let past = links(9, Some(20), false);
        assert_eq!((past.get("prev"), past.get("next")), (Some("/t?page%5Bnumber%5D=2"), None));
        let uncounted = links(1, None, true);
        assert_eq!((uncounted.get("next"), uncounted.get("last")), (Some("/t?page%5Bnumber%5D=2"), None));
    }
}
