//! A tab of a browser without a screen: it keeps the cookies of the console and sends its forms.

use std::collections::BTreeMap;

use reqwest::header::{HeaderMap, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};

use crate::http::plain_client;
use crate::server::Server;

/// A tab.
#[derive(Debug, Clone)]
pub struct Tab {
    base: String,
    client: Client,
    cookies: BTreeMap<String, String>,
}

/// A page or another answer of the console.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The text of the page.
    pub html: String,
}

impl Tab {
    /// A tab without cookies.
    #[must_use]
    pub fn of(server: &Server) -> Self {
        let client = plain_client().redirect(Policy::none()).build().expect("a client");
        Self { base: format!("http://{}", server.address()), client, cookies: BTreeMap::new() }
    }

    /// A request with the tab's cookies, which has not been sent.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.client.request(method, format!("{}{path}", self.base));
        if cookies.is_empty() { request } else { request.header("cookie", cookies.join("; ")) }
    }

    /// Sends a request, and keeps the cookies of its answer.
    pub async fn send(&mut self, request: RequestBuilder) -> Shown {
        let answer = request.send().await.expect("the server answers");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        for cookie in headers.get_all(SET_COOKIE) {
            let text = cookie.to_str().expect("visible text");
            let (name, value) =
                text.split(';').next().and_then(|pair| pair.split_once('=')).expect("a name and a value");
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        Shown { status, headers, html: answer.text().await.expect("a page") }
    }

    /// Opens a page.
    pub async fn open(&mut self, path: &str) -> Shown {
        self.send(self.request(Method::GET, path)).await
    }

    /// Sends a form as it is, without the token of a page.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Shown {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = self.request(Method::POST, path).body(body);
        self.send(request.header("content-type", "application/x-www-form-urlencoded")).await
    }

    /// Opens a page, and sends its form to a path, with the hidden fields that the page gives it and these fields.
    pub async fn submit(&mut self, page: &str, path: &str, fields: &[(&str, &str)]) -> Shown {
        let hidden = self.open(page).await.hidden_fields(path);
        let given = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields: Vec<_> = fields.iter().copied().chain(given).collect();
        self.post(path, &fields).await
    }

    /// The token that the forms of this session have.
    pub async fn form_token(&mut self) -> String {
        let fields = self.open("/console/audit").await.hidden_fields("/console/audit");
        fields.into_iter().find(|(name, _)| name == "form_token").expect("a token").1
    }

    /// Signs in with a key.
    pub async fn sign_in(&mut self, key: &str) -> Shown {
        self.post("/console/sign-in", &[("key", key)]).await
    }

    /// The value of a cookie.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(String::as_str)
    }
}

impl Shown {
    /// The hidden fields of the last form of the page that is sent to a path.
    #[must_use]
    pub fn hidden_fields(&self, path: &str) -> Vec<(String, String)> {
        let begin = self.html.rfind(&format!("action=\"{path}\""));
        let begin = begin.unwrap_or_else(|| panic!("no form to {path}: {self:?}"));
        let form = self.html[begin..].split("</form>").next().unwrap_or_default();
        let fields = form.split("<input type=\"hidden\" name=\"").skip(1).filter_map(|rest| {
            let (name, rest) = rest.split_once("\" value=\"")?;
            Some((name.to_owned(), rest.split_once('"')?.0.to_owned()))
        });
        fields.collect()
    }

    /// The path to which it leads; empty if it leads nowhere.
    #[must_use]
    pub fn leads_to(&self) -> &str {
        self.headers.get("location").map_or("", |location| location.to_str().expect("visible text"))
    }
}

/// A number as the lists of the console show it.
#[must_use]
pub fn masked(msisdn: &str) -> String {
    format!("({}) 9****-{}", &msisdn[..2], &msisdn[7..])
}
