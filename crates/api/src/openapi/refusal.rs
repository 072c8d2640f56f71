//! What every operation can be refused for.

use utoipa::PartialSchema;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, OpenApi, Ref, RefOr, Required, Response, ResponseBuilder};

use super::KEY;
use crate::auth::ENVIRONMENT_HEADER;
use crate::problem::{ProblemFault, ProblemView};

/// The schemas of refusals.
pub(super) fn add_schemas(document: &mut OpenApi) {
    if let Some(components) = &mut document.components {
        let schemas = &mut components.schemas;
        schemas.insert("Problem".to_owned(), ProblemView::schema());
        schemas.insert("ProblemFault".to_owned(), ProblemFault::schema());
    }
}

/// Adds the key, the header that chooses an environment, and the refusals that follow from what the
/// operation takes.
pub(super) fn add(operation: &mut Operation) {
    operation.security = Some(vec![SecurityRequirement::new(KEY, Vec::<String>::new())]);
    let header = ParameterBuilder::new()
        .name(ENVIRONMENT_HEADER)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "The environment to act in, for the administrator's key; `default` unless told. Another \
             key acts where it was made.",
        ))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .example(Some("default".into()))
        .build();
    operation
        .parameters
        .get_or_insert_default()
        .push(RefOr::T(header));
    let parameters = operation.parameters.iter().flatten();
    let reads_parameters = parameters.into_iter().any(|parameter| match parameter {
        RefOr::T(parameter) => {
            parameter.parameter_in == ParameterIn::Query || parameter.name == "Idempotency-Key"
        }
        RefOr::Ref(_) => false,
    });
    let mut refusals = vec![
        (
            "401",
            "No key was sent, or one that is unknown, revoked or expired.",
        ),
        (
            "403",
            "The key may not do this: its role, its tenant or its environment does not allow it.",
        ),
        (
            "404",
            "The path, or the header `Fanfare-Environment`, names something that is not there.",
        ),
        ("500", "The server could not read its own data."),
        (
            "503",
            "The store can't do this now; repeat the request later.",
        ),
    ];
    if operation.request_body.is_some() {
        refusals.extend([
            ("400", "The body is not JSON, has a member twice or is nested too deeply, or a header is wrong."),
            ("408", "The body took too long to come in."),
            ("413", "The body is too large."),
            ("415", "The body is said to be something else than plain JSON."),
            ("422", "The body is JSON, but not what is asked for; `errors` names everything that is wrong."),
        ]);
    } else if reads_parameters {
        refusals.push((
            "400",
            "A parameter is wrong or not known; `errors` names each.",
        ));
    }
    let takes_of_a_quota = [
        "publish_event",
        "publish_batch",
        "create_endpoint",
        "create_job",
        "create_tenant_job",
        "recover_endpoint",
    ];
    if let Some(name) = &operation.operation_id
        && takes_of_a_quota.contains(&name.as_str())
    {
        refusals.push((
            "429",
            "A quota of the tenant or the key is used up; `quota` names it.",
        ));
    }
    for (status, description) in refusals {
        let known = &mut operation.responses.responses;
        known
            .entry(status.to_owned())
            .or_insert_with(|| RefOr::T(refusal(status, description)));
    }
}

fn refusal(status: &str, description: &str) -> Response {
    let content = Content::new(Some(Ref::from_schema_name("Problem")));
    let mut response = ResponseBuilder::new()
        .description(description)
        .content("application/problem+json", content);
    let header = match status {
        "401" => Some((
            "WWW-Authenticate",
            "How to authenticate: `Bearer`.",
            Type::String,
        )),
        "429" | "503" => Some((
            "Retry-After",
            "After how many seconds to try again.",
            Type::Integer,
        )),
        _ => None,
    };
    if let Some((name, description, kind)) = header {
        let header = HeaderBuilder::new()
            .schema(Some(ObjectBuilder::new().schema_type(kind)))
            .description(Some(description))
            .build();
        response = response.header(name, header);
    }
    response.build()
}
