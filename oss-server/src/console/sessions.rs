//! The cookies of the console: the session's token, and the language.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, header};
use cookie::{Cookie, SameSite};
use oss_core::SessionToken;

use super::texts::Language;
use super::{Console, PATH};

/// The time for which an operator stays signed in. The database ends a session too.
pub(super) const LASTS: Duration = Duration::from_hours(8);

const SESSION: &str = "oss_session";
const LANGUAGE: &str = "oss_language";

/// The value of a cookie of a request.
fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies.flat_map(Cookie::split_parse).flatten().find(|cookie| cookie.name() == name).and_then(|cookie| {
        // A text of the request, because nothing had to be decoded.
        cookie.value_raw()
    })
}

/// The token of a request's session.
pub(super) fn token_of(headers: &HeaderMap) -> Option<SessionToken> {
    value(headers, SESSION).and_then(SessionToken::of)
}

/// The language that the operator chose.
pub(super) fn chosen_language(headers: &HeaderMap) -> Option<Language> {
    value(headers, LANGUAGE).and_then(Language::of_tag)
}

impl Console {
    /// A token for a browser that has none, if the server has no keys. Without random bits there is none, and its forms are refused.
    pub(super) fn new_open_token(&self, headers: &HeaderMap) -> Option<SessionToken> {
        let needs_one = !self.access.has_keys() && token_of(headers).is_none();
        needs_one.then(|| SessionToken::generate().ok()).flatten()
    }

    /// The header that gives a session's token to a browser.
    pub(super) fn session_cookie(&self, headers: &HeaderMap, token: &SessionToken) -> HeaderValue {
        self.cookie(headers, SESSION, token.expose(), LASTS)
    }

    /// The header that takes the token away.
    pub(super) fn ended_cookie(&self, headers: &HeaderMap) -> HeaderValue {
        self.cookie(headers, SESSION, "", Duration::ZERO)
    }

    /// The header that keeps a language for a year.
    pub(super) fn language_cookie(&self, headers: &HeaderMap, language: Language) -> HeaderValue {
        self.cookie(headers, LANGUAGE, language.tag(), Duration::from_hours(365 * 24))
    }

    /// A cookie that only this server's pages send and no script reads.
    fn cookie(&self, headers: &HeaderMap, name: &str, value: &str, lasts: Duration) -> HeaderValue {
        let lasts = cookie::time::Duration::try_from(lasts).unwrap_or_default();
        let cookie = Cookie::build((name, value)).path(PATH).http_only(true).same_site(SameSite::Strict);
        let cookie = cookie.secure(self.over_tls || came_over_tls(headers)).max_age(lasts).build();
        // The names and the values are visible ASCII.
        HeaderValue::try_from(cookie.to_string()).unwrap_or(HeaderValue::from_static(""))
    }
}

/// Whether a proxy says that the browser reached it over TLS. If the proxy is wrong, the browser does not keep the cookie, and nobody can sign in.
fn came_over_tls(headers: &HeaderMap) -> bool {
    headers.get("x-forwarded-proto").is_some_and(|scheme| scheme.as_bytes().eq_ignore_ascii_case(b"https"))
}
