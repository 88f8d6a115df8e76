//! Slowing down who guesses: passwords of one account, of many accounts, or the codes of a second factor.
//!
//! An attempt is counted before it is looked at, so guesses that are made at once count each; the count is given back
//! when it turns out to be right. After some free attempts each failure doubles the wait until the next one. What is
//! counted is stored, so all replicas know it.
//!
//! Nobody can be locked out by others: what counts for an account from everywhere, and not from one network alone, does
//! not count for networks that its user has signed in from of late (OWASP ASVS 2.2.1).

use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::dsl::exists;
use diesel::prelude::*;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use pulse_domain::token;
use pulse_store::schema::{attempts, user_sessions};
use uuid::Uuid;

use super::sign_in::Account;
use crate::{App, Error, settings};

/// Failures are forgotten after this long without another one.
const MEMORY: TimeDelta = TimeDelta::hours(1);
/// An account as a whole is never closed for longer than this: it would be a way to keep its user out.
const LONGEST_OF_ACCOUNT: Duration = Duration::from_secs(60);
/// How long a network counts as the user's own after a sign-in.
const OWN: TimeDelta = TimeDelta::days(30);
/// Rows that are removed along with each new one: there are never many that nobody needs.
const SWEPT: i64 = 20;

/// What attempts are counted by.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Counted {
    /// Guesses at one account from one network.
    Pair,
    /// Guesses at any account from one network.
    Network,
    /// Guesses at one account from anywhere.
    Account,
    /// Something else that may not be done often.
    Other,
}

impl Counted {
    fn rule(&self, settings: &settings::SignIn) -> Rule {
        let longest = Duration::from_secs(settings.longest_wait_seconds.into());
        match self {
            Self::Pair | Self::Other => Rule { free: settings.free_attempts, longest },
            Self::Network => Rule { free: settings.free_attempts_per_network, longest },
            Self::Account => Rule { free: settings.free_attempts_per_account, longest: LONGEST_OF_ACCOUNT },
        }
    }
}

/// How failures make who fails wait.
#[derive(Clone, Copy, Debug)]
struct Rule {
    free: u32,
    longest: Duration,
}

/// Failures, as they are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Tally {
    failures: u32,
    last_at: DateTime<Utc>,
}

impl Tally {
    /// How long after the last failure the next attempt may come.
    fn pause(self, rule: Rule) -> Duration {
        match self.failures.checked_sub(rule.free) {
            None => Duration::ZERO,
            Some(more) => Duration::from_secs(1_u64.checked_shl(more).unwrap_or(u64::MAX)).min(rule.longest),
        }
    }

    /// How long to wait from now on.
    fn wait(self, rule: Rule, now: DateTime<Utc>) -> Duration {
        let passed = (now - self.last_at).to_std().unwrap_or_default();
        self.pause(rule).saturating_sub(passed)
    }

    /// With one failure more.
    fn and_one(self, now: DateTime<Utc>) -> Self {
        let remembered = if now - self.last_at < MEMORY { self.failures } else { 0 };
        Self { failures: remembered.saturating_add(1), last_at: now }
    }
}

/// Who tries what.
#[derive(Debug)]
pub(super) struct Attempt {
    counts: Vec<([u8; 32], Counted)>,
}

impl Attempt {
    /// To sign in with an address, known or not, from somewhere.
    pub(super) fn to_sign_in(email: &str, from: IpAddr) -> Self {
        let (email, network) = (email.to_lowercase(), network(from));
        Self {
            counts: vec![
                (key(&["pair", &email, &network]), Counted::Pair),
                (key(&["network", &network]), Counted::Network),
                (key(&["account", &email]), Counted::Account),
            ],
        }
    }

    /// To do something as a user, or for an address, that is named by `what`.
    pub(super) fn at(what: &str, whom: &str) -> Self {
        Self { counts: vec![(key(&[what, &whom.to_lowercase()]), Counted::Other)] }
    }

    /// To do something that any network may do now and then.
    pub(super) fn from_network(what: &str, from: IpAddr) -> Self {
        Self { counts: vec![(key(&[what, &network(from)]), Counted::Network)] }
    }

    /// Counts the attempt, as a failure at first. `account` is whose it is, where there is such a user.
    ///
    /// # Errors
    /// 429 where there were too many: this one does not count then.
    pub(super) async fn begin(
        &self,
        app: &App,
        from: IpAddr,
        account: Option<&Account>,
    ) -> Result<(), Error> {
        let settings = &app.0.settings.sign_in;
        let now = Utc::now();
        let mut connection = app.0.door.get().await?;
        let wait = connection
            .transaction(async |connection| {
                let tallies = self.tallies(connection, now).await?;
                let mut longest = Duration::ZERO;
                for ((_, counted), tally) in self.counts.iter().zip(&tallies) {
                    let wait = tally.wait(counted.rule(settings), now);
                    let exempt = wait > longest
                        && *counted == Counted::Account
                        && is_own_network(connection, account, from, now).await?;
                    if !exempt {
                        longest = longest.max(wait);
                    }
                }
                if longest.is_zero() {
                    for ((key, _), tally) in self.counts.iter().zip(tallies) {
                        write(connection, key, tally.and_one(now)).await?;
                    }
                }
                diesel::QueryResult::Ok(longest)
            })
            .await?;
        if wait.is_zero() { Ok(()) } else { Err(Error::TooMany(wait)) }
    }

    /// Gives the count back: the attempt was right, or was not looked at.
    pub(super) async fn give_back(&self, app: &App, was_right: bool) -> Result<(), Error> {
        let keys: Vec<&[u8]> = self.counts.iter().map(|(key, _)| key.as_slice()).collect();
        let mut connection = app.0.door.get().await?;
        diesel::update(attempts::table.filter(attempts::key.eq_any(keys)).filter(attempts::failures.gt(0)))
            .set(attempts::failures.eq(attempts::failures - 1))
            .execute(&mut connection)
            .await?;
        let forgiven =
            self.counts.iter().filter(|(_, counted)| matches!(counted, Counted::Pair | Counted::Other));
        let forgiven: Vec<&[u8]> = forgiven.map(|(key, _)| key.as_slice()).collect();
        if was_right && !forgiven.is_empty() {
            diesel::delete(attempts::table.filter(attempts::key.eq_any(forgiven)))
                .execute(&mut connection)
                .await?;
        }
        Ok(())
    }

    /// What was counted before, each held until the transaction ends, so that those who try at once take turns.
    async fn tallies(
        &self,
        connection: &mut AsyncPgConnection,
        now: DateTime<Utc>,
    ) -> QueryResult<Vec<Tally>> {
        let mut keys: Vec<&[u8]> = self.counts.iter().map(|(key, _)| key.as_slice()).collect();
        // Whoever locks several locks them in one order.
        keys.sort_unstable();
        let new: Vec<_> = keys
            .iter()
            .map(|key| (attempts::key.eq(*key), attempts::failures.eq(0), attempts::last_at.eq(now)))
            .collect();
        let made = diesel::insert_into(attempts::table).values(new).on_conflict_do_nothing();
        if made.execute(connection).await? > 0 {
            let old = attempts::table
                .filter(attempts::last_at.lt(now - MEMORY).and(attempts::key.ne_all(keys.clone())))
                .select(attempts::key);
            let old: Vec<Vec<u8>> = old.limit(SWEPT).for_update().skip_locked().load(connection).await?;
            diesel::delete(attempts::table.filter(attempts::key.eq_any(old))).execute(connection).await?;
        }
        let stored: Vec<(Vec<u8>, i32, DateTime<Utc>)> = attempts::table
            .filter(attempts::key.eq_any(keys))
            .order(attempts::key)
            .for_update()
            .load(connection)
            .await?;
        let tally = |key: &[u8; 32]| {
            let found = stored.iter().find(|(stored, ..)| stored == key);
            found.map_or(Tally { failures: 0, last_at: now }, |(_, failures, last_at)| Tally {
                failures: u32::try_from(*failures).unwrap_or(0),
                last_at: *last_at,
            })
        };
        Ok(self.counts.iter().map(|(key, _)| tally(key)).collect())
    }
}

async fn write(connection: &mut AsyncPgConnection, key: &[u8; 32], tally: Tally) -> QueryResult<()> {
    let failures = i32::try_from(tally.failures).unwrap_or(i32::MAX);
    diesel::update(attempts::table.find(key.as_slice()))
        .set((attempts::failures.eq(failures), attempts::last_at.eq(tally.last_at)))
        .execute(connection)
        .await?;
    Ok(())
}

/// Whether the user of an account has signed in from there of late.
async fn is_own_network(
    connection: &mut AsyncPgConnection,
    account: Option<&Account>,
    from: IpAddr,
    now: DateTime<Utc>,
) -> QueryResult<bool> {
    let whose = account.map_or((Uuid::nil(), Uuid::nil()), |account| (account.workspace.0, account.user));
    let sessions = user_sessions::table
        .filter(user_sessions::workspace_id.eq(whose.0).and(user_sessions::user_id.eq(whose.1)))
        .filter(user_sessions::ip.eq(from.to_string()).and(user_sessions::created_at.gt(now - OWN)));
    diesel::select(exists(sessions)).get_result(connection).await
}

/// An IPv6 network of 64 bits is one household; an IPv4 address is one.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{:x}", address.to_bits() >> 64),
    }
}

/// Not the address itself: what is stored here tells nobody who tried to sign in.
fn key(parts: &[&str]) -> [u8; 32] {
    token::digest(&parts.join("\n"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULE: Rule = Rule { free: 5, longest: Duration::from_secs(900) };

    fn tally(failures: u32) -> Tally {
        Tally { failures, last_at: DateTime::UNIX_EPOCH }
    }

    #[test]
    fn the_first_attempts_are_free_and_each_further_one_doubles_the_wait() {
        let seconds: Vec<u64> =
            [0, 4, 5, 6, 7, 14, 15, 1_000].map(|failures| tally(failures).pause(RULE).as_secs()).to_vec();
        assert_eq!(seconds, [0, 0, 1, 2, 4, 512, 900, 900]);
    }

    #[test]
    fn a_household_is_one_network() {
        let network = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(network("2001:db8:1:2::1"), network("2001:db8:1:2:ffff::9"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }

    proptest! {
        #[test]
        fn waits_only_grow_with_failures_and_shrink_with_time(failures in 0..u32::MAX, seconds in 0_i64..10_000) {
            let now = DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds);
            prop_assert!(tally(failures).pause(RULE) <= tally(failures.saturating_add(1)).pause(RULE));
            prop_assert!(tally(failures).wait(RULE, now) <= tally(failures).pause(RULE));
            prop_assert!(tally(failures).pause(RULE) <= RULE.longest);
            prop_assert_eq!(tally(failures).and_one(now).failures, if seconds < 3_600 { failures.saturating_add(1) } else { 1 });
        }
    }
}
