//! Where contacts work or worked, and as what. One link of a contact may be the primary one: it leads to the company
//! that the contact itself names, and either follows the other.

use chrono::NaiveDate;
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_resource::render::Record;
use pulse_resource::write::{Transaction, Work};
use pulse_resource::{Bind, Changes, Error, Ownership, Resource, attribute, belongs_to};
use pulse_store::schema::{contact_companies, contacts};
use uuid::Uuid;

use super::companies::COMPANIES;
use super::contacts::CONTACTS;

/// The declaration.
pub(crate) static CONTACT_COMPANIES: Resource = Resource {
    name: "contact_companies",
    table: "contact_companies",
    attributes: &[
        attribute::<contact_companies::role>().filter().sort(),
        attribute::<contact_companies::is_primary>().filter().sort(),
        attribute::<contact_companies::ended_on>().filter().sort(),
        attribute::<contact_companies::created_at>().read_only().filter().sort(),
        attribute::<contact_companies::updated_at>().read_only().filter().sort(),
    ],
    relationships: &[
        belongs_to::<contact_companies::contact_id>("contact", &CONTACTS),
        belongs_to::<contact_companies::company_id>("company", &COMPANIES),
    ],
    ownership: Ownership::Part("contact"),
    trash: false,
    prepare: Some(prepare),
    follow: Some(follow),
    ..Resource::DEFAULT
};

/// Makes room for a primary link.
fn prepare<'a>(
    transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    changes: &'a mut Changes,
) -> Work<'a> {
    Box::pin(async move {
        let stays = || old.is_some_and(|link| link.get("is_primary") == true);
        if !changes.value("is_primary").map_or_else(stays, |given| given == true) {
            return Ok(());
        }
        let before = old.and_then(|link| link.related_id("contact"));
        let Some(contact) = changes.id_of("contact_id").or(before) else { return Ok(()) };
        let company = changes.id_of("company_id").or(old.and_then(|link| link.related_id("company")));
        demote(transaction, contact, company).await
    })
}

/// The contact of a primary link names its company; that of one which is primary no more names none.
fn follow<'a>(
    transaction: &'a mut Transaction,
    old: Option<&'a Record>,
    new: Option<&'a Record>,
) -> Work<'a> {
    Box::pin(async move {
        let ends = |link: Option<&Record>| {
            let link = link.filter(|link| link.get("is_primary") == true)?;
            link.related_id("contact").zip(link.related_id("company"))
        };
        let (was, is) = (ends(old), ends(new));
        if was == is {
            return Ok(());
        }
        if let Some((contact, company)) = was
            && is.is_none_or(|(other, _)| other != contact)
        {
            let names_it: Option<Uuid> = contacts::table
                .find((transaction.workspace().0, contact))
                .filter(contacts::company_id.eq(company).and(contacts::deleted_at.is_null()))
                .select(contacts::id)
                .for_update()
                .first(transaction.connection())
                .await
                .optional()?;
            if names_it.is_some() {
                name_company(transaction, contact, Bind::Null).await?;
            }
        }
        match is {
            Some((contact, company)) => name_company(transaction, contact, company.into()).await,
            None => Ok(()),
        }
    })
}

async fn name_company(transaction: &mut Transaction, contact: Uuid, company: Bind) -> Result<(), Error> {
    let mut changes = Changes::of(&CONTACTS);
    changes.set("company_id", company);
    transaction.update(contact, changes, None).await?;
    Ok(())
}

/// Makes the link of a contact to the company that it names the primary one; there is one from then on.
pub(super) async fn follow_company(
    transaction: &mut Transaction,
    contact: Uuid,
    company: Option<Uuid>,
) -> Result<(), Error> {
    let workspace = transaction.workspace().0;
    demote(transaction, contact, company).await?;
    let Some(company) = company else { return Ok(()) };
    diesel::insert_into(contact_companies::table)
        .values((
            contact_companies::workspace_id.eq(workspace),
            contact_companies::id.eq(Uuid::now_v7()),
            contact_companies::contact_id.eq(contact),
            contact_companies::company_id.eq(company),
            contact_companies::is_primary.eq(true),
        ))
        .on_conflict((
            contact_companies::workspace_id,
            contact_companies::contact_id,
            contact_companies::company_id,
        ))
        .do_update()
        .set((
            contact_companies::is_primary.eq(true),
            contact_companies::ended_on.eq(None::<NaiveDate>),
            contact_companies::lock_version.eq(contact_companies::lock_version + 1),
            contact_companies::updated_at.eq(diesel::dsl::now),
        ))
        .execute(transaction.connection())
        .await?;
    Ok(())
}

/// The links of a contact are primary no more, but for the one to a company.
async fn demote(transaction: &mut Transaction, contact: Uuid, keep: Option<Uuid>) -> Result<(), Error> {
    let workspace = transaction.workspace().0;
    let others = contact_companies::table
        .filter(contact_companies::workspace_id.eq(workspace).and(contact_companies::contact_id.eq(contact)))
        .filter(contact_companies::company_id.ne(keep.unwrap_or_default()))
        .filter(contact_companies::is_primary);
    diesel::update(others)
        .set((
            contact_companies::is_primary.eq(false),
            contact_companies::lock_version.eq(contact_companies::lock_version + 1),
            contact_companies::updated_at.eq(diesel::dsl::now),
        ))
        .execute(transaction.connection())
        .await?;
    Ok(())
}
