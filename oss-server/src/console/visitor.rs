//! Finds out who asks for a page, and whether a form comes from a page of this console.

use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Redirect, Response};
use oss_core::access::Scope;
use oss_core::{Oss, SessionToken};

use super::Console;
use super::forms::{FORM_TOKEN, Form};
use super::frame::{Frame, ShownOperator};
use super::sessions::{chosen_language, token_of};
use super::texts::Language;
use crate::accept::quality;
use crate::access::Operator;
use crate::problem::{FORBIDDEN, Problem};
use crate::state::Shared;

/// The path of the page on which an operator signs in.
pub(super) const SIGN_IN: &str = "/console/sign-in";

/// An operator who may see the pages.
pub(super) struct Visitor {
    /// The library's handle, which acts for the operator's brand.
    pub(super) oss: Oss,
    pub(super) frame: Frame,
    operator: Operator,
}

/// An operator who has sent a form of this console.
pub(super) struct Sent {
    pub(super) visitor: Visitor,
    pub(super) form: Form,
}

/// The reason why somebody does not see a page.
pub(super) enum TurnedAway {
    /// They have to sign in.
    SignIn,
    Refused(Problem),
}

impl From<Problem> for TurnedAway {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl IntoResponse for TurnedAway {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn => Redirect::to(SIGN_IN).into_response(),
            Self::Refused(problem) => problem.into_response(),
        }
    }
}

impl Visitor {
    /// Whether the operator has a scope.
    pub(super) fn may(&self, scope: Scope) -> bool {
        self.operator.may(scope)
    }

    /// Refuses an operator without a scope.
    pub(super) fn require(&self, scope: Scope) -> Result<(), Problem> {
        self.operator.require(scope)
    }

    /// Whether the operator may act for a brand.
    pub(super) fn may_choose(&self, brand: &str) -> bool {
        self.operator.brands.iter().any(|own| own.as_str() == brand)
    }
}

/// The part that every request to a console has.
pub(super) struct Here(pub(super) Arc<Console>);

impl<S: Sync> FromRequestParts<S> for Here {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let console = parts.extensions.get::<Arc<Console>>().cloned();
        console.map(Self).ok_or_else(|| Problem::internal("this server has no console"))
    }
}

impl FromRequestParts<Shared> for Visitor {
    type Rejection = TurnedAway;

    async fn from_request_parts(parts: &mut Parts, state: &Shared) -> Result<Self, TurnedAway> {
        let Here(console) = Here::from_request_parts(parts, state).await?;
        let (operator, form_token) = match console.access.admit_anyone()? {
            Some(operator) => (operator, open_token(parts).ok_or_else(form_refused)?.form_token()),
            None => signed_in(&console, &parts.headers, &state.oss).await?,
        };
        let (oss, language) = (operator.caller.acting(&state.oss)?, language_of(&parts.headers));
        let frame = Frame {
            language,
            t: language.texts(),
            path: parts.uri.path().to_owned(),
            operator: Some(shown(&operator, form_token)),
        };
        Ok(Self { oss, frame, operator })
    }
}

/// The token that a server without keys gives to each browser, so that only pages of that browser can send its forms.
#[derive(Debug, Clone)]
pub(super) struct OpenToken(pub(super) SessionToken);

/// The token of a request to a server without keys: the browser's own, or the one that the answer gives to it.
fn open_token(parts: &Parts) -> Option<SessionToken> {
    let new = || parts.extensions.get().map(|OpenToken(token)| token.clone());
    token_of(&parts.headers).or_else(new)
}

/// The operator of a request's session, and the token of its forms.
async fn signed_in(
    console: &Console,
    headers: &HeaderMap,
    oss: &Oss,
) -> Result<(Operator, String), TurnedAway> {
    let token = token_of(headers).ok_or(TurnedAway::SignIn)?;
    let session = oss.session(&token).await.map_err(Problem::from)?.ok_or(TurnedAway::SignIn)?;
    let operator = console.access.admit_session(&session)?.ok_or(TurnedAway::SignIn)?;
    Ok((operator, token.form_token()))
}

fn shown(operator: &Operator, form_token: String) -> ShownOperator {
    let caller = &operator.caller;
    ShownOperator {
        client: caller.brand.as_ref().map(|_| caller.name.to_string()),
        brand: caller.brand.as_ref().map(ToString::to_string),
        brands: operator.brands.iter().map(ToString::to_string).collect(),
        form_token,
    }
}

impl FromRequest<Shared> for Sent {
    type Rejection = TurnedAway;

    async fn from_request(request: Request, state: &Shared) -> Result<Self, TurnedAway> {
        let (mut parts, body) = request.into_parts();
        require_own_page(&parts.headers)?;
        let visitor = Visitor::from_request_parts(&mut parts, state).await?;
        let form = Form::of_body(body).await?;
        // Only a page of this session has the token. The time of the comparison tells an attacker nothing, because the browser that sends a
        // forged form does not show when it was answered.
        if form.text(FORM_TOKEN) != visitor.frame.form_token() {
            return Err(form_refused().into());
        }
        Ok(Self { visitor, form })
    }
}

/// Refuses a request that a page of another site makes. Browsers that say nothing of it are left to the form's token.
pub(super) fn require_own_page(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get("sec-fetch-site").map(axum::http::HeaderValue::as_bytes) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => Err(form_refused()),
    }
}

fn form_refused() -> Problem {
    Problem::new(FORBIDDEN, "this form does not come from a page of your session; load the page again")
}

/// The language of a request: the chosen one, or the one that the browser prefers (RFC 9110, 12.5.4).
pub(super) fn language_of(headers: &HeaderMap) -> Language {
    chosen_language(headers).unwrap_or_else(|| preferred(headers))
}

fn preferred(headers: &HeaderMap) -> Language {
    let values = headers.get_all(header::ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok());
    let ranges = values.flat_map(|value| value.split(','));
    let mut best = (0.0, Language::English);
    for range in ranges {
        let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
        let quality = quality(parameters);
        let primary = tag.trim().split('-').next().unwrap_or_default().to_ascii_lowercase();
        let language = match primary.as_str() {
            "en" => Language::English,
            "pt" => Language::Portuguese,
            _ => continue,
        };
        if quality > best.0 {
            best = (quality, language);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_that_the_browser_prefers() {
        for (accepted, expected) in [
            ("pt-BR,pt;q=0.9,en;q=0.8", Language::Portuguese),
            ("en-US,en;q=0.9,pt;q=0.8", Language::English),
            ("de,pt-PT;q=0.5", Language::Portuguese),
            ("pt;q=0.2, en;q=0.3", Language::English),
            ("pt;q=0", Language::English),
            ("*", Language::English),
            ("", Language::English),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, accepted.parse().unwrap())]);
            assert_eq!(language_of(&headers), expected, "{accepted}");
        }
        let chosen = [(header::ACCEPT_LANGUAGE, "en"), (header::COOKIE, "a=b; oss_language=pt-BR")];
        let headers = chosen.map(|(name, value)| (name, value.parse().unwrap())).into_iter().collect();
        assert_eq!(language_of(&headers), Language::Portuguese);
    }

    #[test]
    fn a_form_of_another_site_is_refused() {
        let refused = |site: &str| {
            require_own_page(&HeaderMap::from_iter([(
                "sec-fetch-site".parse().unwrap(),
                site.parse().unwrap(),
            )]))
            .is_err()
        };
        assert!(require_own_page(&HeaderMap::new()).is_ok());
        assert!(!refused("same-origin") && !refused("none"));
        assert!(refused("same-site") && refused("cross-site") && refused("?"));
    }
}
