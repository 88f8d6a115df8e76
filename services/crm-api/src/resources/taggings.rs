//! Taggings: which record has which tag. A record is tagged here or through its relationship `tags`; both write the same
//! row, and both are told by the event that the record changed.

use pulse_resource::render::Record;
use pulse_resource::write::{Relink, Transaction, Work};
use pulse_resource::{Actions, Error, Ownership, Resource, attribute, belongs_to, belongs_to_any};
use pulse_store::schema::taggings;

use super::PARENTS;
use super::tags::TAGS;

/// The declaration.
pub(crate) static TAGGINGS: Resource = Resource {
    name: "taggings",
    table: "taggings",
    attributes: &[
        attribute::<taggings::parent_type>().read_only().filter().sort(),
        attribute::<taggings::parent_id>().read_only().filter().sort(),
        attribute::<taggings::created_at>().read_only().filter().sort(),
    ],
    relationships: &[
        belongs_to::<taggings::tag_id>("tag", &TAGS),
        belongs_to_any::<taggings::parent_type, taggings::parent_id>("parent", &PARENTS),
    ],
    actions: Actions { update: false, ..Actions::ALL },
    ownership: Ownership::Part("parent"),
    editable: false,
    follow: Some(follow),
    ..Resource::DEFAULT
};

/// Counts and records the change of the record that was tagged.
fn follow<'a>(
    transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    new: Option<&'a Record>,
) -> Work<'a> {
    Box::pin(async move {
        let Some(tagging) = new.or(old) else { return Ok(()) };
        let end = |name: &str| TAGGINGS.relationship(name).and_then(|end| tagging.leads_to(end));
        let (Some((parent, id)), Some((_, tag))) = (end("parent"), end("tag")) else { return Ok(()) };
        let how = if new.is_some() { Relink::Add } else { Relink::Remove };
        match transaction.linked(parent, id, "tags", how, vec![tag]).await {
            // A record in the trash loses its tags without a word.
            Err(Error::Rejected(_)) if how == Relink::Remove => Ok(()),
            other => other.map(drop),
        }
    })
}
