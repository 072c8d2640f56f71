//! Ids as uuids, and lists of columns as arrays.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use fanfare_domain::id::EventId;
use fanfare_domain::time::Timestamp;
use postgres_types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

/// The 128 bits of an id or a digest; a uuid to PostgreSQL, which compares it byte by byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Bits(pub(crate) [u8; 16]);

impl Bits {
    /// Before every id of this time's millisecond.
    pub(crate) fn at(time: Timestamp) -> Self {
        Self(EventId::new(time, 0).to_bytes())
    }

    /// Behind all ids.
    pub(crate) const END: Self = Self([0xFF; 16]);
}

impl ToSql for Bits {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.put_slice(&self.0);
        Ok(IsNull::No)
    }

    accepts!(UUID);
    to_sql_checked!();
}

impl<'a> FromSql<'a> for Bits {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw.try_into()?))
    }

    accepts!(UUID);
}

/// Ids as bits.
pub(crate) fn bits<I: Copy>(ids: &[I], to_bytes: impl Fn(I) -> [u8; 16]) -> Vec<Bits> {
    ids.iter().map(|id| Bits(to_bytes(*id))).collect()
}

/// A column that is mostly empty: while no row has a value, an empty array stands for it, which `unnest` fills
/// up with nulls. It costs the server nothing then.
#[derive(Debug)]
pub(crate) struct Sparse<T> {
    values: Vec<Option<T>>,
    any: bool,
}

impl<T> Default for Sparse<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            any: false,
        }
    }
}

impl<T> Sparse<T> {
    pub(crate) fn push(&mut self, value: Option<T>) {
        self.any |= value.is_some();
        self.values.push(value);
    }
}

impl<T> FromIterator<Option<T>> for Sparse<T> {
    fn from_iter<I: IntoIterator<Item = Option<T>>>(values: I) -> Self {
        let values: Vec<Option<T>> = values.into_iter().collect();
        let any = values.iter().any(Option::is_some);
        Self { values, any }
    }
}

impl<T: ToSql> ToSql for Sparse<T> {
    fn to_sql(
        &self,
        of: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let written: &[Option<T>] = if self.any { &self.values } else { &[] };
        written.to_sql(of, out)
    }

    fn accepts(of: &Type) -> bool {
        <&[Option<T>]>::accepts(of)
    }

    to_sql_checked!();
}

/// A count as a limit.
pub(crate) fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
