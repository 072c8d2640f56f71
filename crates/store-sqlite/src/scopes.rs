//! Tenants by number.

use std::collections::HashMap;

use fanfare_app::port::StoreError;
use fanfare_domain::name::{EnvironmentId, Scope, TenantId};
use rusqlite::{Connection, OptionalExtension};

use crate::failure::Failure;

/// The most tenants whose number is kept in memory on each side: some 200 bytes each. Past it, all
/// are forgotten and looked up again.
const KEPT: usize = 8_192;

/// The writer's: numbers of scopes, given where there is none yet.
#[derive(Default)]
pub(crate) struct ScopeNumbers(HashMap<Scope, i64>);

impl ScopeNumbers {
    pub(crate) fn number(
        &mut self,
        connection: &Connection,
        scope: &Scope,
    ) -> Result<i64, Failure> {
        if let Some(number) = self.0.get(scope) {
            return Ok(*number);
        }
        let number = match find(connection, scope)? {
            Some(number) => number,
            None => connection
                .prepare_cached("INSERT INTO scopes (environment, tenant) VALUES (?1, ?2)")?
                .insert((scope.environment.as_str(), scope.tenant.as_str()))?,
        };
        if self.0.len() >= KEPT {
            self.0.clear();
        }
        self.0.insert(scope.clone(), number);
        Ok(number)
    }
}

/// The readers': scopes of numbers.
#[derive(Default)]
pub(crate) struct ScopeNames(HashMap<i64, Scope>);

impl ScopeNames {
    pub(crate) fn name(&mut self, connection: &Connection, number: i64) -> Result<Scope, Failure> {
        if let Some(scope) = self.0.get(&number) {
            return Ok(scope.clone());
        }
        let (environment, tenant): (String, String) = connection
            .prepare_cached("SELECT environment, tenant FROM scopes WHERE id = ?1")?
            .query_row([number], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?
            .ok_or_else(|| corrupt("id", number, "other rows name it, and it is not there"))?;
        let scope = Scope {
            environment: EnvironmentId::parse(&environment)
                .map_err(|error| corrupt("environment", number, error))?,
            tenant: TenantId::parse(&tenant).map_err(|error| corrupt("tenant", number, error))?,
        };
        if self.0.len() >= KEPT {
            self.0.clear();
        }
        self.0.insert(number, scope.clone());
        Ok(scope)
    }
}

/// The number of a scope; none where the part never heard of it.
pub(crate) fn find(connection: &Connection, scope: &Scope) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM scopes WHERE environment = ?1 AND tenant = ?2")?
        .query_row((scope.environment.as_str(), scope.tenant.as_str()), |row| {
            row.get(0)
        })
        .optional()
}

fn corrupt(
    column: &str,
    number: i64,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::corrupt(format!("scopes.{column} of row {number}"), source)
}
