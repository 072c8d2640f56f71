use std::io::Write;
use std::time::Duration;

use super::*;

fn environment(pairs: &[(&str, &str)]) -> Environment {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

fn faults(file: Option<&Path>, pairs: &[(&str, &str)]) -> Vec<String> {
    let refused = load(file, &environment(pairs)).unwrap_err();
    refused.0.iter().map(ToString::to_string).collect()
}

#[test]
fn the_default_file_is_right_and_says_what_the_design_says() {
    let Loaded { settings, warnings } = load(None, &Environment::new()).unwrap();
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(
        settings.store,
        StoreSettings::Sqlite("data/fanfare.db".into())
    );
    assert_eq!(settings.admin_key, None);
    assert_eq!(settings.limits.event_bytes, 256 * 1024);
    assert_eq!(
        settings.policy,
        fanfare_domain::policy::DeliveryPolicy::native()
    );
}

#[test]
fn every_key_has_a_variable_and_the_variable_goes_before_the_file() {
    let given = file("listen = \"127.0.0.1:1\"\nevent_size = \"64KiB\"\n");
    let variables = environment(&[
        ("FANFARE_LISTEN", "127.0.0.1:2"),
        ("FANFARE_ALLOW_NETWORKS", "10.0.0.0/8, ::1/128"),
        ("FANFARE_DELIVERY_WAITS", "0s,1s"),
    ]);
    let settings = load(Some(given.path()), &variables).unwrap().settings;
    assert_eq!(settings.listen.port(), 2);
    assert_eq!(settings.limits.event_bytes, 64 * 1024);
    let allowed = |text: &str| settings.limits.addresses.allows(text.parse().unwrap());
    assert!(allowed("10.1.2.3") && allowed("::1") && !allowed("127.0.0.1"));
    assert_eq!(
        settings.policy.schedule.wait(2),
        Some(Duration::from_secs(1))
    );
    assert_eq!(settings.policy.schedule.wait(3), None);
}

#[test]
fn the_variable_fanfare_config_names_the_file_and_the_option_goes_before_it() {
    let named = file("worker_threads = 3");
    let option = file("worker_threads = 4");
    let variables = environment(&[("FANFARE_CONFIG", named.path().to_str().unwrap())]);
    let threads = |path| load(path, &variables).unwrap().settings.worker_threads;
    assert_eq!(threads(None), Some(3));
    assert_eq!(threads(Some(option.path())), Some(4));
}

#[test]
fn all_faults_are_told_at_once_with_their_place_and_what_would_be_right() {
    let given = file("listen = \"here\"\n\nlog_formt = \"text\"\nworker_threads = -1\n");
    let place = given.path().display();
    let told = faults(
        Some(given.path()),
        &[
            ("FANFARE_IDEMPOTENCY", "24"),
            ("FANFARE_EVENT_SIZE", "1TB"),
            ("FANFARE_NAMESERVERS", "9.9.9.9:53,nine"),
            ("FANFARE_DELIVERY_TIMEOUT", "10m"),
        ],
    );
    let expected = [
        format!("{place}:3: log_formt is no setting; did you mean log_format?"),
        format!(
            "{place}:1: listen is \"here\", and must be an IP address and a port, such as \"127.0.0.1:8080\" or \"[::]:8080\""
        ),
        format!("{place}:4: worker_threads is \"-1\", and must be a whole number from 0 to 1024"),
        "environment variable FANFARE_EVENT_SIZE: event_size is \"1TB\", and must be a size with its unit, such as \"512B\", \"256KiB\" or \"4MiB\"".to_owned(),
        "environment variable FANFARE_IDEMPOTENCY: idempotency is \"24\", and must be a duration with units, such as \"250ms\", \"15s\", \"1h30m\" or \"7d\"".to_owned(),
        "environment variable FANFARE_DELIVERY_TIMEOUT: delivery_timeout is \"10m\", and must be from 100ms to 1m".to_owned(),
        "environment variable FANFARE_NAMESERVERS: nameservers is \"nine\", and must be an IP address and a port, such as \"127.0.0.1:8080\" or \"[::]:8080\"".to_owned(),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_file_that_is_no_toml_or_not_there_is_told_with_its_line() {
    let given = file("listen = \"127.0.0.1:1\"\nstore = \n");
    let told = faults(Some(given.path()), &[]);
    let start = format!("{}:2: is not TOML", given.path().display());
    assert!(told[0].starts_with(&start), "{told:?}");
    let told = faults(Some(Path::new("/nowhere/fanfare.toml")), &[]);
    assert!(
        told[0].starts_with("/nowhere/fanfare.toml:1: can't be read"),
        "{told:?}"
    );
}

#[test]
fn the_address_of_a_postgresql_is_never_shown_with_its_password() {
    let address = "postgres://me:hunter2@localhost/fanfare";
    let loaded = load(None, &environment(&[("FANFARE_STORE", address)])).unwrap();
    let shown = format!("{:?}", loaded.settings.store);
    assert!(
        shown.contains("postgres://localhost:5432/fanfare"),
        "{shown}"
    );
    assert!(!shown.contains("hunter2"), "{shown}");
    let wrong = "postgres://me:hunter2@localhost/fanfare?sslmode=allow";
    let told = faults(None, &[("FANFARE_STORE", wrong)]);
    assert_eq!(
        told,
        ["environment variable FANFARE_STORE: store must be such as \
            \"postgres://USER@HOST/DATABASE\": sslmode must be disable or verify-full, not \"allow\""]
    );
}

#[test]
fn a_direct_address_is_for_a_store_in_postgresql() {
    let told = faults(
        None,
        &[("FANFARE_STORE_DIRECT", "postgres://me@localhost/f")],
    );
    assert_eq!(
        told,
        [
            "environment variable FANFARE_STORE_DIRECT: store_direct is for a store in PostgreSQL only"
        ]
    );
}

#[test]
fn the_administrators_key_comes_from_a_file_too_and_is_never_shown() {
    let secret = file("  correct-horse-battery-staple\n");
    let path = secret.path().to_str().unwrap();
    let loaded = load(None, &environment(&[("FANFARE_ADMIN_KEY_FILE", path)])).unwrap();
    assert!(!format!("{loaded:?}").contains("horse"));
    assert_eq!(
        loaded.settings.admin_key.as_deref(),
        Some("correct-horse-battery-staple")
    );
    let both = [
        ("FANFARE_ADMIN_KEY", "other"),
        ("FANFARE_ADMIN_KEY_FILE", path),
    ];
    assert_eq!(
        faults(None, &both),
        [
            "environment variable FANFARE_ADMIN_KEY_FILE: admin_key_file is given beside admin_key; give one of them"
        ]
    );
    let told = faults(None, &[("FANFARE_ADMIN_KEY", "hunter 2")]);
    assert!(
        !told[0].contains("hunter") && told[0].contains("without blanks"),
        "{told:?}"
    );
}

#[test]
fn what_is_doubtful_is_warned_of_and_does_not_stop_the_start() {
    let pairs = [
        ("FANFARE_PORT", "tcp://10.0.0.1:80"),
        ("FANFARE_ADMIN_KEY", "short"),
    ];
    let warnings = load(None, &environment(&pairs)).unwrap().warnings;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("FANFARE_PORT is no setting"));
    assert!(warnings[1].starts_with("admin_key is shorter than 24 characters"));
}

#[test]
fn what_is_for_test_purposes_only_is_no_setting_and_never_goes_unseen() {
    let off = "FANFARE_SYNCHRONOUS_OFF_FOR_TEST_PURPOSES_ONLY";
    let Loaded { settings, warnings } = load(None, &environment(&[(off, "true")])).unwrap();
    assert!(settings.test_purposes.synchronous_off);
    assert!(
        warnings.len() == 1 && warnings[0].contains(off),
        "{warnings:?}"
    );
    assert!(!DEFAULT_FILE.contains("test_purposes"));
    for (name, value) in [
        (off, "maybe"),
        ("FANFARE_OTHER_FOR_TEST_PURPOSES_ONLY", "1"),
    ] {
        let faults = faults(None, &[(name, value)]);
        assert!(faults.len() == 1 && faults[0].contains(name), "{faults:?}");
    }
    let file = file("synchronous_off_for_test_purposes_only = true");
    assert_eq!(faults(Some(file.path()), &[]).len(), 1);
}

#[test]
fn dialects_are_served_unless_taken_out_and_say_where_and_how() {
    let load = |value| load(None, &environment(&[("FANFARE_DIALECTS", value)]));
    let given = "konpro environment=staging host=api.konpro.example options_check=false, \
                 nursa below=/nursa rate=100 waits=0s;1m";
    let served = load(given).unwrap().settings.dialects;
    assert_eq!(served.len(), 2);
    assert_eq!(served[0].environment.as_str(), "staging");
    assert_eq!(served[0].host.as_deref(), Some("api.konpro.example"));
    assert_eq!(served[1].below.as_deref(), Some("/nursa"));
    assert_eq!(served[1].rate, Some(100));
    assert_eq!(load("").unwrap().settings.dialects.len(), 0);
}

#[test]
fn a_dialect_that_cannot_be_served_is_told_with_what_would_be_right() {
    let told = |value| faults(None, &[("FANFARE_DIALECTS", value)]).join("\n");
    assert!(told("hubspot").contains("must begin with one of"));
    assert!(told("konpro host").contains("must have NAME=VALUE"));
    assert!(told("konpro rate=0").contains("rate=0"));
    assert!(told("konpro options_check=maybe").contains("options_check"));
    assert!(told("konpro colour=blue").contains("colour"));
    assert!(told("nursa, nursa").contains("twice"));
}
