//! Every operation that is served: where, for whom, and what does it.

use std::future::Future;
use std::pin::Pin;

use fanfare_domain::key::Right;
use http::Method;

use super::call::{Answer, Call};
use super::failure::Failure;
use super::{application, attempt, endpoint, event_type, health, message, portal};

/// Who may call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// An organisation's token.
    Organisation,
    /// A portal token too, for its own application.
    Portal,
    /// Anybody.
    Anybody,
}

type Done<'a> = Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send + 'a>>;

/// An operation.
pub(super) struct Operation {
    pub(super) method: Method,
    /// Below `/api/v1`; `{}` stands for a parameter.
    pub(super) path: &'static str,
    pub(super) access: Access,
    /// What of a role it needs.
    pub(super) right: Right,
    pub(super) run: for<'a> fn(&'a Call) -> Done<'a>,
}

macro_rules! operations {
    ($($method:ident $path:literal $access:ident $right:ident $run:path;)*) => {
        /// All operations; the one that is called most comes first.
        pub(super) const OPERATIONS: &[Operation] = &[$(Operation {
            method: Method::$method,
            path: $path,
            access: Access::$access,
            right: Right::$right,
            run: |call| Box::pin($run(call)),
        }),*];
    };
}

operations! {
    POST "/app/{}/msg" Organisation Publish message::create::run;
    GET "/app/{}/msg" Portal Read message::list::run;
    GET "/app/{}/msg/{}" Portal Read message::read::run;
    DELETE "/app/{}/msg/{}/content" Organisation Manage message::expunge::run;

    GET "/app" Organisation Read application::list::run;
    POST "/app" Organisation Manage application::create::run;
    GET "/app/{}" Portal Read application::read::run;
    PUT "/app/{}" Organisation Manage application::upsert::run;
    PATCH "/app/{}" Organisation Manage application::patch::run;
    DELETE "/app/{}" Organisation Manage application::delete::run;

    GET "/app/{}/endpoint" Portal Read endpoint::list::run;
    POST "/app/{}/endpoint" Portal Manage endpoint::create::run;
    GET "/app/{}/endpoint/{}" Portal Read endpoint::read::run;
    PUT "/app/{}/endpoint/{}" Portal Manage endpoint::upsert::run;
    PATCH "/app/{}/endpoint/{}" Portal Manage endpoint::patch::run;
    DELETE "/app/{}/endpoint/{}" Portal Manage endpoint::delete::run;
    GET "/app/{}/endpoint/{}/secret" Portal Manage endpoint::secret::read;
    POST "/app/{}/endpoint/{}/secret/rotate" Portal Manage endpoint::secret::rotate;
    GET "/app/{}/endpoint/{}/headers" Portal Read endpoint::headers::read;
    PUT "/app/{}/endpoint/{}/headers" Portal Manage endpoint::headers::replace;
    PATCH "/app/{}/endpoint/{}/headers" Portal Manage endpoint::headers::merge;
    GET "/app/{}/endpoint/{}/stats" Portal Read endpoint::stats::run;
    POST "/app/{}/endpoint/{}/send-example" Organisation Publish endpoint::example::run;
    POST "/app/{}/endpoint/{}/recover" Portal Manage endpoint::recover::run;

    GET "/event-type" Portal Read event_type::list::run;
    POST "/event-type" Organisation Manage event_type::create::run;
    GET "/event-type/{}" Portal Read event_type::read::run;
    PUT "/event-type/{}" Organisation Manage event_type::upsert::run;
    PATCH "/event-type/{}" Organisation Manage event_type::patch::run;
    DELETE "/event-type/{}" Organisation Manage event_type::delete::run;

    GET "/app/{}/attempt/endpoint/{}" Portal Read attempt::by_endpoint::run;
    GET "/app/{}/attempt/msg/{}" Portal Read attempt::by_message::run;
    GET "/app/{}/endpoint/{}/msg" Portal Read attempt::messages::run;
    GET "/app/{}/msg/{}/endpoint" Portal Read attempt::destinations::run;
    GET "/app/{}/msg/{}/attempt" Portal Read attempt::by_message::run;
    GET "/app/{}/msg/{}/attempt/{}" Portal Read attempt::read::run;
    DELETE "/app/{}/msg/{}/attempt/{}/content" Organisation Manage attempt::expunge::run;
    GET "/app/{}/msg/{}/endpoint/{}/attempt" Portal Read attempt::by_message::of_endpoint;
    POST "/app/{}/msg/{}/endpoint/{}/resend" Portal Manage attempt::resend::run;

    POST "/auth/app-portal-access/{}" Organisation Manage portal::access::run;
    POST "/auth/dashboard-access/{}" Organisation Manage portal::access::old;
    POST "/auth/logout" Anybody Read portal::logout::run;

    GET "/health" Anybody Read health::run;
    HEAD "/health" Anybody Read health::run;
    GET "/health/ping" Anybody Read health::ping;
    HEAD "/health/ping" Anybody Read health::ping;
    GET "/openapi.json" Anybody Read health::document;
    POST "/admin/redrive-dlq" Organisation Manage health::redrive;
}

/// What a path and a method lead to.
pub(super) enum Found {
    /// An operation, with the path's parameters.
    Operation(&'static Operation, Vec<String>),
    /// The path is there, with these methods.
    Method(Vec<&'static str>),
    /// Nothing.
    Nothing,
}

/// Looks an operation up. `path` is what follows `/api/v1`, without slashes at its end.
pub(super) fn find(method: &Method, path: &str) -> Found {
    let mut methods = Vec::new();
    for operation in OPERATIONS {
        let Some(parameters) = matched(operation.path, path) else {
            continue;
        };
        if operation.method == *method {
            return match parameters.into_iter().map(decoded).collect() {
                Some(parameters) => Found::Operation(operation, parameters),
                None => Found::Nothing,
            };
        }
        methods.push(operation.method.as_str());
    }
    if methods.is_empty() {
        Found::Nothing
    } else {
        Found::Method(methods)
    }
}

/// The parts of a path that stand for parameters, if it has the form.
fn matched<'a>(form: &str, path: &'a str) -> Option<Vec<&'a str>> {
    let mut parameters = Vec::new();
    let mut parts = path.split('/');
    for wanted in form.split('/') {
        let part = parts.next()?;
        match wanted {
            "{}" if !part.is_empty() => parameters.push(part),
            wanted if wanted == part => {}
            _ => return None,
        }
    }
    parts.next().is_none().then_some(parameters)
}

/// A part of a path without its escapes; none where it is no text then. Decoded only after the path was
/// split, so that an escaped slash is a character of an id and leads nowhere else.
fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let value = 16 * digit()? + digit()?;
        bytes.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_operations_or_say_which_methods_there_are() {
        let found = |method, path| match find(&method, path) {
            Found::Operation(operation, parameters) => {
                format!("{} {}", operation.path, parameters.join(","))
            }
            Found::Method(methods) => methods.join(","),
            Found::Nothing => String::new(),
        };
        assert_eq!(found(Method::GET, "/app/a/msg/b"), "/app/{}/msg/{} a,b");
        assert_eq!(found(Method::PATCH, "/app"), "GET,POST");
        assert_eq!(found(Method::GET, "/app//msg"), "");
        assert_eq!(found(Method::GET, "/app/a%2Fmsg"), "/app/{} a/msg");
        assert_eq!(found(Method::GET, "/app/%ff"), "");
        assert_eq!(found(Method::GET, "/app/%4"), "");
    }
}
