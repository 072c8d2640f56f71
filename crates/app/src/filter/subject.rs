//! An event as filters see it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

use cel::common::types::{
    CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, CelUInt,
};
use cel::common::value::Val;
use cel::{Context, Env};
use fanfare_domain::event::Attributes;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{FilterError, meter};

static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(meter::environment()));

/// What filters may look at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'v> {
    /// `type`, a string.
    pub event_type: &'v str,
    /// `subcategory`, a string or null.
    pub subcategory: Option<&'v str>,
    /// `attributes`, a map of names to lists of strings.
    pub attributes: &'v Attributes,
    /// `data`, as JSON.
    pub data: &'v [u8],
}

/// An event made ready for filters, once for all of them. Takes memory by the data's size: at most some
/// 50 bytes for each of its own.
pub struct Subject<'v> {
    pub(super) context: Context<'v, 'v>,
}

impl fmt::Debug for Subject<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject").finish_non_exhaustive()
    }
}

impl<'v> Subject<'v> {
    /// Reads an event's data.
    ///
    /// # Errors
    /// [`FilterError::Data`] when there is no value for it: a number past the range, half of a surrogate
    /// pair.
    pub fn new(facts: Facts<'v>) -> Result<Self, FilterError> {
        let mut reader = serde_json::Deserializer::from_slice(facts.data);
        let data = Reading
            .deserialize(&mut reader)
            .and_then(|value| reader.end().map(|()| value))
            .map_err(|cause| FilterError::Data(cause.to_string()))?;
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        context.add_variable_as_val("data", data);
        context.add_variable_as_val("type", Box::new(CelString::from(facts.event_type)));
        context.add_variable_as_val(
            "subcategory",
            match facts.subcategory {
                Some(text) => Box::new(CelString::from(text)),
                None => Box::new(CelNull),
            },
        );
        let lists = facts.attributes.iter().map(|(name, values)| {
            let values = values
                .iter()
                .map(|text| boxed(CelString::from(text.as_str())));
            let list: Box<dyn Val + 'v> = boxed(CelList::from(values.collect::<Vec<_>>()));
            (CelMapKey::from(name), list)
        });
        let attributes: HashMap<_, _> = lists.collect();
        context.add_variable_as_val("attributes", Box::new(CelMap::from(attributes)));
        Ok(Self { context })
    }
}

fn boxed<'v>(value: impl Val + 'v) -> Box<dyn Val + 'v> {
    Box::new(value)
}

/// Reads JSON into values; texts are borrowed where they have no escapes.
#[derive(Clone, Copy)]
struct Reading;

impl<'v> DeserializeSeed<'v> for Reading {
    type Value = Box<dyn Val + 'v>;

    fn deserialize<D: Deserializer<'v>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'v> Visitor<'v> for Reading {
    type Value = Box<dyn Val + 'v>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(boxed(CelNull))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(boxed(CelBool::from(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(boxed(CelInt::from(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(match i64::try_from(value) {
            Ok(value) => boxed(CelInt::from(value)),
            Err(_) => boxed(CelUInt::from(value)),
        })
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(boxed(CelDouble::from(value)))
    }

    fn visit_borrowed_str<E>(self, value: &'v str) -> Result<Self::Value, E> {
        Ok(boxed(CelString::from(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(boxed(CelString::from(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'v>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            list.push(item);
        }
        Ok(boxed(CelList::from(list)))
    }

    fn visit_map<A: MapAccess<'v>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut map: HashMap<CelMapKey<'v>, Box<dyn Val + 'v>> = HashMap::new();
        while let Some(name) = members.next_key_seed(Name)? {
            let value = members.next_value_seed(self)?;
            map.insert(CelMapKey::String(CelString::from(name)), value);
        }
        Ok(boxed(CelMap::from(map)))
    }
}

struct Name;

impl<'v> DeserializeSeed<'v> for Name {
    type Value = Cow<'v, str>;

    fn deserialize<D: Deserializer<'v>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'v> Visitor<'v> for Name {
    type Value = Cow<'v, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_borrowed_str<E>(self, value: &'v str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(value.to_owned()))
    }
}
