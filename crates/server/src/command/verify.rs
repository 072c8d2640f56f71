//! `fanfare verify`: checks a delivery's signature, as its receiver does.

use std::fs;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, bail};
use fanfare_app::port::Clock;
use fanfare_domain::policy::format_duration;
use fanfare_domain::signature::verify;
use fanfare_domain::time::Timestamp;

use super::print;
use crate::cli::VerifyArgs;
use crate::clock::SystemClock;

/// Older deliveries are usually refused, since they may be sent again by somebody who listened.
const TOLERANCE: std::time::Duration = std::time::Duration::from_secs(5 * 60);

pub(super) fn run(args: &VerifyArgs) -> anyhow::Result<()> {
    let secret = read(&args.secret_file)?;
    let secret = std::str::from_utf8(&secret).context("the secret is not text")?;
    let body = match (&args.body, &args.body_file) {
        (Some(body), _) => body.clone().into_bytes(),
        (None, Some(path)) if path == Path::new("-") => {
            let mut body = Vec::new();
            std::io::stdin().read_to_end(&mut body)?;
            body
        }
        (None, Some(path)) => read(path)?,
        (None, None) => bail!("the body is missing: give --body-file or --body"),
    };
    let headers = Headers::of(args)?;
    verify(
        secret.trim(),
        &headers.id,
        &headers.timestamp,
        &body,
        &headers.signature,
    )?;
    print("the signature is right")?;
    let Ok(seconds) = headers.timestamp.parse() else {
        bail!("webhook-timestamp is no whole number of seconds since 1970");
    };
    let age = SystemClock.now().since(Timestamp::from_seconds(seconds));
    if age > TOLERANCE {
        let age = format_duration(std::time::Duration::from_secs(age.as_secs()));
        print(format_args!(
            "it was made {age} ago; receivers usually refuse one older than 5m"
        ))?;
    }
    Ok(())
}

struct Headers {
    id: String,
    timestamp: String,
    signature: String,
}

impl Headers {
    fn of(args: &VerifyArgs) -> anyhow::Result<Self> {
        if let (Some(id), Some(timestamp), Some(signature)) =
            (&args.id, &args.timestamp, &args.signature)
        {
            return Ok(Self {
                id: id.clone(),
                timestamp: timestamp.clone(),
                signature: signature.clone(),
            });
        }
        let Some(path) = &args.headers_file else {
            bail!("give --headers-file, or --id, --timestamp and --signature");
        };
        let text = read(path)?;
        let text = std::str::from_utf8(&text).context("the headers are not text")?;
        let header = |wanted: &str| {
            let named = |line: &str| {
                let (name, value) = line.split_once(':')?;
                let found = name.trim().eq_ignore_ascii_case(wanted);
                found.then(|| value.trim().to_owned())
            };
            let found = text.lines().find_map(named);
            found.with_context(|| format!("{} has no line \"{wanted}: …\"", path.display()))
        };
        Ok(Self {
            id: header("webhook-id")?,
            timestamp: header("webhook-timestamp")?,
            signature: header("webhook-signature")?,
        })
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("{} can't be read", path.display()))
}
