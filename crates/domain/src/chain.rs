//! The chain of an audit log: each line has the hash of the one before it and a hash over all of itself, so that a line
//! which is changed, removed, added or moved later breaks the chain. What is hashed is documented in docs/audit.md, for
//! those who check an export without asking us.
//!
//! The hashes need no key, so whoever can write the table could make a whole chain anew. What ties the chain down is its
//! [`Head`], whose proof does need one.

use chrono::{DateTime, Utc};
use ring::digest::{SHA256, digest};
use ring::hmac;
use uuid::Uuid;

use crate::WorkspaceId;

/// What the text of a line begins with. Another encoding would have another version.
const LINE: &[u8] = b"pulse.audit.v1";
/// What the text of a head begins with.
const HEAD: &[u8] = b"pulse.audit.head.v1";
/// Bytes of a hash.
const LENGTH: usize = 32;

/// SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; LENGTH]);

impl Hash {
    /// What stands before the first line.
    pub const START: Self = Self([0; LENGTH]);

    /// Reads 64 digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; LENGTH];
        hex::decode_to_slice(text, &mut bytes).ok()?;
        Some(Self(bytes))
    }

    /// 64 digits, in lower case.
    #[must_use]
    pub fn to_hex(self) -> String {
        hex::encode(self.0)
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_hex())
    }
}

/// A line of an audit log, with every column that its hash is over.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The tenant, whose chain it is in.
    pub workspace_id: Uuid,
    /// Its place in the chain, from 1.
    pub sequence: i64,
    /// Its id.
    pub id: Uuid,
    /// When it was written, in whole milliseconds.
    pub at: DateTime<Utc>,
    /// What kind of actor it was.
    pub actor_type: &'a str,
    /// Which one.
    pub actor_id: Option<Uuid>,
    /// What was done.
    pub action: &'a str,
    /// How grave that is.
    pub severity: &'a str,
    /// JSON:API type of the record.
    pub resource_type: &'a str,
    /// The record.
    pub record_id: Uuid,
    /// What changed, as the JSON text that is stored.
    pub changes: Option<&'a str>,
    /// The request that asked for it.
    pub request_id: Option<&'a str>,
    /// Where that came from.
    pub ip: Option<&'a str>,
    /// What sent it.
    pub device: Option<&'a str>,
    /// Why, as the JSON text that is stored.
    pub cause: Option<&'a str>,
    /// Ties together what one request set in motion.
    pub correlation_id: Uuid,
}

impl Line<'_> {
    /// The hash of the line behind one with the hash `previous`.
    #[must_use]
    pub fn hash(&self, previous: Hash) -> Hash {
        let mut text = Text::new(LINE);
        text.field(Some(&previous.to_hex()));
        text.field(Some(&self.workspace_id.to_string()));
        text.field(Some(&self.sequence.to_string()));
        text.field(Some(&self.id.to_string()));
        text.field(Some(&self.at.timestamp_micros().to_string()));
        text.field(Some(self.actor_type));
        text.field(self.actor_id.map(|id| id.to_string()).as_deref());
        text.field(Some(self.action));
        text.field(Some(self.severity));
        text.field(Some(self.resource_type));
        text.field(Some(&self.record_id.to_string()));
        text.field(self.changes);
        text.field(self.request_id);
        text.field(self.ip);
        text.field(self.device);
        text.field(self.cause);
        text.field(Some(&self.correlation_id.to_string()));
        text.hash()
    }
}

/// Where a chain ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The place of the last line; 0 of a chain without any.
    pub sequence: i64,
    /// Its hash.
    pub hash: Hash,
}

impl Head {
    /// The head of a chain without lines.
    pub const START: Self = Self { sequence: 0, hash: Hash::START };

    /// What proves that this was written by somebody who has the key.
    #[must_use]
    pub fn proof(&self, workspace: WorkspaceId, key: &Key) -> Vec<u8> {
        hmac::sign(&key.0, &self.text(workspace)).as_ref().to_vec()
    }

    /// Whether a proof is of this head, in constant time.
    #[must_use]
    pub fn is_proven(&self, workspace: WorkspaceId, key: &Key, proof: &[u8]) -> bool {
        hmac::verify(&key.0, &self.text(workspace), proof).is_ok()
    }

    fn text(&self, workspace: WorkspaceId) -> Vec<u8> {
        let mut text = Text::new(HEAD);
        text.field(Some(&workspace.0.to_string()));
        text.field(Some(&self.sequence.to_string()));
        text.field(Some(&self.hash.to_hex()));
        text.0
    }
}

/// The key of heads.
#[derive(Debug)]
pub struct Key(hmac::Key);

impl Key {
    /// From 32 secret bytes.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }
}

/// Fields, each of which says whether it is there and how long it is, so that no two lines have the same text.
struct Text(Vec<u8>);

impl Text {
    fn new(version: &[u8]) -> Self {
        Self(version.to_vec())
    }

    fn field(&mut self, value: Option<&str>) {
        match value {
            None => self.0.push(0),
            Some(value) => {
                self.0.push(1);
                self.0.extend_from_slice(&(value.len() as u64).to_be_bytes());
                self.0.extend_from_slice(value.as_bytes());
            }
        }
    }

    fn hash(&self) -> Hash {
        let mut bytes = [0; LENGTH];
        bytes.copy_from_slice(digest(&SHA256, &self.0).as_ref());
        Hash(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: Uuid = Uuid::from_u128(0x0193_4e5a_0000_7000_8000_0000_0000_0001);

    fn line() -> Line<'static> {
        Line {
            workspace_id: ID,
            sequence: 1,
            id: ID,
            at: DateTime::from_timestamp_millis(1_764_000_000_123).expect("a time"),
            actor_type: "user",
            actor_id: Some(ID),
            action: "update",
            severity: "info",
            resource_type: "contacts",
            record_id: ID,
            changes: Some(r#"{"last_name":["Lovelace","King"]}"#),
            request_id: Some("r1"),
            ip: Some("192.0.2.1"),
            device: None,
            cause: None,
            correlation_id: ID,
        }
    }

    #[test]
    fn the_hash_of_a_line_is_the_one_that_the_documentation_shows() {
        let expected = include_str!("../../../docs/audit.md")
            .lines()
            .find_map(|line| line.strip_prefix("hash: "))
            .expect("the page has an example");
        assert_eq!(line().hash(Hash::START).to_hex(), expected);
    }

    #[test]
    fn a_hash_survives_its_text() {
        let hash = line().hash(Hash::START);
        assert_eq!(Hash::from_hex(&hash.to_hex()), Some(hash));
        assert_eq!(Hash::from_hex("00"), None);
    }

    #[test]
    fn a_head_is_proven_by_its_key_for_its_workspace_alone() {
        let (key, other) = (Key::new(&[1; 32]), Key::new(&[2; 32]));
        let head = Head { sequence: 1, hash: line().hash(Hash::START) };
        let proof = head.proof(WorkspaceId(ID), &key);
        assert!(head.is_proven(WorkspaceId(ID), &key, &proof));
        assert!(!head.is_proven(WorkspaceId(ID), &other, &proof));
        assert!(!head.is_proven(WorkspaceId(Uuid::nil()), &key, &proof));
        assert!(!Head { sequence: 2, ..head }.is_proven(WorkspaceId(ID), &key, &proof));
        assert!(!Head::START.is_proven(WorkspaceId(ID), &key, &proof));
    }

    proptest! {
        #[test]
        fn text_that_moves_from_one_field_to_the_next_changes_the_hash(
            whole in "[a-z]{2,20}", at in 1usize..20, again in 1usize..20,
        ) {
            let cut = |at: usize| whole.split_at(at.min(whole.len() - 1).max(1));
            let (one, other) = (cut(at), cut(again));
            prop_assume!(one != other);
            let of = |(ip, device)| Line { ip: Some(ip), device: Some(device), ..line() }.hash(Hash::START);
            prop_assert_ne!(of(one), of(other));
        }

        #[test]
        fn an_empty_text_is_not_the_same_as_none(value in "[a-z]{0,3}") {
            let some = Line { device: Some(&value), ..line() }.hash(Hash::START);
            prop_assert_ne!(some, line().hash(Hash::START));
        }
    }
}
