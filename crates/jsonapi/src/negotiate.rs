//! Content negotiation: which request bodies are read, which answers are acceptable, and which profile was asked for.
//!
//! No extension is supported.

use crate::{Code, MEDIA_TYPE, Problem, profile};

/// Accepts the `Content-Type` of a request body, or says why not (415).
///
/// `application/vnd.api+json` may carry `profile` only, since any `ext` would name an extension this server
/// does not have; `application/json` may carry anything. An unknown profile is ignored, and a known one changes
/// nothing about how a body is read.
///
/// # Errors
///
/// When the header is missing, is not a media type, or names another type, parameter or an extension.
pub fn content_type(header: Option<&str>) -> Result<(), Problem> {
    let Some(text) = header else {
        return Err(refuse(format!("send the body as {MEDIA_TYPE} and say so in Content-Type")));
    };
    let Some(media) = MediaType::parse(text) else {
        return Err(refuse(format!("{text:?} is not a media type; send {MEDIA_TYPE}")));
    };
    if media.is("application/json") {
        return Ok(());
    }
    if !media.is(MEDIA_TYPE) {
        return Err(refuse(format!("{} is not read here; send {MEDIA_TYPE}", media.essence)));
    }
    parameters(&media)
}

/// Accepts the `Content-Type` of a request whose body is not read: clients send one with GET and DELETE too. Only the
/// JSON:API media type with parameters that it must not have is refused, as the text demands of every request.
///
/// # Errors
///
/// When it names the JSON:API media type with another parameter than `profile`, or an extension.
pub fn unread_content_type(header: Option<&str>) -> Result<(), Problem> {
    match header.and_then(MediaType::parse).filter(|media| media.is(MEDIA_TYPE)) {
        Some(media) => parameters(&media),
        None => Ok(()),
    }
}

fn refuse(detail: String) -> Problem {
    Problem::new(Code::UnsupportedMediaType, detail).at_header("Content-Type")
}

fn parameters(media: &MediaType) -> Result<(), Problem> {
    for (name, value) in &media.parameters {
        match name.as_str() {
            "profile" => {}
            "ext" if uris(value).next().is_none() => {}
            "ext" => return Err(refuse(format!("the extension {value:?} is not supported"))),
            other => return Err(refuse(format!("{MEDIA_TYPE} takes no parameter {other:?}"))),
        }
    }
    Ok(())
}

/// Accepts the `Accept` header of a request, or says that no answer would satisfy it (406).
///
/// An instance of the JSON:API media type counts only without parameters other than `ext` and `profile` and
/// without an unsupported extension. The most specific range that matches decides; a weight of zero excludes.
/// `application/json` is served too, with the JSON:API media type, which is JSON.
///
/// Returns the known profile that the answer should follow, in the spelling that was asked for: the one of the usable
/// instance with the highest weight that names one.
///
/// # Errors
///
/// When every range is unusable, excluded or for other media types.
pub fn accept(header: Option<&str>) -> Result<Option<&'static str>, Problem> {
    let Some(text) = header.filter(|text| !text.trim().is_empty()) else { return Ok(None) };
    let ranges: Vec<MediaType> =
        split_outside_quotes(text, ',').filter_map(MediaType::parse).filter(MediaType::is_usable).collect();
    for essence in [MEDIA_TYPE, "application/json", "application/*", "*/*"] {
        let mut weights =
            ranges.iter().filter(|range| range.is(essence)).map(MediaType::has_weight).peekable();
        if weights.peek().is_some() {
            if weights.any(|wanted| wanted) {
                return Ok(requested(&ranges));
            }
            // Refusing plain JSON says nothing about JSON:API; refusing a range that covers JSON:API does.
            if essence != "application/json" {
                break;
            }
        }
    }
    let detail = format!("answers are sent as {MEDIA_TYPE} without parameters or extensions");
    Err(Problem::new(Code::NotAcceptable, detail).at_header("Accept"))
}

fn requested(ranges: &[MediaType]) -> Option<&'static str> {
    let instances = ranges.iter().filter(|range| range.is(MEDIA_TYPE) && range.has_weight());
    let named = instances.filter_map(|range| Some((range.weight(), range.profile()?)));
    // Of equal weights the first, as the client wrote them.
    named.rev().max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, profile)| profile)
}

struct MediaType {
    /// `type/subtype` in lower case.
    essence: String,
    /// Names in lower case, values unquoted.
    parameters: Vec<(String, String)>,
}

impl MediaType {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = split_outside_quotes(text, ';').map(str::trim);
        let essence = parts.next()?.to_ascii_lowercase();
        let (main, sub) = essence.split_once('/')?;
        if !is_token(main) || !is_token(sub) {
            return None;
        }
        let mut parameters = Vec::new();
        for part in parts.filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=')?;
            if !is_token(name) {
                return None;
            }
            parameters.push((name.to_ascii_lowercase(), unquote(value)?));
        }
        Some(Self { essence, parameters })
    }

    fn is(&self, essence: &str) -> bool {
        self.essence == essence
    }

    fn is_usable(&self) -> bool {
        !self.is(MEDIA_TYPE)
            || self.parameters.iter().all(|(name, value)| match name.as_str() {
                "q" | "profile" => true,
                "ext" => uris(value).next().is_none(),
                _ => false,
            })
    }

    fn weight(&self) -> f32 {
        let weight = self.parameters.iter().find(|(name, _)| name == "q");
        weight.map_or(1.0, |(_, value)| value.parse().unwrap_or(0.0))
    }

    fn has_weight(&self) -> bool {
        self.weight() > 0.0
    }

    fn profile(&self) -> Option<&'static str> {
        let (_, value) = self.parameters.iter().find(|(name, _)| name == "profile")?;
        uris(value).find_map(profile::known)
    }
}

fn uris(value: &str) -> impl Iterator<Item = &str> {
    value.split(' ').filter(|uri| !uri.is_empty())
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn unquote(value: &str) -> Option<String> {
    let Some(inner) = value.strip_prefix('"') else { return Some(value.to_owned()) };
    let inner = inner.strip_suffix('"')?;
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        text.push(if c == '\\' { chars.next()? } else { c });
    }
    Some(text)
}

fn split_outside_quotes(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    text.split(move |c| {
        if escaped {
            escaped = false;
        } else if quoted && c == '\\' {
            escaped = true;
        } else if c == '"' {
            quoted = !quoted;
        }
        c == separator && !quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_are_read_by_the_book() {
        for good in [
            "application/vnd.api+json",
            "Application/VND.api+JSON",
            "application/vnd.api+json; profile=\"https://example.com/a https://example.com/b\"",
            "application/vnd.api+json;ext=\"\"",
            "application/json",
            "application/json; charset=utf-8",
        ] {
            assert_eq!(content_type(Some(good)), Ok(()), "{good}");
        }
        for bad in [
            "application/vnd.api+json; charset=utf-8",
            "application/vnd.api+json; ext=\"https://jsonapi.org/ext/atomic\"",
            "application/vnd.api+json; q=1",
            "text/plain",
            "application/vnd.api+json2",
            "",
            "json",
            "application/vnd.api+json; profile=\"open",
        ] {
            let problem = content_type(Some(bad)).unwrap_err();
            assert_eq!(problem.code.status(), 415, "{bad}");
            assert_eq!(problem.source, Some(crate::Source::Header("Content-Type".into())));
        }
        assert!(content_type(None).is_err());
    }

    #[test]
    fn accept_headers_are_served_when_one_instance_is_usable() {
        for good in [
            "",
            "*/*",
            "application/*",
            "application/vnd.api+json",
            "application/vnd.api+json;q=0.1",
            "APPLICATION/VND.API+JSON",
            "text/html, application/vnd.api+json; profile=\"https://example.com/unknown,x\"",
            "application/vnd.api+json; charset=utf-8, application/vnd.api+json",
            "application/vnd.api+json; charset=utf-8, */*;q=0.1",
            "application/json",
            "application/json;q=0, */*",
        ] {
            assert_eq!(accept(Some(good)), Ok(None), "{good}");
        }
        assert_eq!(accept(None), Ok(None));
    }

    #[test]
    fn a_known_profile_is_found_in_the_spelling_of_the_client() {
        let uri = profile::CURSOR_PAGINATION;
        let published = "http://jsonapi.org/profiles/ethanresnick/cursor-pagination/";
        for (header, expected) in [
            (format!("application/vnd.api+json;profile=\"{uri}\""), Some(uri)),
            (
                format!("application/vnd.api+json;profile=\"https://example.com/x {published}\""),
                Some(published),
            ),
            (
                format!("application/vnd.api+json, application/vnd.api+json;q=0.5;profile=\"{uri}\""),
                Some(uri),
            ),
            (format!("application/vnd.api+json;profile=\"{uri}\";q=0, application/vnd.api+json"), None),
            (format!("application/vnd.api+json;profile=\"{uri}\";charset=x, */*"), None),
            (format!("application/json;profile=\"{uri}\""), None),
        ] {
            assert_eq!(accept(Some(&header)), Ok(expected), "{header}");
        }
    }

    #[test]
    fn a_body_that_is_not_read_may_be_called_anything_that_json_api_does_not_forbid() {
        for good in
            [None, Some("text/plain"), Some("nonsense"), Some("application/vnd.api+json;profile=\"x\"")]
        {
            assert_eq!(unread_content_type(good), Ok(()), "{good:?}");
        }
        assert!(unread_content_type(Some("application/vnd.api+json; charset=utf-8")).is_err());
    }

    #[test]
    fn accept_headers_without_a_usable_instance_are_refused() {
        for bad in [
            "text/html",
            "application/vnd.api+json; charset=utf-8",
            "application/vnd.api+json; ext=\"https://jsonapi.org/ext/atomic\"",
            "application/vnd.api+json;q=0",
            "application/vnd.api+json;q=0, */*",
            "*/*;q=0",
            "nonsense",
        ] {
            assert_eq!(accept(Some(bad)).unwrap_err().code, Code::NotAcceptable, "{bad}");
        }
    }
}
