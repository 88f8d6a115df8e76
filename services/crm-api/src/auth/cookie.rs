//! Sessions of browsers: a cookie that no script can read, in place of a token that scripts must keep.
//!
//! The cookie holds a token of an audience of its own, so it opens nothing where a bearer token is asked for, and no
//! bearer token opens anything as a cookie. It is good for as long as the session's row is: that is looked up with every
//! request, whatever a token says.

use actix_web::HttpResponse;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use chrono::{DateTime, Utc};

use crate::settings::Session;

/// A cookie of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cookie {
    /// Holds the token of the session.
    Session,
    /// Holds what a request that changes something has to say again in a header.
    Csrf,
}

impl Cookie {
    /// All of them.
    pub(super) const ALL: [Self; 2] = [Self::Session, Self::Csrf];

    /// Its name. Browsers take one of the prefix `__Host-` over https alone, for this host and all of its paths; so
    /// where there is no https, as in development, the name is without it.
    pub(super) const fn name(self, settings: &Session) -> &'static str {
        match (self, settings.insecure_cookies) {
            (Self::Session, false) => "__Host-pulse_session",
            (Self::Session, true) => "pulse_session",
            (Self::Csrf, false) => "__Host-pulse_csrf",
            (Self::Csrf, true) => "pulse_csrf",
        }
    }

    /// Its value in a request. A browser sends a name of the prefix once.
    pub(super) fn read<'a>(self, headers: &'a HeaderMap, settings: &Session) -> Option<&'a str> {
        let pairs = headers.get_all(header::COOKIE).filter_map(|value| value.to_str().ok());
        let pairs = pairs.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(name, _)| *name == self.name(settings)).map(|(_, value)| value);
        values.next()
    }

    /// Sets it until a time.
    pub(super) fn set(
        self,
        response: &mut HttpResponse,
        settings: &Session,
        value: &str,
        until: DateTime<Utc>,
    ) -> anyhow::Result<()> {
        let seconds = (until - Utc::now()).num_seconds().max(0);
        self.write(response, settings, value, seconds)
    }

    /// Takes it away.
    pub(super) fn clear(self, response: &mut HttpResponse, settings: &Session) -> anyhow::Result<()> {
        self.write(response, settings, "", 0)
    }

    fn write(
        self,
        response: &mut HttpResponse,
        settings: &Session,
        value: &str,
        seconds: i64,
    ) -> anyhow::Result<()> {
        let name = self.name(settings);
        let secure = if settings.insecure_cookies { "" } else { "; Secure" };
        // Scripts send the one back in a header, and have no business with the other.
        let hidden = if self == Self::Session { "; HttpOnly" } else { "" };
        let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; SameSite=Lax{secure}{hidden}");
        response.headers_mut().append(header::SET_COOKIE, HeaderValue::from_str(&cookie)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(insecure_cookies: bool) -> Session {
        Session {
            access_minutes: 15,
            idle_hours: 2,
            lifetime_hours: 10,
            refresh_grace_seconds: 30,
            insecure_cookies,
        }
    }

    #[test]
    fn a_cookie_is_found_among_others_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        let mut read = |text: &'static str| {
            headers.append(header::COOKIE, HeaderValue::from_static(text));
            Cookie::Session.read(&headers, &settings(false)).map(str::to_owned)
        };
        assert_eq!(read("a=b; x__Host-pulse_session=1; pulse_session=2"), None);
        assert_eq!(read("theme=dark;__Host-pulse_session=a.b=; c=d").as_deref(), Some("a.b="));
    }

    #[test]
    fn no_script_reads_a_session_and_no_plain_connection_carries_it() {
        let set = |cookie: Cookie, insecure: bool| {
            let mut response = HttpResponse::Ok().finish();
            cookie.clear(&mut response, &settings(insecure)).expect("a header");
            response.headers().get(header::SET_COOKIE).map(|value| value.to_str().expect("ASCII").to_owned())
        };
        let session = "__Host-pulse_session=; Path=/; Max-Age=0; SameSite=Lax; Secure; HttpOnly";
        assert_eq!(set(Cookie::Session, false).as_deref(), Some(session));
        let csrf = "__Host-pulse_csrf=; Path=/; Max-Age=0; SameSite=Lax; Secure";
        assert_eq!(set(Cookie::Csrf, false).as_deref(), Some(csrf));
        let insecure = "pulse_session=; Path=/; Max-Age=0; SameSite=Lax; HttpOnly";
        assert_eq!(set(Cookie::Session, true).as_deref(), Some(insecure));
    }
}
