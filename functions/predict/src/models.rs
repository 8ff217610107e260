//! Loaded models, kept while there is room: fetched once per process, checked against the job's SHA-256, the least recently used dropped
//! first.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cloud::{CloudError, Deployment, ObjectPath, Objects};
use domain::JobId;
use model::{ModelError, Pipeline, Predictor, read_pipeline};
use sha2::{Digest, Sha256};
use tokio::task::spawn_blocking;

use crate::error::PredictError;

/// The share of the function's memory that the files of loaded models may have together: a loaded model takes a few times its file. And
/// the share that the file of a single one may have.
const SHARE_OF_MEMORY: u64 = 8;
const SHARE_OF_ONE: u64 = 3;
const DEFAULT_MEMORY_MB: u64 = 1_024;

/// The store of models and those that are loaded.
#[derive(Debug)]
pub(crate) struct Models {
    objects: Objects,
    loaded: Mutex<Recent<Arc<Predictor>>>,
    /// Those that explained something.
    read: Mutex<Recent<Arc<Pipeline>>>,
    /// The longest file that is loaded.
    most_bytes: u64,
    /// Held while a file is fetched and loaded: whoever comes meanwhile finds it loaded.
    fetching: tokio::sync::Mutex<()>,
}

impl Models {
    pub(crate) fn new(objects: Objects) -> Self {
        let memory = std::env::var("AWS_LAMBDA_FUNCTION_MEMORY_SIZE").ok().and_then(|megabytes| megabytes.parse().ok());
        let memory = memory.unwrap_or(DEFAULT_MEMORY_MB).saturating_mul(1 << 20);
        let recent = memory / SHARE_OF_MEMORY;
        Self {
            objects,
            loaded: Mutex::new(Recent::new(recent)),
            read: Mutex::new(Recent::new(recent)),
            most_bytes: memory / SHARE_OF_ONE,
            fetching: tokio::sync::Mutex::default(),
        }
    }

    /// The model of `job`, which is stored at `path`.
    pub(crate) async fn get(&self, job: &Deployment, path: &str) -> Result<Arc<Predictor>, PredictError> {
        self.of(&self.loaded, job, path, Predictor::load).await
    }

    /// The pipeline that the model of `job` was written from: what explains its predictions.
    pub(crate) async fn pipeline(&self, job: &Deployment, path: &str) -> Result<Arc<Pipeline>, PredictError> {
        self.of(&self.read, job, path, read_pipeline).await
    }

    /// Drops what is held of a job.
    pub(crate) fn forget(&self, job: JobId) {
        lock(&self.loaded).forget(job);
        lock(&self.read).forget(job);
    }

    /// What a model's file is read as, from `held` or from the store.
    async fn of<T: Send + Sync + 'static>(
        &self,
        held: &Mutex<Recent<Arc<T>>>,
        job: &Deployment,
        path: &str,
        read: fn(&[u8]) -> Result<T, ModelError>,
    ) -> Result<Arc<T>, PredictError> {
        let key = Key { job: job.job_id, sha256: job.model_sha256.clone() };
        if let Some(value) = lock(held).get(&key) {
            return Ok(value);
        }
        let _fetching = self.fetching.lock().await;
        if let Some(value) = lock(held).get(&key) {
            return Ok(value);
        }
        let file = self.objects.get(&path.parse::<ObjectPath>()?, self.most_bytes).await.map_err(|error| match error {
            CloudError::LargeObject { bytes, most, .. } => PredictError::TooLarge { bytes, most },
            error => error.into(),
        })?;
        let (bytes, expected) = (file.len() as u64, key.sha256.clone());
        let value = Arc::new(spawn_blocking(move || load(&file, expected, read)).await??);
        lock(held).insert(key, Arc::clone(&value), bytes);
        Ok(value)
    }
}

fn lock<T>(held: &Mutex<Recent<T>>) -> MutexGuard<'_, Recent<T>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Jobs of the system before this one have no SHA-256: their models are taken as they are.
fn load<T>(file: &[u8], expected: Option<String>, read: fn(&[u8]) -> Result<T, ModelError>) -> Result<T, PredictError> {
    if let Some(expected) = expected {
        let got = sha256(file);
        if got != expected {
            return Err(PredictError::Changed { expected, got });
        }
    }
    Ok(read(file)?)
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        hex.extend([byte >> 4, byte & 15].map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or_default()));
        hex
    })
}

/// A job's model at one time: a job that is trained again has another file.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    job: JobId,
    sha256: Option<String>,
}

/// Values of known sizes, the most recently used last. Together they are at most `capacity` large, but the last one stays whatever its
/// size.
#[derive(Debug)]
struct Recent<V> {
    entries: Vec<(Key, V, u64)>,
    capacity: u64,
}

impl<V: Clone> Recent<V> {
    fn new(capacity: u64) -> Self {
        Self { entries: Vec::new(), capacity }
    }

    fn get(&mut self, key: &Key) -> Option<V> {
        let position = self.entries.iter().position(|(held, ..)| held == key)?;
        let entry = self.entries.remove(position);
        let value = entry.1.clone();
        self.entries.push(entry);
        Some(value)
    }

    fn forget(&mut self, job: JobId) {
        self.entries.retain(|(held, ..)| held.job != job);
    }

    fn insert(&mut self, key: Key, value: V, bytes: u64) {
        self.forget(key.job);
        self.entries.push((key, value, bytes));
        while self.entries.len() > 1 && self.entries.iter().map(|(.., bytes)| bytes).sum::<u64>() > self.capacity {
            self.entries.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: char) -> Key {
        Key { job: format!("{name}0000000-0000-4000-8000-000000000000").parse().unwrap(), sha256: Some(name.to_string()) }
    }

    #[test]
    fn the_least_recently_used_model_makes_room() {
        let mut recent = Recent::new(100);
        recent.insert(key('a'), 'a', 40);
        recent.insert(key('b'), 'b', 40);
        assert_eq!(recent.get(&key('a')), Some('a'));
        recent.insert(key('c'), 'c', 40);
        assert_eq!((recent.get(&key('a')), recent.get(&key('b')), recent.get(&key('c'))), (Some('a'), None, Some('c')));
    }

    #[test]
    fn a_model_that_fills_everything_is_kept_alone() {
        let mut recent = Recent::new(100);
        recent.insert(key('a'), 'a', 40);
        recent.insert(key('b'), 'b', 1_000);
        assert_eq!((recent.get(&key('a')), recent.get(&key('b'))), (None, Some('b')));
    }

    #[test]
    fn a_job_that_is_trained_again_or_no_longer_deployed_holds_nothing_else() {
        let mut recent = Recent::new(100);
        recent.insert(key('a'), 'a', 40);
        let again = Key { sha256: Some("other".to_owned()), ..key('a') };
        recent.insert(again.clone(), 'b', 40);
        assert_eq!((recent.get(&key('a')), recent.get(&again)), (None, Some('b')));
        recent.insert(key('c'), 'c', 40);
        recent.forget(again.job);
        assert_eq!((recent.get(&again), recent.get(&key('c'))), (None, Some('c')));
    }

    #[test]
    fn a_model_that_is_not_the_trained_one_is_refused() {
        let refused = load(b"abc", Some(sha256(b"abd")), Predictor::load);
        assert!(matches!(refused, Err(PredictError::Changed { .. })));
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
