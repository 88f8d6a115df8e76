//! A record as a JSON:API resource object, and as the flat JSON of events.

use pulse_domain::RecordId;
pub use pulse_jsonapi::BASE;
use pulse_jsonapi::ransack::Kind;
use pulse_jsonapi::write_json_string;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::declare::{Hop, Link, Relationship, Resource};
use crate::plan::Fields;
use crate::row::Row;

/// A record, as it was read or written.
#[derive(Clone, Debug)]
pub struct Record {
    /// Its resource.
    pub resource: &'static Resource,
    row: Row,
    id: Uuid,
    /// Ids at the other end of to-many relationships, where they are known because they are included.
    linkage: Vec<(Hop, Vec<Uuid>)>,
}

impl Record {
    /// A row of a statement that selected the resource's columns.
    pub(crate) fn new(resource: &'static Resource, row: Row) -> Self {
        let id = row.id(0).expect("the first column of every record is its id");
        Self { resource, row, id, linkage: Vec::new() }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> Uuid {
        self.id
    }

    /// Its id, typed.
    #[must_use]
    pub const fn record_id(&self) -> RecordId {
        RecordId(self.id)
    }

    /// Counts its changes; `None` where the resource cannot be changed.
    #[must_use]
    pub fn version(&self) -> Option<i64> {
        if self.resource.editable { self.row.integer(1) } else { None }
    }

    /// Its address.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{BASE}/{}/{}", self.resource.path(), self.id)
    }

    /// Position of the first attribute in the row.
    fn first(&self) -> usize {
        if self.resource.editable { 2 } else { 1 }
    }

    /// Position of the first foreign key in the row.
    fn keys(&self) -> usize {
        self.first() + self.resource.readable().count()
    }

    /// Position of a column that is an attribute.
    fn position(&self, attribute: &str) -> Option<usize> {
        let position = self.resource.readable().position(|known| known.name == attribute)?;
        Some(self.first() + position)
    }

    /// The id at the other end of a to-one relationship.
    #[must_use]
    pub fn to_one(&self, relationship: &Relationship) -> Option<Uuid> {
        self.leads_to(relationship).map(|(_, id)| id)
    }

    /// The id at the other end of a to-one relationship that is known by its name.
    #[must_use]
    pub fn related_id(&self, relationship: &str) -> Option<Uuid> {
        self.to_one(self.resource.relationship(relationship)?)
    }

    /// The resource and the id at the other end of a to-one relationship.
    #[must_use]
    pub fn leads_to(&self, relationship: &Relationship) -> Option<(&'static Resource, Uuid)> {
        if let Link::BelongsToAny { type_column, id_column, .. } = relationship.link {
            let target = relationship.target_of(self.row.text(self.position(type_column)?)?)?;
            return Some((target, self.row.id(self.position(id_column)?)?));
        }
        let position = self.resource.foreign_keys().position(|(_, key)| key.name == relationship.name)?;
        Some((relationship.single_target()?, self.row.id(self.keys() + position)?))
    }

    /// The id in the column behind the record's own: the owner, where the record was read as one of several.
    pub(crate) fn owner(&self) -> Option<Uuid> {
        self.row.id(self.keys() + self.resource.foreign_keys().count())
    }

    /// A cell of the row it was read as.
    pub(crate) fn cell(&self, index: usize) -> Option<&[u8]> {
        self.row.cell(index)
    }

    /// Remembers what a to-many relationship leads to.
    pub(crate) fn link(&mut self, hop: Hop, ids: Vec<Uuid>) {
        self.linkage.push((hop, ids));
    }

    /// Takes over what another reading of the same record knows of its relationships.
    pub(crate) fn absorb(&mut self, other: Self) {
        for (hop, ids) in other.linkage {
            if self.linkage.iter().all(|(known, _)| !known.same(&hop)) {
                self.linkage.push((hop, ids));
            }
        }
    }

    /// An attribute, as a JSON value.
    #[must_use]
    pub fn get(&self, attribute: &str) -> serde_json::Value {
        let Some((position, known)) = self.position(attribute).zip(self.resource.attribute(attribute)) else {
            return serde_json::Value::Null;
        };
        let mut out = Vec::new();
        self.row.write_json(position, known.kind, &mut out);
        serde_json::from_slice(&out).unwrap_or_default()
    }

    /// A text attribute.
    #[must_use]
    pub fn text(&self, attribute: &str) -> Option<&str> {
        self.row.text(self.position(attribute)?)
    }

    /// Writes the resource object, with the wanted fields alone.
    pub fn write_object(&self, fields: &Fields, out: &mut Vec<u8>) {
        let path = self.path();
        out.extend_from_slice(b"{\"type\":");
        write_json_string(out, self.resource.name);
        out.extend_from_slice(b",\"id\":");
        write_id(self.id, out);
        out.extend_from_slice(b",\"attributes\":{");
        let mut first = true;
        for (index, attribute) in self.resource.readable().enumerate() {
            if fields.wants(self.resource, attribute.name) {
                member(attribute.name, &mut first, out);
                self.row.write_json(self.first() + index, attribute.kind, out);
            }
        }
        out.push(b'}');
        let mut first = true;
        for relationship in self.resource.relationships {
            if fields.wants(self.resource, relationship.name) {
                if first {
                    out.extend_from_slice(b",\"relationships\":{");
                }
                member(relationship.name, &mut first, out);
                self.write_relationship(relationship, &path, out);
            }
        }
        if !first {
            out.push(b'}');
        }
        concat(&[",\"links\":{\"self\":\"", &path, "\"}}"], out);
    }

    fn write_relationship(&self, relationship: &'static Relationship, path: &str, out: &mut Vec<u8>) {
        let name = relationship.name;
        let own = ["{\"links\":{\"self\":\"", path, "/relationships/", name];
        concat(&own, out);
        concat(&["\",\"related\":\"", path, "/", name, "\"}"], out);
        if relationship.to_one() {
            out.extend_from_slice(b",\"data\":");
            match self.leads_to(relationship) {
                Some((target, id)) => identifier(target.name, id, out),
                None => out.extend_from_slice(b"null"),
            }
        } else if let Some((hop, ids)) =
            self.linkage.iter().find(|(known, _)| known.relationship.name == name)
        {
            out.extend_from_slice(b",\"data\":[");
            for (index, id) in ids.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                identifier(hop.target.name, *id, out);
            }
            out.push(b']');
        }
        out.push(b'}');
    }

    /// The full record as flat JSON: id, attributes, ids of to-one relationships.
    #[must_use]
    pub fn flat(&self) -> Box<RawValue> {
        let mut out = format!("{{\"id\":\"{}\"", self.id).into_bytes();
        let mut first = false;
        let attributes = self.resource.readable().map(|attribute| (attribute.name, attribute.kind));
        let keys = self.resource.foreign_keys().map(|(column, _)| (column, Kind::Uuid));
        for (index, (name, kind)) in attributes.chain(keys).enumerate() {
            member(name, &mut first, &mut out);
            self.row.write_json(self.first() + index, kind, &mut out);
        }
        out.push(b'}');
        raw(out)
    }

    /// `{"attribute":[old,new]}` for all that differs from `old`; `None` where nothing does, apart from when it changed.
    #[must_use]
    pub fn changes_since(&self, old: &Self) -> Option<Box<RawValue>> {
        let mut out = vec![b'{'];
        let mut first = true;
        let attributes = self.resource.readable().map(|attribute| (attribute.name, attribute.kind));
        let keys = self.resource.foreign_keys().map(|(column, _)| (column, Kind::Uuid));
        for (index, (name, kind)) in attributes.chain(keys).enumerate() {
            let index = self.first() + index;
            if name == "updated_at" || self.row.same(&old.row, index) {
                continue;
            }
            member(name, &mut first, &mut out);
            out.push(b'[');
            old.row.write_json(index, kind, &mut out);
            out.push(b',');
            self.row.write_json(index, kind, &mut out);
            out.push(b']');
        }
        out.push(b'}');
        (!first).then(|| raw(out))
    }
}

/// Writes a resource identifier: `{"type":…,"id":…}`.
pub fn identifier(name: &str, id: Uuid, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"type\":");
    write_json_string(out, name);
    out.extend_from_slice(b",\"id\":");
    write_id(id, out);
    out.push(b'}');
}

fn write_id(id: Uuid, out: &mut Vec<u8>) {
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    concat(&["\"", id.hyphenated().encode_lower(&mut text), "\""], out);
}

fn concat(texts: &[&str], out: &mut Vec<u8>) {
    for text in texts {
        out.extend_from_slice(text.as_bytes());
    }
}

fn member(name: &str, first: &mut bool, out: &mut Vec<u8>) {
    if !std::mem::take(first) {
        out.push(b',');
    }
    write_json_string(out, name);
    out.push(b':');
}

fn raw(json: Vec<u8>) -> Box<RawValue> {
    let text = String::from_utf8(json).expect("rendered JSON is UTF-8");
    RawValue::from_string(text).expect("what is rendered is JSON")
}
