//! An answer as it is stored: sealed, for it may show a token that is shown only once.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use pulse_domain::seal::MasterKey;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Error;

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Kept {
    head: Head,
    body: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
}

impl Kept {
    /// What a handler has answered. Cookies are for one browser and one moment.
    pub(super) fn of<B>(response: &HttpResponse<B>, body: &[u8]) -> Self {
        let headers = response.headers().iter().filter(|(name, _)| *name != header::SET_COOKIE);
        let headers = headers
            .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())));
        let head = Head { status: response.status().as_u16(), headers: headers.collect() };
        Self { head, body: body.to_vec() }
    }

    /// Seals it for the claim it was given under.
    ///
    /// # Errors
    /// Never: texts and numbers can be written.
    pub(super) fn seal(&self, key: &MasterKey, claim: Uuid) -> Result<Vec<u8>, Error> {
        let mut text = serde_json::to_vec(&self.head).map_err(anyhow::Error::from)?;
        text.push(b'\n');
        text.extend_from_slice(&self.body);
        Ok(key.seal(claim.as_bytes(), &text))
    }

    /// Opens what was sealed for a claim.
    ///
    /// # Errors
    /// When it was sealed under another key.
    pub(super) fn open(key: &MasterKey, claim: Uuid, sealed: &[u8]) -> Result<Self, Error> {
        let text = key.open(claim.as_bytes(), sealed).map_err(anyhow::Error::from)?;
        // JSON has no line breaks unless somebody asks for them.
        let end = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
        let head = serde_json::from_slice(&text[..end]).map_err(anyhow::Error::from)?;
        Ok(Self { head, body: text.get(end + 1..).unwrap_or_default().to_vec() })
    }

    /// Gives it again.
    ///
    /// # Errors
    /// When what is stored is no answer.
    pub(super) fn response(self) -> Result<HttpResponse, Error> {
        let status = StatusCode::from_u16(self.head.status).map_err(anyhow::Error::from)?;
        let mut response = HttpResponse::new(status).set_body(self.body).map_into_boxed_body();
        for (name, value) in self.head.headers {
            let name = name.parse::<HeaderName>().map_err(anyhow::Error::from)?;
            let value = HeaderValue::from_str(&value).map_err(anyhow::Error::from)?;
            response.headers_mut().append(name, value);
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn an_answer_survives_its_storage_without_its_cookies() {
        let key = MasterKey::from_base64(KEY).expect("a key");
        let answer = HttpResponse::Created()
            .insert_header(("ETag", "\"1\""))
            .insert_header(("Set-Cookie", "a=b"))
            .finish();
        let body = b"{\n\"data\": null}\n";
        let kept = Kept::of(&answer, body);
        let sealed = kept.seal(&key, Uuid::nil()).expect("it is sealed");
        assert!(!sealed.windows(4).any(|text| text == b"data"));

        let opened = Kept::open(&key, Uuid::nil(), &sealed).expect("it opens");
        assert_eq!(opened, kept);
        assert_eq!(opened.body, body);
        let response = opened.response().expect("an answer");
        assert_eq!(
            (response.status(), response.headers().get("etag").is_some()),
            (StatusCode::CREATED, true)
        );
        assert!(response.headers().get("set-cookie").is_none());
        assert!(Kept::open(&key, Uuid::from_u128(1), &sealed).is_err());
    }
}
