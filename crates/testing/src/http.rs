//! The client that tests call services with.

/// A client that follows no redirects and takes no proxy.
///
/// # Panics
/// Never: the options are fixed.
#[must_use]
pub fn client() -> reqwest::Client {
    // Fails only when another client of this process has installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "a test talks to services it has started itself")]
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("the options are fixed")
}
