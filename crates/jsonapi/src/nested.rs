//! Rack's nested form of a query string: `a[b]=1` is a map entry, `a[]=1` a list member, `a[0]=1` a map with
//! the key `"0"`.
//!
//! Stricter than Rack where Rack guesses: names must be a base followed by whole bracket groups, and one name
//! cannot be a text in one place and a map or list in another. The nodes hold no positions: since a name
//! spells its way down the tree exactly, whoever walks the tree can say the parameter as the client wrote it.

use crate::{Code, Problem};

/// A value of a query string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nested {
    /// A key without `=`.
    Nil,
    /// A text; of several under one key the last.
    Text(String),
    /// The members of `[]`, in order.
    List(Vec<Nested>),
    /// The entries of `[key]`, in order of their first appearance.
    Map(Vec<(String, Nested)>),
}

/// Bounds on what is read, so that a short request cannot ask for much work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Bytes of the whole query string.
    pub length: usize,
    /// `key=value` pairs.
    pub pairs: usize,
    /// Bracket groups of one name.
    pub depth: usize,
    /// Members of one list.
    pub list: usize,
}

impl Caps {
    /// Wide enough for a few hundred ids in a filter, narrow enough to parse in well under a millisecond.
    pub const DEFAULT: Self = Self { length: 64 * 1024, pairs: 2_000, depth: 24, list: 1_000 };
}

/// One `key=value` of a query string, decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair<'a> {
    /// The whole name, decoded: `q[name_eq]`.
    pub name: String,
    /// The name up to its first bracket.
    pub base: String,
    /// What the bracket groups hold; an empty text stands for `[]`.
    pub segments: Vec<String>,
    /// The value, or nothing where the pair has no `=`.
    pub value: Option<String>,
    /// The pair as it came, still encoded.
    pub raw: &'a str,
}

/// Splits and decodes a query string (without its `?`).
///
/// # Errors
///
/// One problem per pair that is not percent-encoded UTF-8, whose name is not a base with bracket groups or
/// holds a NUL, or that exceeds a cap.
pub fn pairs<'a>(raw: &'a str, caps: &Caps) -> Result<Vec<Pair<'a>>, Vec<Problem>> {
    if raw.len() > caps.length {
        let detail = format!("the query string has {} bytes, at most {} are read", raw.len(), caps.length);
        return Err(vec![Problem::new(Code::UriTooLong, detail)]);
    }
    let parts = || raw.split('&').filter(|part| !part.is_empty());
    if parts().count() > caps.pairs {
        let detail = format!("more than {} query parameters", caps.pairs);
        return Err(vec![Problem::new(Code::InvalidParameter, detail)]);
    }
    let mut pairs = Vec::new();
    let mut problems = Vec::new();
    for part in parts() {
        match Pair::parse(part, caps) {
            Ok(pair) => pairs.push(pair),
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() { Ok(pairs) } else { Err(problems) }
}

/// Builds the tree of the pairs that share one base name: what `params[base]` is in Rack.
///
/// # Errors
///
/// One problem per pair that contradicts an earlier one or makes a list too long.
pub fn tree(pairs: &[Pair<'_>], caps: &Caps) -> Result<Option<Nested>, Vec<Problem>> {
    let mut root = None;
    let mut problems = Vec::new();
    for pair in pairs {
        let value = pair.value.clone().map_or(Nested::Nil, Nested::Text);
        if let Err(conflict) = insert(&mut root, &pair.segments, value, caps) {
            problems.push(Problem::new(Code::InvalidParameter, conflict).at_parameter(&pair.name));
        }
    }
    if problems.is_empty() { Ok(root) } else { Err(problems) }
}

impl<'a> Pair<'a> {
    fn parse(raw: &'a str, caps: &Caps) -> Result<Self, Problem> {
        let (name, value) = match raw.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (raw, None),
        };
        let refuse =
            |name: &str, detail: &str| Problem::new(Code::InvalidParameter, detail).at_parameter(name);
        let name = decode(name).map_err(|fault| refuse(name, fault))?;
        let value = value.map(decode).transpose().map_err(|fault| refuse(&name, fault))?;
        let Some((base, segments)) = split_name(&name) else {
            return Err(refuse(&name, "a name is a word followed by [members] in whole brackets"));
        };
        if segments.len() > caps.depth {
            return Err(refuse(&name, &format!("nested more than {} levels deep", caps.depth)));
        }
        Ok(Self { base, segments, value, raw, name })
    }
}

fn split_name(name: &str) -> Option<(String, Vec<String>)> {
    let base_end = name.find('[').unwrap_or(name.len());
    let (base, mut rest) = name.split_at(base_end);
    if base.is_empty() || base.contains(']') || name.contains('\0') {
        return None;
    }
    let mut segments = Vec::new();
    while !rest.is_empty() {
        let (segment, after) = rest.strip_prefix('[')?.split_once(']')?;
        if segment.contains('[') {
            return None;
        }
        segments.push(segment.to_owned());
        rest = after;
    }
    Some((base.to_owned(), segments))
}

/// Decodes `application/x-www-form-urlencoded` text.
pub(crate) fn decode(text: &str) -> Result<String, &'static str> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Ok(text.to_owned());
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
                match (digit(), digit()) {
                    (Some(high), Some(low)) => u8::try_from(high * 16 + low).expect("two hexadecimal digits"),
                    _ => return Err("a percent sign must be followed by two hexadecimal digits"),
                }
            }
            other => other,
        });
    }
    String::from_utf8(decoded).map_err(|_not_utf8| "the text is not UTF-8")
}

const CONFLICT: &str = "the same name is used as a text in one place and as a map or a list in another";

fn insert(slot: &mut Option<Nested>, path: &[String], value: Nested, caps: &Caps) -> Result<(), String> {
    match path {
        [] => match slot {
            Some(Nested::Map(_) | Nested::List(_)) => Err(CONFLICT.to_owned()),
            _ => {
                *slot = Some(value);
                Ok(())
            }
        },
        [push, rest @ ..] if push.is_empty() => {
            let Nested::List(members) = slot.get_or_insert_with(|| Nested::List(Vec::new())) else {
                return Err(CONFLICT.to_owned());
            };
            if rest.first().is_some_and(String::is_empty) {
                return Err("a list of lists has no meaning".to_owned());
            }
            // Rack's list of maps: the current map takes the entry unless it has that key already.
            if let Some(last @ Nested::Map(_)) = members.last_mut()
                && !rest.is_empty()
                && !has(last, rest)
            {
                return insert_into(last, rest, value, caps);
            }
            if members.len() >= caps.list {
                return Err(format!("a list takes at most {} members", caps.list));
            }
            let mut member = None;
            insert(&mut member, rest, value, caps)?;
            members.extend(member);
            Ok(())
        }
        [key, rest @ ..] => {
            let Nested::Map(entries) = slot.get_or_insert_with(|| Nested::Map(Vec::new())) else {
                return Err(CONFLICT.to_owned());
            };
            if let Some((_, entry)) = entries.iter_mut().find(|(name, _)| name == key) {
                return insert_into(entry, rest, value, caps);
            }
            let mut entry = None;
            insert(&mut entry, rest, value, caps)?;
            entries.extend(entry.map(|entry| (key.clone(), entry)));
            Ok(())
        }
    }
}

fn insert_into(node: &mut Nested, path: &[String], value: Nested, caps: &Caps) -> Result<(), String> {
    let mut slot = Some(std::mem::replace(node, Nested::Nil));
    let outcome = insert(&mut slot, path, value, caps);
    *node = slot.expect("insertion never empties a slot");
    outcome
}

/// Whether the map already holds something at the path; a path through `[]` never counts, as in Rack.
fn has(node: &Nested, path: &[String]) -> bool {
    let mut node = node;
    for key in path {
        let Nested::Map(entries) = node else { return false };
        match entries.iter().find(|(name, _)| name == key) {
            Some((_, entry)) if !key.is_empty() => node = entry,
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Nested {
        Nested::Text(text.to_owned())
    }

    fn map<const N: usize>(entries: [(&str, Nested); N]) -> Nested {
        Nested::Map(entries.map(|(key, value)| (key.to_owned(), value)).to_vec())
    }

    fn list<const N: usize>(members: [Nested; N]) -> Nested {
        Nested::List(members.to_vec())
    }

    fn read(raw: &str) -> Result<Option<Nested>, Vec<Problem>> {
        tree(&pairs(raw, &Caps::DEFAULT)?, &Caps::DEFAULT)
    }

    #[test]
    fn texts_lists_and_maps_nest_as_in_rack() {
        for (raw, expected) in [
            ("q=1", text("1")),
            ("q", Nested::Nil),
            ("q=", text("")),
            ("q[a]=1&q[a]=2", map([("a", text("2"))])),
            ("q[b]=1&q[a]=2", map([("b", text("1")), ("a", text("2"))])),
            ("q[a][]=1&q[a][]=2", map([("a", list([text("1"), text("2")]))])),
            ("q[a][]", map([("a", list([Nested::Nil]))])),
            (
                "q[g][0][a]=1&q[g][1][a]=2",
                map([("g", map([("0", map([("a", text("1"))])), ("1", map([("a", text("2"))]))]))]),
            ),
            ("q%5Ba%5D=%26%3D+%2B", map([("a", text("&= +"))])),
            ("q[a]=x=y", map([("a", text("x=y"))])),
            ("&&q[a]=1&", map([("a", text("1"))])),
        ] {
            assert_eq!(read(raw), Ok(Some(expected)), "{raw}");
        }
        assert_eq!(read(""), Ok(None));
    }

    #[test]
    fn a_repeated_key_starts_the_next_map_of_a_list() {
        let expected =
            map([("c", list([map([("p", text("1")), ("v", text("2"))]), map([("p", text("3"))])]))]);
        assert_eq!(read("q[c][][p]=1&q[c][][v]=2&q[c][][p]=3"), Ok(Some(expected)));
        // A list within the map never starts the next one: that is why two such conditions get mixed up.
        let expected = map([("c", list([map([("a", list([text("1"), text("2")]))])]))]);
        assert_eq!(read("q[c][][a][]=1&q[c][][a][]=2"), Ok(Some(expected)));
        let expected = map([(
            "c",
            list([map([("v", map([("0", text("1"))]))]), map([("v", map([("0", text("2"))]))])]),
        )]);
        assert_eq!(read("q[c][][v][0]=1&q[c][][v][0]=2"), Ok(Some(expected)));
    }

    #[test]
    fn contradictions_are_refused() {
        for raw in [
            "q=1&q[x]=y",
            "q[x]=y&q=1",
            "q[a]=1&q[a][]=2",
            "q[a][]=1&q[a][b]=2",
            "q[a][b]=1&q[a]=2",
            "q[a][][]=1",
        ] {
            assert_eq!(read(raw).unwrap_err()[0].code, Code::InvalidParameter, "{raw}");
        }
    }

    #[test]
    fn caps_hold() {
        let caps = Caps { length: 40, pairs: 3, depth: 2, list: 2 };
        let read = |raw: &str| tree(&pairs(raw, &caps)?, &caps);
        assert!(read("q[a][]=1&q[a][]=2&q[b]=3").is_ok());
        assert_eq!(read(&"q".repeat(41)).unwrap_err()[0].code, Code::UriTooLong);
        assert!(read("q=1&q=2&q=3&q=4").is_err());
        assert!(read("q[a][b][c]=1").is_err());
        assert!(read("q[a][]=1&q[a][]=2&q[a][]=3").is_err());
    }

    #[test]
    fn only_percent_encoded_utf_8_is_text() {
        assert_eq!(read("q=%E6%97%A5"), Ok(Some(text("日"))));
        for raw in ["q=%FF", "q=%", "q=%4", "q=%zz", "q=%+1", "%ff=1", "q%00=1"] {
            assert!(read(raw).is_err(), "{raw}");
        }
    }

    /// Spells a tree as a query string, indexes and lists as they are.
    fn encode(path: &str, node: &Nested, out: &mut Vec<String>) {
        let escape = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
        match node {
            Nested::Nil => out.push(path.to_owned()),
            Nested::Text(text) => out.push(format!("{path}={}", escape(text))),
            Nested::List(members) => {
                members.iter().for_each(|member| encode(&format!("{path}[]"), member, out))
            }
            Nested::Map(entries) => {
                entries
                    .iter()
                    .for_each(|(key, entry)| encode(&format!("{path}%5B{}%5D", escape(key)), entry, out));
            }
        }
    }

    /// Trees that have one spelling: no empty maps and lists, no maps in lists, no key twice.
    fn trees() -> impl Strategy<Value = Nested> {
        let leaf = prop_oneof![Just(Nested::Nil), ".*".prop_map(Nested::Text)];
        let list = prop::collection::vec(leaf.clone(), 1..5).prop_map(Nested::List);
        prop_oneof![leaf, list].prop_recursive(4, 32, 4, |inner| {
            prop::collection::btree_map("[^\\[\\]\0]{1,6}", inner, 1..4)
                .prop_map(|entries| Nested::Map(entries.into_iter().collect()))
        })
    }

    proptest! {
        #[test]
        fn reading_never_panics(raw in ".*", brackets in "[q\\[\\]a0=&%+]{0,60}") {
            let _ = read(&raw);
            let _ = read(&brackets);
        }

        #[test]
        fn what_is_spelled_is_read(tree in trees()) {
            let mut parts = Vec::new();
            encode("q", &tree, &mut parts);
            prop_assert_eq!(read(&parts.join("&")), Ok(Some(tree)));
        }
    }
}
