//! Reading a filter from JSON, as a client writes it: every mistake at once, each at its pointer into the filter.

use serde_json::{Map, Value};

use super::{Condition, Filter, Path};
use crate::problem::pointer;
use crate::ransack::predicate::{PREDICATES, Predicate, Shape};
use crate::ransack::resolve::split_names;
use crate::ransack::search::Combinator;
use crate::ransack::value::boolean;
use crate::{Code, Problem};

/// Comparisons of one filter at most: each is made for every event.
const MAX_COMPARISONS: usize = 100;
/// Groups within groups at most.
const MAX_DEPTH: usize = 8;

impl Filter {
    /// Reads an object of conditions: `{"name_predicate": value}`, with `m`, `g` and `c` as filters of lists have them.
    ///
    /// # Errors
    /// Everything that is wrong with it, at pointers that begin with the names of `at`.
    pub fn read(filter: &Value, at: &[&str]) -> Result<Self, Vec<Problem>> {
        let mut reader = Reader { problems: Vec::new(), comparisons: 0 };
        let at: Vec<String> = at.iter().map(|&name| name.to_owned()).collect();
        let read = reader.level(filter, &at, 0);
        if reader.comparisons > MAX_COMPARISONS {
            reader.refuse(&at, format!("more than {MAX_COMPARISONS} comparisons are asked for"));
        }
        if reader.problems.is_empty() { Ok(read) } else { Err(reader.problems) }
    }
}

struct Reader {
    problems: Vec<Problem>,
    comparisons: usize,
}

/// A place in the filter.
type At = [String];

impl Reader {
    fn level(&mut self, value: &Value, at: &At, depth: usize) -> Filter {
        let mut filter = Filter::default();
        let Value::Object(members) = value else {
            self.refuse(at, "conditions are an object, such as {\"status_eq\": \"won\"}".into());
            return filter;
        };
        if depth > MAX_DEPTH {
            self.refuse(at, format!("groups are nested more than {MAX_DEPTH} deep"));
            return filter;
        }
        for (key, value) in members {
            let at = within(at, key);
            match key.as_str() {
                "m" => filter.combinator = self.combinator(value, &at),
                "g" => {
                    for (group, at) in self.members(value, &at) {
                        filter.groups.push(self.level(group, &at, depth + 1));
                    }
                }
                "c" => {
                    for (condition, at) in self.members(value, &at) {
                        filter.conditions.extend(self.explicit(condition, &at));
                    }
                }
                key => filter.conditions.extend(self.shorthand(key, value, &at)),
            }
        }
        filter
    }

    fn members<'v>(&mut self, value: &'v Value, at: &At) -> Vec<(&'v Value, Vec<String>)> {
        match value {
            Value::Array(members) => members
                .iter()
                .enumerate()
                .map(|(index, member)| (member, within(at, &index.to_string())))
                .collect(),
            _ => {
                self.refuse(at, "this is an array of objects".into());
                Vec::new()
            }
        }
    }

    /// `"status_or_stage_eq": "won"`
    fn shorthand(&mut self, key: &str, value: &Value, at: &At) -> Option<Condition> {
        let Some((names, predicate)) = Predicate::split(key) else {
            self.unknown_predicate(at, format!("{key:?} does not end in a predicate, as in {key}_eq"));
            return None;
        };
        // A path in full is one name: `custom_fields.terms_and_conditions`.
        let (names, combinator) = match names.contains('.') {
            true => (vec![names], Combinator::And),
            false => split_names(names),
        };
        let paths = self.paths(&names, at)?;
        let values = match (predicate.shape, value) {
            (Shape::List, Value::Array(values)) => values.iter().collect(),
            (_, value) => vec![value],
        };
        self.condition(paths, combinator, predicate, &values, at)
    }

    /// `{"a": ["status", "stage"], "m": "or", "p": "eq", "v": ["won"]}`
    fn explicit(&mut self, value: &Value, at: &At) -> Option<Condition> {
        let known = ["a", "m", "p", "v"];
        let Value::Object(members) = value else {
            self.refuse(at, "a condition is an object with a, p, v and perhaps m".into());
            return None;
        };
        for name in members.keys().filter(|name| !known.contains(&name.as_str())) {
            let problem = problem(&within(at, name), format!("a condition has no {name:?}")).allowing(known);
            self.problems.push(problem);
        }
        let names = self.texts(members, "a", at);
        let values: Vec<&Value> = members.get("v").and_then(Value::as_array).into_iter().flatten().collect();
        let combinator = members.get("m").map(|value| self.combinator(value, &within(at, "m")));
        let Some(predicate) = members.get("p").and_then(Value::as_str).and_then(Predicate::named) else {
            self.unknown_predicate(&within(at, "p"), "p is the name of a predicate".into());
            return None;
        };
        if combinator.is_none() && names.as_ref().is_some_and(|names| names.len() > 1) {
            self.refuse(at, "a condition on several names needs m, which is or or and".into());
        }
        let paths = self.paths(&names?, at)?;
        self.condition(paths, combinator.unwrap_or_default(), predicate, &values, &within(at, "v"))
    }

    fn condition(
        &mut self,
        paths: Vec<Path>,
        combinator: Combinator,
        predicate: &Predicate,
        values: &[&Value],
        at: &At,
    ) -> Option<Condition> {
        let texts: Option<Vec<String>> = values.iter().map(|value| text(value)).collect();
        let name = predicate.name;
        let Some(texts) = texts.filter(|texts| !texts.is_empty()) else {
            self.refuse(at, format!("{name} needs a value, which is a text, a number, true or false"));
            return None;
        };
        if texts.iter().any(|text| text.contains('\0')) {
            self.refuse(at, "a text cannot contain the character U+0000".into());
            return None;
        }
        self.comparisons += paths.len() * texts.len();
        match (predicate.shape, texts.as_slice()) {
            (Shape::List, _) | (Shape::One, [_]) => {
                Some(Condition::new(paths, combinator, predicate, true, texts))
            }
            (Shape::Flag, [flag]) => match boolean(flag) {
                Some(flag) => Some(Condition::new(paths, combinator, predicate, flag, Vec::new())),
                None => {
                    self.refuse(at, format!("{name} takes true or false, not {flag:?}"));
                    None
                }
            },
            _ => {
                self.refuse(at, format!("{name} takes one value, not a list"));
                None
            }
        }
    }

    fn paths(&mut self, names: &[impl AsRef<str>], at: &At) -> Option<Vec<Path>> {
        let path = |name: &str| -> Option<Path> {
            name.split('.').map(|part| (!part.is_empty()).then(|| part.to_owned())).collect()
        };
        let paths: Option<Vec<Path>> = names.iter().map(|name| path(name.as_ref())).collect();
        let paths = paths.filter(|paths| !paths.is_empty());
        if paths.is_none() {
            self.refuse(at, "a name is missing in front of the predicate, or between two points".into());
        }
        paths
    }

    fn texts<'v>(&mut self, members: &'v Map<String, Value>, name: &str, at: &At) -> Option<Vec<&'v str>> {
        let texts = members.get(name).and_then(Value::as_array);
        let texts: Option<Vec<&str>> = texts.and_then(|texts| texts.iter().map(Value::as_str).collect());
        if texts.is_none() {
            self.refuse(&within(at, name), format!("{name} is an array of names"));
        }
        texts
    }

    fn combinator(&mut self, value: &Value, at: &At) -> Combinator {
        match value.as_str() {
            Some("or") => Combinator::Or,
            Some("and") => Combinator::And,
            _ => {
                self.refuse(at, "m is or or and".into());
                Combinator::And
            }
        }
    }

    fn unknown_predicate(&mut self, at: &At, detail: String) {
        let plain = PREDICATES.iter().filter(|predicate| predicate.compound.is_none());
        self.problems.push(problem(at, detail).allowing(plain.map(|predicate| predicate.name)));
    }

    fn refuse(&mut self, at: &At, detail: String) {
        self.problems.push(problem(at, detail));
    }
}

fn problem(at: &At, detail: String) -> Problem {
    let at: Vec<&str> = at.iter().map(String::as_str).collect();
    Problem::new(Code::Invalid, detail).at_pointer(pointer(&at))
}

fn within(at: &At, name: &str) -> Vec<String> {
    [at, &[name.to_owned()]].concat()
}

/// What a value is compared as; nothing where it says nothing.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}
