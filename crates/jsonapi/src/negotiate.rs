//! Content negotiation: which request bodies are read and which answers are acceptable.
//!
//! No extension is supported and no profile changes an answer, so both rules only ever say yes or no.

use crate::{Code, MEDIA_TYPE, Problem};

/// Accepts the `Content-Type` of a request body, or says why not (415).
///
/// `application/vnd.api+json` may carry `profile` only, since any `ext` would name an extension this server
/// does not have; `application/json` may carry anything.
///
/// # Errors
///
/// When the header is missing, is not a media type, or names another type, parameter or an extension.
pub fn content_type(header: Option<&str>) -> Result<(), Problem> {
    let refuse = |detail: String| Problem::new(Code::UnsupportedMediaType, detail).at_header("Content-Type");
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
    for (name, value) in &media.parameters {
        match name.as_str() {
            "profile" => {}
            "ext" if extensions(value).next().is_none() => {}
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
/// # Errors
///
/// When every range is unusable, excluded or for other media types.
pub fn accept(header: Option<&str>) -> Result<(), Problem> {
    let Some(text) = header.filter(|text| !text.trim().is_empty()) else { return Ok(()) };
    let ranges: Vec<MediaType> =
        split_outside_quotes(text, ',').filter_map(MediaType::parse).filter(MediaType::is_usable).collect();
    for essence in [MEDIA_TYPE, "application/json", "application/*", "*/*"] {
        let mut weights =
            ranges.iter().filter(|range| range.is(essence)).map(MediaType::has_weight).peekable();
        if weights.peek().is_some() {
            if weights.any(|wanted| wanted) {
                return Ok(());
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
                "ext" => extensions(value).next().is_none(),
                _ => false,
            })
    }

    fn has_weight(&self) -> bool {
        let weight = self.parameters.iter().find(|(name, _)| name == "q");
        weight.is_none_or(|(_, value)| value.parse::<f32>().is_ok_and(|weight| weight > 0.0))
    }
}

fn extensions(value: &str) -> impl Iterator<Item = &str> {
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
            assert_eq!(accept(Some(good)), Ok(()), "{good}");
        }
        assert_eq!(accept(None), Ok(()));
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
