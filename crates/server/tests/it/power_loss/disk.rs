//! What a disk holds for sure, and what it may hold besides.
//!
//! A write may be on the disk from its begin on. It is there for sure once a sync of its file has
//! ended that began after the write's end. Names are a matter of their own: a file that was made is in
//! its folder for sure once a sync of the folder has ended.

use std::collections::BTreeMap;

use super::trace::{Action, Step, Trace};

/// Syncs that the disk takes no notice of, so that the test can show that it would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deaf {
    /// It is a good disk.
    No,
    /// To syncs of files with this end of their name.
    ToFiles(&'static str),
    /// To syncs of the folder.
    ToFolder,
}

/// Which file a name stands for, among all that there were: a name may be used again.
pub(super) type Content = usize;

/// Something that may be on the disk. Actions go by their place in the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pending {
    action: usize,
    /// Whether its call has returned, so that a sync takes it along.
    done: bool,
}

#[derive(Default)]
pub(super) struct File {
    /// What is there for sure.
    pub(super) synced: Vec<u8>,
    pending: Vec<Pending>,
}

/// A change of names.
#[derive(Clone, Debug)]
struct Naming {
    name: String,
    /// The content that the name stands for from then on; none: the name is gone.
    content: Option<Content>,
    action: usize,
    done: bool,
}

pub(super) struct Disk<'a> {
    trace: &'a Trace,
    deaf: Deaf,
    pub(super) files: Vec<File>,
    /// As the running server sees them.
    names: BTreeMap<String, Content>,
    pub(super) synced_names: BTreeMap<String, Content>,
    pending_names: Vec<Naming>,
    /// What a sync that has begun will have made sure of, by its action.
    syncing: BTreeMap<usize, Vec<usize>>,
    /// Ids in answers that were on their way to clients.
    pub(super) answered: Vec<&'a str>,
}

impl<'a> Disk<'a> {
    /// An empty folder.
    pub(super) fn new(trace: &'a Trace, deaf: Deaf) -> Self {
        Self {
            trace,
            deaf,
            files: Vec::new(),
            names: BTreeMap::new(),
            synced_names: BTreeMap::new(),
            pending_names: Vec::new(),
            syncing: BTreeMap::new(),
            answered: Vec::new(),
        }
    }

    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::Begin(action) => self.begin(action),
            Step::End(action) => self.end(action),
        }
    }

    /// The actions that may be on the disk for a file, in order.
    pub(super) fn pending(&self, file: &File) -> Vec<&'a Action> {
        let places = file.pending.iter().map(|pending| pending.action);
        places.map(|place| &self.trace.actions[place]).collect()
    }

    /// Names that may have changed on the disk, in order.
    pub(super) fn pending_names(&self) -> impl Iterator<Item = (&str, Option<Content>)> {
        let namings = self.pending_names.iter();
        namings.map(|naming| (naming.name.as_str(), naming.content))
    }

    fn begin(&mut self, action: usize) {
        let trace = self.trace;
        match &trace.actions[action] {
            Action::Create { file } => {
                self.files.push(File::default());
                let content = self.files.len() - 1;
                self.names.insert(file.clone(), content);
                self.rename(file, Some(content), action);
            }
            Action::Remove { file } => {
                self.names.remove(file);
                self.rename(file, None, action);
            }
            Action::Write { file, .. } | Action::Truncate { file, .. } => {
                let done = false;
                self.file(file).pending.push(Pending { action, done });
            }
            Action::Sync { file } => {
                let pending = &self.file(file).pending;
                let covered = pending.iter().filter(|pending| pending.done);
                let covered = covered.map(|pending| pending.action).collect();
                self.syncing.insert(action, covered);
            }
            Action::SyncFolder => {
                let covered = self.pending_names.iter().filter(|naming| naming.done);
                let covered = covered.map(|naming| naming.action).collect();
                self.syncing.insert(action, covered);
            }
            Action::Answer { ids } => self.answered.extend(ids.iter().map(String::as_str)),
        }
    }

    fn end(&mut self, action: usize) {
        let trace = self.trace;
        match &trace.actions[action] {
            Action::Create { .. } | Action::Remove { .. } => {
                let naming = self
                    .pending_names
                    .iter_mut()
                    .find(|naming| naming.action == action);
                // A sync of the folder can't have come between.
                naming.unwrap().done = true;
            }
            Action::Write { file, .. } | Action::Truncate { file, .. } => {
                let pending = &mut self.file(file).pending;
                let pending = pending.iter_mut().find(|pending| pending.action == action);
                pending.unwrap().done = true;
            }
            Action::Sync { file } => {
                let covered = self.syncing.remove(&action).unwrap();
                if !matches!(self.deaf, Deaf::ToFiles(end) if file.ends_with(end)) {
                    self.synced(file, &covered);
                }
            }
            Action::SyncFolder => {
                let covered = self.syncing.remove(&action).unwrap();
                if self.deaf != Deaf::ToFolder {
                    let (sure, pending): (Vec<_>, _) = std::mem::take(&mut self.pending_names)
                        .into_iter()
                        .partition(|naming| covered.contains(&naming.action));
                    self.pending_names = pending;
                    for naming in sure {
                        name(&mut self.synced_names, &naming.name, naming.content);
                    }
                }
            }
            Action::Answer { .. } => {}
        }
    }

    fn synced(&mut self, file: &str, covered: &[usize]) {
        let trace = self.trace;
        let file = self.file(file);
        let (sure, pending): (Vec<_>, _) = std::mem::take(&mut file.pending)
            .into_iter()
            .partition(|pending| covered.contains(&pending.action));
        file.pending = pending;
        for pending in sure {
            apply(&mut file.synced, &trace.actions[pending.action]);
        }
    }

    fn file(&mut self, name: &str) -> &mut File {
        let content = self.names.get(name);
        let content = *content.unwrap_or_else(|| panic!("{name} was never made"));
        &mut self.files[content]
    }

    fn rename(&mut self, file: &str, content: Option<Content>, action: usize) {
        self.pending_names.push(Naming {
            name: file.to_owned(),
            content,
            action,
            done: false,
        });
    }
}

/// Lets a name stand for another content, or for none.
pub(super) fn name(names: &mut BTreeMap<String, Content>, name: &str, content: Option<Content>) {
    match content {
        Some(content) => names.insert(name.to_owned(), content),
        None => names.remove(name),
    };
}

/// Does what a write or a truncation does.
pub(super) fn apply(bytes: &mut Vec<u8>, action: &Action) {
    match action {
        Action::Write { offset, data, .. } => {
            let end = offset + data.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[*offset..end].copy_from_slice(data);
        }
        Action::Truncate { length, .. } => bytes.resize(*length, 0),
        other => panic!("{other:?} changes no bytes"),
    }
}
