//! What went wrong in an exchange, by layer: a plain sentence for the owner of the receiver, and what an operator needs
//! besides.

use std::fmt;
use std::io;
use std::time::Duration;

use super::course::Phase;

/// Where an exchange failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The name has no address.
    Dns,
    /// The target must not be called.
    BlockedTarget,
    /// No connection.
    Connect,
    /// No agreement on encryption.
    Tls,
    /// Not done in time: in this phase.
    Timeout(Phase),
    /// The exchange broke off.
    Body,
    /// The proxy that everything leaves through does not work: the fault is on this side, and the receiver knows nothing
    /// of it.
    Proxy,
}

impl Layer {
    /// As it stands in the log of attempts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::BlockedTarget => "blocked_target",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout(_) => "timeout",
            Self::Body => "body",
            Self::Proxy => "proxy",
        }
    }
}

/// No answer came.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {message}", layer.name())]
pub struct Failure {
    /// Where it failed.
    pub layer: Layer,
    /// What the owner of the receiver can know.
    pub message: String,
    /// What only operators shall know.
    pub detail: Option<String>,
}

impl Failure {
    pub(super) fn new(layer: Layer, message: impl Into<String>) -> Self {
        Self { layer, message: message.into(), detail: None }
    }

    pub(super) fn because(self, cause: impl fmt::Display) -> Self {
        Self { detail: Some(cause.to_string()), ..self }
    }

    pub(super) fn timeout(phase: Phase, limit: Duration) -> Self {
        let limit = limit.as_millis();
        let message = match phase {
            Phase::Dns => format!("the name was not looked up within {limit} ms"),
            Phase::Connect => format!("there was no connection within {limit} ms"),
            Phase::Tls => format!("encryption was not agreed on within {limit} ms"),
            Phase::Wait => format!("there was no answer within {limit} ms"),
            Phase::Body => format!("the answer was not complete within {limit} ms"),
        };
        Self::new(Layer::Timeout(phase), message)
    }

    /// No connection could be made.
    pub(super) fn connect(error: &io::Error, limit: Duration) -> Self {
        let message = match error.kind() {
            io::ErrorKind::TimedOut => return Self::timeout(Phase::Connect, limit).because(error),
            io::ErrorKind::ConnectionRefused => "the connection was refused",
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                "the host cannot be reached"
            }
            _ => "no connection could be made",
        };
        Self::new(Layer::Connect, message).because(error)
    }

    /// No agreement on encryption.
    pub(super) fn tls(error: &io::Error) -> Self {
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
        let message = match cause {
            Some(rustls::Error::InvalidCertificate(reason)) => {
                format!("the certificate is not valid: {reason}")
            }
            Some(cause) => format!("encryption was not agreed on: {cause}"),
            None => "the connection was closed before encryption was agreed on".to_owned(),
        };
        Self::new(Layer::Tls, message).because(error)
    }

    /// The connection broke off after the request was sent, or part of it.
    pub(super) fn broken(error: &hyper::Error) -> Self {
        let message = match error {
            error if error.is_parse() => "the answer is not HTTP/1.1",
            _ => "the connection was closed before the answer was complete",
        };
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
        Self::new(Layer::Body, message).because(format_args!("{error}{cause}"))
    }
}
