//! What a name in a filter or a sort stands for.

use pulse_jsonapi::ransack::{AttributePath, Kind, Names};

use crate::declare::{Attribute, Hop, Link, Resource};
use crate::statement::Statement;

/// What a resource lets clients name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Offered {
    resource: &'static Resource,
    usage: Usage,
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
        Self { name, kind, nullable, types: types.unwrap_or_default() }
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn nullable(&self) -> bool {
        self.nullable
    }

    /// Writes its value in the row behind `alias`.
    pub(crate) fn write(&self, alias: &str, sql: &mut Statement) {
        sql.sql(alias).sql(".").sql(self.name);
    }

    /// The JSON:API type for the name of a class that stands for it: `contacts` for `Contact`.
    pub(super) fn type_of_class(&self, class: &str) -> Option<&'static str> {
        self.types.iter().find(|resource| resource.class_name() == class).map(|resource| resource.name)
    }
}

impl Offered {
    pub(crate) fn for_filters(resource: &'static Resource) -> Self {
        Self { resource, usage: Usage::Filter }
    }

    pub(crate) fn for_sorts(resource: &'static Resource) -> Self {
        Self { resource, usage: Usage::Sort }
    }

    /// The way to another resource, which one statement can only reach in the same database.
    fn hop(&self, name: &str, of_type: Option<&str>) -> Option<Hop> {
        let hop = self.resource.relationship(name)?.hop(of_type)?;
        (hop.target.store == self.resource.store).then_some(hop)
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

    /// What a name stands for: the id, a foreign key, or an attribute that is opened.
    fn column(&self, name: &str) -> Option<Column> {
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
            let hop = at.hop(&step.association, step.of_type.as_deref())?;
            at = at.beyond(hop);
            hops.push(hop);
        }
        Some((hops, at.column(&path.attribute)?))
    }
}

impl Names for Offered {
    fn resource(&self) -> &str {
        self.resource.name
    }

    fn attribute(&self, name: &str) -> bool {
        self.column(name).is_some()
    }

    fn association(&self, name: &str) -> Option<Self> {
        self.hop(name, None).map(|hop| self.beyond(hop))
    }

    fn association_of_type(&self, name: &str, of_type: &str) -> Option<Self> {
        self.hop(name, Some(of_type)).map(|hop| self.beyond(hop))
    }

    fn scope(&self, name: &str) -> bool {
        self.usage == Usage::Filter && self.resource.scope_names().any(|known| known == name)
    }

    fn attributes(&self) -> Vec<&str> {
        let attributes = self.resource.attributes.iter().filter(|attribute| self.allows(attribute));
        std::iter::once("id")
            .chain(attributes.map(|attribute| attribute.name))
            .chain(self.resource.foreign_keys().map(|(column, _)| column))
            .collect()
    }

    fn associations(&self) -> Vec<&str> {
        self.resource.relationships.iter().map(|relationship| relationship.name).collect()
    }
}
