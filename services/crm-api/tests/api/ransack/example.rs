//! One query and what the gem finds with it.

use serde_json::Value;

use super::fixture::{Fixture, Found, read};

/// A query with placeholders for names, ids and types, and what it finds.
pub(crate) struct Example {
    pub(crate) id: String,
    pub(crate) resource: String,
    data: Value,
}

/// An answer that is right.
#[derive(Debug)]
pub(crate) enum Expected {
    /// 400
    Refusal,
    /// These rows, in any order within each group.
    Groups(Vec<Vec<i64>>),
    /// These rows in any order.
    Set(Vec<i64>),
}

impl Example {
    /// Reads all of them.
    pub(crate) fn all() -> Vec<Self> {
        let Value::Array(examples) = read("examples.json")["vectors"].take() else { panic!("no examples") };
        let example = |data: Value| {
            let text = |name: &str| data[name].as_str().expect("a text").to_owned();
            Self { id: text("id"), resource: text("resource"), data }
        };
        examples.into_iter().map(example).collect()
    }

    /// Why it cannot be replayed.
    pub(crate) fn not_for_us(&self) -> Option<&'static str> {
        if self.data["server_set"] == true {
            return Some("it needs created_at to be stored as sent");
        }
        (self.data["id_kind"] == "integer").then_some("it compares integer ids")
    }

    /// The query string.
    pub(crate) fn query(&self, fixture: &Fixture) -> String {
        let mut rest = self.data["template"].as_str().expect("a template");
        let mut query = String::new();
        while let Some(at) = rest.find(['<', '{']) {
            let close = if rest[at..].starts_with('<') { '>' } else { '}' };
            let end = at + rest[at..].find(close).expect("the placeholder ends");
            query.push_str(&rest[..at]);
            let inner = &rest[at + 1..end];
            let parts: Vec<&str> = inner.split([':', '.']).collect();
            match (close, parts.as_slice()) {
                ('>', [table, name]) => query.push_str(&fixture.name(table, name)),
                (_, ["id", table, key]) => query.push_str(fixture.id(table, key.parse().expect("a key"))),
                (_, ["type", table]) => query.push_str(fixture.class(table)),
                (_, [_, _, value]) => query.push_str(value),
                _ => panic!("an unknown placeholder: {inner}"),
            }
            rest = &rest[end + 1..];
        }
        query + rest
    }

    /// Whether the gem itself refuses it when told to refuse what it does not know.
    pub(crate) fn names_something_unknown(&self) -> bool {
        self.data["strict"] == "error"
    }

    /// What is right with ids that are UUIDs and texts sorted by code point.
    pub(crate) fn expected(&self) -> Vec<Expected> {
        let ours = |when: &Value| {
            let fits = |(name, value): (&String, &Value)| match name.as_str() {
                "id_kind" => value == "uuid",
                "collation" => value == "C.UTF-8",
                _ => false,
            };
            when.as_object().is_some_and(|when| when.iter().all(fits))
        };
        let list = |name: &str| self.data[name].as_array().cloned().unwrap_or_default();
        let variants = list("variants");
        let variant = variants.iter().filter(|variant| ours(&variant["when"]));
        let variant =
            variant.max_by_key(|variant| variant["when"].as_object().map_or(0, serde_json::Map::len));
        let best = variant.map_or(&self.data["expect"], |variant| &variant["expect"]);
        let others = list("also_accept");
        std::iter::once(best).chain(others.iter().map(|other| &other["expect"])).map(Expected::of).collect()
    }

    /// Compares an answer with those that are right.
    pub(crate) fn compare(
        &self,
        expected: &[Expected],
        found: &Found,
        fixture: &Fixture,
    ) -> Result<(), String> {
        if found.status != 200 {
            let refused = found.status == 400 && expected.iter().any(|one| matches!(one, Expected::Refusal));
            return if refused { Ok(()) } else { Err(format!("{} {}", found.status, found.body)) };
        }
        let keys: Vec<i64> = found.ids.iter().filter_map(|id| fixture.key(&self.resource, id)).collect();
        let right = expected.iter().any(|one| one.is(&keys));
        if right { Ok(()) } else { Err(format!("found {keys:?}, expected {expected:?}")) }
    }
}

impl Expected {
    fn of(expect: &Value) -> Self {
        let keys = |keys: &Value| keys.as_array().expect("keys").iter().filter_map(Value::as_i64).collect();
        match (&expect["groups"], &expect["error"]) {
            (Value::Array(groups), _) => Self::Groups(groups.iter().map(keys).collect()),
            (_, Value::String(_)) => Self::Refusal,
            _ => Self::Set(keys(&expect["ids"])),
        }
    }

    fn is(&self, keys: &[i64]) -> bool {
        let sorted = |keys: &[i64]| {
            let mut keys = keys.to_vec();
            keys.sort_unstable();
            keys
        };
        match self {
            Self::Refusal => false,
            Self::Set(expected) => sorted(keys) == sorted(expected),
            Self::Groups(groups) => {
                let mut rest = keys;
                let in_order = groups.iter().all(|group| {
                    let Some((part, behind)) = rest.split_at_checked(group.len()) else { return false };
                    rest = behind;
                    sorted(part) == sorted(group)
                });
                in_order && rest.is_empty()
            }
        }
    }
}
