//! JSON:API as pure functions: what a request says, what is wrong with it, and how an answer is spelled.
//!
//! Nothing here does I/O, knows a resource declaration, a database or a clock: text and bytes go in, plain
//! data or [`Problem`]s come out. The modules, in the order a request meets them:
//!
//! - [`negotiate`]: may this `Content-Type` be read, can this `Accept` be served;
//! - [`profile`]: the profiles that can be asked for there;
//! - [`nested`]: the query string as Rack's maps and lists;
//! - [`query`]: the JSON:API parameters of a request, every mistake at once;
//! - [`ransack`]: the filter language: predicates, keys, groups, values;
//! - [`document`]: reading request documents, writing answers;
//! - [`names`]: which member names JSON:API allows;
//! - [`json`]: the one string escaping everything is written with;
//! - [`problem`]: the catalogue of error codes, and error documents.

pub mod document;
pub mod json;
pub mod names;
pub mod negotiate;
pub mod nested;
pub mod problem;
pub mod profile;
pub mod query;
pub mod ransack;

pub use json::write_json_string;
pub use problem::{Code, Problem, Source};

/// The media type of every JSON:API document, errors included.
pub const MEDIA_TYPE: &str = "application/vnd.api+json";

/// Where the JSON:API begins.
pub const BASE: &str = "/api/v1";
