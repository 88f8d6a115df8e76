//! Names: from the text of a key to attribute paths, by asking the resource that is filtered.

use crate::query::Path;

/// What a resource lets clients name in a filter or a sort; the resource engine implements it.
///
/// A name that is not offered must be indistinguishable from one that does not exist, so these answer for the
/// allow-list only.
pub trait Names: Sized {
    /// The resource's name for messages: `contacts`.
    fn resource(&self) -> &str;
    /// Whether the resource offers an attribute of this name.
    fn attribute(&self, name: &str) -> bool;
    /// The resource at the other end of an association.
    fn association(&self, name: &str) -> Option<Self>;
    /// The resource at the other end of a polymorphic association, if it can be of this type:
    /// `subject_of_Contact_type`.
    fn association_of_type(&self, _name: &str, _type: &str) -> Option<Self> {
        None
    }
    /// Whether the resource offers a scope of this name.
    fn scope(&self, _name: &str) -> bool {
        false
    }
    /// The attributes it offers, for messages.
    fn attributes(&self) -> Vec<&str>;
    /// The associations it offers, for messages.
    fn associations(&self) -> Vec<&str>;
}

/// An attribute, reached through any number of associations.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct AttributePath {
    /// The way from the filtered resource to the one that has the attribute.
    pub associations: Vec<Hop>,
    /// The attribute on the last resource.
    pub attribute: String,
}

/// One step of a path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Hop {
    /// The association.
    pub association: String,
    /// The type of the other end, as written, where the association is polymorphic.
    pub of_type: Option<String>,
}

/// The most associations one path may cross; each is a join.
pub const MAX_HOPS: usize = 6;

/// Why a name leads nowhere: a sentence, and the names that would have led on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// What is wrong.
    pub reason: String,
    /// The attributes and associations of the resource where the path ended.
    pub allowed: Vec<String>,
}

/// Finds the path that a name with underscores (`company_owner_name`) or dots (`company.owner.name`) stands
/// for.
///
/// With underscores, an own attribute comes first, else the longest association the text begins with decides,
/// without going back: that keeps the meaning of a key independent of what the associated resource offers.
///
/// # Errors
///
/// When no attribute is reached, or only beyond [`MAX_HOPS`].
pub fn path<N: Names>(root: &N, name: &str) -> Result<AttributePath, Unknown> {
    if name.contains('.') {
        return dotted(root, &Path(name.split('.').map(str::to_owned).collect()));
    }
    let mut associations = Vec::new();
    let attribute = walk(root, name, &mut associations)?;
    Ok(AttributePath { associations, attribute: attribute.to_owned() })
}

fn walk<'t, N: Names>(resource: &N, text: &'t str, hops: &mut Vec<Hop>) -> Result<&'t str, Unknown> {
    if resource.attribute(text) {
        return Ok(text);
    }
    for (at, _) in text.rmatch_indices('_') {
        let (prefix, rest) = (&text[..at], &text[at + 1..]);
        if let Some((hop, next)) = hop(resource, prefix) {
            if hops.len() == MAX_HOPS {
                return Err(Unknown {
                    reason: format!("the path crosses more than {MAX_HOPS} associations"),
                    allowed: vec![],
                });
            }
            hops.push(hop);
            return walk(&next, rest, hops);
        }
    }
    Err(unknown(resource, text))
}

fn dotted<N: Names>(root: &N, path: &Path) -> Result<AttributePath, Unknown> {
    fn walk<N: Names>(resource: &N, names: &[String], hops: &mut Vec<Hop>) -> Result<String, Unknown> {
        match names {
            [attribute] if resource.attribute(attribute) => Ok(attribute.clone()),
            [association, rest @ ..] if !rest.is_empty() && hops.len() < MAX_HOPS => {
                let (hop, next) = hop(resource, association).ok_or_else(|| unknown(resource, association))?;
                hops.push(hop);
                walk(&next, rest, hops)
            }
            _ => Err(unknown(resource, &names.join("."))),
        }
    }
    let mut associations = Vec::new();
    let attribute = walk(root, &path.0, &mut associations)?;
    Ok(AttributePath { associations, attribute })
}

fn hop<N: Names>(resource: &N, name: &str) -> Option<(Hop, N)> {
    if let Some(next) = resource.association(name) {
        return Some((Hop { association: name.to_owned(), of_type: None }, next));
    }
    let (association, of_type) = name.strip_suffix("_type")?.split_once("_of_")?;
    let next = resource.association_of_type(association, of_type)?;
    Some((Hop { association: association.to_owned(), of_type: Some(of_type.to_owned()) }, next))
}

/// Says that a resource offers nothing of this name.
pub(crate) fn unknown<N: Names>(resource: &N, name: &str) -> Unknown {
    Unknown {
        reason: format!("{} has no attribute or association {name:?} to use here", resource.resource()),
        allowed: resource
            .attributes()
            .into_iter()
            .chain(resource.associations())
            .map(str::to_owned)
            .collect(),
    }
}
