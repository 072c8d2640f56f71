//! Reading rows so that an unreadable one can be found.

use fanfare_app::port::StoreError;
use postgres_types::FromSql;
use tokio_postgres::Row;

use crate::bits::Bits;
use crate::failure::Failure;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A row of a table.
pub(crate) struct Columns<'a> {
    pub(crate) row: &'a Row,
    pub(crate) table: &'static str,
    /// The place of the id that names the row, where it has one.
    pub(crate) id: Option<usize>,
}

impl<'a> Columns<'a> {
    /// Reads the column at a place, which has this name in the table.
    pub(crate) fn get<T: FromSql<'a>>(&self, at: usize, column: &str) -> Result<T, Failure> {
        self.row
            .try_get(at)
            .map_err(|error| self.corrupt(column, error))
    }

    /// Reads what the column's number stands for.
    pub(crate) fn number<T: TryFrom<i32>>(&self, at: usize, column: &str) -> Result<T, Failure> {
        let number: i32 = self.get(at, column)?;
        T::try_from(number).map_err(|_| self.corrupt(column, format!("{number} is out of range")))
    }

    /// The same for a column that may be empty.
    pub(crate) fn number_or_none<T: TryFrom<i32>>(
        &self,
        at: usize,
        column: &str,
    ) -> Result<Option<T>, Failure> {
        match self.get::<Option<i32>>(at, column)? {
            None => Ok(None),
            Some(_) => self.number(at, column).map(Some),
        }
    }

    /// A count, which is never below zero.
    pub(crate) fn count(&self, at: usize, column: &str) -> Result<u64, Failure> {
        let number: i64 = self.get(at, column)?;
        u64::try_from(number).map_err(|_| self.corrupt(column, format!("{number} is no count")))
    }

    /// Says that a column can't be understood.
    pub(crate) fn corrupt(&self, column: &str, source: impl Into<Source>) -> Failure {
        let id = self.id.and_then(|at| self.row.try_get::<_, Bits>(at).ok());
        let name = id.map_or_else(
            || "?".to_owned(),
            |id| id.0.iter().map(|byte| format!("{byte:02x}")).collect(),
        );
        let place = format!("{}.{column} of row {name}", self.table);
        StoreError::corrupt(place, source).into()
    }
}
