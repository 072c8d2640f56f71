//! TLS to the server, and who may come in.

use std::path::{Path, PathBuf};

use fanfare_store_postgres::{Address, OpenError, migrate};
use fanfare_testkit::postgres::Cluster;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

/// An authority, and the files that it made.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self(CertifiedIssuer::self_signed(params, key).unwrap())
    }

    /// A certificate with its key, as files; the subject's common name is the first name.
    fn certify(&self, folder: &Path, names: &[&str]) -> (PathBuf, PathBuf) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names.clone()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, &*names[0]);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let paths = [
            folder.join(format!("{}.crt", names[0])),
            folder.join(format!("{}.key", names[0])),
        ];
        std::fs::write(&paths[0], certificate.pem()).unwrap();
        std::fs::write(&paths[1], key.serialize_pem()).unwrap();
        let [certificate, key] = paths;
        (certificate, key)
    }

    fn file(&self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, self.0.pem()).unwrap();
        path
    }
}

/// A server that speaks TLS only, asks everybody for a certificate, and `guarded` for a password.
fn server(authority: &Authority, folder: &Path) -> Cluster {
    let (certificate, key) = authority.certify(folder, &["localhost", "other.example"]);
    let trusted = authority.file(folder, "clients.pem");
    let hba = folder.join("hba");
    std::fs::write(
        &hba,
        "host all fanfare 127.0.0.1/32 trust\n\
        hostssl all guarded 0.0.0.0/0 scram-sha-256\n\
        hostssl all certified 0.0.0.0/0 cert\n",
    )
    .unwrap();
    Cluster::start_with_files(
        &["fsync=off", "ssl=on"],
        &[
            ("ssl_cert_file", &certificate),
            ("ssl_key_file", &key),
            ("ssl_ca_file", &trusted),
            ("hba_file", &hba),
        ],
    )
}

async fn refused(address: &str) -> String {
    let address = Address::parse(address).unwrap();
    let error = migrate(&address).await.unwrap_err();
    let OpenError::Unavailable(source) = error else {
        panic!("{error:?}");
    };
    let causes = std::iter::successors(Some(&*source as &dyn std::error::Error), |cause| {
        cause.source()
    });
    causes
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_is_verified_and_clients_show_certificates_or_passwords() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (authority, stranger) = (Authority::new(), Authority::new());
    let cluster = server(&authority, folder);
    cluster.run("CREATE ROLE guarded LOGIN PASSWORD 'open sesame'");
    cluster.run("CREATE ROLE certified LOGIN");
    cluster.run("CREATE DATABASE g OWNER guarded");
    cluster.run("CREATE DATABASE c OWNER certified");
    let port = cluster.port().unwrap();
    let root = authority.file(folder, "root.pem");
    let root = root.display();
    let password = folder.join("password");
    std::fs::write(&password, "open sesame\n").unwrap();
    let password = password.display();

    let place = format!("postgres://guarded@localhost:{port}/g?sslmode=verify-full");
    let good = format!("{place}&sslrootcert={root}&password_file={password}");
    migrate(&Address::parse(&good).unwrap()).await.unwrap();
    // Another name than the certificate's, another authority, no TLS at all, no password.
    let by_number = good.replace("localhost", "127.0.0.1");
    assert!(refused(&by_number).await.contains("certificate"));
    let other = stranger.file(folder, "other.pem");
    let distrusted = format!(
        "{place}&sslrootcert={}&password_file={password}",
        other.display()
    );
    assert!(refused(&distrusted).await.contains("certificate"));
    let plain =
        format!("postgres://guarded@localhost:{port}/g?sslmode=disable&password_file={password}");
    assert!(refused(&plain).await.contains("no encryption"));
    let silent = format!("{place}&sslrootcert={root}");
    assert!(refused(&silent).await.contains("password"));

    let place = format!("postgres://certified@localhost:{port}/c?sslrootcert={root}");
    let with = |(certificate, key): (PathBuf, PathBuf)| {
        format!(
            "{place}&sslcert={}&sslkey={}",
            certificate.display(),
            key.display()
        )
    };
    let good = with(authority.certify(folder, &["certified"]));
    migrate(&Address::parse(&good).unwrap()).await.unwrap();
    assert!(refused(&place).await.contains("certificate"));
    let somebody = with(authority.certify(folder, &["somebody"]));
    assert!(refused(&somebody).await.contains("certified"));
}
