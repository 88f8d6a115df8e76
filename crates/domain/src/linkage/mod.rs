//! Where the records that events show lead to. An event carries them flat, with the ids of related records among the
//! attributes; this says which of them is what relationship.

mod table;

/// A to-one relationship of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linkage {
    /// The relationship.
    pub name: &'static str,
    /// The member of the flat record with the id.
    pub column: &'static str,
    /// What is at the other end.
    pub target: Target,
}

/// What is at the other end of a relationship.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Records of one JSON:API type.
    One(&'static str),
    /// Records of the type that this member of the flat record names.
    Any(&'static str),
}

/// The relationships of a resource's records; none of a resource that no event shows.
#[must_use]
pub fn of(resource: &str) -> &'static [Linkage] {
    table::LINKAGES.iter().find(|(name, _)| *name == resource).map_or(&[], |(_, linkages)| linkages)
}
