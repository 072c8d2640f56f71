//! TLS: whom deliveries trust, and what a failed handshake means in words.

use std::io;
use std::sync::Arc;

use rustls::{CertificateError, ClientConfig, Error as TlsError, RootCertStore};
use rustls_pki_types::CertificateDer;

/// A further authority can't be used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// It is no certificate that can sign others.
    #[error("further authority number {number} is no usable certificate")]
    Certificate {
        /// Which of those given, from 1.
        number: usize,
        /// What is wrong with it.
        source: TlsError,
    },
    /// The cryptography offers no protocol version that is needed here.
    #[error("TLS 1.2 and 1.3 are not available")]
    Versions(#[source] TlsError),
}

/// TLS 1.2 and 1.3, HTTP/2 before HTTP/1.1; trusts the system's authorities (those of webpki-roots
/// where the system has none) and the further ones. Reads files, so call it at the start only.
///
/// # Errors
/// A further authority that can't be used.
pub(crate) fn client_config(
    further: &[CertificateDer<'static>],
) -> Result<ClientConfig, AuthorityError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::warn!(%error, "some of the system's authorities can't be read");
    }
    let (trusted, _) = roots.add_parsable_certificates(system.certs);
    if trusted == 0 {
        tracing::info!("the system has no authorities; those built in are trusted");
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    for (index, certificate) in further.iter().enumerate() {
        roots
            .add(certificate.clone())
            .map_err(|source| AuthorityError::Certificate {
                number: index + 1,
                source,
            })?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(AuthorityError::Versions)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// A failed handshake with this host, in words.
pub(crate) fn describe_tls(error: &io::Error, host: &dyn std::fmt::Display) -> String {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref());
    match tls {
        Some(TlsError::InvalidCertificate(error)) => describe_certificate(error, host),
        Some(TlsError::AlertReceived(alert)) => {
            format!("{host} ended the TLS handshake with the alert {alert:?}")
        }
        Some(TlsError::InvalidMessage(_)) => format!("{host} does not answer in TLS on this port"),
        Some(TlsError::PeerIncompatible(_)) => {
            format!("{host} offers no TLS version or cipher that is safe")
        }
        Some(_) => format!("{host} broke the rules of the TLS handshake"),
        None => format!("{host} ended the connection during the TLS handshake"),
    }
}

fn describe_certificate(error: &CertificateError, host: &dyn std::fmt::Display) -> String {
    use CertificateError as E;
    match error {
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            format!("the certificate is not valid for {host}")
        }
        E::Expired | E::ExpiredContext { .. } => format!("the certificate of {host} has expired"),
        E::NotValidYet | E::NotValidYetContext { .. } => {
            format!("the certificate of {host} is not valid yet")
        }
        // The second: its authority bears the name of one that is trusted, with another key.
        E::UnknownIssuer | E::BadSignature => {
            format!("the certificate of {host} is signed by no authority that is trusted here")
        }
        E::Revoked => format!("the certificate of {host} has been revoked"),
        _ => format!("the certificate of {host} is not valid"),
    }
}
