//! Reading request documents, with a pointer for everything that is wrong.

use serde_json::{Map, Value};

use crate::problem::pointer;
use crate::{Code, Problem};

/// What the URL says about the resource in the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expect<'a> {
    /// The type of the resource.
    pub r#type: &'a str,
    /// Its id, if it exists already.
    pub id: Option<&'a str>,
    /// The id that a new resource gets unless the client chooses one; what its `lid` stands for in linkage.
    pub new_id: Option<&'a str>,
    /// Whether a client may choose the id of a resource it creates.
    pub client_id_allowed: bool,
}

/// A resource as a client sent it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResourceInput {
    /// On creating the client's id or else the one expected, on updating the resource's own.
    pub id: Option<String>,
    /// What the client calls the resource within this document.
    pub lid: Option<String>,
    /// The attributes, unchecked.
    pub attributes: Map<String, Value>,
    /// The relationships, unchecked but well-formed.
    pub relationships: Vec<(String, Linkage)>,
}

/// What a relationship points at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Linkage {
    /// One resource or none.
    ToOne(Option<Identifier>),
    /// Any number of resources.
    ToMany(Vec<Identifier>),
}

/// The type and id of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identifier {
    /// Its type.
    pub r#type: String,
    /// Its id.
    pub id: String,
}

/// Reads a document with one resource object.
///
/// Members that JSON:API does not define and names that begin with `@` are ignored; of a member that occurs
/// twice the last counts. A relationship of a resource that exists, without data but with the links that this server
/// gave it, is what comes back when a whole record is sent, and says nothing.
///
/// # Errors
///
/// One problem per mistake, each pointing at a value that is in the document. JSON nested more than 127
/// levels deep counts as malformed.
pub fn read_resource(body: &[u8], expect: Expect<'_>) -> Result<ResourceInput, Vec<Problem>> {
    let mut data = data(body)?;
    let mut reader = Reader::default();
    let Value::Object(resource) = &mut data else {
        reader.malformed("/data", "data must be one resource object");
        return Err(reader.problems);
    };
    reader.check_type(resource, expect.r#type);
    let id = reader.id(resource, expect).or_else(|| expect.new_id.map(str::to_owned));
    let lid = reader.lid(resource);
    if let (Some(lid), Some(id)) = (&lid, &id) {
        reader.own = Some((lid.clone(), Identifier { r#type: expect.r#type.to_owned(), id: id.clone() }));
    }
    let attributes = reader.attributes(resource.remove("attributes"));
    let relationships = reader.relationships(resource.remove("relationships"), expect.id);
    let input = ResourceInput { id, lid, attributes, relationships };
    if reader.problems.is_empty() { Ok(input) } else { Err(reader.problems) }
}

/// Reads a document with linkage, as relationship URLs take it.
///
/// # Errors
///
/// As [`read_resource`].
pub fn read_linkage(body: &[u8]) -> Result<Linkage, Vec<Problem>> {
    let data = data(body)?;
    let mut reader = Reader::default();
    match reader.linkage(data, "/data") {
        Some(linkage) if reader.problems.is_empty() => Ok(linkage),
        _ => Err(reader.problems),
    }
}

/// The primary data of a request document.
fn data(body: &[u8]) -> Result<Value, Vec<Problem>> {
    let document = serde_json::from_slice(body)
        .map_err(|fault| vec![Problem::new(Code::MalformedJson, format!("the body is not JSON: {fault}"))])?;
    let missing = |detail: &str| vec![Problem::new(Code::MalformedDocument, detail).at_pointer("")];
    let Value::Object(mut document) = document else {
        return Err(missing("a document is a JSON object"));
    };
    document.remove("data").ok_or_else(|| missing("the document has no data"))
}

#[derive(Default)]
struct Reader {
    problems: Vec<Problem>,
    /// What the resource of the document is called in it, and which it is.
    own: Option<(String, Identifier)>,
}

impl Reader {
    fn check_type(&mut self, resource: &Map<String, Value>, expected: &str) {
        match resource.get("type") {
            Some(Value::String(found)) if found == expected => {}
            Some(Value::String(found)) => {
                let detail = format!("this URL takes resources of type {expected:?}, not {found:?}");
                self.problems.push(Problem::new(Code::WrongType, detail).at_pointer("/data/type"));
            }
            Some(_) => self.malformed("/data/type", "the type is a string"),
            None => {
                self.malformed("/data", &format!("the resource needs a type, which is {expected:?} here"))
            }
        }
    }

    fn id(&mut self, resource: &mut Map<String, Value>, expect: Expect<'_>) -> Option<String> {
        let id = match (resource.remove("id"), expect.id) {
            (Some(Value::String(id)), _) => id,
            (Some(_), _) => {
                self.malformed("/data/id", "the id is a string");
                return None;
            }
            (None, Some(_)) => {
                self.malformed("/data", "the resource needs its id");
                return None;
            }
            (None, None) => return None,
        };
        match expect.id {
            Some(expected) if !expected.eq_ignore_ascii_case(&id) => {
                let detail = format!("this URL stands for the resource {expected:?}, not {id:?}");
                self.problems.push(Problem::new(Code::WrongId, detail).at_pointer("/data/id"));
            }
            None if !expect.client_id_allowed => {
                let detail = format!("the server chooses the id of {}", expect.r#type);
                self.problems.push(Problem::new(Code::ClientIdForbidden, detail).at_pointer("/data/id"));
            }
            _ => {}
        }
        Some(id)
    }

    fn lid(&mut self, resource: &mut Map<String, Value>) -> Option<String> {
        match resource.remove("lid")? {
            Value::String(lid) => Some(lid),
            _ => {
                self.malformed("/data/lid", "the lid is a string");
                None
            }
        }
    }

    fn attributes(&mut self, attributes: Option<Value>) -> Map<String, Value> {
        match attributes {
            None => Map::new(),
            Some(Value::Object(mut attributes)) => {
                attributes.retain(|name, _| !name.starts_with('@'));
                for (name, value) in &attributes {
                    self.refuse_nul(value, &pointer(&["data", "attributes", name]));
                }
                attributes
            }
            Some(_) => {
                self.malformed("/data/attributes", "attributes are an object");
                Map::new()
            }
        }
    }

    fn relationships(
        &mut self,
        relationships: Option<Value>,
        existing: Option<&str>,
    ) -> Vec<(String, Linkage)> {
        let relationships = match relationships {
            None => return Vec::new(),
            Some(Value::Object(relationships)) => relationships,
            Some(_) => {
                self.malformed("/data/relationships", "relationships are an object");
                return Vec::new();
            }
        };
        let mut linkages = Vec::new();
        for (name, relationship) in relationships.into_iter().filter(|(name, _)| !name.starts_with('@')) {
            let at = pointer(&["data", "relationships", &name]);
            match relationship {
                Value::Object(mut relationship) => match relationship.remove("data") {
                    Some(data) => {
                        let linkage = self.linkage(data, &format!("{at}/data"));
                        linkages.extend(linkage.map(|linkage| (name, linkage)));
                    }
                    None if existing.is_some_and(|id| is_echo(&relationship, id, &name)) => {}
                    None => self.malformed(&at, "the relationship has no data"),
                },
                _ => self.malformed(&at, "a relationship is an object with data"),
            }
        }
        linkages
    }

    fn linkage(&mut self, data: Value, at: &str) -> Option<Linkage> {
        match data {
            Value::Null => Some(Linkage::ToOne(None)),
            Value::Object(identifier) => {
                self.identifier(&identifier, at).map(|identifier| Linkage::ToOne(Some(identifier)))
            }
            Value::Array(members) => {
                let mut identifiers = Vec::with_capacity(members.len());
                for (index, member) in members.into_iter().enumerate() {
                    let at = format!("{at}/{index}");
                    match member {
                        Value::Object(identifier) => identifiers.extend(self.identifier(&identifier, &at)),
                        _ => self.malformed(&at, "linkage consists of objects with type and id"),
                    }
                }
                Some(Linkage::ToMany(identifiers))
            }
            _ => {
                self.malformed(
                    at,
                    "linkage is null, an object with type and id, or an array of such objects",
                );
                None
            }
        }
    }

    fn identifier(&mut self, identifier: &Map<String, Value>, at: &str) -> Option<Identifier> {
        if let (None, Some(lid)) = (identifier.get("id"), identifier.get("lid")) {
            return self.own_identifier(identifier, lid, at);
        }
        let mut member = |name: &str| match identifier.get(name) {
            Some(Value::String(text)) => {
                let known = self.problems.len();
                self.refuse_nul(&identifier[name], &format!("{at}/{name}"));
                (self.problems.len() == known).then(|| text.clone())
            }
            Some(_) => {
                self.malformed(&format!("{at}/{name}"), &format!("the {name} is a string"));
                None
            }
            None => {
                self.malformed(at, &format!("the identifier has no {name}"));
                None
            }
        };
        let (r#type, id) = (member("type"), member("id"));
        Some(Identifier { r#type: r#type?, id: id? })
    }

    /// A `lid` names the resource of the document itself: there is no other in it.
    fn own_identifier(
        &mut self,
        identifier: &Map<String, Value>,
        lid: &Value,
        at: &str,
    ) -> Option<Identifier> {
        let own = self.own.as_ref().filter(|(known, own)| {
            lid.as_str() == Some(known) && identifier.get("type").and_then(Value::as_str) == Some(&own.r#type)
        });
        let found = own.map(|(_, own)| own.clone());
        if found.is_none() {
            let detail = "the document has no resource of this type and lid";
            self.malformed(&format!("{at}/lid"), detail);
        }
        found
    }

    /// PostgreSQL stores no NUL, neither in texts nor in JSON.
    fn refuse_nul(&mut self, value: &Value, at: &str) {
        match value {
            Value::String(text) if text.contains('\0') => {
                let detail = "a text cannot contain the character U+0000";
                self.problems.push(Problem::new(Code::Invalid, detail).at_pointer(at));
            }
            Value::Array(members) => {
                for (index, member) in members.iter().enumerate() {
                    self.refuse_nul(member, &format!("{at}/{index}"));
                }
            }
            Value::Object(members) => {
                for (name, member) in members {
                    let at = format!("{at}{}", pointer(&[name]));
                    if name.contains('\0') {
                        let detail = "a name cannot contain the character U+0000";
                        self.problems.push(Problem::new(Code::Invalid, detail).at_pointer(&at));
                    }
                    self.refuse_nul(member, &at);
                }
            }
            _ => {}
        }
    }

    fn malformed(&mut self, at: &str, detail: &str) {
        self.problems.push(Problem::new(Code::MalformedDocument, detail).at_pointer(at));
    }
}

/// Whether a relationship has the links that documents of the resource give it.
fn is_echo(relationship: &Map<String, Value>, id: &str, name: &str) -> bool {
    let this = relationship.get("links").and_then(|links| links.get("self"));
    let this = this.and_then(|this| this.as_str().or_else(|| this.get("href")?.as_str()));
    this.is_some_and(|this| this.ends_with(&format!("/{id}/relationships/{name}")))
}

#[cfg(test)]
mod tests;
