//! What a session is opened from: an address, and a program that says what it is.

use actix_web::HttpRequest;
use actix_web::http::header;
use pulse_service::http::Origin;

/// A user agent is kept up to this many characters.
const USER_AGENT: usize = 255;
/// The name of a program that is no browser, up to this many characters.
const PROGRAM: usize = 40;

/// Browsers claim to be each other: the first of these that is claimed is true.
const BROWSERS: [(&str, &str); 8] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// So do systems.
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

/// Where a request comes from.
#[derive(Clone, Debug)]
pub(super) struct Device {
    pub(super) ip: String,
    pub(super) user_agent: Option<String>,
    /// A few words for people: `Firefox on Windows`.
    pub(super) name: String,
}

impl Device {
    /// The device of a request.
    pub(super) fn of(request: &HttpRequest, origin: &Origin) -> Self {
        let agent = request.headers().get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
        let user_agent: Option<String> = agent.map(|agent| agent.chars().take(USER_AGENT).collect());
        Self {
            ip: origin.client.to_string(),
            name: name(user_agent.as_deref().unwrap_or_default()),
            user_agent,
        }
    }
}

fn name(agent: &str) -> String {
    let named = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name)
    };
    let program = || {
        let program = agent.split(['/', ' ']).next().filter(|program| !program.is_empty());
        program.unwrap_or("Unknown device").chars().take(PROGRAM).collect()
    };
    match (agent.starts_with("Mozilla/").then(|| named(&BROWSERS)).flatten(), named(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) => program(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_called_by_what_they_are_and_programs_by_what_they_say() {
        let table = [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Linux"),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 \
                 Safari/537.36 Edg/142.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Version/18.6 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile \
                 Safari/537.36",
                "Chrome on Android",
            ),
            ("curl/8.14.1", "curl"),
            ("python-requests/2.32.5", "python-requests"),
            ("", "Unknown device"),
        ];
        for (agent, expected) in table {
            assert_eq!(name(agent), expected, "{agent}");
        }
    }
}
