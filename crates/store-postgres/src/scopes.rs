//! Tenants by number.

use std::collections::{BTreeSet, HashMap};

use fanfare_app::port::StoreError;
use fanfare_domain::name::{EnvironmentId, Scope, TenantId};
use parking_lot::RwLock;
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::session::Session;

/// The most tenants whose number is kept in memory, each way: some 200 bytes each. Past it, all are
/// forgotten and looked up again.
const KEPT: usize = 65_536;

/// Numbers of scopes, and scopes of numbers. A number never changes, and a row never goes.
#[derive(Default)]
pub(crate) struct Scopes {
    numbers: RwLock<HashMap<Scope, i64>>,
    names: RwLock<HashMap<i64, Scope>>,
}

impl Scopes {
    /// The number of a scope; none where nobody ever gave it one.
    pub(crate) async fn find(
        &self,
        session: &Session,
        scope: &Scope,
    ) -> Result<Option<i64>, Failure> {
        if let Some(number) = self.known(scope) {
            return Ok(Some(number));
        }
        let row = session
            .row(
                "SELECT id FROM fanfare.scopes WHERE environment = $1 AND tenant = $2",
                &[
                    (&scope.environment.as_str(), Type::TEXT),
                    (&scope.tenant.as_str(), Type::TEXT),
                ],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let number = row.try_get(0)?;
        self.keep(scope, number);
        Ok(Some(number))
    }

    /// The number that is in memory.
    pub(crate) fn known(&self, scope: &Scope) -> Option<i64> {
        self.numbers.read().get(scope).copied()
    }

    /// Sees to it that all of these have a number. Outside of a transaction, so that a number once
    /// given stays.
    pub(crate) async fn number(
        &self,
        session: &Session,
        scopes: impl Iterator<Item = &Scope>,
    ) -> Result<Numbers, Failure> {
        let mut numbers = Numbers::default();
        let mut missing = BTreeSet::new();
        {
            let known = self.numbers.read();
            for scope in scopes {
                match known.get(scope) {
                    Some(number) => {
                        if !numbers.0.contains_key(scope) {
                            numbers.0.insert(scope.clone(), *number);
                        }
                    }
                    None => {
                        missing.insert(scope.clone());
                    }
                }
            }
        }
        for scope in missing {
            session
                .run(
                    "INSERT INTO fanfare.scopes (environment, tenant) VALUES ($1, $2)
                    ON CONFLICT DO NOTHING",
                    &[
                        (&scope.environment.as_str(), Type::TEXT),
                        (&scope.tenant.as_str(), Type::TEXT),
                    ],
                )
                .await?;
            match self.find(session, &scope).await? {
                Some(number) => numbers.0.insert(scope, number),
                None => return Err(Failure::Overtaken),
            };
        }
        Ok(numbers)
    }

    /// Sees to it that [`Scopes::name`] knows these numbers.
    pub(crate) async fn learn(
        &self,
        session: &Session,
        numbers: impl Iterator<Item = i64>,
    ) -> Result<(), Failure> {
        let missing: BTreeSet<i64> = {
            let known = self.names.read();
            numbers
                .filter(|number| !known.contains_key(number))
                .collect()
        };
        if missing.is_empty() {
            return Ok(());
        }
        let missing: Vec<i64> = missing.into_iter().collect();
        let rows = session
            .rows(
                "SELECT id, environment, tenant FROM fanfare.scopes WHERE id = ANY($1)",
                &[(&missing, Type::INT8_ARRAY)],
            )
            .await?;
        for row in rows {
            let number: i64 = row.try_get(0)?;
            let scope = Scope {
                environment: EnvironmentId::parse(row.try_get(1)?)
                    .map_err(|error| corrupt("environment", number, error))?,
                tenant: TenantId::parse(row.try_get(2)?)
                    .map_err(|error| corrupt("tenant", number, error))?,
            };
            self.keep(&scope, number);
        }
        Ok(())
    }

    /// The scope of a number that was learnt just before.
    pub(crate) fn name(&self, number: i64) -> Result<Scope, Failure> {
        let name = self.names.read().get(&number).cloned();
        name.ok_or_else(|| corrupt("id", number, "other rows name it, and it is not there").into())
    }

    fn keep(&self, scope: &Scope, number: i64) {
        let mut numbers = self.numbers.write();
        if numbers.len() >= KEPT {
            numbers.clear();
        }
        numbers.insert(scope.clone(), number);
        drop(numbers);
        let mut names = self.names.write();
        if names.len() >= KEPT {
            names.clear();
        }
        names.insert(number, scope.clone());
    }
}

/// Numbers of the scopes of one transaction.
#[derive(Default)]
pub(crate) struct Numbers(HashMap<Scope, i64>);

impl Numbers {
    /// The number of one of them.
    pub(crate) fn of(&self, scope: &Scope) -> i64 {
        // Numbers begin with 1, so this one is nobody's; it would be a mistake of this program.
        self.0.get(scope).copied().unwrap_or(0)
    }
}

fn corrupt(
    column: &str,
    number: i64,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::corrupt(format!("scopes.{column} of row {number}"), source)
}
