//! Environments.

use fanfare_domain::environment::Environment;
use fanfare_domain::fault::Fault;
use fanfare_domain::name::EnvironmentId;

use crate::error::{Faults, UseCaseError};
use crate::fanfare::Fanfare;
use crate::port::configuration::Revision;
use crate::repository::{PageOf, Stored};

/// The most bytes of a name or description that people read.
pub const MAX_TEXT: usize = 1_024;

/// What an environment or tenant is made from.
#[derive(Clone, Debug, Default)]
pub struct EnvironmentDraft {
    /// Its name in keys and paths.
    pub id: Option<String>,
    /// What people call it; its id unless told.
    pub name: Option<String>,
}

pub(crate) fn check_text(faults: &mut Faults, pointer: &str, text: &str) {
    if text.len() > MAX_TEXT {
        faults.add(pointer, format!("must be at most {MAX_TEXT} bytes long"));
    }
}

impl Fanfare {
    /// Makes an environment.
    ///
    /// # Errors
    /// When the draft is wrong or the id taken.
    pub async fn create_environment(
        &self,
        draft: EnvironmentDraft,
        found: Vec<Fault>,
    ) -> Result<Environment, UseCaseError> {
        let mut faults = Faults::new(found);
        let id = match draft.id.as_deref().map(EnvironmentId::parse) {
            Some(Ok(id)) => Some(id),
            Some(Err(cause)) => {
                faults.add("#/id", cause);
                None
            }
            None => {
                faults.add("#/id", "is required");
                None
            }
        };
        if let Some(name) = &draft.name {
            check_text(&mut faults, "#/name", name);
        }
        faults.refuse_if_any()?;
        let Some(id) = id else {
            return Err(UseCaseError::Invalid(Vec::new()));
        };
        let name = draft.name.unwrap_or_else(|| id.to_string());
        let environment = Environment {
            id,
            name,
            created_at: self.ports.clock.now(),
        };
        self.insert(&environment).await?;
        Ok(environment)
    }

    /// One environment.
    ///
    /// # Errors
    /// When there is none.
    pub async fn environment(&self, id: &str) -> Result<Environment, UseCaseError> {
        Ok(self.fetch::<Environment>("", "", id).await?.noun)
    }

    /// Environments, newest first.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn environments(
        &self,
        page: PageOf<Revision>,
    ) -> Result<Vec<Stored<Environment>>, UseCaseError> {
        self.fetch_page("", Some(""), page).await
    }

    /// Makes the environment `default` where it is missing, as at the first start.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn ensure_default_environment(&self) -> Result<(), UseCaseError> {
        self.ensure_environment(EnvironmentId::default_environment())
            .await
    }

    /// Makes an environment where it is missing, named as its id.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn ensure_environment(&self, id: EnvironmentId) -> Result<(), UseCaseError> {
        if self.directory.has_environment(&id) {
            return Ok(());
        }
        let environment = Environment {
            name: id.to_string(),
            id,
            created_at: self.ports.clock.now(),
        };
        match self.insert(&environment).await {
            // Another node was faster.
            Err(UseCaseError::Conflict(_)) | Ok(()) => Ok(self.refresh().await?),
            Err(other) => Err(other),
        }
    }
}
