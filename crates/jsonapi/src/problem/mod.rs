//! Problems: what a client can be told about a request that failed, as JSON:API error objects.

mod code;

pub use code::Code;

use std::fmt::{self, Write as _};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

/// One thing that is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Which kind of problem it is; decides status and title.
    pub code: Code,
    /// This occurrence in a sentence the client's developer can act on.
    pub detail: String,
    /// The part of the request that caused it.
    pub source: Option<Source>,
    /// Facts for programs, such as the limit that was exceeded.
    pub meta: Option<Value>,
}

/// The part of a request that caused a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A JSON pointer to a value that exists in the request document.
    Pointer(String),
    /// The name of a query parameter, decoded, as the client spelled it.
    Parameter(String),
    /// The name of a request header.
    Header(String),
}

impl Problem {
    /// Makes a problem that points nowhere yet.
    #[must_use]
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into(), source: None, meta: None }
    }

    /// Says that an attribute's value is not acceptable.
    #[must_use]
    pub fn invalid(attribute: &str, detail: impl Into<String>) -> Self {
        Self::new(Code::Invalid, detail).at_pointer(pointer(&["data", "attributes", attribute]))
    }

    /// Points at a value of the request document; the pointer must lead to something that is there.
    #[must_use]
    pub fn at_pointer(mut self, pointer: impl Into<String>) -> Self {
        self.source = Some(Source::Pointer(pointer.into()));
        self
    }

    /// Points at a query parameter.
    #[must_use]
    pub fn at_parameter(mut self, name: impl Into<String>) -> Self {
        self.source = Some(Source::Parameter(name.into()));
        self
    }

    /// Points at a request header.
    #[must_use]
    pub fn at_header(mut self, name: impl Into<String>) -> Self {
        self.source = Some(Source::Header(name.into()));
        self
    }

    /// Says which names would have been understood: the first few in the detail, more in `meta.allowed`.
    #[must_use]
    pub fn allowing<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Self {
        const IN_DETAIL: usize = 12;
        const IN_META: usize = 100;
        let names: Vec<&str> = names.into_iter().collect();
        let shown =
            if names.is_empty() { "none".to_owned() } else { names[..names.len().min(IN_DETAIL)].join(", ") };
        // A sentence goes on.
        self.detail.truncate(self.detail.trim_end_matches('.').len());
        let _ = write!(self.detail, "; allowed: {shown}");
        if names.len() > IN_DETAIL {
            let _ = write!(self.detail, " and {} more", names.len() - IN_DETAIL);
        }
        self.with_meta(serde_json::json!({ "allowed": names[..names.len().min(IN_META)] }))
    }

    /// Adds facts for programs.
    #[must_use]
    pub fn with_meta(mut self, meta: Value) -> Self {
        self.meta = Some(meta);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.name(), self.detail)
    }
}

// Not derived: thiserror would take the member `source` for the error's cause.
impl std::error::Error for Problem {}

/// Spells a JSON pointer (RFC 6901) from its unescaped segments.
#[must_use]
pub fn pointer(segments: &[&str]) -> String {
    let mut text = String::new();
    for segment in segments {
        text.push('/');
        text.push_str(&segment.replace('~', "~0").replace('/', "~1"));
    }
    text
}

/// The most general HTTP status that covers all problems: their own when they agree, 500 when any is the
/// server's fault, 400 otherwise.
#[must_use]
pub fn status(problems: &[Problem]) -> u16 {
    let Some(first) = problems.first() else { return Code::Internal.status() };
    let first = first.code.status();
    if problems.iter().all(|problem| problem.code.status() == first) {
        first
    } else if problems.iter().any(|problem| problem.code.status() >= 500) {
        500
    } else {
        400
    }
}

/// The most errors one document tells; a request full of mistakes must not be answered with a flood.
pub const MAX_ERRORS: usize = 100;

/// Writes a JSON:API error document with the first [`MAX_ERRORS`] problems.
///
/// Each error's `id` leads back to the request in the logs; a number is added where several errors would
/// otherwise share one id, which must be unique per occurrence.
#[must_use]
pub fn errors_document(problems: &[Problem], request_id: Option<&str>) -> Vec<u8> {
    struct Occurrence<'a>(&'a Problem, Option<String>);

    impl Serialize for Occurrence<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            write_error(self.0, self.1.as_deref(), serializer)
        }
    }

    #[derive(serde::Serialize)]
    struct Document<'a> {
        jsonapi: Version,
        errors: Vec<Occurrence<'a>>,
    }

    #[derive(serde::Serialize)]
    struct Version {
        version: &'static str,
    }

    let errors = problems.iter().take(MAX_ERRORS).enumerate().map(|(index, problem)| {
        let id = request_id
            .map(|id| if problems.len() == 1 { id.to_owned() } else { format!("{id}.{}", index + 1) });
        Occurrence(problem, id)
    });
    let document = Document { jsonapi: Version { version: "1.1" }, errors: errors.collect() };
    serde_json::to_vec(&document).expect("strings and JSON values always serialise")
}

impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        write_error(self, None, serializer)
    }
}

impl Serialize for Source {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (member, text) = match self {
            Self::Pointer(text) => ("pointer", text),
            Self::Parameter(text) => ("parameter", text),
            Self::Header(text) => ("header", text),
        };
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(member, text)?;
        map.end()
    }
}

fn write_error<S: Serializer>(problem: &Problem, id: Option<&str>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    if let Some(id) = id {
        map.serialize_entry("id", id)?;
    }
    map.serialize_entry("links", &serde_json::json!({ "type": problem.code.page() }))?;
    map.serialize_entry("status", &problem.code.status().to_string())?;
    map.serialize_entry("code", problem.code.name())?;
    map.serialize_entry("title", problem.code.title())?;
    map.serialize_entry("detail", &problem.detail)?;
    if let Some(source) = &problem.source {
        map.serialize_entry("source", source)?;
    }
    if let Some(meta) = &problem.meta {
        map.serialize_entry("meta", meta)?;
    }
    map.end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn codes_are_snake_case_unique_and_documented() {
        let mut seen = std::collections::HashSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.name()), "{} twice", code.name());
            assert!(code.name().chars().all(|c| c.is_ascii_lowercase() || c == '_'), "{}", code.name());
            assert!((400..600).contains(&code.status()));
            assert!(code.meaning().ends_with('.') && !code.title().is_empty());
        }
    }

    #[test]
    fn an_error_object_has_every_member_in_its_json_type() {
        let problem = Problem::new(Code::PageTooLarge, "at most 100")
            .at_parameter("page[size]")
            .with_meta(json!({"page": {"maxSize": 100}}));
        let document: Value = serde_json::from_slice(&errors_document(&[problem], Some("r1"))).unwrap();
        assert_eq!(
            document,
            json!({"jsonapi": {"version": "1.1"}, "errors": [{
                "id": "r1",
                "links": {"type": "https://jsonapi.org/profiles/ethanresnick/cursor-pagination/max-size-exceeded"},
                "status": "400", "code": "page_too_large", "title": "Page too large",
                "detail": "at most 100", "source": {"parameter": "page[size]"}, "meta": {"page": {"maxSize": 100}}
            }]})
        );
    }

    #[test]
    fn several_errors_have_ids_of_their_own() {
        let problems =
            [Problem::new(Code::Required, "a"), Problem::new(Code::Invalid, "b").at_header("If-Match")];
        let document: Value = serde_json::from_slice(&errors_document(&problems, Some("r1"))).unwrap();
        assert_eq!(document["errors"][0]["id"], "r1.1");
        assert_eq!(document["errors"][1]["id"], "r1.2");
        assert_eq!(document["errors"][1]["links"]["type"], "/api/v1/errors/invalid");
        assert_eq!(document["errors"][1]["source"], json!({"header": "If-Match"}));
    }

    #[test]
    fn the_status_covers_all_problems() {
        let of =
            |codes: &[Code]| status(&codes.iter().map(|code| Problem::new(*code, "")).collect::<Vec<_>>());
        assert_eq!(of(&[Code::Invalid, Code::Required]), 422);
        assert_eq!(of(&[Code::Invalid, Code::NotFound]), 400);
        assert_eq!(of(&[Code::Invalid, Code::Unavailable]), 500);
        assert_eq!(of(&[Code::Unavailable]), 503);
        assert_eq!(of(&[]), 500);
    }

    #[test]
    fn allowed_names_are_listed_up_to_a_bound() {
        let problem = Problem::new(Code::UnknownField, "no such field.").allowing(["a", "b"]);
        assert_eq!(problem.detail, "no such field; allowed: a, b");
        assert_eq!(problem.meta, Some(json!({"allowed": ["a", "b"]})));
        let many = vec!["x"; 200];
        let problem = Problem::new(Code::UnknownField, "no").allowing(many);
        assert!(problem.detail.ends_with("x, x and 188 more"), "{}", problem.detail);
        assert_eq!(problem.meta.unwrap()["allowed"].as_array().unwrap().len(), 100);
    }

    #[test]
    fn pointers_escape_their_segments() {
        assert_eq!(pointer(&["data", "attributes", "a/b~c"]), "/data/attributes/a~1b~0c");
        assert_eq!(pointer(&[]), "");
    }
}
