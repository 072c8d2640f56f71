//! Reading rows so that an unreadable one can be found.

use fanfare_app::port::StoreError;
use rusqlite::types::{FromSql, ValueRef};

use crate::failure::Failure;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A row of a table, whose first columns are its key.
pub(crate) struct Row<'a, 's> {
    pub(crate) row: &'a rusqlite::Row<'s>,
    pub(crate) table: &'static str,
    /// How many columns of the row make its key.
    pub(crate) key: usize,
}

impl Row<'_, '_> {
    /// Reads the column at a place, which has this name in the table.
    pub(crate) fn get<T: FromSql>(&self, at: usize, column: &str) -> Result<T, Failure> {
        let value = self.row.get_ref(at)?;
        T::column_result(value).map_err(|error| self.corrupt(column, error))
    }

    /// Reads what the column's number stands for.
    pub(crate) fn number<T: TryFrom<i64>>(&self, at: usize, column: &str) -> Result<T, Failure> {
        let number: i64 = self.get(at, column)?;
        T::try_from(number).map_err(|_| self.corrupt(column, format!("{number} is out of range")))
    }

    /// The same for a column that may be empty.
    pub(crate) fn number_or_none<T: TryFrom<i64>>(
        &self,
        at: usize,
        column: &str,
    ) -> Result<Option<T>, Failure> {
        match self.row.get_ref(at)? {
            ValueRef::Null => Ok(None),
            _ => self.number(at, column).map(Some),
        }
    }

    /// Says that a column can't be understood.
    pub(crate) fn corrupt(&self, column: &str, source: impl Into<Source>) -> Failure {
        let key: Vec<String> = (0..self.key)
            .map(|at| match self.row.get_ref(at) {
                Ok(ValueRef::Integer(number)) => number.to_string(),
                Ok(ValueRef::Blob(bytes)) => {
                    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
                }
                Ok(ValueRef::Text(text)) => String::from_utf8_lossy(text).into_owned(),
                _ => "?".to_owned(),
            })
            .collect();
        let place = format!("{}.{column} of row {}", self.table, key.join(" "));
        StoreError::corrupt(place, source).into()
    }
}
