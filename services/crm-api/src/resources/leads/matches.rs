//! Contacts and companies that a lead may be already.
//!
//! A person is known by an address or a number, never by a name. A company is known by its domain; one of the same name
//! is only told of.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use pulse_domain::WorkspaceId;
use pulse_resource::render::Record;
use pulse_store::schema::{companies, contacts};
use serde::Serialize;
use uuid::Uuid;

/// Told of at most.
const CANDIDATES: i64 = 10;

/// Providers of mail to everybody: an address there says nothing about a company.
const FREE_MAIL: &str = "\
    126.com 163.com aol.com att.net comcast.net duck.com fastmail.com free.fr gmail.com gmx.at gmx.ch \
    gmx.com gmx.de gmx.net googlemail.com hey.com hotmail.com hotmail.co.uk hotmail.fr icloud.com \
    laposte.net libero.it live.com mac.com mail.com mail.ru me.com msn.com naver.com orange.fr \
    outlook.com pm.me posteo.de proton.me protonmail.com qq.com rediffmail.com t-online.de verizon.net \
    web.de yahoo.co.jp yahoo.co.uk yahoo.com yahoo.de yahoo.fr yandex.ru ymail.com zoho.com";

diesel::define_sql_function! {
    /// Lower case, as the unique indexes have it.
    fn lower(text: Nullable<Text>) -> Nullable<Text>;
}

diesel::define_sql_function! {
    /// Without blanks at its ends.
    fn btrim(text: Nullable<Text>) -> Nullable<Text>;
}

/// A record that a lead may be already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Candidate {
    /// Its id.
    pub(super) id: Uuid,
    /// What they share.
    pub(super) reason: Reason,
}

/// What a lead and a record share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reason {
    Email,
    Phone,
    Domain,
    Name,
}

impl Candidate {
    /// Whether it is surely the same.
    pub(super) fn is_sure(&self) -> bool {
        self.reason != Reason::Name
    }
}

/// Contacts with the address of a lead, then those with its number.
pub(super) async fn contacts(
    connection: &mut AsyncPgConnection,
    workspace: WorkspaceId,
    lead: &Record,
) -> QueryResult<Vec<Candidate>> {
    let mut found = Vec::new();
    let known = contacts::table
        .filter(contacts::workspace_id.eq(workspace.0).and(contacts::deleted_at.is_null()))
        .order(contacts::id)
        .limit(CANDIDATES)
        .select(contacts::id);
    if let Some(email) = text(lead, "email") {
        let ids = known.filter(lower(contacts::email).eq(lower(email))).load(connection).await?;
        add(&mut found, ids, Reason::Email);
    }
    if let Some(number) = text(lead, "phone_e164") {
        let ids = known.filter(contacts::phone_e164.eq(number)).load(connection).await?;
        add(&mut found, ids, Reason::Phone);
    }
    Ok(found)
}

/// Companies with a domain of the lead's address or website, the most specific first, then those of the same name.
pub(super) async fn companies(
    connection: &mut AsyncPgConnection,
    workspace: WorkspaceId,
    lead: &Record,
) -> QueryResult<Vec<Candidate>> {
    let mut found = Vec::new();
    let known = companies::table
        .filter(companies::workspace_id.eq(workspace.0).and(companies::deleted_at.is_null()))
        .order(companies::id)
        .limit(CANDIDATES);
    for host in hosts(lead) {
        let domains: Vec<&str> = parents(&host).collect();
        let mut here: Vec<(Uuid, Option<String>)> = known
            .filter(lower(companies::domain).eq_any(domains))
            .select((companies::id, companies::domain))
            .load(connection)
            .await?;
        here.sort_by_key(|(_, domain)| std::cmp::Reverse(domain.as_ref().map_or(0, String::len)));
        add(&mut found, here.into_iter().map(|(id, _)| id).collect(), Reason::Domain);
    }
    if let Some(name) = text(lead, "company_name") {
        let ids = known
            .filter(lower(btrim(companies::name.nullable())).eq(lower(btrim(name))))
            .select(companies::id)
            .load(connection)
            .await?;
        add(&mut found, ids, Reason::Name);
    }
    Ok(found)
}

fn add(found: &mut Vec<Candidate>, ids: Vec<Uuid>, reason: Reason) {
    for id in ids {
        if found.iter().all(|candidate| candidate.id != id) {
            found.push(Candidate { id, reason });
        }
    }
}

fn text(lead: &Record, attribute: &str) -> Option<String> {
    lead.get(attribute).as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

/// The domain that a company made of the lead has.
pub(super) fn domain(lead: &Record) -> Option<String> {
    hosts(lead).into_iter().next()
}

/// The hosts of the lead's address and website that may be a company's own.
fn hosts(lead: &Record) -> Vec<String> {
    let email = text(lead, "email").and_then(|email| host_of_email(&email));
    let website = text(lead, "website").and_then(|website| host_of_url(&website));
    email.into_iter().chain(website).collect()
}

fn host_of_email(email: &str) -> Option<String> {
    own_host(email.rsplit_once('@')?.1)
}

fn host_of_url(url: &str) -> Option<String> {
    let rest = url.trim().split_once("://").map_or(url.trim(), |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?.split(':').next()?;
    own_host(host)
}

/// A host in lower case, unless it has no dot or is one of [`FREE_MAIL`].
fn own_host(host: &str) -> Option<String> {
    let host = host.trim().trim_end_matches('.').to_lowercase();
    let host = host.strip_prefix("www.").unwrap_or(&host);
    let sound =
        host.contains('.') && !host.contains(char::is_whitespace) && !host.split('.').any(str::is_empty);
    (sound && !parents(host).any(|domain| FREE_MAIL.split(' ').any(|free| free == domain)))
        .then(|| host.to_owned())
}

/// The host and the domains it is in, without the topmost: a company's domain is one of them, and which one need not be
/// known to find it.
fn parents(host: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(host), |host| host.split_once('.').map(|(_, parent)| parent))
        .filter(|domain| domain.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_company_is_known_by_a_host_of_its_own() {
        for (email, host) in [
            ("ada@acme.com", Some("acme.com")),
            ("ada@Mail.Acme.co.uk", Some("mail.acme.co.uk")),
            ("ada@gmail.com", None),
            ("ada@eu.gmx.de", None),
            ("ada@localhost", None),
            ("ada@a..b", None),
            ("nowhere", None),
        ] {
            assert_eq!(host_of_email(email).as_deref(), host, "{email}");
        }
        for (url, host) in [
            ("https://www.acme.com/contact?x#y", Some("acme.com")),
            ("acme.com:8080", Some("acme.com")),
            ("http://ada:secret@acme.com./", Some("acme.com")),
            ("https://", None),
        ] {
            assert_eq!(host_of_url(url).as_deref(), host, "{url}");
        }
        assert_eq!(
            parents("mail.acme.co.uk").collect::<Vec<_>>(),
            ["mail.acme.co.uk", "acme.co.uk", "co.uk"]
        );
    }
}
