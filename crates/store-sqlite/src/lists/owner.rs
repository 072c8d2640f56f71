//! Whose entries a list holds.

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};

/// What a list is by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum By {
    Tenant,
    Endpoint,
}

impl By {
    /// The column of the rows that names the owner.
    pub(super) fn column(self) -> &'static str {
        match self {
            Self::Tenant => "scope",
            Self::Endpoint => "endpoint",
        }
    }
}

/// Whose entry it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owner {
    /// By its number.
    Tenant(i64),
    /// By its id.
    Endpoint([u8; 16]),
}

impl Owner {
    pub(super) fn by(self) -> By {
        match self {
            Self::Tenant(_) => By::Tenant,
            Self::Endpoint(_) => By::Endpoint,
        }
    }
}

impl ToSql for Owner {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Tenant(number) => ValueRef::Integer(*number),
            Self::Endpoint(id) => ValueRef::Blob(id),
        }))
    }
}

impl FromSql for Owner {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value {
            ValueRef::Integer(number) => Ok(Self::Tenant(number)),
            ValueRef::Blob(_) => <[u8; 16]>::column_result(value).map(Self::Endpoint),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}
