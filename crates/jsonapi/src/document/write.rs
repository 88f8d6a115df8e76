//! Writing documents around resource objects that are JSON text already.

use std::borrow::Cow;

use serde_json::Value;

use crate::{BASE, MEDIA_TYPE, write_json_string};

/// The links of a document, in the order they are written, and the profile that the document follows. The link to the
/// description of the whole API is always the last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Links {
    links: Vec<(&'static str, Option<String>)>,
    profile: Option<&'static str>,
}

impl Links {
    /// Starts with the link to the document itself.
    #[must_use]
    pub fn new(this: impl Into<String>) -> Self {
        Self::none().with("self", Some(this.into()))
    }

    /// Of a document that cannot be fetched again.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Adds a link; nothing is written as null, which says that the target does not exist.
    #[must_use]
    pub fn with(mut self, name: &'static str, target: Option<String>) -> Self {
        self.links.push((name, target));
        self
    }

    /// Names the profile that the document follows.
    #[must_use]
    pub fn under(mut self, profile: Option<&'static str>) -> Self {
        self.profile = profile;
        self
    }

    /// The target of a link.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.links.iter().find(|(known, _)| *known == name)?.1.as_deref()
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (name, target) in &self.links {
            write_json_string(out, name);
            out.push(b':');
            match (target, self.profile) {
                // What the document says of itself includes its full media type (jsonapi.org, "Profiles").
                (Some(target), Some(_)) if *name == "self" => {
                    out.extend_from_slice(b"{\"href\":");
                    write_json_string(out, target);
                    out.extend_from_slice(b",\"type\":");
                    write_json_string(out, &media_type(self.profile));
                    out.push(b'}');
                }
                (Some(target), _) => write_json_string(out, target),
                (None, _) => out.extend_from_slice(b"null"),
            }
            out.push(b',');
        }
        out.extend_from_slice(format!("\"describedby\":\"{BASE}/openapi.json\"}}").as_bytes());
    }
}

/// The media type of a document that follows a profile, or none.
fn media_type(profile: Option<&'static str>) -> Cow<'static, str> {
    match profile {
        Some(uri) => Cow::Owned(format!("{MEDIA_TYPE};profile=\"{uri}\"")),
        None => Cow::Borrowed(MEDIA_TYPE),
    }
}

/// A document, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its text.
    pub body: Vec<u8>,
    profile: Option<&'static str>,
}

impl Document {
    /// What it is sent as.
    #[must_use]
    pub fn media_type(&self) -> Cow<'static, str> {
        media_type(self.profile)
    }
}

/// Writes one document front to back: primary data, then what is included, then meta.
///
/// Resource objects are written (or copied) straight into the document's buffer, so a page of rows is
/// rendered once and never parsed again.
///
/// ```
/// use pulse_jsonapi::document::{Links, Writer};
///
/// let mut writer = Writer::collection(&Links::new("/tags"));
/// writer.resource().extend_from_slice(br#"{"type":"tags","id":"1"}"#);
/// writer.include();
/// let document = writer.finish(None);
/// assert_eq!(
///     String::from_utf8(document.body).unwrap(),
///     concat!(
///         r#"{"jsonapi":{"version":"1.1"},"links":{"self":"/tags","describedby":"/api/v1/openapi.json"},"#,
///         r#""data":[{"type":"tags","id":"1"}],"included":[]}"#
///     )
/// );
/// ```
#[derive(Debug)]
pub struct Writer {
    out: Vec<u8>,
    profile: Option<&'static str>,
    section: Section,
    /// Whether the section holds an object already.
    begun: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Single,
    Collection,
    Included,
    NoData,
}

impl Writer {
    /// Starts a document whose primary data is an array.
    #[must_use]
    pub fn collection(links: &Links) -> Self {
        let mut writer = Self::begin(links, Section::Collection);
        writer.out.extend_from_slice(b",\"data\":[");
        writer
    }

    /// Starts a document whose primary data is one object, or null if none is written.
    #[must_use]
    pub fn single(links: &Links) -> Self {
        let mut writer = Self::begin(links, Section::Single);
        writer.out.extend_from_slice(b",\"data\":");
        writer
    }

    /// Starts a document without primary data, which needs a meta to be legal.
    #[must_use]
    pub fn meta_only(links: &Links) -> Self {
        Self::begin(links, Section::NoData)
    }

    fn begin(links: &Links, section: Section) -> Self {
        let mut out = Vec::with_capacity(4096);
        out.extend_from_slice(br#"{"jsonapi":{"version":"1.1""#);
        if let Some(uri) = links.profile {
            out.extend_from_slice(b",\"profile\":[");
            write_json_string(&mut out, uri);
            out.push(b']');
        }
        out.extend_from_slice(b"},\"links\":");
        links.write(&mut out);
        Self { out, profile: links.profile, section, begun: false }
    }

    /// The buffer for the next resource object or identifier of the current section; the caller appends
    /// exactly one JSON object.
    pub fn resource(&mut self) -> &mut Vec<u8> {
        debug_assert!(
            !self.begun || matches!(self.section, Section::Collection | Section::Included),
            "a single document has one resource"
        );
        if self.begun {
            self.out.push(b',');
        }
        self.begun = true;
        &mut self.out
    }

    /// Ends the primary data and starts `included`, which is written even if it stays empty.
    pub fn include(&mut self) {
        self.end_section();
        self.out.extend_from_slice(b",\"included\":[");
        self.section = Section::Included;
        self.begun = false;
    }

    /// Ends the document.
    #[must_use]
    pub fn finish(mut self, meta: Option<&Value>) -> Document {
        self.end_section();
        if let Some(meta) = meta {
            self.out.extend_from_slice(b",\"meta\":");
            serde_json::to_writer(&mut self.out, meta).expect("a JSON value always serialises into memory");
        }
        self.out.push(b'}');
        Document { body: self.out, profile: self.profile }
    }

    fn end_section(&mut self) {
        match self.section {
            Section::Single if !self.begun => self.out.extend_from_slice(b"null"),
            Section::Collection | Section::Included => self.out.push(b']'),
            Section::Single | Section::NoData => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(document: Document) -> Value {
        assert_eq!(document.media_type(), MEDIA_TYPE);
        serde_json::from_slice(&document.body).unwrap()
    }

    fn links() -> Links {
        Links::new("/t?a=\"b\"").with("prev", None)
    }

    #[test]
    fn a_collection_has_its_resources_and_what_is_included() {
        let mut writer = Writer::collection(&links());
        writer.resource().extend_from_slice(b"{\"id\":\"1\"}");
        writer.resource().extend_from_slice(b"{\"id\":\"2\"}");
        writer.include();
        writer.resource().extend_from_slice(b"{\"id\":\"3\"}");
        assert_eq!(
            parsed(writer.finish(Some(&json!({"total": 2})))),
            json!({
                "jsonapi": {"version": "1.1"},
                "links": {"self": "/t?a=\"b\"", "prev": null, "describedby": "/api/v1/openapi.json"},
                "data": [{"id": "1"}, {"id": "2"}], "included": [{"id": "3"}], "meta": {"total": 2}
            })
        );
    }

    #[test]
    fn a_single_document_is_null_until_a_resource_is_written() {
        let empty = parsed(Writer::single(&links()).finish(None));
        assert_eq!((empty["data"].clone(), empty.get("included")), (Value::Null, None));
        let mut writer = Writer::single(&links());
        writer.resource().extend_from_slice(b"{\"id\":\"1\"}");
        writer.include();
        let document = parsed(writer.finish(None));
        assert_eq!((&document["data"], &document["included"]), (&json!({"id": "1"}), &json!([])));
    }

    #[test]
    fn a_profile_is_named_in_the_document_and_in_its_media_type() {
        let document = Writer::collection(&Links::new("/t").under(Some("https://p"))).finish(None);
        let media_type = "application/vnd.api+json;profile=\"https://p\"";
        assert_eq!(document.media_type(), media_type);
        let document: Value = serde_json::from_slice(&document.body).unwrap();
        assert_eq!(document["jsonapi"], json!({"version": "1.1", "profile": ["https://p"]}));
        assert_eq!(document["links"]["self"], json!({"href": "/t", "type": media_type}));
    }

    #[test]
    fn a_document_may_have_meta_alone() {
        let document = parsed(Writer::meta_only(&links()).finish(Some(&json!({"deleted": true}))));
        assert_eq!((document.get("data"), &document["meta"]), (None, &json!({"deleted": true})));
    }
}
