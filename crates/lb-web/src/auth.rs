//! Who is signed in.
//!
//! A browser signs in once and gets a cookie with a random session; programs send `Authorization` with each request. Secrets
//! are compared by their hashes, so that the time it takes says nothing about them. Each wrong attempt is counted, told on the
//! terminal without what was tried, and answered later than the one before ([`Attempts`]).

use crate::attempts::Attempts;
use crate::options::Access;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::Read as _;
use std::net::IpAddr;
use std::time::Duration;
use tokio::time::Instant;

/// The beginning of the name of the cookie. The port follows: a browser sends cookies to all ports of a host, and another
/// program on this machine may have a cookie of its own.
const NAME: &str = "bench-session-";
/// The most sessions at once; the one that was idle for longest makes room.
const MOST_SESSIONS: usize = 64;
/// How long a session lasts that nobody uses.
const IDLE: Duration = Duration::from_secs(24 * 3600);

type Hash = [u8; 32];

/// Who is signed in.
#[derive(Debug)]
pub(crate) struct Auth {
    access: Access,
    /// The name of the cookie.
    cookie: String,
    /// The hashes of sessions, with the time at which each was last used.
    sessions: HashMap<Hash, Instant>,
    pub(crate) attempts: Attempts,
}

/// What a request says about who sends it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Signed in, or nothing is needed.
    Known,
    /// Not signed in, and did not try to.
    Unknown,
    /// Sent a wrong secret.
    Wrong,
    /// Sent a secret that was not looked at, since too many wrong ones came from there.
    Unseen,
}

impl Auth {
    /// Makes an empty list of sessions for the page on a port.
    pub(crate) fn new(access: Access, port: u16) -> Self {
        Self {
            access,
            cookie: format!("{NAME}{port}"),
            sessions: HashMap::new(),
            attempts: Attempts::default(),
        }
    }

    /// Returns what is needed to sign in: `nothing`, `password` or `token`.
    pub(crate) fn needs(&self) -> &'static str {
        match self.access {
            Access::Everybody => "nothing",
            Access::Password { .. } => "password",
            Access::Token(_) => "token",
        }
    }

    /// Says who sends a request with these fields from an address. What is [`Caller::Wrong`] must be counted by the caller.
    pub(crate) fn caller(&mut self, peer: IpAddr, headers: &HeaderMap) -> Caller {
        if self.access == Access::Everybody || self.has_session(headers) {
            return Caller::Known;
        }
        let Some(said) = headers.get(AUTHORIZATION) else { return Caller::Unknown };
        if !self.attempts.may_try(peer) {
            return Caller::Unseen;
        }
        let said = said.to_str().unwrap_or_default();
        let (scheme, value) = said.split_once(' ').unwrap_or((said, ""));
        let right = match scheme.to_ascii_lowercase().as_str() {
            "basic" => STANDARD
                .decode(value.trim())
                .ok()
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .and_then(|text| {
                    text.split_once(':').map(|(user, password)| self.is_password(user, password))
                })
                .unwrap_or(false),
            "bearer" => self.is_token(value.trim()),
            _ => false,
        };
        if right { Caller::Known } else { Caller::Wrong }
    }

    /// Returns whether these are the user and the password.
    pub(crate) fn is_password(&self, user: &str, password: &str) -> bool {
        match &self.access {
            Access::Password { user: right_user, password: right } => {
                let user = are_equal(user, right_user);
                let password = are_equal(password, right.reveal());
                user & password
            }
            _ => false,
        }
    }

    /// Returns whether this is the token.
    pub(crate) fn is_token(&self, token: &str) -> bool {
        match &self.access {
            Access::Token(right) => are_equal(token, right.reveal()),
            _ => false,
        }
    }

    /// Begins a session and returns the value of `Set-Cookie`.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(crate) fn begin_session(&mut self) -> std::io::Result<String> {
        let mut random = [0_u8; 32];
        std::fs::File::open("/dev/urandom")?.read_exact(&mut random)?;
        let session: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        self.sessions.retain(|_, used| used.elapsed() < IDLE);
        if self.sessions.len() >= MOST_SESSIONS {
            let oldest = self.sessions.iter().min_by_key(|(_, used)| **used).map(|(hash, _)| *hash);
            oldest.map(|hash| self.sessions.remove(&hash));
        }
        self.sessions.insert(hash(&session), Instant::now());
        Ok(format!("{}={session}; HttpOnly; SameSite=Strict; Path=/", self.cookie))
    }

    /// Ends the session of a request, and returns the value of `Set-Cookie`.
    pub(crate) fn end_session(&mut self, headers: &HeaderMap) -> String {
        for session in sessions_of(&self.cookie, headers) {
            self.sessions.remove(&session);
        }
        format!("{}=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0", self.cookie)
    }

    /// Returns whether a request has a session, and notes that it is used.
    pub(crate) fn has_session(&mut self, headers: &HeaderMap) -> bool {
        sessions_of(&self.cookie, headers).any(|session| match self.sessions.get_mut(&session) {
            Some(used) if used.elapsed() < IDLE => {
                *used = Instant::now();
                true
            }
            _ => false,
        })
    }
}

fn hash(text: &str) -> Hash {
    Sha256::digest(text.as_bytes()).into()
}

/// Compares two texts in a time that does not depend on where they differ.
fn are_equal(one: &str, other: &str) -> bool {
    let pairs = hash(one).into_iter().zip(hash(other));
    pairs.fold(0, |difference, (one, other)| difference | (one ^ other)) == 0
}

/// Returns the hashes of all sessions that a request names in a cookie.
fn sessions_of<'a>(name: &'a str, headers: &'a HeaderMap) -> impl Iterator<Item = Hash> + 'a {
    let cookies = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'));
    cookies.filter_map(move |cookie| cookie.trim().strip_prefix(name)?.strip_prefix('=').map(hash))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn with(name: http::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).expect("a value"))])
    }

    fn basic(text: &str) -> HeaderMap {
        with(AUTHORIZATION, &format!("Basic {}", STANDARD.encode(text)))
    }

    #[test]
    fn a_password_is_right_as_a_whole_only() {
        let mut auth = Auth::new(Access::password("ann:pass:word").expect("a password"), 8089);
        for (text, caller) in [
            ("ann:pass:word", Caller::Known),
            ("ann:pass", Caller::Wrong),
            ("ann:", Caller::Wrong),
            ("bob:pass:word", Caller::Wrong),
            ("ann", Caller::Wrong),
            ("", Caller::Wrong),
        ] {
            assert_eq!(auth.caller(HERE, &basic(text)), caller, "{text}");
        }
        assert_eq!(
            auth.caller(HERE, &with(AUTHORIZATION, "Bearer pass:word")),
            Caller::Wrong,
            "no token is set"
        );
        assert_eq!(auth.caller(HERE, &HeaderMap::new()), Caller::Unknown);
    }

    #[test]
    fn a_token_is_sent_as_a_bearer() {
        let mut auth = Auth::new(Access::token("0123456789abcdef").expect("a token"), 8089);
        assert_eq!(auth.caller(HERE, &with(AUTHORIZATION, "bearer 0123456789abcdef")), Caller::Known);
        assert_eq!(auth.caller(HERE, &with(AUTHORIZATION, "Bearer 0123456789abcdeF")), Caller::Wrong);
        assert_eq!(auth.caller(HERE, &basic("x:0123456789abcdef")), Caller::Wrong);
    }

    #[tokio::test(start_paused = true)]
    async fn sessions_are_random_bounded_and_end() {
        let mut auth = Auth::new(Access::password("ann:secret").expect("a password"), 8089);
        let begin = |auth: &mut Auth| {
            let set = auth.begin_session().expect("random numbers");
            assert!(set.ends_with("; HttpOnly; SameSite=Strict; Path=/"), "{set}");
            with(COOKIE, &format!("theme=dark; {}", set.split(';').next().unwrap_or_default()))
        };
        let (first, second) = (begin(&mut auth), begin(&mut auth));
        assert_ne!(first, second);
        assert_eq!(auth.caller(HERE, &first), Caller::Known);
        assert!(auth.end_session(&first).contains("Max-Age=0"));
        assert_eq!((auth.caller(HERE, &first), auth.caller(HERE, &second)), (Caller::Unknown, Caller::Known));
        for _ in 0..2 * MOST_SESSIONS {
            begin(&mut auth);
        }
        assert_eq!(auth.sessions.len(), MOST_SESSIONS);
        let last = begin(&mut auth);
        tokio::time::advance(IDLE).await;
        assert_eq!(auth.caller(HERE, &last), Caller::Unknown, "it was idle for a day");
        for forged in ["bench-session-8089=", "bench-session-8089", "bench-session-8089=0000", "session=1"] {
            assert_eq!(auth.caller(HERE, &with(COOKIE, forged)), Caller::Unknown, "{forged}");
        }
    }
    #[tokio::test(start_paused = true)]
    async fn guesses_in_parallel_learn_nothing_and_disturb_nobody_who_is_signed_in() {
        let mut auth = Auth::new(Access::password("ann:secret").expect("a password"), 8089);
        let set = auth.begin_session().expect("random numbers");
        let signed_in = with(COOKIE, set.split(';').next().unwrap_or_default());
        let mut looked_at = 0;
        while auth.caller(HERE, &basic("ann:guess")) == Caller::Wrong {
            auth.attempts.count(HERE);
            looked_at += 1;
        }
        assert_eq!(looked_at, 8);
        assert_eq!(
            auth.caller(HERE, &basic("ann:secret")),
            Caller::Unseen,
            "a right one is not told from them"
        );
        let elsewhere = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2));
        assert_eq!(auth.caller(elsewhere, &basic("ann:secret")), Caller::Known);
        assert_eq!(auth.caller(HERE, &signed_in), Caller::Known);
    }
}
