//! Writing documents around resource objects that are JSON text already.

use serde_json::Value;

use crate::write_json_string;

/// The links of a document, in the order they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Links(Vec<(&'static str, Option<String>)>);

impl Links {
    /// Starts with the link to the document itself.
    #[must_use]
    pub fn new(this: impl Into<String>) -> Self {
        Self(vec![("self", Some(this.into()))])
    }

    /// Adds a link; nothing is written as null, which says that the target does not exist.
    #[must_use]
    pub fn with(mut self, name: &'static str, target: Option<String>) -> Self {
        self.0.push((name, target));
        self
    }

    /// The target of a link.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == name)?.1.as_deref()
    }

    /// Writes the links as a JSON object.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (index, (name, target)) in self.0.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            write_json_string(out, name);
            out.push(b':');
            match target {
                Some(target) => write_json_string(out, target),
                None => out.extend_from_slice(b"null"),
            }
        }
        out.push(b'}');
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
///     String::from_utf8(document).unwrap(),
///     r#"{"jsonapi":{"version":"1.1"},"links":{"self":"/tags"},"data":[{"type":"tags","id":"1"}],"included":[]}"#
/// );
/// ```
#[derive(Debug)]
pub struct Writer {
    out: Vec<u8>,
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
        out.extend_from_slice(br#"{"jsonapi":{"version":"1.1"},"links":"#);
        links.write(&mut out);
        Self { out, section, begun: false }
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
    pub fn finish(mut self, meta: Option<&Value>) -> Vec<u8> {
        self.end_section();
        if let Some(meta) = meta {
            self.out.extend_from_slice(b",\"meta\":");
            serde_json::to_writer(&mut self.out, meta).expect("a JSON value always serialises into memory");
        }
        self.out.push(b'}');
        self.out
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

    fn parsed(document: Vec<u8>) -> Value {
        serde_json::from_slice(&document).unwrap()
    }

    fn links() -> Links {
        Links::new("/t?a=\"b\"").with("prev", None).with("describedby", Some("/openapi.json".into()))
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
                "links": {"self": "/t?a=\"b\"", "prev": null, "describedby": "/openapi.json"},
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
    fn a_document_may_have_meta_alone() {
        let document = parsed(Writer::meta_only(&links()).finish(Some(&json!({"deleted": true}))));
        assert_eq!((document.get("data"), &document["meta"]), (None, &json!({"deleted": true})));
    }
}
