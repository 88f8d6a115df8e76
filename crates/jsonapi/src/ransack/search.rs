//! From nested parameters to a tree of raw conditions: structure and cleaning, no names looked up yet.

use crate::nested::Nested;
use crate::query::SortKey;
use crate::{Code, Problem};

/// How the conditions of one level, or the attributes of one condition, are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Combinator {
    /// All must hold.
    #[default]
    And,
    /// One must hold.
    Or,
}

/// One level of a filter: conditions and nested groups under one combinator, as the client wrote them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Search {
    /// Joins the conditions and the groups of this level.
    pub combinator: Combinator,
    /// In order of appearance.
    pub conditions: Vec<RawCondition>,
    /// In order of appearance.
    pub groups: Vec<Search>,
}

impl Search {
    /// Whether a name in it has a text in it.
    #[must_use]
    pub fn mentions(&self, text: &str) -> bool {
        let named = |condition: &RawCondition| match &condition.key {
            RawKey::Shorthand(key) => key.contains(text),
            RawKey::Explicit { attributes, .. } => attributes.iter().any(|name| name.contains(text)),
        };
        self.conditions.iter().any(named) || self.groups.iter().any(|group| group.mentions(text))
    }
}

/// A condition whose names have not been looked up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawCondition {
    /// What is compared and how.
    pub key: RawKey,
    /// The values, cleaned as their level demands.
    pub values: Nested,
    /// The query parameter as the client spelled it, decoded.
    pub parameter: String,
    /// Whether the condition stands directly under `q` or `filter`, where scopes may be called.
    pub top: bool,
    /// Which parameter it came under.
    pub family: Family,
}

/// The parameter a condition came under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `q[...]`: Ransack to the letter.
    Q,
    /// `filter[...]`: the same keys, but lists may be written with commas, and a bare name asks whether the
    /// value is one of those given.
    Filter,
}

/// The two ways to write a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RawKey {
    /// `company_name_or_email_cont`
    Shorthand(String),
    /// `c[0][a][]=company_name&c[0][p]=cont`
    Explicit {
        /// The names under `a`.
        attributes: Vec<String>,
        /// The combinator under `m`, without which several names mean nothing.
        combinator: Option<Combinator>,
        /// The name under `p`.
        predicate: String,
    },
}

/// Reads what stands under one filter parameter, with the sorts it holds.
///
/// `spelled` tells whether a parameter of exactly that name was in the query string; lists are named with
/// their `[]` if they were written so.
///
/// # Errors
///
/// For every group or explicit condition of the wrong shape, and for texts with a NUL, which PostgreSQL
/// cannot store.
pub fn read(
    family: Family,
    params: &Nested,
    spelled: &dyn Fn(&str) -> bool,
) -> Result<(Search, Vec<SortKey>), Vec<Problem>> {
    let mut reader = Reader { family, spelled, sorts: Vec::new(), problems: Vec::new() };
    let search = match params {
        Nested::Map(entries) => {
            let entries = assemble_dates(entries);
            reader.level(&entries, family.name(), Level::Top)
        }
        // `q=text` and `q[]=x` ask for everything, as in the gem.
        _ if family == Family::Q || is_blank(params) => Search::default(),
        _ => {
            reader.refuse(family.name(), "write this as filter[name]=value".to_owned());
            Search::default()
        }
    };
    if reader.problems.is_empty() { Ok((search, reader.sorts)) } else { Err(reader.problems) }
}

impl Family {
    /// The parameter's base name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Q => "q",
            Self::Filter => "filter",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Top,
    Group,
}

struct Reader<'a> {
    family: Family,
    spelled: &'a dyn Fn(&str) -> bool,
    sorts: Vec<SortKey>,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn level(&mut self, entries: &[(String, Nested)], path: &str, level: Level) -> Search {
        let mut search = Search::default();
        for (key, value) in entries {
            let path = format!("{path}[{key}]");
            let cleaned;
            let value = match level {
                Level::Top => {
                    cleaned = strip(value);
                    &cleaned
                }
                Level::Group => value,
            };
            if level == Level::Top && is_blank(value) {
                continue;
            }
            match (level, key.as_str()) {
                (_, "m") | (Level::Top, "combinator") => search.combinator = combinator(value),
                (_, "g") | (Level::Top, "groupings") => {
                    let groups = self.members(value, &path, "a group").into_iter();
                    search.groups.extend(
                        groups
                            .map(|(entries, path)| self.level(entries, &path, Level::Group))
                            .collect::<Vec<_>>(),
                    );
                }
                (_, "c") | (Level::Top, "conditions") => {
                    for (entries, path) in self.members(value, &path, "a condition") {
                        let condition = self.explicit(entries, path, level);
                        search.conditions.extend(condition);
                    }
                }
                (Level::Top, "s" | "sorts") => self.sorts(value, &path),
                _ => search.conditions.push(self.shorthand(key, value, path, level)),
            }
        }
        search
    }

    /// The maps under `g` or `c`, each with its path: `[0]`, `[1]` or a list.
    fn members<'n>(
        &mut self,
        value: &'n Nested,
        path: &str,
        what: &str,
    ) -> Vec<(&'n [(String, Nested)], String)> {
        let candidates: Vec<(&Nested, String)> = match value {
            Nested::Map(entries) => {
                entries.iter().map(|(key, member)| (member, format!("{path}[{key}]"))).collect()
            }
            Nested::List(members) => members.iter().map(|member| (member, format!("{path}[]"))).collect(),
            _ => vec![(value, path.to_owned())],
        };
        let mut members = Vec::new();
        for (member, path) in candidates {
            match member {
                Nested::Map(entries) => members.push((entries.as_slice(), path)),
                _ if is_empty(member) => {}
                _ => self.refuse(&path, format!("{what} is a map, written like {path}[0][..]=..")),
            }
        }
        members
    }

    fn shorthand(&mut self, key: &str, values: &Nested, path: String, level: Level) -> RawCondition {
        let mut parameter = path;
        if matches!(values, Nested::List(_)) && !(self.spelled)(&parameter) {
            parameter.push_str("[]");
        }
        self.refuse_nul(values, &parameter);
        let key = RawKey::Shorthand(key.to_owned());
        self.condition(key, values.clone(), parameter, level)
    }

    fn explicit(&mut self, entries: &[(String, Nested)], path: String, level: Level) -> Option<RawCondition> {
        let known = self.problems.len();
        let mut attributes = Vec::new();
        let mut predicate = None;
        let mut combined = None;
        let mut values = Nested::Nil;
        for (key, value) in entries {
            let path = format!("{path}[{key}]");
            match (key.as_str(), value) {
                ("a", value) => attributes = self.texts(value, "name", &path),
                ("v", value) => {
                    values = Nested::List(
                        self.texts(value, "value", &path).into_iter().map(Nested::Text).collect(),
                    );
                    self.refuse_nul(&values, &path);
                }
                ("p", Nested::Text(name)) => predicate = Some(name.clone()),
                ("m", value) => combined = Some(combinator(value)),
                ("p", _) => self.refuse(&path, "name one predicate".to_owned()),
                _ => self.refuse(
                    &path,
                    "a condition has only a (attributes), p (predicate), m and v (values)".to_owned(),
                ),
            }
        }
        match predicate {
            Some(predicate) if !attributes.is_empty() && self.problems.len() == known => {
                let key = RawKey::Explicit { attributes, combinator: combined, predicate };
                Some(self.condition(key, values, path, level))
            }
            _ if self.problems.len() > known => None,
            _ => {
                self.refuse(
                    &path,
                    "a condition needs an attribute under a and a predicate under p".to_owned(),
                );
                None
            }
        }
    }

    fn condition(&self, key: RawKey, values: Nested, parameter: String, level: Level) -> RawCondition {
        RawCondition { key, values, parameter, top: level == Level::Top, family: self.family }
    }

    /// The texts under `a` or `v`: `[]=x`, `[0][name]=x` or `[][name]=x`.
    fn texts(&mut self, value: &Nested, member: &str, path: &str) -> Vec<String> {
        let members: Vec<&Nested> = match value {
            Nested::List(members) => members.iter().collect(),
            Nested::Map(entries) => entries.iter().map(|(_, entry)| entry).collect(),
            other => vec![other],
        };
        let mut texts = Vec::new();
        for node in members {
            let leaf = match node {
                Nested::Map(entries) => entries.iter().find(|(key, _)| key == member).map(|(_, leaf)| leaf),
                leaf => Some(leaf),
            };
            match leaf {
                Some(Nested::Text(text)) => texts.push(text.clone()),
                Some(Nested::Nil) => {}
                _ => self.refuse(path, format!("write this as {path}[]=.. or {path}[0][{member}]=..")),
            }
        }
        texts
    }

    fn sorts(&mut self, value: &Nested, path: &str) {
        match value {
            Nested::Nil => {}
            Nested::Text(text) => self.sort(text, None, path.to_owned()),
            Nested::List(members) => {
                for member in members {
                    self.sort_member(member, format!("{path}[]"));
                }
            }
            Nested::Map(entries) => {
                for (key, member) in entries {
                    self.sort_member(member, format!("{path}[{key}]"));
                }
            }
        }
    }

    fn sort_member(&mut self, member: &Nested, path: String) {
        match member {
            Nested::Text(text) => self.sort(text, None, path),
            Nested::Map(entries) => {
                let text = |name: &str| match entries.iter().find(|(key, _)| key == name) {
                    Some((_, Nested::Text(text))) => Some(text.as_str()),
                    _ => None,
                };
                match text("name") {
                    Some(name) => self.sort(name, text("dir"), format!("{path}[name]")),
                    None => self.refuse(&path, "a sort needs a name".to_owned()),
                }
            }
            Nested::Nil => {}
            Nested::List(_) => self.refuse(&path, "a sort is a text like \"name desc\"".to_owned()),
        }
    }

    fn sort(&mut self, text: &str, direction: Option<&str>, parameter: String) {
        let (path, rest) = text.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((text, ""));
        let direction = direction.unwrap_or(rest).trim();
        if !path.is_empty() {
            let descending = direction.eq_ignore_ascii_case("desc");
            self.sorts.push(SortKey { path: path.to_owned(), descending, parameter });
        }
    }

    fn refuse_nul(&mut self, value: &Nested, parameter: &str) {
        if contains_nul(value) {
            self.refuse(parameter, "a text cannot contain the character U+0000".to_owned());
        }
    }

    fn refuse(&mut self, parameter: &str, detail: String) {
        self.problems.push(Problem::new(Code::InvalidFilter, detail).at_parameter(parameter));
    }
}

/// Exactly `or` joins by or; everything else, `OR` included, is and.
fn combinator(value: &Nested) -> Combinator {
    match value {
        Nested::Text(text) if text == "or" => Combinator::Or,
        _ => Combinator::And,
    }
}

/// Texts directly under the parameter lose the whitespace and NULs around them; the members of lists do not.
fn strip(value: &Nested) -> Nested {
    match value {
        Nested::Text(text) => {
            Nested::Text(text.trim_matches(|c: char| matches!(c, '\0' | '\t'..='\r' | ' ')).to_owned())
        }
        other => other.clone(),
    }
}

/// Nothing, only (Unicode) whitespace, or a list of nothing but that.
fn is_blank(value: &Nested) -> bool {
    match value {
        Nested::Nil => true,
        Nested::Text(text) => text.chars().all(char::is_whitespace),
        Nested::List(members) => members.iter().all(is_blank),
        Nested::Map(_) => false,
    }
}

fn is_empty(value: &Nested) -> bool {
    matches!(value, Nested::Nil) || matches!(value, Nested::Text(text) if text.is_empty())
}

fn contains_nul(value: &Nested) -> bool {
    match value {
        Nested::Nil => false,
        Nested::Text(text) => text.contains('\0'),
        Nested::List(members) => members.iter().any(contains_nul),
        Nested::Map(entries) => entries.iter().any(|(_, entry)| contains_nul(entry)),
    }
}

/// Joins the parts of a date that a form sends one by one: `birthday_gteq(1i)=2000`, `(2i)=1`, `(3i)=31`.
fn assemble_dates(entries: &[(String, Nested)]) -> Vec<(String, Nested)> {
    let mut assembled: Vec<(String, Nested)> = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let Some((name, 1)) = date_part(key) else {
            if date_part(key).is_none() {
                assembled.push((key.clone(), value.clone()));
            }
            continue;
        };
        let part = |number: u8| {
            let entry = entries.iter().find(|(key, _)| date_part(key) == Some((name, number)))?;
            match &entry.1 {
                Nested::Text(text) if !text.is_empty() => Some(text.as_str()),
                _ => None,
            }
        };
        if let (Some(year), Some(month), Some(day)) = (part(1), part(2), part(3)) {
            let mut text = format!("{year:0>4}-{month:0>2}-{day:0>2}");
            if let Some(hour) = part(4) {
                let (minute, second) = (part(5).unwrap_or("00"), part(6).unwrap_or("00"));
                text.push_str(&format!(" {hour:0>2}:{minute:0>2}:{second:0>2}"));
            }
            assembled.push((name.to_owned(), Nested::Text(text)));
        }
    }
    assembled
}

/// `birthday_gteq(2i)` is part 2 of `birthday_gteq`.
fn date_part(key: &str) -> Option<(&str, u8)> {
    let (name, part) = key.strip_suffix("i)")?.rsplit_once('(')?;
    let number = part.parse().ok().filter(|number| (1..=6).contains(number))?;
    Some((name, number))
}

#[cfg(test)]
mod tests;
