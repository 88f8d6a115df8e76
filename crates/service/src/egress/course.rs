//! The course of an exchange: which phases it went through, how long each took, and whom it reached.

use std::net::IpAddr;
use std::time::{Duration, Instant};

/// A phase of an exchange, in their order. One on a connection that was open already begins with the fourth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// The name is looked up.
    #[default]
    Dns,
    /// A connection is made.
    Connect,
    /// Encryption is agreed on.
    Tls,
    /// The request is sent and the head of the answer awaited.
    Wait,
    /// The body of the answer is read.
    Body,
}

impl Phase {
    /// All of them, in their order.
    pub const ALL: [Self; 5] = [Self::Dns, Self::Connect, Self::Tls, Self::Wait, Self::Body];

    /// As it stands in the log of attempts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Wait => "wait",
            Self::Body => "body",
        }
    }
}

/// How an exchange went, as far as it came.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// The address that was connected to. None where the name leads to no address that may be called, or the connection
    /// was not made.
    pub remote_address: Option<IpAddr>,
    /// The version of TLS, as `1.3`.
    pub tls_version: Option<&'static str>,
    spent: [Option<Duration>; Phase::ALL.len()],
    under_way: Option<(Phase, Instant)>,
}

impl Course {
    /// How long each phase took that was reached.
    pub fn durations(&self) -> impl Iterator<Item = (Phase, Duration)> {
        Phase::ALL.into_iter().zip(self.spent).filter_map(|(phase, spent)| Some((phase, spent?)))
    }

    /// The phase that is under way, or was when the exchange ended.
    pub(super) fn phase(&self) -> Phase {
        let reached = || self.durations().last().map(|(phase, _)| phase).unwrap_or_default();
        self.under_way.map_or_else(reached, |(phase, _)| phase)
    }

    /// The phase under way is over, and another begins.
    pub(super) fn enter(&mut self, phase: Phase) {
        self.finish();
        self.under_way = Some((phase, Instant::now()));
    }

    /// The phase under way is over.
    pub(super) fn finish(&mut self) {
        if let Some((phase, since)) = self.under_way.take() {
            *self.spent[phase as usize].get_or_insert_default() += since.elapsed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_that_were_reached_have_durations_and_the_others_none() {
        let mut course = Course::default();
        assert_eq!((course.phase(), course.durations().count()), (Phase::Dns, 0));
        course.enter(Phase::Wait);
        assert_eq!((course.phase(), course.durations().count()), (Phase::Wait, 0));
        course.enter(Phase::Body);
        course.finish();
        let reached: Vec<_> = course.durations().map(|(phase, _)| phase.name()).collect();
        assert_eq!((course.phase(), reached), (Phase::Body, vec!["wait", "body"]));
    }
}
