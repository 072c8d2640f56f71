//! Understands settings one by one and collects what is wrong.

use std::fmt::Display;
use std::path::PathBuf;

use super::fault::{Fault, Origin};
use super::layer::{Given, Layer, Texts};

/// What a text should have been.
pub(super) type Expected = String;

pub(super) struct Reader {
    /// The first is the weakest.
    layers: [Layer; 3],
    faults: Vec<Fault>,
}

impl Reader {
    pub(super) fn new(layers: [Layer; 3], faults: Vec<Fault>) -> Self {
        Self { layers, faults }
    }

    pub(super) fn into_faults(self) -> Vec<Fault> {
        self.faults
    }

    /// The strongest value of a key.
    fn given(&self, key: &str) -> Option<Given> {
        let given = self.layers.iter().rev().find_map(|layer| layer.get(key));
        debug_assert!(given.is_some(), "{key} is not in the default file");
        given.cloned()
    }

    /// A value that must be there. None after a fault.
    pub(super) fn one<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, Expected>,
    ) -> Option<T> {
        let given = self.given(key)?;
        let Texts::One(text) = &given.texts else {
            self.fault(
                &given.origin,
                format!("{key} must be one value, not a list"),
            );
            return None;
        };
        self.understand(key, &given.origin, text, parse)
    }

    /// A value that may be left empty. The outer none comes after a fault.
    pub(super) fn maybe<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, Expected>,
    ) -> Option<Option<T>> {
        self.one(key, |text| match text.trim() {
            "" => Ok(None),
            text => parse(text).map(Some),
        })
    }

    /// A list; in one text, its entries stand between commas.
    pub(super) fn list<T>(
        &mut self,
        key: &str,
        parse: impl Fn(&str) -> Result<T, Expected>,
    ) -> Option<Vec<T>> {
        let given = self.given(key)?;
        let texts: Vec<String> = match &given.texts {
            Texts::Many(texts) => texts.clone(),
            Texts::One(text) if text.trim().is_empty() => Vec::new(),
            Texts::One(text) => text.split(',').map(|each| each.trim().to_owned()).collect(),
        };
        // All of them are looked at before one that is wrong ends it.
        let read: Vec<Option<T>> = texts
            .iter()
            .map(|text| self.understand(key, &given.origin, text, &parse))
            .collect();
        read.into_iter().collect()
    }

    /// A secret: its text, or that of the file which the key with `_file` names; none where neither
    /// is set. No message quotes it. The outer none comes after a fault.
    pub(super) fn secret(
        &mut self,
        key: &str,
        check: impl Fn(&str) -> Result<(), Expected>,
    ) -> Option<Option<String>> {
        let file_key = format!("{key}_file");
        let direct = self.given(key)?;
        let file = self.maybe(&file_key, |text| Ok(PathBuf::from(text)))?;
        let direct_text = match &direct.texts {
            Texts::One(text) => text.trim().to_owned(),
            Texts::Many(_) => {
                self.fault(
                    &direct.origin,
                    format!("{key} must be one text, not a list"),
                );
                return None;
            }
        };
        let (origin, name, text) = match (direct_text, file) {
            (text, None) if text.is_empty() => return Some(None),
            (text, None) => (direct.origin, key.to_owned(), text),
            (text, Some(path)) => {
                let origin = self.given(&file_key)?.origin;
                if !text.is_empty() {
                    let detail = format!("{file_key} is given beside {key}; give one of them");
                    self.fault(&origin, detail);
                    return None;
                }
                match std::fs::read_to_string(&path) {
                    Ok(text) => (origin, file_key, text.trim().to_owned()),
                    Err(cause) => {
                        let path = path.display();
                        let detail =
                            format!("{file_key} names {path}, which can't be read: {cause}");
                        self.fault(&origin, detail);
                        return None;
                    }
                }
            }
        };
        match check(&text) {
            Ok(()) => Some(Some(text)),
            Err(expected) => {
                self.fault(&origin, format!("{name}: the secret {expected}"));
                None
            }
        }
    }

    /// Tells that a value, although it can be understood, does not go with the others.
    pub(super) fn unfit(&mut self, key: &str, detail: impl Display) {
        if let Some(given) = self.given(key) {
            self.fault(&given.origin, format!("{key} {detail}"));
        }
    }

    fn understand<T>(
        &mut self,
        key: &str,
        origin: &Origin,
        text: &str,
        parse: impl Fn(&str) -> Result<T, Expected>,
    ) -> Option<T> {
        match parse(text.trim()) {
            Ok(value) => Some(value),
            Err(expected) => {
                // An address may carry a password, as those of PostgreSQL do.
                let shown = if text.contains('@') {
                    key.to_owned()
                } else {
                    format!("{key} is {text:?}, and")
                };
                self.fault(origin, format!("{shown} {expected}"));
                None
            }
        }
    }

    fn fault(&mut self, origin: &Origin, detail: String) {
        self.faults.push(Fault {
            origin: origin.clone(),
            detail,
        });
    }
}
