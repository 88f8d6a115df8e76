//! Who a visitor is, where the client does not say.
//!
//! A fingerprint is the SHA-256 of a salt, the site, the client's address and its User-Agent, in lower-case hex: the
//! same for one visitor of one site while the salt lasts, and nothing that leads back to an address afterwards. The
//! address itself is never stored.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{PoisonError, RwLock};

use anyhow::Context;
use chrono::{DateTime, Days, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use pulse_store::Pool;
use pulse_store::schema::analytics::{events, salts};
use ring::digest::{self, SHA256};
use ring::rand::{SecureRandom, SystemRandom};
use uuid::Uuid;

use super::refusal::Refusal;
use super::tokens::Access;
use crate::salts::period;

/// Revenue finds its session when that was seen within so many days; the partitions before are left alone.
const SESSION_DAYS: Days = Days::new(30);

type Salt = [u8; 32];

/// Derives and finds fingerprints.
#[derive(Debug)]
pub(crate) struct Visitors {
    pool: Pool,
    salt_days: NonZeroU32,
    /// The salt of the period that the last event arrived in.
    current: RwLock<Option<(NaiveDate, Salt)>>,
}

impl Visitors {
    pub(crate) fn new(pool: Pool, salt_days: NonZeroU32) -> Self {
        Self { pool, salt_days, current: RwLock::default() }
    }

    /// The fingerprint of whoever sends from this address with this User-Agent.
    pub(crate) async fn derive(
        &self,
        site_id: Uuid,
        client: IpAddr,
        user_agent: &[u8],
        at: DateTime<Utc>,
    ) -> Result<String, Refusal> {
        let salt = self.salt(period(at.date_naive(), self.salt_days)).await.map_err(Refusal::Unavailable)?;
        Ok(fingerprint(&salt, site_id, client, user_agent))
    }

    /// The fingerprint that a session of the site was seen with.
    pub(crate) async fn of_session(
        &self,
        access: Access,
        session_id: &str,
        at: DateTime<Utc>,
    ) -> Result<Option<String>, Refusal> {
        let mut connection = self.pool.get().await.map_err(Refusal::unavailable)?;
        events::table
            .filter(events::workspace_id.eq(access.workspace_id))
            .filter(events::site_id.eq(access.site_id))
            .filter(events::session_id.eq(session_id))
            .filter(events::occurred_at.gt(at - SESSION_DAYS))
            .order(events::occurred_at.desc())
            .select(events::visitor_fingerprint)
            .first(&mut connection)
            .await
            .optional()
            .map_err(Refusal::unavailable)
    }

    async fn salt(&self, period: NaiveDate) -> anyhow::Result<Salt> {
        let current = *self.current.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, salt)) = current
            && known == period
        {
            return Ok(salt);
        }
        let salt = self.agree(period).await?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some((period, salt));
        Ok(salt)
    }

    /// Offers a salt for the period and takes the one that came first: all edges use the same.
    async fn agree(&self, period: NaiveDate) -> anyhow::Result<Salt> {
        let mut offer = Salt::default();
        SystemRandom::new().fill(&mut offer).expect("the operating system gives random bytes");
        let mut connection = self.pool.get().await?;
        diesel::insert_into(salts::table)
            .values((salts::period.eq(period), salts::salt.eq(offer.as_slice())))
            .on_conflict_do_nothing()
            .execute(&mut connection)
            .await?;
        let agreed: Vec<u8> = salts::table.find(period).select(salts::salt).first(&mut connection).await?;
        agreed.as_slice().try_into().context("a salt in the database is not 32 bytes long")
    }
}

/// Everything before the User-Agent has a fixed length, so no two visitors feed the same bytes.
fn fingerprint(salt: &Salt, site_id: Uuid, client: IpAddr, user_agent: &[u8]) -> String {
    let address = match client {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    let mut context = digest::Context::new(&SHA256);
    context.update(salt);
    context.update(site_id.as_bytes());
    context.update(&address.octets());
    context.update(user_agent);
    hex::encode(context.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_all_four_and_nothing_else() {
        let address: IpAddr = "192.0.2.1".parse().expect("an address");
        let other: IpAddr = "192.0.2.2".parse().expect("an address");
        let site = Uuid::from_u128(1);
        let one = fingerprint(&[1; 32], site, address, b"Firefox");
        assert_eq!(one, fingerprint(&[1; 32], site, address, b"Firefox"));
        assert_eq!(one.len(), 64);
        assert_ne!(one, fingerprint(&[2; 32], site, address, b"Firefox"));
        assert_ne!(one, fingerprint(&[1; 32], Uuid::from_u128(2), address, b"Firefox"));
        assert_ne!(one, fingerprint(&[1; 32], site, other, b"Firefox"));
        assert_ne!(one, fingerprint(&[1; 32], site, address, b"Chrome"));
    }
}
