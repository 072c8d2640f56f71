//! A certificate authority of its own for each test run.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// Signs certificates for receivers; its own certificate is handed to the server under test as a
/// further authority.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    /// A new authority with a new key.
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("an ECDSA key is generated from system randomness");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, "fanfare test authority");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("the parameters are valid");
        Self { issuer }
    }

    /// The authority's certificate, PEM.
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// A certificate for these names and addresses, with the protocols to offer by ALPN.
    pub fn certify(&self, names: &[&str]) -> Identity<'_> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let params = CertificateParams::new(names).expect("a test names valid hosts");
        Identity {
            authority: self,
            params,
            alpn: vec![b"http/1.1".to_vec()],
        }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

/// What a TLS receiver shows to its clients.
pub struct Identity<'a> {
    authority: &'a Authority,
    params: CertificateParams,
    alpn: Vec<Vec<u8>>,
}

impl Identity<'_> {
    /// Offers HTTP/2 before HTTP/1.1.
    #[must_use]
    pub fn with_http2(mut self) -> Self {
        self.alpn.insert(0, b"h2".to_vec());
        self
    }

    /// Makes the certificate one that ended long ago.
    #[must_use]
    pub fn expired(mut self) -> Self {
        self.params.not_before = date_time_ymd(2001, 1, 1);
        self.params.not_after = date_time_ymd(2002, 1, 1);
        self
    }

    pub(super) fn server_config(self) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("an ECDSA key is generated from system randomness");
        let certificate = self
            .params
            .signed_by(&key, &self.authority.issuer)
            .expect("the parameters are valid");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider has the default versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("the key is the certificate's");
        config.alpn_protocols = self.alpn;
        Arc::new(config)
    }
}
