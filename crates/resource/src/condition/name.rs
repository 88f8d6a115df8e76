//! What a name in a filter or a sort stands for.

use pulse_jsonapi::ransack::{AttributePath, Kind, Names, Value};

use crate::custom_fields::stored::Stored;
use crate::custom_fields::{ATTRIBUTE, Definitions, Field};
use crate::declare::{Attribute, Hop, Link, Resource};
use crate::statement::Statement;

/// What a resource lets clients name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offered<'a> {
    resource: &'static Resource,
    usage: Usage,
    definitions: &'a Definitions,
    /// Whether what is named are the resource's custom fields, as in `custom_fields_tier`.
    custom: bool,
}

/// What for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Usage {
    Filter,
    Sort,
}

/// A value that every record of a resource has: what is compared and sorted by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Column {
    name: &'static str,
    kind: Kind,
    /// Whether it is null for some records.
    nullable: bool,
    /// The resources it names, where it holds the type of a polymorphic relationship.
    types: &'static [&'static Resource],
    /// The custom field, where it is one.
    custom: Option<Stored>,
}

impl Column {
    /// A column of the resource itself, whether clients may name it or not.
    pub(crate) fn own(resource: &'static Resource, name: &'static str) -> Self {
        let attribute = resource.attribute(name);
        let kind = match attribute {
            Some(attribute) => attribute.kind,
            None if name == resource.newest_by => Kind::DateTime,
            None => Kind::Uuid,
        };
        let nullable = name != "id" && attribute.is_none_or(|attribute| attribute.nullable_column);
        let types = resource.relationships.iter().find_map(|relationship| match relationship.link {
            Link::BelongsToAny { type_column, .. } if type_column == name => Some(relationship.targets()),
            _ => None,
        });
        Self { name, kind, nullable, types: types.unwrap_or_default(), custom: None }
    }

    fn custom(field: &Field) -> Self {
        let custom = Stored::from(field);
        Self { name: ATTRIBUTE, kind: custom.kind(), nullable: true, types: &[], custom: Some(custom) }
    }

    /// The name of the column itself; there is none where it is part of one.
    pub(crate) fn name(&self) -> Option<&'static str> {
        self.custom.is_none().then_some(self.name)
    }

    /// What tells it from the resource's other columns.
    pub(crate) fn identity(&self) -> String {
        self.custom.map_or_else(|| self.name.to_owned(), |custom| format!("{}.{}", self.name, custom.id))
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// What it is where the database returns it.
    pub(crate) fn cell_kind(&self) -> Kind {
        self.custom.map_or(self.kind, Stored::kind_in_sql)
    }

    pub(crate) fn nullable(&self) -> bool {
        self.nullable
    }

    /// Writes its value in the row behind `alias`.
    pub(crate) fn write(&self, alias: &str, sql: &mut Statement) {
        match self.custom {
            Some(custom) => custom.write(alias, sql),
            None => {
                sql.sql(alias).sql(".").sql(self.name);
            }
        }
    }

    /// Writes that it equals a value or does not, where that is said otherwise than by an operator. Returns whether it
    /// is.
    pub(super) fn write_equality(
        &self,
        alias: &str,
        value: &Value,
        equal: bool,
        sql: &mut Statement,
    ) -> bool {
        self.custom.is_some_and(|custom| custom.write_equality(alias, value, equal, sql))
    }

    /// A value that a client gives, as it is compared.
    pub(super) fn adapt(&self, value: &mut Value) {
        if let Some(custom) = self.custom {
            custom.adapt(value);
        }
    }

    /// The JSON:API type for the name of a class that stands for it: `contacts` for `Contact`.
    pub(super) fn type_of_class(&self, class: &str) -> Option<&'static str> {
        self.types.iter().find(|resource| resource.class_name() == class).map(|resource| resource.name)
    }
}

impl<'a> Offered<'a> {
    pub(crate) fn for_filters(resource: &'static Resource, definitions: &'a Definitions) -> Self {
        Self { resource, usage: Usage::Filter, definitions, custom: false }
    }

    pub(crate) fn for_sorts(resource: &'static Resource, definitions: &'a Definitions) -> Self {
        Self { usage: Usage::Sort, ..Self::for_filters(resource, definitions) }
    }

    /// The way to another resource, which one statement can only reach in the same database.
    fn hop(&self, name: &str, of_type: Option<&str>) -> Option<Hop> {
        let hop = self.resource.relationship(name).filter(|_| !self.custom)?.hop(of_type)?;
        (hop.target.store == self.resource.store).then_some(hop)
    }

    /// The custom fields of the resource: named like those of another one, but on the same record.
    fn custom_fields(&self, name: &str) -> Option<Self> {
        let here = name == ATTRIBUTE && !self.custom && self.resource.has_custom_fields();
        here.then_some(Self { custom: true, ..*self })
    }

    fn allows_field(&self, field: &Field) -> bool {
        self.usage == Usage::Filter || field.kind.sortable()
    }

    fn beyond(&self, hop: Hop) -> Self {
        Self { resource: hop.target, ..*self }
    }

    fn allows(&self, attribute: &Attribute) -> bool {
        match self.usage {
            Usage::Filter => attribute.filterable,
            Usage::Sort => attribute.sortable,
        }
    }

    /// What a name stands for: the id, a foreign key, an attribute that is opened, or a custom field.
    fn column(&self, name: &str) -> Option<Column> {
        if self.custom {
            let field = self.definitions.named(self.resource, name);
            return field.filter(|field| self.allows_field(field)).map(Column::custom);
        }
        let key = self.resource.foreign_keys().find(|(column, _)| *column == name);
        let attribute = || self.resource.attribute(name).filter(|attribute| self.allows(attribute));
        let name = match key {
            _ if name == "id" => "id",
            Some((column, _)) => column,
            None => attribute()?.name,
        };
        Some(Column::own(self.resource, name))
    }

    /// The hops of a path, and what is at its end.
    pub(crate) fn follow(self, path: &AttributePath) -> Option<(Vec<Hop>, Column)> {
        let mut at = self;
        let mut hops = Vec::with_capacity(path.associations.len());
        for step in &path.associations {
            if let Some(custom) = at.custom_fields(&step.association) {
                at = custom;
                continue;
            }
            let hop = at.hop(&step.association, step.of_type.as_deref())?;
            at = at.beyond(hop);
            hops.push(hop);
        }
        Some((hops, at.column(&path.attribute)?))
    }
}

impl Names for Offered<'_> {
    fn resource(&self) -> &str {
        if self.custom { ATTRIBUTE } else { self.resource.name }
    }

    fn attribute(&self, name: &str) -> bool {
        self.column(name).is_some()
    }

    fn association(&self, name: &str) -> Option<Self> {
        self.hop(name, None).map(|hop| self.beyond(hop)).or_else(|| self.custom_fields(name))
    }

    fn association_of_type(&self, name: &str, of_type: &str) -> Option<Self> {
        self.hop(name, Some(of_type)).map(|hop| self.beyond(hop))
    }

    fn scope(&self, name: &str) -> bool {
        self.usage == Usage::Filter && self.resource.scope_names().any(|known| known == name)
    }

    fn attributes(&self) -> Vec<&str> {
        if self.custom {
            let fields = self.definitions.of(self.resource).filter(|field| self.allows_field(field));
            return fields.map(|field| field.key.as_str()).collect();
        }
        let attributes = self.resource.attributes.iter().filter(|attribute| self.allows(attribute));
        std::iter::once("id")
            .chain(attributes.map(|attribute| attribute.name))
            .chain(self.resource.foreign_keys().map(|(column, _)| column))
            .collect()
    }

    fn associations(&self) -> Vec<&str> {
        if self.custom {
            return Vec::new();
        }
        let relationships = self.resource.relationships.iter().map(|relationship| relationship.name);
        relationships.chain(self.resource.has_custom_fields().then_some(ATTRIBUTE)).collect()
    }
}
