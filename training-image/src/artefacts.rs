//! The files that a training leaves: their names, their places and how they are written.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

use crate::TrainingError;

/// Where the files of a training are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artefacts {
    /// The data report.
    pub eda_report: PathBuf,
    /// The training report.
    pub training_report: PathBuf,
    /// The model.
    pub model: PathBuf,
    /// The model and its manifest as a pickle of builtin types.
    pub pickle: PathBuf,
    /// The model's manifest.
    pub manifest: PathBuf,
    /// Every model that was tried.
    pub leaderboard: PathBuf,
}

impl Artefacts {
    pub(crate) const EDA_REPORT: &str = "eda_report.html";
    pub(crate) const TRAINING_REPORT: &str = "training_report.html";
    pub(crate) const MODEL: &str = "model.onnx";
    pub(crate) const PICKLE: &str = "model.pkl";
    pub(crate) const MANIFEST: &str = "manifest.json";
    pub(crate) const LEADERBOARD: &str = "leaderboard.json";

    pub(crate) fn in_folder(folder: &Path) -> Self {
        Self {
            eda_report: folder.join(Self::EDA_REPORT),
            training_report: folder.join(Self::TRAINING_REPORT),
            model: folder.join(Self::MODEL),
            pickle: folder.join(Self::PICKLE),
            manifest: folder.join(Self::MANIFEST),
            leaderboard: folder.join(Self::LEADERBOARD),
        }
    }
}

pub(crate) fn make_folder(folder: &Path) -> Result<(), TrainingError> {
    fs::create_dir_all(folder).map_err(|source| TrainingError::Write { path: folder.to_owned(), source })
}

pub(crate) fn write(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> Result<(), TrainingError> {
    let path = folder.join(name);
    fs::write(&path, content).map_err(|source| TrainingError::Write { path, source })
}

/// Writes a file piece by piece.
pub(crate) fn write_with(folder: &Path, name: &str, content: impl FnOnce(&File) -> io::Result<()>) -> Result<(), TrainingError> {
    let path = folder.join(name);
    File::create(&path).and_then(|file| content(&file)).map_err(|source| TrainingError::Write { path, source })
}

/// SHA-256 in hex.
pub fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}
