//! How columns of the neutral form stand in the tables.

use fanfare_app::transfer::Part;
use tokio_postgres::types::Type;

/// What a column's values are on their way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Uuid,
    Bytes,
    Text,
    /// Numbers of all sizes, and truths.
    Int,
}

impl Kind {
    pub(super) fn of(part: Part, column: &str) -> Self {
        match (part, column) {
            (Part::Documents, "id") => Self::Text,
            (_, "id" | "event" | "endpoint" | "replay_of" | "batch" | "content") => Self::Uuid,
            (_, "digest" | "targets" | "data" | "response_body") => Self::Bytes,
            (
                _,
                "kind" | "environment" | "tenant" | "event_type" | "uid" | "subcategory"
                | "attributes" | "ordering_key" | "rest" | "body",
            ) => Self::Text,
            _ => Self::Int,
        }
    }

    pub(super) const fn array(self) -> Type {
        match self {
            Self::Uuid => Type::UUID_ARRAY,
            Self::Bytes => Type::BYTEA_ARRAY,
            Self::Text => Type::TEXT_ARRAY,
            Self::Int => Type::INT8_ARRAY,
        }
    }

    pub(super) const fn array_name(self) -> &'static str {
        match self {
            Self::Uuid => "uuid[]",
            Self::Bytes => "bytea[]",
            Self::Text => "text[]",
            Self::Int => "bigint[]",
        }
    }
}

/// The columns that stand in the part's own table by their names: all but the tenant's, and those of other
/// tables.
pub(super) fn own(part: Part) -> impl Iterator<Item = &'static str> {
    let elsewhere = move |column: &str| match column {
        "environment" | "tenant" => part.of_tenants(),
        "content" | "data" => part == Part::Events,
        _ => false,
    };
    let columns = part.columns().iter().copied();
    columns.filter(move |column| !elsewhere(column))
}
