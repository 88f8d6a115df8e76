//! Messages of tickets: what the customer said, what was answered, and what was said among ourselves. They move the ticket:
//! an answer opens a new one, a customer's word opens one that rested or was solved.

use chrono::Utc;
use pulse_jsonapi::Problem;
use pulse_resource::render::Record;
use pulse_resource::write::{Transaction, Work};
use pulse_resource::{
    Actions, Bind, Changes, Events, Ownership, Resource, attribute, belongs_to, belongs_to_any,
};
use pulse_store::schema::{ticket_messages, tickets};
use serde::Deserialize;

use super::contacts::CONTACTS;
use super::tickets::{STATUSES, StatusKind, TICKETS};
use super::users::USERS;

/// How a message travels, and how a ticket came in.
pub(super) const CHANNELS: &[&str] = &["email", "web", "chat", "phone", "api"];

/// Attachments at most.
const ATTACHMENTS: usize = 20;

/// The declaration.
pub(crate) static TICKET_MESSAGES: Resource = Resource {
    name: "ticket_messages",
    table: "ticket_messages",
    attributes: &[
        attribute::<ticket_messages::direction>()
            .required()
            .choices(&["in", "out", "internal"])
            .filter()
            .sort(),
        attribute::<ticket_messages::body>().required().max_len(65_535).filter(),
        attribute::<ticket_messages::channel>().choices(CHANNELS).filter().sort(),
        attribute::<ticket_messages::external_message_id>().filter().sort(),
        attribute::<ticket_messages::attachments>(),
        // What the ticket shall be afterwards.
        attribute::<tickets::status>().choices(STATUSES).write_only(),
        attribute::<ticket_messages::author_type>().read_only().filter().sort(),
        attribute::<ticket_messages::author_id>().read_only().filter().sort(),
        attribute::<ticket_messages::created_at>().read_only().filter().sort(),
    ],
    relationships: &[
        belongs_to::<ticket_messages::ticket_id>("ticket", &TICKETS),
        belongs_to_any::<ticket_messages::author_type, ticket_messages::author_id>(
            "author",
            &[&USERS, &CONTACTS],
        ),
    ],
    actions: Actions { create: true, ..Actions::NONE },
    ownership: Ownership::Part("ticket"),
    events: Some(Events::once("ticket_message.created")),
    editable: false,
    validate,
    prepare: Some(prepare),
    follow: Some(follow),
    ..Resource::DEFAULT
};

/// A file that came with a message.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "reading it is the check")]
struct Attachment {
    name: String,
    url: String,
    #[serde(default)]
    content_type: Option<String>,
    #[serde(default)]
    bytes: Option<u64>,
}

fn validate(changes: &Changes) -> Vec<Problem> {
    let Some(attachments) = changes.value("attachments") else { return Vec::new() };
    match Vec::<Attachment>::deserialize(attachments) {
        Ok(list) if list.len() <= ATTACHMENTS => Vec::new(),
        Ok(_) => {
            vec![Problem::invalid("attachments", format!("attachments has at most {ATTACHMENTS} members."))]
        }
        Err(fault) => {
            let detail =
                format!("An attachment has a name, a url, perhaps a content_type and bytes: {fault}.");
            vec![Problem::invalid("attachments", detail)]
        }
    }
}

/// Moves the ticket, and signs the message with the user who writes it.
fn prepare<'a>(
    transaction: &'a mut Transaction,
    _: Option<&'a Record>,
    changes: &'a mut Changes,
) -> Work<'a> {
    Box::pin(async move {
        let direction = changes.text_of("direction").unwrap_or_default().to_owned();
        if let Some(user) = transaction.user()
            && direction != "in"
            && changes.column("author_id").is_none()
        {
            changes.set("author_type", USERS.name);
            changes.set("author_id", user);
        }
        let Some(id) = changes.id_of("ticket_id") else { return Ok(()) };
        let ticket = transaction.lock(&TICKETS, id, None).await?;
        let moved = moved(&ticket, &direction, changes.text("status"));
        transaction.update(id, moved, None).await.map(drop)
    })
}

/// What a message changes of its ticket.
fn moved(ticket: &Record, direction: &str, asked: Option<&str>) -> Changes {
    let mut changes = Changes::of(&TICKETS);
    if direction == "out" && ticket.get("first_responded_at").is_null() {
        changes.set("first_responded_at", Bind::Instant(Utc::now()));
    }
    let status = ticket.text("status").unwrap_or_default();
    // On hold means that somebody else is waited for: a word of the customer does not end that.
    let opens = match direction {
        "out" => status == "new",
        "in" => status != "on_hold" && StatusKind::of(status) != StatusKind::Open,
        _ => false,
    };
    if let Some(status) = asked.or(opens.then_some("open")) {
        changes.set("status", status);
    }
    changes
}

fn follow<'a>(transaction: &'a mut Transaction, _: Option<&'a Record>, new: Option<&'a Record>) -> Work<'a> {
    Box::pin(async move {
        let ticket = new.filter(|message| message.text("direction") == Some("out"));
        let ticket = ticket.and_then(|message| message.to_one(TICKET_MESSAGES.relationship("ticket")?));
        let Some(id) = ticket else { return Ok(()) };
        let ticket = transaction.lock(&TICKETS, id, None).await?;
        transaction.emit("ticket.replied", &ticket, None).await
    })
}
