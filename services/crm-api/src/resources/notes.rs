//! Notes: what people write down about a record, in Markdown.

use chrono::Utc;
use pulse_resource::render::Record;
use pulse_resource::write::{Transaction, Work};
use pulse_resource::{
    Bind, Changes, Events, Ownership, Resource, attribute, belongs_to, belongs_to_any, many_through,
};
use pulse_store::schema::{note_mentions, notes};

use super::PARENTS;
use super::users::USERS;
use crate::markdown;

/// The declaration.
pub(crate) static NOTES: Resource = Resource {
    name: "notes",
    table: "notes",
    attributes: &[
        attribute::<notes::body>().required().max_len(65_535).filter(),
        attribute::<notes::body_html>().read_only(),
        attribute::<notes::is_pinned>().filter().sort(),
        attribute::<notes::edited_at>().read_only().filter().sort(),
        attribute::<notes::parent_type>().read_only().filter().sort(),
        attribute::<notes::parent_id>().read_only().filter().sort(),
        attribute::<notes::created_at>().read_only().filter().sort(),
        attribute::<notes::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[
        belongs_to_any::<notes::parent_type, notes::parent_id>("parent", &PARENTS),
        belongs_to::<notes::author_id>("author", &USERS).read_only(),
        many_through::<note_mentions::note_id, note_mentions::user_id>("mentions", "note_mentions", &USERS),
    ],
    ownership: Ownership::Part("parent"),
    events: Some(Events::of("note.created", "note.updated", "note.deleted", "note.restored")),
    prepare: Some(prepare),
    ..Resource::DEFAULT
};

/// Renders the body, and remembers who wrote it and when it was written again.
fn prepare<'a>(
    transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    changes: &'a mut Changes,
) -> Work<'a> {
    Box::pin(async move {
        if let Some(body) =
            changes.text_of("body").filter(|body| old.and_then(|old| old.text("body")) != Some(body))
        {
            let html = markdown::to_html(body);
            changes.set("body_html", html.as_str());
            if old.is_some() {
                changes.set("edited_at", Bind::Instant(Utc::now()));
            }
        }
        if old.is_none() {
            changes.set("author_id", transaction.user().map_or(Bind::Null, Bind::Id));
        }
        Ok(())
    })
}
