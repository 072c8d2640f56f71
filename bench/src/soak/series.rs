//! What was measured each second, as a table.

use std::{
    fs::{File, create_dir_all},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::report::median;

use super::account::Figures;

/// Memory is compared from so many seconds after a start on: before, it grows to its usual size.
const GROWN_UP: u64 = 20;

/// A second of the soak.
pub(super) struct Sample {
    pub(super) second: u64,
    /// Seconds since the server was started.
    pub(super) age: u64,
    pub(super) killed: bool,
    /// The server's own memory in mebibytes.
    pub(super) memory: Option<f64>,
    /// Bytes of the store's files.
    pub(super) stored: u64,
    pub(super) account: Figures,
}

pub(super) struct Series {
    path: PathBuf,
    file: BufWriter<File>,
    samples: Vec<Sample>,
}

impl Series {
    pub(super) fn create(folder: &Path) -> Result<Self> {
        let path = folder.join("soak.csv");
        create_dir_all(folder)
            .and_then(|()| File::create(&path))
            .with_context(|| format!("{} cannot be written", path.display()))
            .map(BufWriter::new)
            .and_then(|mut file| {
                writeln!(
                    file,
                    "second,age_seconds,killed,memory_mib,stored_mib,acknowledged,requests,taken,duplicates"
                )?;
                let samples = Vec::new();
                Ok(Self {
                    path: path.clone(),
                    file,
                    samples,
                })
            })
    }

    pub(super) fn add(&mut self, sample: Sample) -> Result<()> {
        let Figures {
            acknowledged,
            requests,
            taken,
            duplicates,
        } = sample.account;
        writeln!(
            self.file,
            "{},{},{},{:.2},{:.1},{acknowledged},{requests},{taken},{duplicates}",
            sample.second,
            sample.age,
            u8::from(sample.killed),
            sample.memory.unwrap_or_default(),
            sample.stored as f64 / 1_048_576.0,
        )?;
        // Readable while it goes on.
        self.file.flush()?;
        self.samples.push(sample);
        Ok(())
    }

    pub(super) fn samples(&self) -> &[Sample] {
        &self.samples
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The usual memory of a grown-up server in the first half and in the second, in mebibytes; none
    /// where there is too little to compare.
    pub(super) fn growth(&self) -> Option<(f64, f64)> {
        let (first, second) = self.samples.split_at(self.samples.len() / 2);
        Some((usual(first)?, usual(second)?))
    }
}

fn usual(samples: &[Sample]) -> Option<f64> {
    let grown_up = samples.iter().filter(|sample| sample.age >= GROWN_UP);
    let memory: Vec<_> = grown_up.filter_map(|sample| sample.memory).collect();
    median(&memory)
}
