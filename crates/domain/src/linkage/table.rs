//! Written from the declarations of crm-api by a test of it (`make bless`). Receivers pin what follows from this: rows
//! are added and never change.

use super::Linkage;
use super::Target::{Any, One};

#[rustfmt::skip]
pub(super) const LINKAGES: &[(&str, &[Linkage])] = &[
    ("activities", &[
        Linkage { name: "parent", column: "parent_id", target: Any("parent_type") },
        Linkage { name: "user", column: "user_id", target: One("users") },
    ]),
    ("bookings", &[
        Linkage { name: "booking_page", column: "booking_page_id", target: One("booking_pages") },
        Linkage { name: "host", column: "host_id", target: One("users") },
        Linkage { name: "contact", column: "contact_id", target: One("contacts") },
        Linkage { name: "deal", column: "deal_id", target: One("deals") },
        Linkage { name: "owner", column: "owner_id", target: One("users") },
        Linkage { name: "team", column: "team_id", target: One("teams") },
        Linkage { name: "rescheduled_from", column: "rescheduled_from_id", target: One("bookings") },
        Linkage { name: "rescheduled_to", column: "rescheduled_to_id", target: One("bookings") },
    ]),
    ("calls", &[
        Linkage { name: "contact", column: "contact_id", target: One("contacts") },
        Linkage { name: "company", column: "company_id", target: One("companies") },
        Linkage { name: "deal", column: "deal_id", target: One("deals") },
        Linkage { name: "ticket", column: "ticket_id", target: One("tickets") },
        Linkage { name: "owner", column: "owner_id", target: One("users") },
        Linkage { name: "team", column: "team_id", target: One("teams") },
    ]),
    ("companies", &[
        Linkage { name: "parent", column: "parent_id", target: One("companies") },
        Linkage { name: "merged_into", column: "merged_into_id", target: One("companies") },
        Linkage { name: "owner", column: "owner_id", target: One("users") },
        Linkage { name: "team", column: "team_id", target: One("teams") },
    ]),
    ("contacts", &[
        Linkage { name: "company", column: "company_id", target: One("companies") },
        Linkage { name: "manager", column: "manager_id", target: One("contacts") },
        Linkage { name: "merged_into", column: "merged_into_id", target: One("contacts") },
        Linkage { name: "owner", column: "owner_id", target: One("users") },
        Linkage { name: "team", column: "team_id", target: One("teams") },
    ]),
    ("deals", &[
        Linkage { name: "stage", column: "stage_id", target: One("stages") },
        Linkage { name: "pipeline", column: "pipeline_id", target: One("pipelines") },
        Linkage { name: "contact", column: "contact_id", target: One("contacts") },
        Linkage { name: "company", column: "company_id", target: One("companies") },
        Linkage { name: "owner", column: "owner_id", target: One("users") },
        Linkage { name: "team", column: "team_id", target: One("teams") },
        Linkage { name: "lead", column: "source_lead_id", target: One("leads") },
    ]),
    ("esignature_recipients", &[
        Linkage { name: "request", column: "request_id", target: One("esignature_requests") },
    ]),
    ("esignature_requests", &[
        Linkage { name: "contact", column: "contact_id", target: One("contacts") },
        Linkage { name: "deal", column: "deal_id", target: One("deals") },
        Linkage { name: "owner", column: "owner_id", target: One("users") },
        Linkage { name: "team", column: "team_id", target: One("teams") },
    ]),
    ("form_submissions", &[
        Linkage { name: "form", column: "form_id", target: One("forms") },
        Linkage { name: "contact", column: "contact_id", target: One("contacts") },
        Linkage { name: "lead", column: "lead_id", target: One("leads") },
    ]),
    ("leads", &[
        Linkage { name: "owner", column: "owner_id", target: One("users") },
        Linkage { name: "team", column: "team_id", target: One("teams") },
        Linkage { name: "converted_by", column: "converted_by_id", target: One("users") },
        Linkage { name: "converted_contact", column: "converted_contact_id", target: One("contacts") },
        Linkage { name: "converted_company", column: "converted_company_id", target: One("companies") },
        Linkage { name: "converted_deal", column: "converted_deal_id", target: One("deals") },
    ]),
    ("notes", &[
        Linkage { name: "parent", column: "parent_id", target: Any("parent_type") },
        Linkage { name: "author", column: "author_id", target: One("users") },
    ]),
    ("sequence_enrollments", &[
        Linkage { name: "sequence", column: "sequence_id", target: One("sequences") },
        Linkage { name: "contact", column: "contact_id", target: One("contacts") },
    ]),
    ("tasks", &[
        Linkage { name: "parent", column: "parent_id", target: Any("parent_type") },
        Linkage { name: "owner", column: "owner_id", target: One("users") },
        Linkage { name: "team", column: "team_id", target: One("teams") },
        Linkage { name: "completed_by", column: "completed_by_id", target: One("users") },
        Linkage { name: "sequence_enrollment", column: "sequence_enrollment_id", target: One("sequence_enrollments") },
    ]),
    ("ticket_messages", &[
        Linkage { name: "ticket", column: "ticket_id", target: One("tickets") },
        Linkage { name: "author", column: "author_id", target: Any("author_type") },
    ]),
    ("tickets", &[
        Linkage { name: "contact", column: "contact_id", target: One("contacts") },
        Linkage { name: "company", column: "company_id", target: One("companies") },
        Linkage { name: "deal", column: "deal_id", target: One("deals") },
        Linkage { name: "owner", column: "owner_id", target: One("users") },
        Linkage { name: "team", column: "team_id", target: One("teams") },
        Linkage { name: "duplicate_of", column: "duplicate_of_id", target: One("tickets") },
    ]),
    ("user_sessions", &[
        Linkage { name: "user", column: "user_id", target: One("users") },
    ]),
];
