//! The numbers that stand for states, reasons and kinds of error in rows. A number never changes its
//! meaning.

use fanfare_domain::attempt::ErrorKind;
use fanfare_domain::delivery::{DeliveryState, DiscardedReason, FailedReason, StateName};
use fanfare_domain::job::JobState;
use fanfare_domain::time::Timestamp;

/// A delivery that waits.
pub const WAITING: i64 = 0;
/// A delivery that arrived.
pub const DELIVERED: i64 = 1;
/// A delivery that failed.
pub const FAILED: i64 = 2;
/// A delivery that was discarded.
pub const DISCARDED: i64 = 3;

/// The number of a state.
#[must_use]
pub const fn of_state_name(name: StateName) -> i64 {
    match name {
        StateName::Waiting => WAITING,
        StateName::Delivered => DELIVERED,
        StateName::Failed => FAILED,
        StateName::Discarded => DISCARDED,
    }
}

const FAILED_REASONS: [FailedReason; 2] = [FailedReason::Exhausted, FailedReason::Gone];

const fn of_failed(reason: FailedReason) -> i64 {
    match reason {
        FailedReason::Exhausted => 0,
        FailedReason::Gone => 1,
    }
}

const DISCARDED_REASONS: [DiscardedReason; 5] = [
    DiscardedReason::EndpointDisabled,
    DiscardedReason::EndpointDeleted,
    DiscardedReason::PayloadGone,
    DiscardedReason::Expired,
    DiscardedReason::Cancelled,
];

/// The number of a reason for a discard.
#[must_use]
pub const fn of_discarded(reason: DiscardedReason) -> i64 {
    match reason {
        DiscardedReason::EndpointDisabled => 0,
        DiscardedReason::EndpointDeleted => 1,
        DiscardedReason::PayloadGone => 2,
        DiscardedReason::Expired => 3,
        DiscardedReason::Cancelled => 4,
    }
}

/// A state as the columns `state`, `reason` and `at`.
#[must_use]
pub const fn of_state(state: &DeliveryState) -> (i64, Option<i64>, Timestamp) {
    match *state {
        DeliveryState::Waiting { due_at } => (WAITING, None, due_at),
        DeliveryState::Delivered { at } => (DELIVERED, None, at),
        DeliveryState::Failed { at, reason } => (FAILED, Some(of_failed(reason)), at),
        DeliveryState::Discarded { at, reason } => (DISCARDED, Some(of_discarded(reason)), at),
    }
}

/// Reads what [`of_state`] gave.
///
/// # Errors
/// The name of the column that makes no sense.
pub fn to_state(
    state: i64,
    reason: Option<i64>,
    at: Timestamp,
) -> Result<DeliveryState, &'static str> {
    let reason = reason.and_then(|number| usize::try_from(number).ok());
    match state {
        WAITING => Ok(DeliveryState::Waiting { due_at: at }),
        DELIVERED => Ok(DeliveryState::Delivered { at }),
        FAILED => match reason.and_then(|number| FAILED_REASONS.get(number)) {
            Some(&reason) => Ok(DeliveryState::Failed { at, reason }),
            None => Err("reason"),
        },
        DISCARDED => match reason.and_then(|number| DISCARDED_REASONS.get(number)) {
            Some(&reason) => Ok(DeliveryState::Discarded { at, reason }),
            None => Err("reason"),
        },
        _ => Err("state"),
    }
}

const ERROR_KINDS: [ErrorKind; 11] = [
    ErrorKind::NameNotFound,
    ErrorKind::NameLookup,
    ErrorKind::AddressRefused,
    ErrorKind::ConnectionRefused,
    ErrorKind::Connect,
    ErrorKind::ConnectTimeout,
    ErrorKind::Tls,
    ErrorKind::Timeout,
    ErrorKind::ConnectionClosed,
    ErrorKind::Protocol,
    ErrorKind::Request,
];

/// The number of a kind of error.
#[must_use]
pub const fn of_error_kind(kind: ErrorKind) -> i64 {
    match kind {
        ErrorKind::NameNotFound => 0,
        ErrorKind::NameLookup => 1,
        ErrorKind::AddressRefused => 2,
        ErrorKind::ConnectionRefused => 3,
        ErrorKind::Connect => 4,
        ErrorKind::ConnectTimeout => 5,
        ErrorKind::Tls => 6,
        ErrorKind::Timeout => 7,
        ErrorKind::ConnectionClosed => 8,
        ErrorKind::Protocol => 9,
        ErrorKind::Request => 10,
    }
}

/// Reads what [`of_error_kind`] gave; none for a number that stands for nothing.
#[must_use]
pub fn to_error_kind(number: i64) -> Option<ErrorKind> {
    let place = usize::try_from(number).ok()?;
    ERROR_KINDS.get(place).copied()
}

/// The number of a job's state.
#[must_use]
pub const fn of_job_state(state: JobState) -> i64 {
    match state {
        JobState::Running => 0,
        JobState::Paused => 1,
        JobState::Completed => 2,
        JobState::Cancelled => 3,
        JobState::Failed => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_reads_as_what_it_was_written_for() {
        for (number, kind) in (0..).zip(ERROR_KINDS) {
            assert_eq!(of_error_kind(kind), number);
            assert_eq!(to_error_kind(number), Some(kind));
        }
        assert_eq!(to_error_kind(11), None);
        assert_eq!(to_error_kind(-1), None);
        let at = Timestamp::from_seconds(7);
        let failed = FAILED_REASONS.map(|reason| DeliveryState::Failed { at, reason });
        let discarded = DISCARDED_REASONS.map(|reason| DeliveryState::Discarded { at, reason });
        let plain = [
            DeliveryState::Waiting { due_at: at },
            DeliveryState::Delivered { at },
        ];
        for state in failed.into_iter().chain(discarded).chain(plain) {
            let (number, reason, at) = of_state(&state);
            assert_eq!(to_state(number, reason, at), Ok(state));
            assert_eq!(number, of_state_name(state.name()));
        }
    }
}
