//! The rows that the examples are about, created over HTTP, and what is called how.

use std::collections::HashMap;

use crm_api::resources::RESOURCES;
use serde_json::{Map, Value, json};

use crate::app::App;

/// Parents come before what refers to them.
const ORDER: [&str; 10] = [
    "users",
    "pipelines",
    "stages",
    "tags",
    "companies",
    "contacts",
    "deals",
    "taggings",
    "activities",
    "tasks",
];

/// The rows, with the ids that they got.
pub(crate) struct Fixture {
    data: Value,
    mapping: Value,
    ids: HashMap<(String, i64), String>,
}

/// An answer to a list, whole.
pub(crate) struct Found {
    pub(crate) status: u16,
    pub(crate) ids: Vec<String>,
    pub(crate) body: Value,
}

pub(crate) fn read(name: &str) -> Value {
    let path = format!("{}/tests/ransack/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("the file exists");
    serde_json::from_str(&text).expect("the file is JSON")
}

impl Fixture {
    /// Creates all rows.
    pub(crate) async fn load(app: &App) -> Self {
        let (data, mapping) = (read("fixture.json"), read("mapping.json"));
        let mut fixture = Self { data, mapping, ids: HashMap::new() };
        for table in ORDER {
            let rows = fixture.data["tables"][table].as_array().expect("rows").clone();
            for row in rows {
                let answer = app.post(&format!("/api/v1/{table}"), fixture.document(table, &row)).await;
                assert_eq!(answer.status, 201, "{table} {row}: {}", answer.json);
                let key = row["id"].as_i64().expect("a key");
                fixture.ids.insert((table.to_owned(), key), answer.id());
            }
        }
        fixture
    }

    /// The document that creates a row.
    fn document(&self, table: &str, row: &Value) -> Value {
        let schema = &self.data["schema"][table];
        let mut attributes = Map::new();
        let mut relationships = Map::new();
        let mut link = |name: &str, target: &str, key: &Value| {
            let id = self.id(target, key.as_i64().expect("a key"));
            relationships.insert(self.name(table, name), json!({ "data": { "type": target, "id": id } }));
        };
        for (name, association) in entries(&schema["belongs_to"]) {
            let key = &row[text(&association["column"])];
            if !key.is_null() {
                link(name, text(&association["table"]), key);
            }
        }
        let mut of_a_link = Vec::new();
        for (name, association) in entries(&schema["polymorphic"]) {
            let (of_type, id) = (text(&association["type_column"]), text(&association["id_column"]));
            of_a_link.extend([of_type, id]);
            if let Some(class) = row[of_type].as_str() {
                link(name, text(&self.data["types"][class]), &row[id]);
            }
        }
        let set_by_server = schema["server_set"].as_array().cloned().unwrap_or_default();
        for (column, kind) in entries(&schema["columns"]) {
            let left_out = kind == "key"
                || of_a_link.contains(&column.as_str())
                || set_by_server.contains(&json!(column));
            let name = self.written(table, column);
            // Where a null is left out, a default stands in its place.
            if !left_out && (!row[column].is_null() || takes_null(table, &name)) {
                attributes.insert(name, row[column].clone());
            }
        }
        json!({ "data": { "type": table, "attributes": attributes, "relationships": relationships } })
    }

    /// What we call an attribute where it is set, if that is not where it is read.
    fn written(&self, table: &str, name: &str) -> String {
        let written = self.mapping["resources"][table]["wire"].get(name);
        written.map_or_else(|| self.name(table, name), |written| text(written).to_owned())
    }

    /// What we call an attribute or association of the examples.
    pub(crate) fn name(&self, table: &str, name: &str) -> String {
        let resource = &self.mapping["resources"][table];
        let ours = resource["attributes"].get(name).or_else(|| resource["assocs"].get(name));
        ours.map_or(name, |ours| text(ours)).to_owned()
    }

    pub(crate) fn id(&self, table: &str, key: i64) -> &str {
        &self.ids[&(table.to_owned(), key)]
    }

    /// The key that a row has in the examples.
    pub(crate) fn key(&self, table: &str, id: &str) -> Option<i64> {
        let found = self.ids.iter().find(|((known, _), its)| known == table && *its == id);
        found.map(|((_, key), _)| *key)
    }

    /// The name of the class that stands for a type.
    pub(crate) fn class(&self, table: &str) -> &str {
        let class = entries(&self.data["types"]).find(|(_, its)| *its == table);
        class.expect("a type of the fixture").0
    }

    /// Reads all pages of a list.
    pub(crate) async fn list(&self, app: &App, table: &str, query: &str) -> Found {
        let mut path = format!("/api/v1/{table}?{query}&page[size]=100");
        let mut ids = Vec::new();
        loop {
            let answer = app.get(&path).await;
            if answer.status != 200 {
                return Found { status: answer.status, ids, body: answer.json };
            }
            ids.extend(answer.ids());
            assert_eq!(answer.json["links"]["next"].is_null(), answer.json["meta"]["total"] == ids.len());
            match answer.json["links"]["next"].as_str() {
                Some(next) => path = next.to_owned(),
                None => return Found { status: 200, ids, body: answer.json },
            }
        }
    }
}

fn takes_null(table: &str, attribute: &str) -> bool {
    let resource = RESOURCES.iter().find(|resource| resource.name == table);
    let attribute = resource.and_then(|resource| resource.attribute(attribute));
    attribute.is_some_and(|attribute| attribute.nullable && attribute.writable)
}

fn entries(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
