//! Pages of lists.

use fanfare_app::port::Found;
use serde::Serialize;
use utoipa::ToSchema;

use crate::cursor::{List, Position, encode};

/// Which part of a list is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<P> {
    pub(crate) list: List,
    pub(crate) limit: usize,
    /// After this entry; none: from the start.
    pub(crate) after: Option<P>,
}

/// A page of a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The entries.
    pub(crate) data: Vec<T>,
    /// What to send as `cursor` for the next page; null on the last one. A page may hold fewer entries than
    /// asked for, even none, and not be the last: only null says that nothing follows. Where what is asked
    /// for is rare, a page ends when it has looked through as much as one may.
    #[schema(required = true)]
    pub(crate) next_cursor: Option<String>,
}

impl<P: Position> Window<P> {
    /// How many entries to fetch: one more than are shown tells whether others follow.
    pub(crate) fn fetch(&self) -> usize {
        self.limit + 1
    }

    /// The page out of what was fetched.
    pub(crate) fn page<T, V>(
        &self,
        found: Vec<T>,
        position: impl Fn(&T) -> P,
        view: impl FnMut(T) -> V,
    ) -> Page<V> {
        let all = Found {
            found,
            stopped_at: None,
        };
        self.page_of(all, position, view)
    }

    /// The page out of a search, which goes on with the next page where it stopped.
    pub(crate) fn page_of<T, V>(
        &self,
        search: Found<T, P>,
        position: impl Fn(&T) -> P,
        view: impl FnMut(T) -> V,
    ) -> Page<V> {
        let mut found = search.found;
        let more = found.len() > self.limit;
        found.truncate(self.limit);
        let last = found.last().filter(|_| more).map(position);
        let next = last.or(search.stopped_at);
        let next_cursor = next.map(|next| encode(self.list, &next));
        Page {
            data: found.into_iter().map(view).collect(),
            next_cursor,
        }
    }
}

impl<T> Page<T> {
    /// A list that is never long.
    pub(crate) fn whole(data: Vec<T>) -> Self {
        Self {
            data,
            next_cursor: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_has_no_cursor_even_when_it_is_full() {
        let window = Window::<i64> {
            list: List::Keys,
            limit: 2,
            after: None,
        };
        let page = |found: Vec<i64>| window.page(found, |each| *each, |each| each);
        assert!(page(vec![3, 2]).next_cursor.is_none());
        let first = page(vec![3, 2, 1]);
        assert_eq!(first.data, [3, 2]);
        assert_eq!(first.next_cursor, Some(encode::<i64>(List::Keys, &2)));
    }

    #[test]
    fn a_page_of_a_search_that_stopped_has_a_cursor_even_when_it_is_empty() {
        let window = Window::<i64> {
            list: List::Keys,
            limit: 2,
            after: None,
        };
        let page = |found: Vec<i64>, stopped_at| {
            let search = Found { found, stopped_at };
            let page = window.page_of(search, |each| *each, |each| each);
            (page.data, page.next_cursor)
        };
        let at = |place: i64| Some(encode(List::Keys, &place));
        assert_eq!(page(vec![], Some(7)), (vec![], at(7)));
        assert_eq!(page(vec![9], Some(7)), (vec![9], at(7)));
        assert_eq!(page(vec![9, 8, 7], Some(7)), (vec![9, 8], at(8)));
        assert_eq!(page(vec![9], None), (vec![9], None));
    }
}
