use std::time::Duration;

use fanfare_domain::attempt::{Attempt, AttemptError, ErrorKind, Headers, Timings, Trigger};
use fanfare_domain::id::EventId;
use fanfare_domain::time::Timestamp;
use proptest::prelude::*;

use super::{Columns, UnreadableRest, from_columns, rest_to_text};

/// An attempt as most are.
fn usual() -> Attempt {
    let started_at = Timestamp::from_micros(1_795_907_979_123_456);
    let event = EventId::new(started_at, 7);
    let sent = [
        ("content-type", "application/json".to_owned()),
        ("user-agent", "Fanfare/0.1.0".to_owned()),
        ("webhook-id", event.to_string()),
        ("webhook-timestamp", "1795907979".to_owned()),
        (
            "webhook-signature",
            "v1,z7D/uw9rNzJc+zh3g0anLhE069vGpQg749xpVrdIYAE=".to_owned(),
        ),
    ];
    let answered = [
        ("content-length", "0"),
        ("date", "Sat, 28 Nov 2026 23:19:39 GMT"),
    ];
    Attempt {
        id: event.delivery(1).attempt(1),
        started_at,
        trigger: Trigger::Scheduled,
        url: "https://example.com/hooks".to_owned(),
        address: "192.0.2.7:443".parse().ok(),
        http_version: Some("HTTP/1.1".to_owned()),
        timings: Timings {
            first_byte: Some(Duration::from_micros(30_289)),
            total: Duration::from_micros(30_290),
            ..Timings::default()
        },
        status: Some(200),
        error: None,
        request_headers: sent.iter().map(|(name, value)| (*name, &**value)).collect(),
        response_headers: answered.into_iter().collect(),
        response_body: Vec::new(),
        response_truncated: false,
    }
}

fn columns(attempt: &Attempt, rest: String) -> Columns {
    Columns {
        id: attempt.id,
        started_at: attempt.started_at,
        status: attempt.status,
        error: attempt.error.as_ref().map(|error| error.kind),
        rest,
        response_body: Some(attempt.response_body.clone()),
    }
}

fn written_and_read(attempt: &Attempt) -> Attempt {
    let rest = rest_to_text(attempt).expect("it can be written");
    from_columns(columns(attempt, rest)).expect("it can be read")
}

#[test]
fn what_most_attempts_have_in_common_takes_little_room() {
    let attempt = usual();
    assert_eq!(written_and_read(&attempt), attempt);
    let rest = rest_to_text(&attempt).expect("it can be written");
    assert_eq!(
        rest,
        r#"[2,0,"https://example.com/hooks","192.0.2.7:443",2,[30289,30290],null,"#.to_owned()
            + r#"[[4,5],[6,"Fanfare/0.1.0"],[7,100],[8,101],"#
            + r#"[9,"v1,z7D/uw9rNzJc+zh3g0anLhE069vGpQg749xpVrdIYAE="]],"#
            + r#"[[13,14],[15,1795907979]],false]"#
    );
}

#[test]
fn the_first_form_is_still_read() {
    let attempt = usual();
    let rest = r#"[1,"scheduled","https://example.com/hooks","192.0.2.7:443","HTTP/1.1","#
        .to_owned()
        + r#"[null,null,null,30289,30290],null,[["content-type","application/json"],"#
        + r#"["user-agent","Fanfare/0.1.0"],["webhook-id","EVENT"],"#
        + r#"["webhook-timestamp","1795907979"],"#
        + r#"["webhook-signature","v1,z7D/uw9rNzJc+zh3g0anLhE069vGpQg749xpVrdIYAE="]],"#
        + r#"[["content-length","0"],["date","Sat, 28 Nov 2026 23:19:39 GMT"]],false]"#;
    let rest = rest.replace("EVENT", &attempt.id.delivery().event().to_string());
    let read = from_columns(columns(&attempt, rest)).expect("it can be read");
    assert_eq!(read, attempt);
}

#[test]
fn a_time_that_is_not_written_as_usual_stays_as_it_came() {
    for date in [
        "Saturday, 28-Nov-26 23:19:39 GMT",
        "Sat Nov 28 23:19:39 2026",
        "Sun, 28 Nov 2026 23:19:39 GMT",
        "Thu, 01 Jan 1970 00:00:07 GMT",
        "1795907979",
        "",
    ] {
        let mut attempt = usual();
        attempt.response_headers = [("date", date)].into_iter().collect();
        assert_eq!(written_and_read(&attempt), attempt);
    }
}

#[test]
fn unknown_forms_and_numbers_are_told() {
    let attempt = usual();
    let known = rest_to_text(&attempt).expect("it can be written");
    let read = |rest: String| from_columns(columns(&attempt, rest));
    for (from, to, what) in [
        ("[2,0,", "[3,0,", "it has the unknown form 3"),
        ("[2,0,", "[0,0,", "it has the unknown form 0"),
        ("[2,0,", "[2,5,", "its trigger can't be understood"),
        (
            "[[4,5],",
            "[[99,5],",
            "its request's headers can't be understood",
        ),
        (
            "[13,14]",
            "[13,99999999999999]",
            "its answer's headers can't be understood",
        ),
    ] {
        let rest = known.replace(from, to);
        assert_ne!(rest, known);
        let told = read(rest).err().map(|error| error.to_string());
        assert_eq!(told.as_deref(), Some(what));
    }
    assert!(matches!(
        read("{}".to_owned()),
        Err(UnreadableRest::Json(_))
    ));
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("0".to_owned()),
        Just("date".to_owned()),
        Just("Sat, 28 Nov 2026 23:19:39 GMT".to_owned()),
        Just("1795907979".to_owned()),
        Just("manual".to_owned()),
        "\\PC{0,12}",
    ]
}

fn time() -> impl Strategy<Value = Option<Duration>> {
    proptest::option::of((0..u64::from(u32::MAX)).prop_map(Duration::from_micros))
}

proptest! {
    #[test]
    fn every_attempt_reads_as_it_was_written(
        manual: bool,
        url in text(),
        version in proptest::option::of(text()),
        (lookup, connect, tls, first_byte) in (time(), time(), time(), time()),
        total in 0..u64::from(u32::MAX),
        detail in proptest::option::of(text()),
        sent in proptest::collection::vec((text(), text()), 0..6),
        answered in proptest::collection::vec((text(), text()), 0..6),
        response_truncated: bool,
    ) {
        let attempt = Attempt {
            trigger: if manual { Trigger::Manual } else { Trigger::Scheduled },
            url,
            http_version: version,
            timings: Timings {
                lookup,
                connect,
                tls,
                first_byte,
                total: Duration::from_micros(total),
            },
            error: detail.map(|detail| AttemptError { kind: ErrorKind::Tls, detail }),
            request_headers: sent.into_iter().collect::<Headers>(),
            response_headers: answered.into_iter().collect::<Headers>(),
            response_truncated,
            ..usual()
        };
        prop_assert_eq!(written_and_read(&attempt), attempt);
    }
}
