//! How the texts of settings are understood. Each answers what the text should have been.

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use fanfare_domain::policy::{format_duration, parse_duration};
use fanfare_store_postgres::{Address, Addresses};
use ipnet::IpNet;

use super::reader::Expected;
use super::settings::{LogFormat, Roles, StoreSettings};

pub(super) fn address(text: &str) -> Result<SocketAddr, Expected> {
    text.parse().map_err(|_| {
        "must be an IP address and a port, such as \"127.0.0.1:8080\" or \"[::]:8080\"".to_owned()
    })
}

pub(super) fn network(text: &str) -> Result<IpNet, Expected> {
    text.parse()
        .or_else(|_| text.parse().map(|address: std::net::IpAddr| address.into()))
        .map_err(|_| "must be a network, such as \"10.0.0.0/8\" or \"fd00::/8\"".to_owned())
}

pub(super) fn file(text: &str) -> Result<PathBuf, Expected> {
    let path = PathBuf::from(text);
    match std::fs::File::open(&path) {
        Ok(_) => Ok(path),
        Err(cause) => Err(format!("must name a file that can be read: {cause}")),
    }
}

pub(super) fn store(text: &str) -> Result<StoreSettings, Expected> {
    match text.split_once(':') {
        Some(("sqlite", "")) | None => {}
        Some(("sqlite", path)) => return Ok(StoreSettings::Sqlite(PathBuf::from(path))),
        Some(("postgres" | "postgresql", _)) => {
            return postgres(text).map(|address| {
                StoreSettings::Postgres(Box::new(Addresses {
                    direct: address.clone(),
                    work: address,
                }))
            });
        }
        Some(_) => {}
    }
    Err(
        "must be \"sqlite:PATH\", such as \"sqlite:data/fanfare.db\", or \
        \"postgres://USER@HOST/DATABASE\""
            .to_owned(),
    )
}

/// The address of a database; no message quotes it.
pub(super) fn postgres(text: &str) -> Result<Address, Expected> {
    Address::parse(text).map_err(|error| {
        let cause = std::error::Error::source(&error)
            .map_or_else(String::new, |cause| format!(": {cause}"));
        format!("must be such as \"postgres://USER@HOST/DATABASE\": {error}{cause}")
    })
}

pub(super) fn roles(text: &str) -> Result<Roles, Expected> {
    match text {
        "all" => Ok(Roles::All),
        "api" => Ok(Roles::Api),
        "delivery" => Ok(Roles::Delivery),
        _ => Err("must be \"all\", \"api\" or \"delivery\"".to_owned()),
    }
}

pub(super) fn log_format(text: &str) -> Result<LogFormat, Expected> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("must be \"text\" or \"json\"".to_owned()),
    }
}

pub(super) fn log_level(text: &str) -> Result<String, Expected> {
    tracing_subscriber::EnvFilter::try_new(text)
        .map(|_| text.to_owned())
        .map_err(|_| {
            "must be error, warn, info, debug or trace, or such as \"warn,fanfare=debug\""
                .to_owned()
        })
}

pub(super) fn truth(text: &str) -> Result<bool, Expected> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("must be true or false".to_owned()),
    }
}

pub(super) fn count(range: RangeInclusive<usize>) -> impl Fn(&str) -> Result<usize, Expected> {
    move |text| {
        let number = text.parse().ok().filter(|number| range.contains(number));
        let (least, most) = (range.start(), range.end());
        number.ok_or_else(|| format!("must be a whole number from {least} to {most}"))
    }
}

pub(super) fn share(text: &str) -> Result<f64, Expected> {
    let number = text.parse().ok();
    number
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "must be a number from 0 to 1".to_owned())
}

pub(super) fn duration(
    range: RangeInclusive<Duration>,
) -> impl Fn(&str) -> Result<Duration, Expected> {
    move |text| {
        let duration = parse_duration(text).map_err(|cause| cause.to_string())?;
        if range.contains(&duration) {
            return Ok(duration);
        }
        let (least, most) = (
            format_duration(*range.start()),
            format_duration(*range.end()),
        );
        Err(format!("must be from {least} to {most}"))
    }
}

/// Units of sizes with their bytes.
const SIZES: [(&str, usize); 4] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("B", 1),
];

pub(super) fn size(range: RangeInclusive<usize>) -> impl Fn(&str) -> Result<usize, Expected> {
    move |text| {
        let bytes = SIZES.iter().find_map(|(unit, each)| {
            let number: usize = text.strip_suffix(unit)?.trim_end().parse().ok()?;
            number.checked_mul(*each)
        });
        match bytes {
            None => Err(
                "must be a size with its unit, such as \"512B\", \"256KiB\" or \"4MiB\"".to_owned(),
            ),
            Some(bytes) if range.contains(&bytes) => Ok(bytes),
            Some(_) => {
                let (least, most) = (format_size(*range.start()), format_size(*range.end()));
                Err(format!("must be from {least} to {most}"))
            }
        }
    }
}

fn format_size(bytes: usize) -> String {
    let fits = |(_, each): &&(&str, usize)| bytes >= *each && bytes.is_multiple_of(*each);
    match SIZES[..3].iter().rev().find(fits) {
        Some((unit, each)) => format!("{}{unit}", bytes / each),
        None => format!("{bytes}B"),
    }
}

/// A key travels in a header: visible ASCII without blanks.
pub(super) fn key_text(text: &str) -> Result<(), Expected> {
    if text.is_empty() {
        return Err("must not be empty".to_owned());
    }
    if text.len() > 512 || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(
            "must be at most 512 letters, digits and signs of ASCII, without blanks".to_owned(),
        );
    }
    Ok(())
}
