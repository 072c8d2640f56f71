//! The files as a disk could show them after the power failed: what is there for sure, and by chance
//! some of what may be there besides.

use std::collections::BTreeMap;

use fanfare_testkit::seeded::Seeded;

use super::disk::{Disk, File, apply, name};
use super::trace::Action;

/// Files by name.
pub(super) type Image = BTreeMap<String, Vec<u8>>;

/// Which of the things that may be there are there. Disks write in whatever order suits them, so any
/// part can be; some parts are chosen more often, since they are where mistakes show.
#[derive(Clone, Copy, Debug)]
enum Luck {
    Nothing,
    All,
    /// The first so many of them, as a disk does that keeps to the order.
    First(usize),
    /// All but one.
    Without(usize),
    /// Each with this likelihood.
    Each(f64),
    /// Each sector of this size with this likelihood: writes are torn.
    Sectors(usize, f64),
}

impl Luck {
    fn draw(chance: &Seeded, things: usize) -> Self {
        let place = |bound: usize| usize::try_from(chance.below(bound.max(1) as u64)).unwrap();
        let likelihood = *chance.pick(&[0.05, 0.5, 0.95]);
        match chance.below(7) {
            0 => Self::Nothing,
            1 => Self::All,
            2 => Self::First(place(things + 1)),
            3 => Self::Without(place(things)),
            4 => Self::Each(likelihood),
            5 => Self::Sectors(512, likelihood),
            _ => Self::Sectors(4_096, likelihood),
        }
    }

    fn has(self, chance: &Seeded, place: usize) -> bool {
        match self {
            Self::Nothing => false,
            Self::All | Self::Sectors(..) => true,
            Self::First(count) => place < count,
            Self::Without(one) => place != one,
            Self::Each(likelihood) => chance.chance(likelihood),
        }
    }
}

/// One of the images that a disk could show.
pub(super) fn draw(disk: &Disk<'_>, chance: &Seeded) -> Image {
    let mut names = disk.synced_names.clone();
    let luck = Luck::draw(chance, disk.pending_names().count());
    for (place, (text, content)) in disk.pending_names().enumerate() {
        if luck.has(chance, place) {
            name(&mut names, text, content);
        }
    }
    let mut image: Image = names
        .into_iter()
        .map(|(name, content)| (name, bytes(disk, &disk.files[content], chance)))
        .collect();
    // What was in shared memory is anything, or nothing.
    if chance.chance(0.5) && image.contains_key("fanfare.db-wal") {
        image.insert("fanfare.db-shm".to_owned(), noise(chance, 32 << 10));
    }
    image
}

fn bytes(disk: &Disk<'_>, file: &File, chance: &Seeded) -> Vec<u8> {
    let pending = disk.pending(file);
    let luck = Luck::draw(chance, pending.len());
    let mut bytes = file.synced.clone();
    for (place, action) in pending.into_iter().enumerate() {
        if !luck.has(chance, place) {
            continue;
        }
        match (luck, action) {
            (Luck::Sectors(size, likelihood), Action::Write { offset, data, .. }) => {
                tear(&mut bytes, (*offset, data), size, || {
                    chance.chance(likelihood)
                });
            }
            (_, action) => apply(&mut bytes, action),
        }
    }
    let sure = file.synced.len();
    if bytes.len() > sure {
        match chance.below(4) {
            // The new length was never written.
            0 => {
                let kept = chance.below((bytes.len() - sure) as u64);
                bytes.truncate(sure + usize::try_from(kept).unwrap());
            }
            // The new length was written, and the bytes were not: whatever lay there shows.
            1 => {
                let more = bytes.len() - sure;
                let kept = usize::try_from(chance.below(more as u64)).unwrap();
                let rest = noise(chance, more - kept);
                bytes[sure + kept..].copy_from_slice(&rest);
            }
            _ => {}
        }
    }
    bytes
}

/// Does some of a write's sectors.
fn tear(bytes: &mut Vec<u8>, write: (usize, &[u8]), size: usize, has: impl Fn() -> bool) {
    let (offset, data) = write;
    let end = offset + data.len();
    for sector in offset / size..=(end - 1) / size {
        let (from, to) = ((sector * size).max(offset), ((sector + 1) * size).min(end));
        if has() {
            if bytes.len() < to {
                bytes.resize(to, 0);
            }
            bytes[from..to].copy_from_slice(&data[from - offset..to - offset]);
        }
    }
}

fn noise(chance: &Seeded, length: usize) -> Vec<u8> {
    let words = std::iter::repeat_with(|| chance.next().to_le_bytes());
    words.flatten().take(length).collect()
}
