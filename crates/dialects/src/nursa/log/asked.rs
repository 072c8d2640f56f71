//! What a search of the log asks for.

use std::time::Duration;

use fanfare_domain::name::EventTypeName;
use fanfare_domain::time::Timestamp;

use crate::nursa::failure::Failure;
use crate::nursa::group::{ALL, Group};

/// How long the original keeps its log.
const KEPT: Duration = Duration::from_secs(14 * 24 * 3600);
/// The most entries of an answer, and how many there are unless told.
const MOST: usize = 100;
const UNLESS_TOLD: usize = 10;
/// The most entries that can be passed over; to look further, give dates.
const MOST_PASSED_OVER: usize = 10_000;
/// The most facilities that a search names.
const MOST_FACILITIES: usize = 64;

/// What a search asks for.
pub(super) struct Asked {
    /// Only of these; empty: of any.
    pub(super) facilities: Vec<String>,
    pub(super) event_type: Option<EventTypeName>,
    /// At this time or later.
    pub(super) since: Timestamp,
    /// Before this time.
    pub(super) until: Timestamp,
    pub(super) limit: usize,
    pub(super) offset: usize,
    /// Oldest first.
    pub(super) ascending: bool,
}

impl Asked {
    /// Reads a query; what is wrong with it is told all at once.
    pub(super) fn read(query: &str, group: &Group, now: Timestamp) -> Result<Self, Failure> {
        let mut messages = Vec::new();
        let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect();
        let value = |wanted: &str| {
            let pair = pairs.iter().find(|(name, _)| name == wanted);
            pair.map(|(_, value)| value.as_str())
        };
        let facilities: Vec<String> = pairs
            .iter()
            .filter(|(name, _)| name == "facilitiesIds" || name.starts_with("facilitiesIds["))
            .map(|(_, id)| id.clone())
            .collect();
        if facilities.len() > MOST_FACILITIES {
            messages.push(format!(
                "facilitiesIds must contain no more than {MOST_FACILITIES} elements"
            ));
        }
        if value("eventType").is_some_and(|name| !group.knows(name)) {
            messages.push(format!(
                "eventType must be one of the following values: {}",
                group.one_of
            ));
        }
        let since = date("startDate", value("startDate"), &mut messages);
        let until = date("endDate", value("endDate"), &mut messages);
        let limit = count("limit", value("limit"), MOST, &mut messages);
        let offset = count("offset", value("offset"), MOST_PASSED_OVER, &mut messages);
        let ascending = match value("sortDirection") {
            None | Some("DESC") => false,
            Some("ASC") => true,
            Some(_) => {
                let text = "sortDirection must be one of the following values: ASC, DESC";
                messages.push(text.to_owned());
                false
            }
        };
        if !messages.is_empty() {
            return Err(Failure::Messages(messages));
        }
        let kept_since = now.before(KEPT);
        let just_after = now.after(Duration::from_micros(1));
        Ok(Self {
            facilities,
            event_type: value("eventType")
                .filter(|name| *name != ALL)
                .and_then(|name| EventTypeName::parse(name).ok()),
            since: since.map_or(kept_since, |since| since.max(kept_since)),
            until: until.map_or(just_after, |until| until.min(just_after)),
            limit: limit.unwrap_or(UNLESS_TOLD),
            offset: offset.unwrap_or(0),
            ascending,
        })
    }
}

fn date(name: &str, given: Option<&str>, messages: &mut Vec<String>) -> Option<Timestamp> {
    // A plus sign that was not escaped comes as a blank.
    let text = given?.replace(' ', "+");
    let forms = [
        text.clone(),
        format!("{text}Z"),
        format!("{text}T00:00:00Z"),
    ];
    let read = forms.iter().find_map(|form| Timestamp::parse(form).ok());
    if read.is_none() {
        messages.push(format!("{name} must be a valid ISO 8601 date string"));
    }
    read
}

fn count(
    name: &str,
    given: Option<&str>,
    most: usize,
    messages: &mut Vec<String>,
) -> Option<usize> {
    let text = given?;
    let number: Option<f64> = text.parse().ok();
    let above = number.is_none_or(|number| number.is_nan() || number > most as f64);
    let below = number.is_none_or(|number| number.is_nan() || number < 0.0);
    if above {
        messages.push(format!("{name} must not be greater than {most}"));
    }
    if below {
        messages.push(format!("{name} must not be less than 0"));
    }
    let whole = text.parse().ok();
    if whole.is_none() && !(below && number.is_some_and(|number| number.fract() == 0.0)) {
        messages.push(format!("{name} must be an integer number"));
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nursa::group::facility_events;

    const NOW: Timestamp = Timestamp::from_seconds(1_790_000_000);

    fn read(query: &str) -> Result<Asked, Failure> {
        Asked::read(query, &Group::facility(facility_events()), NOW)
    }

    #[track_caller]
    fn refused(query: &str) -> Vec<String> {
        match read(query) {
            Err(Failure::Messages(messages)) => messages,
            Err(other) => panic!("{query}: {other:?}"),
            Ok(_) => panic!("{query} was taken"),
        }
    }

    #[test]
    fn what_is_not_said_has_its_default() {
        let asked = read("").unwrap();
        assert_eq!((asked.limit, asked.offset, asked.ascending), (10, 0, false));
        assert_eq!(asked.since, NOW.before(KEPT));
        assert!(asked.facilities.is_empty() && asked.event_type.is_none());
    }

    #[test]
    fn it_reaches_14_days_back_and_no_further() {
        let since = |query: &str| read(query).unwrap().since;
        assert_eq!(since("startDate=2020-01-01"), NOW.before(KEPT));
        let day = NOW.before(Duration::from_secs(24 * 3600));
        assert_eq!(since(&format!("startDate={day}")), day);
    }

    #[test]
    fn bounds_may_be_reached_and_not_passed() {
        let asked = read("limit=100&offset=10000&sortDirection=ASC").unwrap();
        assert_eq!(
            (asked.limit, asked.offset, asked.ascending),
            (100, 10_000, true)
        );
        assert_eq!(read("limit=0").unwrap().limit, 0);
        assert_eq!(refused("limit=101"), ["limit must not be greater than 100"]);
        assert_eq!(refused("limit=-1"), ["limit must not be less than 0"]);
        assert_eq!(refused("limit=1.5"), ["limit must be an integer number"]);
        assert_eq!(
            refused("offset=many"),
            [
                "offset must not be greater than 10000",
                "offset must not be less than 0",
                "offset must be an integer number"
            ]
        );
        assert_eq!(
            refused("limit=99999999999999999999"),
            [
                "limit must not be greater than 100",
                "limit must be an integer number"
            ]
        );
    }

    #[test]
    fn facilities_can_be_named_in_each_way_that_clients_write_lists() {
        let asked = read("facilitiesIds[]=P-1&facilitiesIds%5B%5D=P-2&facilitiesIds=P-3");
        assert_eq!(asked.unwrap().facilities, ["P-1", "P-2", "P-3"]);
        let many = "facilitiesIds=P&".repeat(65);
        assert_eq!(
            refused(&many),
            ["facilitiesIds must contain no more than 64 elements"]
        );
    }

    #[test]
    fn dates_have_a_time_an_offset_or_neither() {
        let at = |query: &str| read(query).unwrap().since.to_string();
        assert_eq!(
            at("startDate=2026-09-20T10:00:00.000Z"),
            "2026-09-20T10:00:00.000Z"
        );
        assert_eq!(
            at("startDate=2026-09-20T10:00:00+02:00"),
            "2026-09-20T08:00:00.000Z"
        );
        assert_eq!(at("startDate=2026-09-20"), "2026-09-20T00:00:00.000Z");
        assert_eq!(
            refused("startDate=yesterday&endDate="),
            [
                "startDate must be a valid ISO 8601 date string",
                "endDate must be a valid ISO 8601 date string"
            ]
        );
    }

    #[test]
    fn only_facility_events_can_be_asked_for() {
        assert!(read("eventType=all").unwrap().event_type.is_none());
        assert!(
            read("eventType=shift.created")
                .unwrap()
                .event_type
                .is_some()
        );
        assert!(
            refused("eventType=facility.creation.accepted")[0]
                .starts_with("eventType must be one of")
        );
        assert_eq!(
            refused("sortDirection=asc"),
            ["sortDirection must be one of the following values: ASC, DESC"]
        );
    }
}
