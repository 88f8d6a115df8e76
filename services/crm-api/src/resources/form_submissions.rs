//! Form submissions: what was sent with forms. They are written once, by the form's public address.

use pulse_resource::render::Record;
use pulse_resource::write::{Transaction, Work};
use pulse_resource::{Actions, Resource, attribute, belongs_to};
use pulse_store::schema::form_submissions;

use super::contacts::CONTACTS;
use super::forms::FORMS;
use super::leads::LEADS;

/// The declaration.
pub(crate) static FORM_SUBMISSIONS: Resource = Resource {
    name: "form_submissions",
    table: "form_submissions",
    attributes: &[
        attribute::<form_submissions::status>().read_only().filter().sort(),
        attribute::<form_submissions::answers>().read_only(),
        attribute::<form_submissions::form_version>().read_only().filter().sort(),
        attribute::<form_submissions::page_url>().read_only().filter(),
        attribute::<form_submissions::referrer>().read_only().filter(),
        attribute::<form_submissions::utm>().read_only(),
        attribute::<form_submissions::session_id>().read_only().filter(),
        attribute::<form_submissions::visitor>().read_only(),
        attribute::<form_submissions::ip>().read_only().filter().sort(),
        attribute::<form_submissions::user_agent>().read_only().filter(),
        attribute::<form_submissions::consent>().read_only(),
        attribute::<form_submissions::idempotency_key>().read_only().filter(),
        attribute::<form_submissions::created_at>().read_only().filter().sort(),
    ],
    relationships: &[
        belongs_to::<form_submissions::form_id>("form", &FORMS).read_only(),
        belongs_to::<form_submissions::contact_id>("contact", &CONTACTS).read_only(),
        belongs_to::<form_submissions::lead_id>("lead", &LEADS).read_only(),
    ],
    actions: Actions::NONE,
    editable: false,
    follow: Some(follow),
    ..Resource::DEFAULT
};

/// What is taken for spam is kept, and nobody is told of it.
fn follow<'a>(
    transaction: &'a mut Transaction,
    _old: Option<&'a Record>,
    new: Option<&'a Record>,
) -> Work<'a> {
    Box::pin(async move {
        match new {
            Some(new) if new.get("status") == "accepted" => {
                transaction.emit("form.submitted", new, None).await
            }
            _ => Ok(()),
        }
    })
}
