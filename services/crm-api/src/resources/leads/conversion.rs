//! Converting a lead: one transaction under the lock of the lead, so that it is converted once.

use actix_web::http::StatusCode;
use actix_web::web::{self, Payload};
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DatabaseError};
use diesel_async::RunQueryDsl;
use pulse_jsonapi::{Code, Problem};
use pulse_resource::render::Record;
use pulse_resource::write::{Relink, Transaction};
use pulse_resource::{Bind, Changes, Error as EngineError, Hop, Resource};
use pulse_store::schema::{taggings, tags, users};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::matches::Candidate;
use super::targets::{self, Choice, Conversion, DealMode, Mode, Target};
use super::{LEADS, already_converted, is_converted, mapping, matches};
use crate::auth::Caller;
use crate::operation::{Answer, Body, Operation};
use crate::resources::companies::COMPANIES;
use crate::resources::contacts::CONTACTS;
use crate::resources::deals::DEALS;
use crate::resources::tags::TAGS;
use crate::{App, Error, answer, collection, version};

pub(super) const OPERATION: Operation = Operation {
    id: "convert_lead",
    summary: "Convert",
    description: "Makes a contact, a company and a deal of a lead, or takes those that exist: a contact by address, then \
        by number; a company by domain. All of it is done, or nothing. Tags go along. `meta` says what was created.",
    path: "/leads/{id}/convert",
    body: Body::Json(schema),
    answers: &[Answer::Record(200, &LEADS)],
    refusals: &[
        Code::AlreadyConverted,
        Code::NotUnique,
        Code::StateConflict,
        Code::RelatedNotFound,
        Code::Stale,
    ],
    handler: || web::to(convert),
    ..Operation::DEFAULT
};

fn schema() -> Value {
    let id = json!({ "type": ["string", "null"], "format": "uuid" });
    let attributes = json!({ "type": "object" });
    let target = |modes: &[&str]| {
        json!({
            "type": "object",
            "properties": { "mode": { "enum": modes }, "id": id, "attributes": attributes },
            "additionalProperties": false,
        })
    };
    json!({
        "type": "object",
        "properties": {
            "contact": target(&["auto", "create", "link"]),
            "company": target(&["auto", "create", "link", "none"]),
            "deal": {
                "type": "object",
                "properties": {
                    "mode": { "enum": ["create", "none"] },
                    "attributes": attributes,
                    "pipeline_id": id,
                    "stage_id": id,
                },
                "additionalProperties": false,
            },
            "on_duplicate": { "enum": ["link", "error", "create", null] },
            "owner_id": id,
        },
        "additionalProperties": false,
    })
}

async fn convert(
    request: HttpRequest,
    app: web::Data<App>,
    caller: Caller,
    payload: Payload,
) -> Result<HttpResponse, Error> {
    let id = collection::id(&request, &LEADS)?;
    let expected = version::expected(&request)?;
    let body = collection::read(payload).await?;
    let asked: Conversion = match body.is_empty() {
        true => Conversion::default(),
        false => serde_json::from_slice(&body)
            .map_err(|fault| Problem::new(Code::MalformedDocument, fault.to_string()).at_pointer(""))?,
    };
    if asked.contact.mode == Mode::None {
        let detail = "A lead becomes a contact: its mode is auto, create or link.";
        return Err(Problem::new(Code::Invalid, detail).at_pointer("/contact/mode").into());
    }
    let mut transaction = app.engine().begin(caller.act()).await?;
    let done = async {
        let lead = transaction.lock(&LEADS, id, expected).await?;
        if is_converted(&lead) {
            return Err(already_converted(&lead).into());
        }
        let plan = Plan::make(&mut transaction, &lead, &asked).await?;
        plan.carry_out(&mut transaction, &lead, &asked).await
    }
    .await;
    match done {
        Ok((lead, meta)) => {
            transaction.commit().await?;
            Ok(answer::record(StatusCode::OK, &lead, Some(&meta)))
        }
        Err(error) => {
            transaction.roll_back().await;
            Err(error.into())
        }
    }
}

/// What is to be written, checked as far as that can be done before anything is.
struct Plan {
    contact: Step,
    company: Option<Step>,
    deal: Option<Changes>,
}

/// A record to be created, or one that exists to be completed.
struct Step {
    existing: Option<Record>,
    changes: Changes,
}

impl Plan {
    /// # Errors
    /// Everything that is wrong with what was asked.
    async fn make(
        transaction: &mut Transaction,
        lead: &Record,
        asked: &Conversion,
    ) -> Result<Self, EngineError> {
        let workspace = transaction.workspace();
        let mut problems = Vec::new();
        if let Some(owner) = asked.owner_id {
            let known: Option<Uuid> = users::table
                .find((workspace.0, owner))
                .filter(users::deleted_at.is_null())
                .select(users::id)
                .first(transaction.connection())
                .await
                .optional()?;
            if known.is_none() {
                problems.push(targets::missing("users", owner, "/owner_id"));
            }
        }
        let known = matches::contacts(transaction.connection(), workspace, lead).await?;
        let known = seen(transaction, &CONTACTS, known).await?;
        let chosen = asked.contact.choose("contact", asked.on_duplicate, &known, true);
        let mapped = mapping::contact(lead);
        let contact =
            Step::make(transaction, &CONTACTS, chosen, &asked.contact, mapped, &mut problems).await?;

        let known = matches::companies(transaction.connection(), workspace, lead).await?;
        let known = seen(transaction, &COMPANIES, known).await?;
        let mapped = mapping::company(lead, matches::domain(lead).as_deref());
        let can_create = mapped.contains_key("name") || asked.company.attributes.contains_key("name");
        let chosen = asked.company.choose("company", asked.on_duplicate, &known, can_create);
        let company =
            Step::make(transaction, &COMPANIES, chosen, &asked.company, mapped, &mut problems).await?;

        let mut deal = None;
        if asked.deal.mode == DealMode::Create {
            let given = &asked.deal.attributes;
            match targets::stage(transaction.connection(), workspace, &asked.deal).await? {
                Ok(stage) => match targets::deal(targets::merged(mapping::deal(lead), given), stage, given) {
                    Ok(changes) => deal = Some(changes),
                    Err(faults) => problems.extend(faults),
                },
                Err(fault) => problems.push(fault),
            }
        }
        match contact {
            Some(contact) if problems.is_empty() => Ok(Self { contact, company, deal }),
            _ => Err(problems.into()),
        }
    }

    /// Writes it all and returns the lead as it is then, with what was created.
    async fn carry_out(
        self,
        transaction: &mut Transaction,
        lead: &Record,
        asked: &Conversion,
    ) -> Result<(Record, Value), EngineError> {
        let owner = asked.owner_id.or(lead.related_id("owner"));
        let team = lead.related_id("team");
        let mut meta = Map::new();

        let company = match self.company {
            Some(step) => {
                let created = step.existing.is_none();
                let company = step.write(transaction, "company", &asked.company, owner, team, None).await?;
                meta.insert("company".into(), json!({ "id": company, "created": created }));
                Some(company)
            }
            None => None,
        };
        let created = self.contact.existing.is_none();
        let mut step = self.contact;
        if created && asked.contact.attributes.get("lifecycle").is_none() {
            step.changes.set("lifecycle", if self.deal.is_some() { "opportunity" } else { "sql" });
        }
        let contact = step.write(transaction, "contact", &asked.contact, owner, team, company).await?;
        meta.insert("contact".into(), json!({ "id": contact, "created": created }));

        let mut deal = None;
        if let Some(mut changes) = self.deal {
            changes.set("contact_id", contact);
            changes.set("company_id", company.map_or(Bind::Null, Bind::Id));
            changes.set("source_lead_id", lead.id());
            changes.set("owner_id", owner.map_or(Bind::Null, Bind::Id));
            changes.set("team_id", team.map_or(Bind::Null, Bind::Id));
            let record = transaction.create(changes).await.map_err(|error| match error {
                EngineError::Rejected(problems) => {
                    targets::pointed(problems, "deal", &asked.deal.attributes).into()
                }
                other => other,
            })?;
            meta.insert("deal".into(), json!({ "id": record.id(), "created": true }));
            deal = Some(record.id());
        }
        copy_tags(transaction, lead, &CONTACTS, contact).await?;
        if let Some(deal) = deal {
            copy_tags(transaction, lead, &DEALS, deal).await?;
        }
        let mut changes = Changes::of(&LEADS);
        changes.set("status", "converted");
        changes.set("converted_at", Bind::Instant(Utc::now()));
        let user = transaction.actor().id();
        changes.set("converted_by_id", user.map_or(Bind::Null, Bind::Id));
        changes.set("converted_contact_id", contact);
        changes.set("converted_company_id", company.map_or(Bind::Null, Bind::Id));
        changes.set("converted_deal_id", deal.map_or(Bind::Null, Bind::Id));
        let lead = transaction.update(lead.id(), changes, None).await?;
        Ok((lead, meta.into()))
    }
}

/// Those candidates that who converts may see.
async fn seen(
    transaction: &mut Transaction,
    resource: &'static Resource,
    mut known: Vec<Candidate>,
) -> Result<Vec<Candidate>, EngineError> {
    let ids: Vec<Uuid> = known.iter().map(|candidate| candidate.id).collect();
    let seen = transaction.seen(resource, &ids).await?;
    known.retain(|candidate| seen.contains(&candidate.id));
    Ok(known)
}

fn is_missing(problem: &Problem) -> bool {
    problem.code == Code::NotFound
}

impl Step {
    async fn make(
        transaction: &mut Transaction,
        resource: &'static Resource,
        chosen: Result<Choice, Problem>,
        target: &Target,
        mapped: Map<String, Value>,
        problems: &mut Vec<Problem>,
    ) -> Result<Option<Self>, EngineError> {
        let section = if resource.name == CONTACTS.name { "contact" } else { "company" };
        let given = &target.attributes;
        let made = match chosen {
            Err(problem) => Err(vec![problem]),
            Ok(Choice::None) => return Ok(None),
            Ok(Choice::Create) => {
                let attributes = targets::merged(mapped, given);
                targets::creating(resource, section, attributes, given)
                    .map(|changes| Self { existing: None, changes })
            }
            Ok(Choice::Link(id)) => match transaction.lock(resource, id, None).await {
                Ok(record) => targets::filling(&record, section, mapped, given)
                    .map(|changes| Self { existing: Some(record), changes }),
                Err(EngineError::Rejected(problems)) if problems.iter().all(is_missing) => {
                    Err(vec![targets::missing(resource.name, id, &format!("/{section}/id"))])
                }
                Err(other) => return Err(other),
            },
        };
        match made {
            Ok(step) => Ok(Some(step)),
            Err(faults) => {
                problems.extend(faults);
                Ok(None)
            }
        }
    }

    /// Writes it and returns its id. What exists keeps its owner, its team and its company.
    async fn write(
        mut self,
        transaction: &mut Transaction,
        section: &str,
        target: &Target,
        owner: Option<Uuid>,
        team: Option<Uuid>,
        company: Option<Uuid>,
    ) -> Result<Uuid, EngineError> {
        for (relationship, column, id) in
            [("owner", "owner_id", owner), ("team", "team_id", team), ("company", "company_id", company)]
        {
            let has_one =
                self.existing.as_ref().is_some_and(|record| record.related_id(relationship).is_some());
            if let Some(id) = id.filter(|_| !has_one) {
                self.changes.set(column, id);
            }
        }
        let written = match &self.existing {
            Some(record) => transaction.update(record.id(), self.changes, None).await,
            None => transaction.create(self.changes).await,
        };
        match written {
            Ok(record) => Ok(record.id()),
            Err(EngineError::Rejected(problems)) => {
                Err(targets::pointed(problems, section, &target.attributes).into())
            }
            Err(EngineError::Database(DatabaseError::DatabaseError(
                DatabaseErrorKind::UniqueViolation,
                information,
            ))) => {
                let what = information.constraint_name().unwrap_or("a constraint").to_owned();
                let detail = format!("Another {section} has a value that only one may have ({what}).");
                Err(Problem::new(Code::NotUnique, detail).into())
            }
            Err(other) => Err(other),
        }
    }
}

/// A record gets the tags of the lead, which keeps them.
async fn copy_tags(
    transaction: &mut Transaction,
    lead: &Record,
    resource: &'static Resource,
    id: Uuid,
) -> Result<(), EngineError> {
    let workspace = transaction.workspace().0;
    let linked: Vec<Uuid> = taggings::table
        .filter(taggings::workspace_id.eq(workspace).and(taggings::parent_type.eq(LEADS.name)))
        .filter(taggings::parent_id.eq(lead.id()))
        .select(taggings::tag_id)
        .load(transaction.connection())
        .await?;
    let ids: Vec<Uuid> = tags::table
        .filter(tags::workspace_id.eq(workspace).and(tags::id.eq_any(linked)))
        .filter(tags::deleted_at.is_null())
        .select(tags::id)
        .load(transaction.connection())
        .await?;
    if let Some(relationship) = resource.relationship("tags").filter(|_| !ids.is_empty()) {
        let hop = Hop { relationship, target: &TAGS };
        transaction.change_links((resource, id), hop, Relink::Add, &ids, None).await?;
    }
    Ok(())
}
