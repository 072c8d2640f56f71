//! What a traced server asked of the system, in order: writes and syncs of the store's files, and the
//! answers that it gave.
//!
//! A call has a begin and an end. The tracer sees a begin before the system does anything, and an end
//! before the caller knows of it, so whatever a thread did because of another's call comes later in
//! the trace. Anything that touches the store's folder and is not understood here fails the test.

use std::collections::HashMap;
use std::path::Path;

use super::line::{Line, Said};

/// What a call does. Files go by their name in the store's folder.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    Create {
        file: String,
    },
    Write {
        file: String,
        offset: usize,
        data: Vec<u8>,
    },
    Truncate {
        file: String,
        length: usize,
    },
    Sync {
        file: String,
    },
    SyncFolder,
    Remove {
        file: String,
    },
    /// An answer of 2xx to a client, with these ids in it.
    Answer {
        ids: Vec<String>,
    },
}

/// A moment of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Begin(usize),
    End(usize),
}

/// A trace, as far as it concerns the store and those who publish.
#[derive(Default)]
pub(super) struct Trace {
    pub(super) actions: Vec<Action>,
    pub(super) steps: Vec<Step>,
}

impl Trace {
    /// Reads a tracer's output about the store in this folder.
    pub(super) fn read(output: &[u8], folder: &Path) -> Self {
        let mut reader = Reader {
            folder: folder.to_str().unwrap().to_owned(),
            trace: Self::default(),
            open: HashMap::new(),
            files: Vec::new(),
        };
        for line in output
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty())
        {
            reader.take(Line::read(line));
        }
        reader.trace
    }
}

struct Reader<'a> {
    folder: String,
    trace: Trace,
    /// By thread: the call that it is in, and where that has an action, the action's place.
    open: HashMap<u32, (Line<'a>, Option<usize>)>,
    files: Vec<String>,
}

impl<'a> Reader<'a> {
    fn take(&mut self, line: Line<'a>) {
        match line.said {
            Said::Call => {
                let action = self.understand(&line).map(|action| self.begin(action));
                self.end(&line, action, line.result);
            }
            Said::Begun => {
                let action = self.understand(&line).map(|action| self.begin(action));
                self.open.insert(line.thread, (line, action));
            }
            Said::Resumed => {
                let (begun, action) = self.open.remove(&line.thread).expect("it was begun");
                self.end(&begun, action, line.result);
            }
            Said::Other => {}
        }
    }

    fn begin(&mut self, action: Action) -> usize {
        self.trace.actions.push(action);
        let place = self.trace.actions.len() - 1;
        self.trace.steps.push(Step::Begin(place));
        place
    }

    /// A call returned, or never did, because the process ended in it.
    fn end(&mut self, line: &Line<'_>, action: Option<usize>, result: Option<i64>) {
        let Some(result) = result else { return };
        if let Some(place) = action {
            let written = match &self.trace.actions[place] {
                Action::Write { data, .. } => Some(data.len()),
                Action::Answer { .. } => return,
                _ => None,
            };
            let whole = written.map_or(0, |written| i64::try_from(written).unwrap());
            assert_eq!(result, whole, "{} did not do what it was asked", line.name);
            self.trace.steps.push(Step::End(place));
        } else if line.name.starts_with("open") && line.mentions("O_CREAT") && result >= 0 {
            self.opened(line);
        }
    }

    fn opened(&mut self, line: &Line<'_>) {
        let path = line.text();
        if let Some(file) = self.file(std::str::from_utf8(&path).unwrap_or_default())
            && !self.files.contains(&file)
        {
            self.files.push(file.clone());
            let place = self.begin(Action::Create { file });
            self.trace.steps.push(Step::End(place));
        }
    }

    /// The action of a call, if it is of interest.
    fn understand(&mut self, line: &Line<'_>) -> Option<Action> {
        let file = line.path().and_then(|path| self.file(path));
        match (line.name, file) {
            ("open" | "openat", _) => {
                let path = line.text();
                let path = std::str::from_utf8(&path).unwrap_or_default();
                let cut = self.file(path).is_some() && line.mentions("O_TRUNC");
                assert!(!cut, "{path} is cut while it is opened");
                None
            }
            ("pwrite64", Some(file)) => Some(Action::Write {
                file,
                offset: line.last_number(),
                data: line.text(),
            }),
            ("ftruncate", Some(file)) => Some(Action::Truncate {
                file,
                length: line.last_number(),
            }),
            ("fsync" | "fdatasync", Some(file)) => Some(Action::Sync { file }),
            ("fsync" | "fdatasync", None) if line.path()? == self.folder => {
                Some(Action::SyncFolder)
            }
            ("unlink", _) => {
                let path = line.text();
                let file = self.file(std::str::from_utf8(&path).unwrap_or_default())?;
                self.files.retain(|other| *other != file);
                Some(Action::Remove { file })
            }
            ("mmap", Some(file)) => {
                let safe = line.mentions("MAP_PRIVATE") || !line.mentions("PROT_WRITE");
                assert!(safe, "{file} is written through memory");
                None
            }
            ("write" | "writev" | "sendto" | "sendmsg", None) => answer(&line.text()),
            ("io_uring_setup", _) => panic!("the trace does not show what goes through a ring"),
            (name, Some(file)) => panic!("{name} of {file} is not understood"),
            (name, None) => {
                let inside = line.text().starts_with(self.folder.as_bytes());
                assert!(!inside, "{name} in the store's folder is not understood");
                None
            }
        }
    }

    /// The name of a file in the folder. The shared memory's is left out: it is written through
    /// memory, and never trusted after a crash.
    fn file(&self, path: &str) -> Option<String> {
        let file = path.strip_prefix(&self.folder)?.strip_prefix('/')?;
        (!file.contains('/') && !file.ends_with("-shm")).then(|| file.to_owned())
    }
}

/// What an answer tells, if this is one that says yes.
fn answer(bytes: &[u8]) -> Option<Action> {
    if !bytes.starts_with(b"HTTP/1.1 2") {
        return None;
    }
    let text = String::from_utf8_lossy(bytes);
    let ids = text.split("\"id\":\"").skip(1);
    let ids: Vec<_> = ids
        .filter_map(|rest| rest.split_once('"'))
        .map(|(id, _)| id.to_owned())
        .collect();
    (!ids.is_empty()).then_some(Action::Answer { ids })
}
