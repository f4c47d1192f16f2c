//! Signing in and out, and the operator's choices.

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use oss_core::{OperatorSession, SessionToken};

use crate::access::KeyFault;
use crate::console::forms::Form;
use crate::console::frame::{Frame, page};
use crate::console::sessions::{LASTS, token_of};
use crate::console::texts::Language;
use crate::console::visitor::{Here, SIGN_IN, Sent, TurnedAway, language_of, require_own_page};
use crate::console::{Console, PATH};
use crate::problem::{Fault, Problem};
use crate::state::Shared;

#[derive(Template)]
#[template(path = "console/sign_in.html")]
struct SignInPage {
    frame: Frame,
    fault: Option<&'static str>,
}

fn form(headers: &HeaderMap, fault: Option<&'static str>) -> Response {
    page(&SignInPage { frame: Frame::bare(language_of(headers)), fault })
}

pub(in crate::console) async fn show(Here(console): Here, headers: HeaderMap) -> Result<Response, Problem> {
    match console.access.admit_anyone()? {
        Some(_) => Ok(Redirect::to(PATH).into_response()),
        None => Ok(form(&headers, None)),
    }
}

/// Opens a session for the key that the operator shows.
pub(in crate::console) async fn sign_in(
    State(state): State<Shared>,
    Here(console): Here,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    require_own_page(&headers)?;
    let sent = Form::of_body(body).await?;
    match console.access.new_session(sent.text("key")) {
        Ok(session) => open(&console, &state, &headers, session).await,
        Err(fault) => Ok(refused(&console, &headers, fault)),
    }
}

async fn open(
    console: &Console,
    state: &Shared,
    headers: &HeaderMap,
    session: OperatorSession,
) -> Result<Response, Problem> {
    let token = SessionToken::generate().map_err(|_| Problem::internal("there are no random bits"))?;
    let cookie = console.session_cookie(headers, &token);
    tracing::info!(client = %session.client, "An operator signed in.");
    state.oss.open_session(&token, &session, LASTS).await?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(PATH)).into_response())
}

fn refused(console: &Console, headers: &HeaderMap, fault: KeyFault) -> Response {
    let t = language_of(headers).texts();
    // A right key takes none of the places of wrong ones.
    let fault = match fault {
        KeyFault::Unknown if console.wrong_keys.check().is_err() => KeyFault::TooMany,
        fault => fault,
    };
    let (status, text) = match fault {
        KeyFault::Unknown => (StatusCode::UNAUTHORIZED, t.wrong_key),
        KeyFault::NoOperations => (StatusCode::FORBIDDEN, t.no_operations),
        KeyFault::TooMany => (StatusCode::TOO_MANY_REQUESTS, t.too_many_attempts),
    };
    let mut answer = (status, form(headers, Some(text))).into_response();
    if fault == KeyFault::TooMany {
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
    }
    answer
}

/// Ends the session.
pub(in crate::console) async fn sign_out(
    State(state): State<Shared>,
    Here(console): Here,
    headers: HeaderMap,
    _: Sent,
) -> Result<Response, TurnedAway> {
    if let Some(token) = token_of(&headers) {
        state.oss.end_session(&token).await.map_err(Problem::from)?;
    }
    Ok(([(header::SET_COOKIE, console.ended_cookie(&headers))], Redirect::to(SIGN_IN)).into_response())
}

/// Changes the brand that the session acts for.
pub(in crate::console) async fn select_brand(
    State(state): State<Shared>,
    headers: HeaderMap,
    Sent { visitor, form }: Sent,
) -> Result<Redirect, TurnedAway> {
    let expected = || Problem::malformed(vec![Fault::expecting("brand", "a brand of this client")]);
    let brand = form.text("brand");
    let chosen = brand.parse().ok().filter(|_| visitor.may_choose(brand)).ok_or_else(expected)?;
    let token = token_of(&headers).ok_or(TurnedAway::SignIn)?;
    state.oss.select_session_brand(&token, &chosen).await.map_err(Problem::from)?;
    // The page before may be about a number of the other brand.
    Ok(Redirect::to(PATH))
}

/// Keeps the language that somebody chooses. It changes nothing else, so the form needs no token.
pub(in crate::console) async fn select_language(
    Here(console): Here,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let form = Form::of_body(body).await?;
    let language = Language::of_tag(form.text("language")).unwrap_or_else(|| language_of(&headers));
    let path = own_path(form.text("path"));
    let cookie = console.language_cookie(&headers, language);
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(path)).into_response())
}

/// The path, if it is one of this console; otherwise the first page.
fn own_path(path: &str) -> &str {
    let is_visible = path.bytes().all(|byte| byte.is_ascii_graphic());
    let is_own = path == PATH || path.strip_prefix(PATH).is_some_and(|rest| rest.starts_with('/'));
    if is_visible && is_own { path } else { PATH }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_of_a_language_leads_to_no_other_site() {
        assert_eq!(own_path("/console/numbers"), "/console/numbers");
        for path in [
            "",
            "/",
            "//evil.example",
            "https://evil.example",
            "/console@evil.example",
            "/consoles",
            "/console/\r\nx",
        ] {
            assert_eq!(own_path(path), PATH, "{path}");
        }
    }
}
