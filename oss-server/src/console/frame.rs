//! The parts that every page has: its language, the way to the other pages, the operator, and the tokens of its forms.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};

use super::PATH;
use super::texts::{Language, Texts};
use crate::problem::Problem;

/// The frame of a page.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) language: Language,
    pub(super) t: &'static Texts,
    /// The path of the page, to which a switch of the language or the brand returns.
    pub(super) path: String,
    /// None on a page that anyone may see.
    pub(super) operator: Option<ShownOperator>,
}

/// The operator, as a page shows them.
#[derive(Debug, Clone)]
pub(super) struct ShownOperator {
    /// The name of the client; none if anyone may use the server.
    pub(super) client: Option<String>,
    /// The brand that the operator acts for; none if it is the configured one.
    pub(super) brand: Option<String>,
    /// Every brand that the operator may choose.
    pub(super) brands: Vec<String>,
    /// The token that the page's forms send.
    pub(super) form_token: String,
}

/// A link to a page.
pub(super) struct NavigationLink {
    pub(super) path: &'static str,
    pub(super) text: &'static str,
}

impl Frame {
    /// The frame of a page that anyone may see.
    pub(super) fn bare(language: Language) -> Self {
        Self { language, t: language.texts(), path: PATH.to_owned(), operator: None }
    }

    /// The links to the pages.
    pub(super) fn navigation(&self) -> [NavigationLink; 6] {
        let t = self.t;
        [
            (PATH, t.overview),
            ("/console/numbers", t.numbers),
            ("/console/in-doubt", t.in_doubt),
            ("/console/events", t.events),
            ("/console/webhooks", t.webhooks),
            ("/console/audit", t.audit),
        ]
        .map(|(path, text)| NavigationLink { path, text })
    }

    /// Whether the page is at a path.
    pub(super) fn is_at(&self, path: &str) -> bool {
        self.path == path
    }

    /// The token that the page's forms send.
    pub(super) fn form_token(&self) -> &str {
        self.operator.as_ref().map_or("", |operator| &operator.form_token)
    }
}

/// Renders a page.
pub(super) fn page(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => {
            tracing::error!(%error, "A page could not be rendered.");
            Problem::internal("the page could not be rendered").into_response()
        }
    }
}
