//! A world in which nothing is scripted but the receiver: SQLite, the engine, the guarded network.

use std::sync::Arc;

use fanfare_app::directory::Directory;
use fanfare_app::format::{Formats, NativeFormat};
use fanfare_app::port::Sender;
use fanfare_app::{Fanfare, Limits, Ports};
use fanfare_delivery::sender::{HttpSender, SenderOptions};
use fanfare_delivery::{Engine, EngineOptions, EngineParts};
use fanfare_dialects::DialectSettings;
use fanfare_domain::address::AddressPolicy;
use fanfare_domain::policy::DeliveryPolicy;
use fanfare_store_sqlite::{Options, SqliteStore};
use fanfare_testkit::clock::VirtualClock;
use fanfare_testkit::receiver::{Authority, Receiver};
use fanfare_testkit::seeded::Seeded;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tempfile::TempDir;

use crate::call::{Api, dialect};

/// Such a world.
pub(crate) struct Real {
    pub(crate) api: Api,
    pub(crate) fanfare: Arc<Fanfare>,
    /// Speaks TLS with a certificate that deliveries trust, and answers 200.
    pub(crate) receiver: Receiver,
    pub(crate) authority: Authority,
    _engine: Arc<Engine>,
    _store: SqliteStore,
    _folder: TempDir,
}

impl Real {
    pub(crate) async fn new(name: &str, settings: &DialectSettings) -> Self {
        Self::trusting(name, settings, &[]).await
    }

    /// One that trusts certificates of further authorities, PEM.
    pub(crate) async fn trusting(
        name: &str,
        settings: &DialectSettings,
        authorities: &[&str],
    ) -> Self {
        let dialect = dialect(name, settings);
        let authority = Authority::new();
        let receiver = Receiver::start_tls(&authority).await;
        let addresses = AddressPolicy::allowing(vec!["127.0.0.0/8".parse().unwrap()]);
        let sender: Arc<dyn Sender> = Arc::new(sender(
            &[&[authority.pem().as_str()], authorities].concat(),
            addresses.clone(),
        ));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fanfare.db");
        let store = SqliteStore::open(&path, &Options::default()).unwrap();
        let native = Arc::new(NativeFormat::new(DeliveryPolicy::native()));
        let formats = Formats::new(native, vec![dialect.format()]);
        let directory = Arc::new(Directory::new(formats));
        let (clock, random) = (Arc::new(VirtualClock::default()), Arc::new(Seeded::new(1)));
        let engine = Arc::new(Engine::new(EngineParts {
            directory: Arc::clone(&directory),
            log: store.log(),
            deliveries: store.deliveries(),
            coordination: Arc::new(fanfare_app::port::coordination::OneNode),
            sender: Arc::clone(&sender),
            clock: Arc::<VirtualClock>::clone(&clock),
            random: Arc::<Seeded>::clone(&random),
            options: EngineOptions::default(),
        }));
        let ports = Ports {
            configuration: store.configuration(),
            log: store.log(),
            deliveries: store.deliveries(),
            dispatch: Arc::<Engine>::clone(&engine),
            sender,
            clock,
            random,
        };
        let limits = Limits {
            addresses,
            ..Limits::default()
        };
        let fanfare = Arc::new(Fanfare::new(ports, directory, limits, None));
        fanfare.refresh().await.unwrap();
        engine.start(&fanfare).await.unwrap();
        let api = Api::furnish(&fanfare, dialect.as_ref(), None).await;
        Self {
            api,
            fanfare,
            receiver,
            authority,
            _engine: engine,
            _store: store,
            _folder: folder,
        }
    }
}

fn sender(authorities: &[&str], addresses: AddressPolicy) -> HttpSender {
    let certificate = |pem: &&str| CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let options = SenderOptions {
        addresses,
        extra_authorities: authorities.iter().map(certificate).collect(),
        ..SenderOptions::default()
    };
    HttpSender::new(options).unwrap()
}
