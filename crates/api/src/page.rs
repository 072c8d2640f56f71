//! Pages of lists.

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

/// A page of a list, newest entries first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    /// The entries.
    pub(crate) data: Vec<T>,
    /// What to send as `cursor` for the next page; null on the last one.
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
        mut found: Vec<T>,
        position: impl Fn(&T) -> P,
        view: impl FnMut(T) -> V,
    ) -> Page<V> {
        let more = found.len() > self.limit;
        found.truncate(self.limit);
        let last = found.last().filter(|_| more);
        let next_cursor = last.map(|last| encode(self.list, &position(last)));
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
}
