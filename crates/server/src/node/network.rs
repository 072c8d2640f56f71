//! The way out, from the settings.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use fanfare_app::port::Sender;
use fanfare_delivery::sender::{HttpSender, Permit, SenderOptions};
use fanfare_store_postgres::Member;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::lease::Leased;
use crate::config::Settings;

/// What sends; where this node is a member of several, only while its lease lasts.
///
/// # Errors
/// When the file with further authorities or the system's name servers can't be used.
pub(super) fn sender(
    settings: &Settings,
    member: Option<Arc<Member>>,
) -> anyhow::Result<Arc<dyn Sender>> {
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
        permit: match member.clone() {
            Some(member) => Permit::new(move || member.may_act()),
            None => Permit::default(),
        },
        ..SenderOptions::default()
    };
    let sender: Arc<dyn Sender> = Arc::new(HttpSender::new(options)?);
    Ok(match member {
        Some(member) => Arc::new(Leased { sender, member }),
        None => sender,
    })
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
