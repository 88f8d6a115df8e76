//! The event catalogue: every kind of event that Pulse knows. `docs/events.md` is written from it.

/// A kind of event.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// `record.past_tense`; the routing key on the bus and `event_type` of a webhook. Never renamed or reused.
    pub name: &'static str,
    /// JSON:API type of the record that `data` shows.
    pub resource: &'static str,
    /// When it is emitted.
    pub meaning: &'static str,
}

/// What a test of a webhook subscription is called. Nobody can subscribe to it, so it is not in the catalogue.
pub const PING: &str = "webhook.ping";

/// The catalogue, in the order of the documentation.
pub const KINDS: &[Kind] = &[
    kind("contact.created", "contacts", "A contact was created."),
    kind("contact.updated", "contacts", "Attributes, relationships or tags of a contact changed."),
    kind("contact.deleted", "contacts", "A contact was moved to the trash; `data` is the record as it was."),
    kind("contact.restored", "contacts", "A contact was taken out of the trash."),
    kind("company.created", "companies", "A company was created."),
    kind("company.updated", "companies", "Attributes, relationships or tags of a company changed."),
    kind("company.deleted", "companies", "A company was moved to the trash; `data` is the record as it was."),
    kind("company.restored", "companies", "A company was taken out of the trash."),
    kind("lead.created", "leads", "A lead was created."),
    kind("lead.updated", "leads", "Attributes, relationships or tags of a lead changed."),
    kind("lead.deleted", "leads", "A lead was moved to the trash; `data` is the record as it was."),
    kind("lead.restored", "leads", "A lead was taken out of the trash."),
    kind(
        "lead.converted",
        "leads",
        "A lead became a contact, and perhaps a company and a deal, to which it leads.",
    ),
    kind("deal.created", "deals", "A deal was created."),
    kind("deal.updated", "deals", "Attributes, relationships or tags of a deal changed."),
    kind("deal.deleted", "deals", "A deal was moved to the trash; `data` is the record as it was."),
    kind("deal.restored", "deals", "A deal was taken out of the trash."),
    kind("deal.stage_changed", "deals", "A deal was moved to another stage; `changes.stage_id` has both."),
    kind("deal.won", "deals", "A deal's status became `won`."),
    kind("deal.lost", "deals", "A deal's status became `lost`."),
    kind("tag.created", "tags", "A tag was created."),
    kind("tag.updated", "tags", "A tag was renamed or recoloured."),
    kind("tag.deleted", "tags", "A tag was moved to the trash; `data` is the record as it was."),
    kind("tag.restored", "tags", "A tag was taken out of the trash."),
    kind("activity.created", "activities", "Something was written into the timeline of a record."),
    kind("activity.updated", "activities", "An entry of a timeline changed."),
    kind(
        "activity.deleted",
        "activities",
        "An activity was moved to the trash; `data` is the record as it was.",
    ),
    kind("activity.restored", "activities", "An activity was taken out of the trash."),
    kind("note.created", "notes", "A note was written."),
    kind("note.updated", "notes", "A note was written again, moved, pinned, or calls on other users."),
    kind("note.deleted", "notes", "A note was moved to the trash; `data` is the record as it was."),
    kind("note.restored", "notes", "A note was taken out of the trash."),
    kind("ticket.created", "tickets", "A ticket was created."),
    kind("ticket.updated", "tickets", "Attributes, relationships or tags of a ticket changed."),
    kind("ticket.status_changed", "tickets", "The status of a ticket changed; `changes` has both."),
    kind(
        "ticket.replied",
        "tickets",
        "The customer was answered; `ticket_message.created` has what was said.",
    ),
    kind("ticket.deleted", "tickets", "A ticket was moved to the trash; `data` is the record as it was."),
    kind("ticket.restored", "tickets", "A ticket was taken out of the trash."),
    kind("ticket_message.created", "ticket_messages", "Something was said about a ticket, by anybody."),
    kind("call.created", "calls", "A call was announced or recorded."),
    kind("call.updated", "calls", "A call changed."),
    kind("call.completed", "calls", "A call was completed; each call is once at most."),
    kind("call.deleted", "calls", "A call was moved to the trash; `data` is the record as it was."),
    kind("call.restored", "calls", "A call was taken out of the trash."),
    kind("task.created", "tasks", "A task was created, by hand or by a sequence."),
    kind("task.updated", "tasks", "A task changed."),
    kind("task.deleted", "tasks", "A task was moved to the trash; `data` is the record as it was."),
    kind("task.restored", "tasks", "A task was taken out of the trash."),
    kind(
        "sequence.started",
        "sequence_enrollments",
        "A contact was enrolled in a sequence; its tasks exist.",
    ),
    kind("esignature.sent", "esignature_requests", "A request to sign was sent to its recipients."),
    kind("esignature.viewed", "esignature_recipients", "A recipient has seen what is to be signed."),
    kind("esignature.signed", "esignature_recipients", "A recipient has signed or approved."),
    kind("esignature.completed", "esignature_requests", "Everybody who had to sign or approve has."),
    kind(
        "esignature.declined",
        "esignature_requests",
        "A recipient declined to sign, which ends the request.",
    ),
    kind("esignature.cancelled", "esignature_requests", "A request to sign was taken back."),
    kind(
        "esignature.expired",
        "esignature_requests",
        "A request to sign was looked at after its time was over.",
    ),
    kind("form.submitted", "form_submissions", "A form was sent, and not taken for spam."),
    kind("booking.created", "bookings", "A booking was made."),
    kind("booking.updated", "bookings", "A booking changed."),
    kind("booking.deleted", "bookings", "A booking was moved to the trash; `data` is the record as it was."),
    kind("booking.restored", "bookings", "A booking was taken out of the trash."),
    kind("booking.confirmed", "bookings", "A booking was confirmed, or made without the need to."),
    kind("booking.declined", "bookings", "A pending booking was declined."),
    kind("booking.cancelled", "bookings", "A booking was cancelled."),
    kind(
        "booking.rescheduled",
        "bookings",
        "A booking was moved; `rescheduled_to_id` is the one that follows.",
    ),
    kind("booking.completed", "bookings", "A booking took place."),
    kind("booking.no_show", "bookings", "The invitee of a booking did not come."),
    kind("user.invited", "users", "A user was made; a mail lets them choose a password."),
    kind("user.activated", "users", "A user who was invited has chosen a password."),
    kind("user.role_changed", "users", "The role of a user changed; `changes` has both."),
    kind("user.suspended", "users", "A user was made inactive, and is signed out everywhere."),
    kind("user.reactivated", "users", "A user who was inactive is active again."),
    kind("user.password_changed", "users", "A user has set another password."),
    kind("user.email_changed", "users", "A user has confirmed another address; `changes` has both."),
    kind("user.second_factor_added", "users", "Signing in as a user asks for codes from then on."),
    kind("user.second_factor_removed", "users", "Signing in as a user asks for no codes any more."),
    kind("user.deleted", "users", "A user was moved to the trash, and is signed out everywhere."),
    kind("user.restored", "users", "A user was taken out of the trash."),
    kind(
        "session.revoked",
        "user_sessions",
        "A session was ended before its time: its user signed out or left, or it was revoked.",
    ),
    kind(
        "webhook_subscription.failing",
        "webhook_subscriptions",
        "Nothing has succeeded for a day, and again for three; `data` says since when.",
    ),
    kind(
        "webhook_subscription.disabled",
        "webhook_subscriptions",
        "A receiver is gone (410), or nothing has succeeded for five days; `data.disabled_reason` says which.",
    ),
];

/// Past tenses that do not end in "ed", and states that have no verb.
#[cfg(test)]
const IRREGULAR: [&str; 5] = ["failing", "lost", "no_show", "sent", "won"];

const fn kind(name: &'static str, resource: &'static str, meaning: &'static str) -> Kind {
    Kind { name, resource, meaning }
}

/// Finds a kind by its name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `docs/events.md`, as it must be.
    fn markdown() -> String {
        let mut page = String::from(
            "# Events\n\nEvery kind of event that Pulse emits. Each travels on the exchange `pulse.events` with its name as \
             routing key, stands in the journal\n(`GET /api/v1/events`) and can be subscribed to by webhook. This page is \
             written from `crates/domain/src/catalogue.rs`; a test compares.\n\n| event | `data` shows | emitted when |\n| \
             --- | --- | --- |\n",
        );
        for kind in KINDS {
            page.push_str(&format!("| `{}` | `{}` | {} |\n", kind.name, kind.resource, kind.meaning));
        }
        page
    }

    #[test]
    fn names_are_unique_and_in_the_past_tense_form() {
        for (index, kind) in KINDS.iter().enumerate() {
            assert!(KINDS[..index].iter().all(|other| other.name != kind.name), "{} twice", kind.name);
            let (record, verb) = kind.name.split_once('.').expect("record.verb");
            let past = verb.ends_with("ed") || IRREGULAR.contains(&verb);
            assert!(!record.is_empty() && past, "{}", kind.name);
        }
        assert!(find("contact.created").is_some());
        assert!(find("contact.exploded").is_none());
    }

    #[test]
    fn the_documentation_is_the_catalogue() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/events.md");
        #[expect(clippy::disallowed_methods, reason = "a switch of this test, not a setting")]
        if std::env::var("BLESS").is_ok() {
            std::fs::write(page, markdown()).expect("writes the page");
        }
        let committed = std::fs::read_to_string(page).expect("the page exists");
        assert_eq!(committed, markdown(), "run `make bless` to write it again");
    }
}
