//! The profiles that this server knows: cursor pagination, and no other.

/// Cursor pagination, as answers name it where the client has not.
pub const CURSOR_PAGINATION: &str = "https://jsonapi.org/profiles/ethanresnick/cursor-pagination";

/// The profile calls itself by the last of these; its error types, and most clients, by the first.
const SPELLINGS: [&str; 4] = [
    CURSOR_PAGINATION,
    "https://jsonapi.org/profiles/ethanresnick/cursor-pagination/",
    "http://jsonapi.org/profiles/ethanresnick/cursor-pagination",
    "http://jsonapi.org/profiles/ethanresnick/cursor-pagination/",
];

/// The profile that a URI names, in that spelling.
#[must_use]
pub fn known(uri: &str) -> Option<&'static str> {
    SPELLINGS.into_iter().find(|spelling| *spelling == uri)
}
