//! The way out, from the settings.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use fanfare_app::port::Sender;
use fanfare_delivery::sender::{HttpSender, SenderOptions};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::config::Settings;

/// What sends.
///
/// # Errors
/// When the file with further authorities or the system's name servers can't be used.
pub(super) fn sender(settings: &Settings) -> anyhow::Result<Arc<dyn Sender>> {
    let outbound = &settings.outbound;
    let extra_authorities = match &outbound.extra_ca_file {
        Some(path) => authorities(path)?,
        None => Vec::new(),
    };
    let options = SenderOptions {
        addresses: outbound.addresses.clone(),
        extra_authorities,
        nameservers: outbound.nameservers.clone(),
        connect_timeout: outbound.connect_timeout,
        ..SenderOptions::default()
    };
    Ok(Arc::new(HttpSender::new(options)?))
}

fn authorities(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let unusable = || {
        format!(
            "extra_ca_file: {} is no PEM bundle of certificates",
            path.display()
        )
    };
    let found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(unusable)?;
    if found.is_empty() {
        bail!(unusable());
    }
    Ok(found)
}
