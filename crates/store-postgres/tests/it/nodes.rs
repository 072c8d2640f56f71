//! Two stores over one database.

use fanfare_app::port::log::Appended;

use crate::databases::{open, with_a_store};
use crate::made::{append, event, hour, with_uid};

#[tokio::test(flavor = "multi_thread")]
async fn of_twins_at_two_nodes_one_is_appended() {
    let database = with_a_store().await;
    let nodes = [
        open(&database.address()).await,
        open(&database.address()).await,
    ];
    for round in 0..5 {
        let calls: Vec<_> = (0..40)
            .map(|number| {
                let log = nodes[number % 2].log();
                let number = u64::try_from(number).unwrap();
                let uids = [format!("a{round}"), format!("b{round}")];
                tokio::spawn(async move {
                    // In opposite orders, which must not lock one another out.
                    let order = if number % 4 < 2 { [0, 1] } else { [1, 0] };
                    let id = |place: usize| 1_000 * round + 2 * number + place as u64;
                    let call = order.map(|place| with_uid(hour(1), id(place), &uids[place]));
                    log.append(call.into()).await.unwrap()
                })
            })
            .collect();
        let mut appended = 0;
        for call in calls {
            for answer in call.await.unwrap() {
                match answer {
                    Appended::At(_) => appended += 1,
                    Appended::Twin(_) => {}
                    other => panic!("{other:?}"),
                }
            }
        }
        assert_eq!(appended, 2);
    }
    let read = nodes[0].log().read_after(0, 100).await.unwrap();
    assert_eq!(read.len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn positions_of_two_nodes_follow_the_order_of_acceptance() {
    let database = with_a_store().await;
    let nodes = [
        open(&database.address()).await,
        open(&database.address()).await,
    ];
    let mut last = 0;
    for number in 0..20 {
        let log = nodes[usize::try_from(number).unwrap() % 2].log();
        let answers = log.append(vec![append(event(hour(1), number))]).await;
        let Appended::At(position) = answers.unwrap()[0] else {
            panic!("not appended");
        };
        assert!(position > last, "{position} after {last}");
        last = position;
    }
}
