//! Variables in the parameters of workflow steps: `{{trigger.body.email}}`.
//!
//! A template fills a parsed JSON tree, so a quote in a value cannot break it. A text that is only one `{{…}}` keeps
//! the JSON type of its value; mixed text gives a string. Values are never scanned again: a form field that contains
//! `{{…}}` stays text. `{{{{` prints `{{`.

use serde_json::{Map, Value};

/// Why a template cannot be read or filled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The text breaks the grammar.
    #[error("`{text}` is not a variable: {reason}")]
    Syntax {
        /// The expression as written.
        text: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The path leads nowhere and no default is given.
    #[error("nothing stands at `{path}`; give it a default: {{{{{path} | default: …}}}}")]
    Missing {
        /// The path as written.
        path: String,
    },
}

/// One `{{…}}`.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    path: String,
    keys: Vec<Key>,
    filters: Vec<Filter>,
}

#[derive(Clone, Debug, PartialEq)]
enum Key {
    Name(String),
    Index(usize),
}

#[derive(Clone, Debug, PartialEq)]
enum Filter {
    Default(Value),
    Lower,
    Upper,
    Trim,
}

enum Part {
    Text(String),
    Expression(Expression),
}

impl Expression {
    /// The first name of the path: `trigger` or `steps`.
    #[must_use]
    pub fn root(&self) -> &str {
        self.name(0).unwrap_or_default()
    }

    /// The name at a position of the path, where a name stands there.
    #[must_use]
    pub fn name(&self, position: usize) -> Option<&str> {
        match self.keys.get(position) {
            Some(Key::Name(name)) => Some(name),
            _ => None,
        }
    }

    fn parse(text: &str) -> Result<Self, Error> {
        let syntax = |reason| Error::Syntax { text: text.trim().to_owned(), reason };
        let mut pieces = split_outside_quotes(text, '|').into_iter();
        let path = pieces.next().unwrap_or_default().trim().to_owned();
        let keys = keys(&path).map_err(syntax)?;
        let filters =
            pieces.map(|filter| Filter::parse(&filter).map_err(syntax)).collect::<Result<_, _>>()?;
        Ok(Self { path, keys, filters })
    }

    fn evaluate(&self, variables: &Map<String, Value>) -> Result<Value, Error> {
        let mut keys = self.keys.iter();
        let root = keys.next().and_then(|key| match key {
            Key::Name(name) => variables.get(name),
            Key::Index(_) => None,
        });
        let found = keys.try_fold(root, |value, key| {
            Some(match (value?, key) {
                (Value::Object(map), Key::Name(name)) => map.get(name),
                (Value::Array(list), Key::Index(index)) => list.get(*index),
                _ => None,
            })
        });
        let mut value = found.flatten().filter(|value| !value.is_null()).cloned();
        for filter in &self.filters {
            value = filter.apply(value);
        }
        value.ok_or_else(|| Error::Missing { path: self.path.clone() })
    }
}

impl Filter {
    fn parse(text: &str) -> Result<Self, &'static str> {
        let (name, argument) = match text.split_once(':') {
            Some((name, argument)) => (name.trim(), Some(argument.trim())),
            None => (text.trim(), None),
        };
        match (name, argument) {
            ("default", Some(argument)) => {
                serde_json::from_str(argument).map(Self::Default).or(Err("a default is written as JSON"))
            }
            ("lower", None) => Ok(Self::Lower),
            ("upper", None) => Ok(Self::Upper),
            ("trim", None) => Ok(Self::Trim),
            _ => Err("the filters are default: value, lower, upper, trim"),
        }
    }

    fn apply(&self, value: Option<Value>) -> Option<Value> {
        let text = |change: fn(&str) -> String| {
            value.clone().map(|value| match value {
                Value::String(text) => Value::String(change(&text)),
                other => other,
            })
        };
        match self {
            Self::Default(default) => value.or_else(|| Some(default.clone())),
            Self::Lower => text(str::to_lowercase),
            Self::Upper => text(str::to_uppercase),
            Self::Trim => text(|text| text.trim().to_owned()),
        }
    }
}

/// All expressions in a JSON tree, to check them before anything runs.
///
/// # Errors
/// The first text that breaks the grammar.
pub fn expressions(tree: &Value) -> Result<Vec<Expression>, Error> {
    let mut found = Vec::new();
    match tree {
        Value::String(text) => {
            found.extend(parts(text)?.into_iter().filter_map(|part| match part {
                Part::Expression(expression) => Some(expression),
                Part::Text(_) => None,
            }));
        }
        Value::Array(list) => {
            for item in list {
                found.extend(expressions(item)?);
            }
        }
        Value::Object(map) => {
            for item in map.values() {
                found.extend(expressions(item)?);
            }
        }
        _ => {}
    }
    Ok(found)
}

/// Fills every text of a JSON tree. Keys of objects stay as they are.
///
/// # Errors
/// The first text that breaks the grammar or names nothing.
pub fn fill(tree: &Value, variables: &Map<String, Value>) -> Result<Value, Error> {
    Ok(match tree {
        Value::String(text) => fill_text(text, variables)?,
        Value::Array(list) => {
            Value::Array(list.iter().map(|item| fill(item, variables)).collect::<Result<_, _>>()?)
        }
        Value::Object(map) => Value::Object(
            map.iter()
                .map(|(key, item)| Ok((key.clone(), fill(item, variables)?)))
                .collect::<Result<_, Error>>()?,
        ),
        other => other.clone(),
    })
}

/// Every path that leads to a value which is not an object, with the value; lists count as a value, and their first
/// member is looked into. Paths are written as [`fill`] reads them.
#[must_use]
pub fn paths<'v>(root: &str, value: &'v Value) -> Vec<(String, &'v Value)> {
    let mut found = Vec::new();
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let plain =
                    keys(key).is_ok_and(|keys| matches!(keys.as_slice(), [Key::Name(name)] if name == key));
                let path = if plain { format!("{root}.{key}") } else { format!("{root}[\"{key}\"]") };
                found.extend(paths(&path, value));
            }
        }
        Value::Array(list) => {
            found.push((root.to_owned(), value));
            if let Some(first) = list.first() {
                found.extend(paths(&format!("{root}[0]"), first));
            }
        }
        _ => found.push((root.to_owned(), value)),
    }
    found
}

/// What a JSON value is called.
#[must_use]
pub const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn fill_text(text: &str, variables: &Map<String, Value>) -> Result<Value, Error> {
    let parts = parts(text)?;
    if let [Part::Expression(expression)] = parts.as_slice() {
        return expression.evaluate(variables);
    }
    let mut filled = String::with_capacity(text.len());
    for part in parts {
        match part {
            Part::Text(text) => filled.push_str(&text),
            Part::Expression(expression) => match expression.evaluate(variables)? {
                Value::String(text) => filled.push_str(&text),
                other => filled.push_str(&other.to_string()),
            },
        }
    }
    Ok(Value::String(filled))
}

fn parts(text: &str) -> Result<Vec<Part>, Error> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        plain.push_str(&rest[..start]);
        let after = &rest[start + 2..];
        if let Some(escaped) = after.strip_prefix("{{") {
            plain.push_str("{{");
            rest = escaped;
            continue;
        }
        let Some(end) = after.find("}}") else {
            return Err(Error::Syntax { text: rest[start..].to_owned(), reason: "`}}` is missing" });
        };
        if !plain.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut plain)));
        }
        parts.push(Part::Expression(Expression::parse(&after[..end])?));
        rest = &after[end + 2..];
    }
    plain.push_str(rest);
    if !plain.is_empty() || parts.is_empty() {
        parts.push(Part::Text(plain));
    }
    Ok(parts)
}

fn split_outside_quotes(text: &str, separator: char) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut quoted = false;
    for character in text.chars() {
        quoted ^= character == '"';
        if character == separator && !quoted {
            pieces.push(String::new());
        } else if let Some(piece) = pieces.last_mut() {
            piece.push(character);
        }
    }
    pieces
}

/// `root.key["any key"][0]`
fn keys(path: &str) -> Result<Vec<Key>, &'static str> {
    let mut keys = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(bracket) = rest.strip_prefix('[') {
            if keys.is_empty() {
                return Err("a path starts with a name");
            }
            if let Some(quoted) = bracket.strip_prefix('"') {
                let (name, after) = quoted.split_once("\"]").ok_or("`\"]` is missing")?;
                keys.push(Key::Name(name.to_owned()));
                rest = after;
            } else {
                let (index, after) = bracket.split_once(']').ok_or("`]` is missing")?;
                keys.push(Key::Index(index.trim().parse().or(Err("an index is a number"))?));
                rest = after;
            }
        } else {
            let name = if keys.is_empty() { rest } else { rest.strip_prefix('.').ok_or("`.` is missing")? };
            let end = name.find(['.', '[']).unwrap_or(name.len());
            let (name, after) = name.split_at(end);
            let valid = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
            if !valid {
                return Err("a key has letters, digits, _ and -; write others as [\"…\"]");
            }
            keys.push(Key::Name(name.to_owned()));
            rest = after;
        }
    }
    if keys.is_empty() { Err("it is empty") } else { Ok(keys) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn filled(template: &Value) -> Result<Value, Error> {
        let variables = json!({
            "trigger": {"body": {"email": " Ada@X.io ", "n": 3, "items": [{"sku": "a"}], "odd key": true,
                                 "sly": "{{trigger.body.n}}", "nothing": null}},
        });
        fill(template, variables.as_object().expect("object"))
    }

    #[test]
    fn a_lone_variable_keeps_its_type_and_mixed_text_is_a_string() {
        assert_eq!(filled(&json!("{{trigger.body.n}}")), Ok(json!(3)));
        assert_eq!(filled(&json!("{{ trigger.body.items }}")), Ok(json!([{"sku": "a"}])));
        assert_eq!(filled(&json!("n={{trigger.body.n}}!")), Ok(json!("n=3!")));
        assert_eq!(filled(&json!({"a": ["{{trigger.body.items[0].sku}}", 1]})), Ok(json!({"a": ["a", 1]})));
        assert_eq!(filled(&json!(r#"{{trigger.body["odd key"]}}"#)), Ok(json!(true)));
        assert_eq!(filled(&json!("")), Ok(json!("")));
    }

    #[test]
    fn values_are_not_scanned_again_and_braces_can_be_printed() {
        assert_eq!(filled(&json!("{{trigger.body.sly}}")), Ok(json!("{{trigger.body.n}}")));
        assert_eq!(filled(&json!("{{{{trigger}}")), Ok(json!("{{trigger}}")));
    }

    #[test]
    fn filters_run_in_order() {
        assert_eq!(filled(&json!("{{trigger.body.email | trim | lower}}")), Ok(json!("ada@x.io")));
        assert_eq!(filled(&json!(r#"{{trigger.body.no | default: "a | b" | upper}}"#)), Ok(json!("A | B")));
        assert_eq!(filled(&json!("{{trigger.body.nothing | default: 0}}")), Ok(json!(0)));
    }

    #[test]
    fn a_path_that_leads_nowhere_is_named() {
        assert_eq!(
            filled(&json!("{{trigger.body.no.where}}")),
            Err(Error::Missing { path: "trigger.body.no.where".into() })
        );
    }

    #[test]
    fn broken_variables_are_named_before_anything_runs() {
        for text in
            ["{{", "{{}}", "{{a b}}", "{{a.}}", "{{[0]}}", "{{a[x]}}", "{{a | shout}}", "{{a | default: x}}"]
        {
            assert!(matches!(expressions(&json!([text])), Err(Error::Syntax { .. })), "{text}");
        }
        assert_eq!(expressions(&json!({"k": "{{a.b}} {{c}}"})).map(|found| found.len()), Ok(2));
    }

    #[test]
    fn the_paths_of_a_sample_lead_back_to_its_values() {
        let sample =
            json!({"email": "a@b.c", "odd key": 1, "items": [{"sku": "x"}, {"sku": "y"}], "none": {}});
        let found = paths("trigger.body", &sample);
        let names: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(
            names,
            [
                "trigger.body.email",
                r#"trigger.body["odd key"]"#,
                "trigger.body.items",
                "trigger.body.items[0].sku"
            ]
        );
        let variables = json!({"trigger": {"body": sample}});
        for (path, value) in &found {
            let filled = fill(&json!(format!("{{{{{path}}}}}")), variables.as_object().expect("object"));
            assert_eq!(filled.as_ref(), Ok(*value));
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[{}a-z.|:\\[\\]\" ]{0,40}") {
            let _ = filled(&json!(text));
        }
    }
}
