//! What a client wants written, checked against the declaration: every mistake becomes a problem with a pointer, and
//! all of them are reported at once.

use std::ops::RangeInclusive;

use bigdecimal::BigDecimal;
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use pulse_jsonapi::document::{Identifier, Linkage, ResourceInput};
use pulse_jsonapi::problem::pointer;
use pulse_jsonapi::ransack::Kind;
use pulse_jsonapi::{Code, Problem};
use pulse_store::JsonText;
use serde_json::Value;
use uuid::Uuid;

use crate::custom_fields::Definitions;
use crate::custom_fields::given::Given;
use crate::declare::{Attribute, Hop, Link, Relationship, Resource};
use crate::render::Record;
use crate::statement::{Bind, json_text};

/// Digits of a decimal in all, as the columns have them.
pub const DIGITS: u32 = 18;

/// Years that can be written with four digits, as clients read them (RFC 3339, section 1).
const YEARS: RangeInclusive<i32> = 0..=9_999;

/// Changes to one record that the declaration allows.
#[derive(Clone, Debug)]
pub struct Changes {
    /// What the record is.
    pub resource: &'static Resource,
    /// The id a client has chosen for a new record.
    pub id: Option<Uuid>,
    /// Attributes, as the client wrote them.
    values: Vec<(&'static Attribute, Value)>,
    /// Columns and their values.
    columns: Vec<(&'static str, Bind)>,
    /// Ids that must exist, by to-one relationship.
    pub(crate) to_one: Vec<(Hop, Uuid)>,
    /// Full replacements of to-many relationships.
    pub(crate) to_many: Vec<(Hop, Vec<Uuid>)>,
    /// What relationships that cannot be set are said to lead to: allowed where they do, since clients send whole
    /// records back.
    pub(crate) kept: Vec<(&'static Relationship, Vec<(Hop, Uuid)>)>,
    /// Whether custom fields are set that must be unique.
    pub(crate) may_collide: bool,
}

impl Changes {
    /// Changes that a service makes by itself, to be filled by [`Changes::set`].
    #[must_use]
    pub fn of(resource: &'static Resource) -> Self {
        Self {
            resource,
            id: None,
            values: Vec::new(),
            columns: Vec::new(),
            to_one: Vec::new(),
            to_many: Vec::new(),
            kept: Vec::new(),
            may_collide: false,
        }
    }

    /// What is asked of a new record, custom fields aside.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn creating(resource: &'static Resource, input: ResourceInput) -> Result<Self, Vec<Problem>> {
        Self::creating_with(resource, input, &Definitions::NONE)
    }

    /// What a client asks of a new record, which has these custom fields.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn creating_with(
        resource: &'static Resource,
        input: ResourceInput,
        definitions: &Definitions,
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        for attribute in resource.attributes.iter().filter(|attribute| attribute.required) {
            if input.attributes.get(attribute.name).is_none_or(Value::is_null) {
                let given = input.attributes.contains_key(attribute.name);
                let at =
                    if given { pointer(&["data", "attributes", attribute.name]) } else { "/data".into() };
                let detail = format!("{} is required.", attribute.name);
                problems.push(Problem::new(Code::Required, detail).at_pointer(at));
            }
        }
        for relationship in resource.relationships {
            if let Link::BelongsTo { nullable: false, writable: true, .. }
            | Link::BelongsToAny { nullable: false, writable: true, .. } = relationship.link
                && input.relationships.iter().all(|(name, _)| name != relationship.name)
            {
                let detail = format!("The relationship {} is required.", relationship.name);
                problems.push(Problem::new(Code::Required, detail).at_pointer("/data"));
            }
        }
        Self::read(resource, input, definitions, true, problems)
    }

    /// What is asked of a record that exists, custom fields aside.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn updating(resource: &'static Resource, input: ResourceInput) -> Result<Self, Vec<Problem>> {
        Self::updating_with(resource, input, &Definitions::NONE)
    }

    /// What a client asks of a record that exists and has these custom fields. Read-only attributes and to-one relationships are left out, since
    /// clients send whole records back.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn updating_with(
        resource: &'static Resource,
        input: ResourceInput,
        definitions: &Definitions,
    ) -> Result<Self, Vec<Problem>> {
        Self::read(resource, input, definitions, false, Vec::new())
    }

    fn read(
        resource: &'static Resource,
        input: ResourceInput,
        definitions: &Definitions,
        new: bool,
        mut problems: Vec<Problem>,
    ) -> Result<Self, Vec<Problem>> {
        let mut changes = Self::of(resource);
        if let Some(id) = input.id.filter(|_| new) {
            match id.parse() {
                Ok(id) => changes.id = Some(id),
                Err(_) => problems.push(
                    Problem::new(Code::Invalid, "An id that a client chooses is a UUID.")
                        .at_pointer("/data/id"),
                ),
            }
        }
        if let Some(attribute) = resource.attributes.iter().find(|attribute| attribute.custom) {
            let given = input.attributes.get(attribute.name);
            let given = Given::read(definitions, resource, given, new, &mut problems);
            changes.may_collide = given.may_collide();
            if !given.is_empty() {
                changes.columns.push((attribute.name, given.by_id()));
            }
        }
        for (name, value) in input.attributes {
            if let Err(problem) = changes.attribute(&name, value, new) {
                problems.push(problem);
            }
        }
        for (name, linkage) in input.relationships {
            if let Err(problem) = changes.relationship(&name, linkage, new) {
                problems.push(problem);
            }
        }
        problems.extend((resource.validate)(&changes));
        if problems.is_empty() { Ok(changes) } else { Err(problems) }
    }

    /// Sets a column that clients cannot.
    pub fn set(&mut self, column: &'static str, value: impl Into<Bind>) {
        self.columns.retain(|(known, _)| *known != column);
        self.columns.push((column, value.into()));
    }

    /// An attribute that the client has given.
    #[must_use]
    pub fn value(&self, attribute: &str) -> Option<&Value> {
        self.values.iter().find(|(known, _)| known.name == attribute).map(|(_, value)| value)
    }

    /// A text attribute that the client has given.
    #[must_use]
    pub fn text(&self, attribute: &str) -> Option<&str> {
        self.value(attribute).and_then(Value::as_str)
    }

    /// What a column shall hold, whoever has said so; `None` where it stays as it is.
    #[must_use]
    pub fn column(&self, column: &str) -> Option<&Bind> {
        self.columns.iter().find(|(known, _)| *known == column).map(|(_, value)| value)
    }

    /// The text that a column shall hold.
    #[must_use]
    pub fn text_of(&self, column: &str) -> Option<&str> {
        match self.column(column)? {
            Bind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The id that a column shall hold.
    #[must_use]
    pub fn id_of(&self, column: &str) -> Option<Uuid> {
        match self.column(column)? {
            Bind::Id(id) => Some(*id),
            _ => None,
        }
    }

    /// What only those may set who may change every record of the resource, unless it is as `old` has it.
    pub(crate) fn restricted<'a>(&'a self, old: Option<&'a Record>) -> impl Iterator<Item = Problem> + 'a {
        let changed = move |name: &str, value: &Value| old.is_none_or(|old| old.get(name) != *value);
        let attributes = self.values.iter().filter(|(attribute, _)| attribute.restricted);
        let attributes = attributes.filter(move |(attribute, value)| changed(attribute.name, value));
        let attributes = attributes.map(|(attribute, _)| {
            restricted(attribute.name).at_pointer(pointer(&["data", "attributes", attribute.name]))
        });
        let hops = self.to_one.iter().map(|(hop, _)| hop).chain(self.to_many.iter().map(|(hop, _)| hop));
        let relationships = hops.map(|hop| hop.relationship).filter(|relationship| relationship.restricted);
        attributes.chain(relationships.map(|relationship| {
            restricted(relationship.name).at_pointer(pointer(&["data", "relationships", relationship.name]))
        }))
    }

    pub(crate) fn columns(&self) -> &[(&'static str, Bind)] {
        &self.columns
    }

    fn attribute(&mut self, name: &str, value: Value, new: bool) -> Result<(), Problem> {
        let at = pointer(&["data", "attributes", name]);
        let Some(attribute) = self.resource.attribute(name) else {
            let known = self.resource.attributes.iter().filter(|attribute| attribute.writable);
            let detail = format!("{} has no attribute {name:?}.", self.resource.name);
            return Err(Problem::new(Code::UnknownAttribute, detail)
                .at_pointer(at)
                .allowing(known.map(|attribute| attribute.name)));
        };
        if !attribute.writable {
            return if new {
                Err(Problem::new(Code::ReadOnlyAttribute, format!("{name} cannot be set.")).at_pointer(at))
            } else {
                Ok(())
            };
        }
        if attribute.custom {
            self.values.push((attribute, value));
            return Ok(());
        }
        if value.is_null() && !attribute.nullable {
            // A new record without a required attribute is reported as such already.
            return if new && attribute.required {
                Ok(())
            } else {
                Err(Problem::new(Code::Required, format!("{name} cannot be null.")).at_pointer(at))
            };
        }
        let bind =
            bind(attribute, &value).map_err(|(code, detail)| Problem::new(code, detail).at_pointer(at))?;
        if attribute.readable {
            self.columns.push((attribute.name, bind));
        }
        self.values.push((attribute, value));
        Ok(())
    }

    fn relationship(&mut self, name: &str, linkage: Linkage, new: bool) -> Result<(), Problem> {
        let at = pointer(&["data", "relationships", name]);
        let Some(relationship) = self.resource.relationship(name) else {
            let known = self.resource.relationships.iter().map(|relationship| relationship.name);
            let detail = format!("{} has no relationship {name:?}.", self.resource.name);
            return Err(Problem::new(Code::UnknownRelationship, detail).at_pointer(at).allowing(known));
        };
        let data = format!("{at}/data");
        match (relationship.link, linkage) {
            (
                link @ (Link::BelongsTo { nullable, writable: true, .. }
                | Link::BelongsToAny { nullable, writable: true, .. }),
                Linkage::ToOne(to),
            ) => {
                let to = to.map(|to| related_id(relationship, &to, &data)).transpose()?;
                if to.is_none() && !nullable {
                    return Err(
                        Problem::new(Code::Required, format!("{name} cannot be null.")).at_pointer(data)
                    );
                }
                let id = to.map_or(Bind::Null, |(_, id)| Bind::Id(id));
                match link {
                    Link::BelongsToAny { type_column, id_column, .. } => {
                        let of_type = to.map_or(Bind::Null, |(hop, _)| Bind::from(hop.target.name));
                        self.columns.extend([(type_column, of_type), (id_column, id)]);
                    }
                    Link::BelongsTo { column, .. } => self.columns.push((column, id)),
                    _ => {}
                }
                self.to_one.extend(to);
            }
            (Link::Through { .. }, Linkage::ToMany(to)) => {
                let (hop, ids) = related_ids(relationship, &to, &data)?;
                self.to_many.push((hop, ids));
            }
            // Part of a record that is sent back whole, like an attribute that cannot be set.
            (
                Link::BelongsTo { writable: false, .. } | Link::BelongsToAny { writable: false, .. },
                Linkage::ToOne(_),
            ) if !new => {}
            (
                Link::BelongsTo { writable: false, .. }
                | Link::BelongsToAny { writable: false, .. }
                | Link::HasMany { .. }
                | Link::HasManyAs { .. },
                linkage,
            ) => {
                if new {
                    return Err(cannot_be_set(relationship));
                }
                let to = match linkage {
                    Linkage::ToOne(to) => {
                        to.map(|to| related_id(relationship, &to, &data)).transpose()?.into_iter().collect()
                    }
                    Linkage::ToMany(to) => {
                        let to = to.iter().enumerate();
                        to.map(|(index, to)| related_id(relationship, to, &format!("{data}/{index}")))
                            .collect::<Result<_, _>>()?
                    }
                };
                self.kept.push((relationship, to));
            }
            (Link::BelongsTo { .. } | Link::BelongsToAny { .. }, _) => {
                let detail = format!("{name} leads to one record: data is an identifier or null.");
                return Err(Problem::new(Code::MalformedDocument, detail).at_pointer(data));
            }
            (Link::Through { .. }, _) => {
                let detail = format!("{name} leads to several records: data is an array of identifiers.");
                return Err(Problem::new(Code::MalformedDocument, detail).at_pointer(data));
            }
        }
        Ok(())
    }
}

/// Something that not everybody may set who may change the record.
pub(crate) fn restricted(name: &str) -> Problem {
    Problem::new(Code::Forbidden, format!("Only an admin sets {name}."))
}

/// A relationship that clients cannot set, or not from this end.
pub(crate) fn cannot_be_set(relationship: &Relationship) -> Problem {
    let at = pointer(&["data", "relationships", relationship.name]);
    Problem::new(Code::Forbidden, format!("{} cannot be set here.", relationship.name)).at_pointer(at)
}

/// The ids of a to-many linkage, which leads to records of one resource, `at` being the pointer of its array.
///
/// # Errors
/// The first identifier of another type, or whose id cannot be one.
pub fn related_ids(
    relationship: &'static Relationship,
    to: &[Identifier],
    at: &str,
) -> Result<(Hop, Vec<Uuid>), Problem> {
    let several = || Problem::new(Code::Forbidden, format!("{} cannot be set here.", relationship.name));
    let hop = relationship.hop(None).ok_or_else(several)?;
    let ids = to.iter().enumerate().map(|(index, identifier)| {
        related_id(relationship, identifier, &format!("{at}/{index}")).map(|(_, id)| id)
    });
    Ok((hop, ids.collect::<Result<_, _>>()?))
}

/// The resource and the id of an identifier, which must be of a type that the relationship leads to.
fn related_id(
    relationship: &'static Relationship,
    to: &Identifier,
    at: &str,
) -> Result<(Hop, Uuid), Problem> {
    let Some(target) = relationship.target_of(&to.r#type) else {
        let detail =
            format!("{} leads to {}, not {}.", relationship.name, relationship.target_names(), to.r#type);
        return Err(Problem::new(Code::WrongType, detail).at_pointer(format!("{at}/type")));
    };
    match to.id.parse() {
        Ok(id) => Ok((Hop { relationship, target }, id)),
        Err(_) => Err(related_not_found(target.name, &to.id).at_pointer(format!("{at}/id"))),
    }
}

/// A record that a relationship shall lead to does not exist.
pub(crate) fn related_not_found(resource: &str, id: impl std::fmt::Display) -> Problem {
    Problem::new(Code::RelatedNotFound, format!("There is no {resource} with the id {id}."))
}

fn bind(attribute: &Attribute, value: &Value) -> Result<Bind, (Code, String)> {
    let name = attribute.name;
    let wrong = || (Code::WrongKind, format!("{name} is {}.", attribute.kind.noun()));
    Ok(match (attribute.kind, value) {
        (_, Value::Null) => Bind::Null,
        (Kind::Text, Value::String(text)) => {
            if text.chars().count() > attribute.max_len {
                return Err((Code::TooLong, format!("{name} has at most {} characters.", attribute.max_len)));
            }
            if !attribute.choices.is_empty() && !attribute.choices.contains(&text.as_str()) {
                return Err((Code::Invalid, format!("{name} is one of {}.", attribute.choices.join(", "))));
            }
            Bind::Text(text.clone())
        }
        (Kind::Integer, Value::Number(number)) => {
            let number = number.as_i64().and_then(|number| i32::try_from(number).ok()).ok_or_else(wrong)?;
            Bind::Integer(number.into())
        }
        (Kind::BigInteger, Value::Number(number)) => Bind::Integer(number.as_i64().ok_or_else(wrong)?),
        (Kind::Decimal { scale }, _) => Bind::Decimal(decimal(name, value, scale)?),
        (Kind::Float, Value::Number(number)) => Bind::Float(number.as_f64().ok_or_else(wrong)?),
        (Kind::Boolean, Value::Bool(value)) => Bind::Boolean(*value),
        (Kind::Date, Value::String(text)) => {
            let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").or(Err(wrong()))?;
            Bind::Date(Some(day).filter(|day| YEARS.contains(&day.year())).ok_or_else(wrong)?)
        }
        (Kind::DateTime, Value::String(text)) => {
            let instant = DateTime::parse_from_rfc3339(text).or(Err(wrong()))?.with_timezone(&Utc);
            Bind::Instant(Some(instant).filter(|at| YEARS.contains(&at.year())).ok_or_else(wrong)?)
        }
        (Kind::Uuid, Value::String(text)) => Bind::Id(text.parse().or(Err(wrong()))?),
        (Kind::Json, json) => Bind::Json(JsonText(json_text(json))),
        _ => return Err(wrong()),
    })
}

/// A decimal number, which clients write as a text or a number.
pub(crate) fn decimal(name: &str, value: &Value, scale: u32) -> Result<BigDecimal, (Code, String)> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    };
    let wrong = || (Code::WrongKind, format!("{name} is {}.", Kind::Decimal { scale }.noun()));
    let number: BigDecimal = text.parse().or(Err(wrong()))?;
    let number = number.normalized();
    let after = number.fractional_digit_count();
    let before = i64::try_from(number.digits()).unwrap_or(i64::MAX) - after;
    let whole = DIGITS - scale;
    if after > i64::from(scale) || before > i64::from(whole) {
        let detail = format!("{name} has at most {whole} digits before the point and {scale} after it.");
        return Err((Code::Invalid, detail));
    }
    Ok(number)
}
