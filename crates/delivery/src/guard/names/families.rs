//! Both families of a name's addresses.

use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use hickory_resolver::TokioResolver;
use hickory_resolver::net::NetError;
use hickory_resolver::proto::rr::{Name, RecordType};
use tokio::time::timeout;

/// How long the second family is waited for once the first has given addresses. Some name servers
/// never answer for IPv6.
const SECOND_FAMILY: Duration = Duration::from_millis(100);
/// Of a family with more, the others are left out.
const MOST_OF_A_FAMILY: usize = 8;

type Family = Result<Vec<IpAddr>, NetError>;

/// The addresses of a name, IPv6 and IPv4 in turn (RFC 8305); empty where it has none.
///
/// # Errors
/// There are none because a query failed.
pub(super) async fn addresses(resolver: &TokioResolver, name: Name) -> Family {
    let six = pin!(family(resolver, name.clone(), RecordType::AAAA));
    let four = pin!(family(resolver, name, RecordType::A));
    let (six, four) = match select(six, four).await {
        Either::Left((six, four)) => {
            let four = second(&six, four).await;
            (six, four)
        }
        Either::Right((four, six)) => {
            let six = second(&four, six).await;
            (six, four)
        }
    };
    match (six, four) {
        (Ok(six), Ok(four)) => Ok(in_turn(&six, &four)),
        (Ok(found), Err(_)) | (Err(_), Ok(found)) if !found.is_empty() => Ok(found),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

async fn family(resolver: &TokioResolver, name: Name, kind: RecordType) -> Family {
    match resolver.lookup(name, kind).await {
        Ok(found) => Ok(found
            .answers()
            .iter()
            .filter_map(|record| record.data.ip_addr())
            .take(MOST_OF_A_FAMILY)
            .collect()),
        Err(error) if error.is_no_records_found() || error.is_nx_domain() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

async fn second(first: &Family, second: impl Future<Output = Family>) -> Family {
    match first {
        Ok(found) if !found.is_empty() => timeout(SECOND_FAMILY, second)
            .await
            .unwrap_or_else(|_| Ok(Vec::new())),
        _ => second.await,
    }
}

fn in_turn(six: &[IpAddr], four: &[IpAddr]) -> Vec<IpAddr> {
    let longest = six.len().max(four.len());
    (0..longest)
        .flat_map(|index| [six.get(index), four.get(index)])
        .flatten()
        .copied()
        .collect()
}
