//! Where the server is, and how to get in.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use url::form_urlencoded;

use crate::tls::Tls;

/// Why an address can't be used. Says nothing of its password.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// The text is no such address.
    #[error("{0}")]
    Text(String),
    /// A file that it names can't be used.
    #[error("{} can't be used", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The address of a database: `postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/DATABASE?…`, in the words
/// of <https://www.postgresql.org/docs/15/libpq-connect.html#LIBPQ-CONNSTRING>.
///
/// Of the parameters there, it takes `sslmode` (`disable`, or `verify-full`, which `require` and
/// `verify-ca` are taken for: a certificate that is not looked at protects from nobody),
/// `sslrootcert`, `sslcert`, `sslkey`, `target_session_attrs`, `application_name`, `connect_timeout`,
/// `keepalives…` and `options`; and `password_file`, a file whose text is the password. Without
/// `sslmode`, servers elsewhere are spoken to by TLS only, those on this machine without.
#[derive(Clone)]
pub struct Address {
    config: Config,
    tls: Tls,
    password_file: Option<PathBuf>,
}

/// What stands in the text for files and the like, taken out before the rest is read.
#[derive(Default)]
struct Own {
    mode: Option<String>,
    root: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    password_file: Option<PathBuf>,
}

impl Own {
    /// Takes a parameter that is one of these.
    fn take(&mut self, name: &str, value: &str) -> bool {
        let place = match name {
            "sslmode" => {
                self.mode = Some(value.to_owned());
                return true;
            }
            "sslrootcert" => &mut self.root,
            "sslcert" => &mut self.certificate,
            "sslkey" => &mut self.key,
            "password_file" => &mut self.password_file,
            _ => return false,
        };
        *place = Some(value.into());
        true
    }
}

impl Address {
    /// Reads an address, and the files for TLS that it names.
    ///
    /// # Errors
    /// See [`AddressError`].
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (place, parameters) = text.split_once('?').unwrap_or((text, ""));
        let mut own = Own::default();
        let mut rest = form_urlencoded::Serializer::new(String::new());
        for (name, value) in form_urlencoded::parse(parameters.as_bytes()) {
            if !own.take(&name, &value) {
                rest.append_pair(&name, &value);
            }
        }
        // A plus stands for itself there, not for a blank.
        let rest = rest.finish().replace('+', "%20");
        let mut config = Config::from_str(&format!("{place}?{rest}"))
            .map_err(|cause| AddressError::Text(chain(&cause)))?;
        if config.get_hosts().is_empty() {
            return Err(AddressError::Text("it names no host".to_owned()));
        }
        let tls = own.tls(&config)?;
        config.ssl_mode(match tls {
            Tls::Never => SslMode::Disable,
            Tls::Always(_) => SslMode::Require,
        });
        if config.get_application_name().is_none() {
            config.application_name("fanfare");
        }
        // Several hosts are tried in turn until one takes writes; with one, a standby is told apart.
        if config.get_target_session_attrs() == TargetSessionAttrs::Any {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        // A server that is cut off is noticed by silence.
        config
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3)
            .tcp_user_timeout(Duration::from_secs(20));
        Ok(Self {
            config,
            tls,
            password_file: own.password_file,
        })
    }

    /// What to connect with now. The password's file is read each time, so that it can change.
    pub(crate) fn config(&self, connect_time: Duration) -> Result<(Config, Tls), AddressError> {
        let mut config = self.config.clone();
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(connect_time);
        }
        if let Some(path) = &self.password_file {
            let text = std::fs::read_to_string(path).map_err(|cause| unusable(path, cause))?;
            config.password(text.trim());
        }
        Ok((config, self.tls.clone()))
    }
}

impl Own {
    fn tls(&self, config: &Config) -> Result<Tls, AddressError> {
        let here = |host: &Host| match host {
            Host::Unix(_) => true,
            Host::Tcp(name) => {
                name == "localhost"
                    || name
                        .parse::<std::net::IpAddr>()
                        .is_ok_and(|address| address.is_loopback())
            }
        };
        let files = self.root.is_some() || self.certificate.is_some();
        match self.mode.as_deref() {
            Some("disable") => return Ok(Tls::Never),
            None if !files && config.get_hosts().iter().all(here) => return Ok(Tls::Never),
            None | Some("require" | "verify-ca" | "verify-full") => {}
            Some(other) => {
                return Err(AddressError::Text(format!(
                    "sslmode must be disable or verify-full, not {other:?}"
                )));
            }
        }
        let own = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => Some((certificate.as_path(), key.as_path())),
            (None, None) => None,
            _ => {
                let wrong = "sslcert and sslkey belong together".to_owned();
                return Err(AddressError::Text(wrong));
            }
        };
        Tls::always(self.root.as_deref(), own)
    }
}

pub(crate) fn unusable(
    path: &Path,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> AddressError {
    AddressError::File {
        path: path.to_owned(),
        source: source.into(),
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

/// The hosts and the database; neither user nor password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        let ports = self.config.get_ports();
        for (place, host) in self.config.get_hosts().iter().enumerate() {
            if place > 0 {
                f.write_str(",")?;
            }
            match host {
                Host::Tcp(name) => f.write_str(name)?,
                Host::Unix(path) => write!(f, "{}", path.display())?,
            }
            if let Some(port) = ports.get(place).or(ports.first()) {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        self.config == other.config && self.password_file == other.password_file
    }
}

impl Eq for Address {}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Address::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn an_address_shows_where_and_never_who() {
        let text = "postgres://me:secret@one:1,two:2/db?target_session_attrs=read-write";
        let address = Address::parse(text).unwrap();
        assert_eq!(address.to_string(), "postgres://one:1,two:2/db");
        assert_eq!(format!("{address:?}"), "postgres://one:1,two:2/db");
    }

    #[test]
    fn servers_elsewhere_are_spoken_to_by_tls_only() {
        let encrypted = |text: &str| {
            let address = Address::parse(text).unwrap();
            matches!(address.tls, Tls::Always(_))
        };
        assert!(encrypted("postgres://me@db.example.com/db"));
        assert!(encrypted("postgres://me@127.0.0.1,db.example.com/db"));
        assert!(encrypted("postgres://me@127.0.0.1/db?sslmode=require"));
        assert!(!encrypted("postgres://me@127.0.0.1,[::1],localhost/db"));
        assert!(!encrypted("postgres://me@%2Frun%2Fpostgresql/db"));
        assert!(!encrypted(
            "postgres://me@db.example.com/db?sslmode=disable"
        ));
    }

    #[test]
    fn what_would_not_protect_is_refused() {
        let wrong = refused("postgres://me@db.example.com/db?sslmode=prefer");
        assert_eq!(
            wrong,
            "sslmode must be disable or verify-full, not \"prefer\""
        );
        let wrong = refused("postgres://me@h/db?sslmode=require&sslcert=/none");
        assert_eq!(wrong, "sslcert and sslkey belong together");
        let wrong = refused("postgres://me@h/db?sslrootcert=/none");
        assert_eq!(wrong, "/none can't be used");
        assert!(refused("postgres:///db").contains("host"));
        assert!(refused("postgres://h/db?nonsense=1").contains("nonsense"));
    }
}
