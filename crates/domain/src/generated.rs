//! Messages of `proto/pulse/events/v1`, generated; `tests/generated.rs` keeps them in step.
#![expect(unreachable_pub, reason = "generated")]
/// Something that happened to one record of one workspace. The routing key of the message is `type`,
/// its message id is `id` in hyphenated form.
#[derive(Clone, PartialEq, Eq, Hash, ::prost::Message)]
pub struct Event {
    /// UUIDv7, 16 bytes. Consumers are idempotent on it.
    #[prost(bytes = "vec", tag = "1")]
    pub id: ::prost::alloc::vec::Vec<u8>,
    /// UUID, 16 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub workspace_id: ::prost::alloc::vec::Vec<u8>,
    /// A name of the event catalogue, such as `contact.created`.
    #[prost(string, tag = "3")]
    pub r#type: ::prost::alloc::string::String,
    /// Unix microseconds, UTC.
    #[prost(int64, tag = "4")]
    pub occurred_at_us: i64,
    /// The record that the event is about: its JSON:API type and its UUID (16 bytes).
    #[prost(string, tag = "5")]
    pub resource_type: ::prost::alloc::string::String,
    #[prost(bytes = "vec", tag = "6")]
    pub record_id: ::prost::alloc::vec::Vec<u8>,
    /// The full record as the API renders it, as flat JSON text: `{"id":…,<attributes>}`.
    #[prost(bytes = "vec", tag = "7")]
    pub data: ::prost::alloc::vec::Vec<u8>,
    /// What caused the change; the same for everything that one request set in motion. UUID, 16 bytes.
    #[prost(bytes = "vec", tag = "8")]
    pub correlation_id: ::prost::alloc::vec::Vec<u8>,
    /// Position in the journal of the installation; grows with every event of one record. 0 where the
    /// publisher has no journal.
    #[prost(int64, tag = "9")]
    pub sequence: i64,
    /// JSON text `{"attribute":\[old,new\]}`; empty where nothing is known about the state before.
    #[prost(bytes = "vec", tag = "10")]
    pub changes: ::prost::alloc::vec::Vec<u8>,
}
