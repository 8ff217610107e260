//! A target against the features of a stored table, as training finds it: from the same rows by the same rules.

use std::sync::Arc;

use api::{ApiError, internal};
use cloud::{CloudError, ObjectPath, keys};
use domain::{DatasetId, ProblemType, Profile, TargetRelations};
use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;

use crate::App;

impl App {
    /// The relations of a target. None are found where the rows to look at were not stored: a dataset of an earlier version has them once
    /// it is confirmed again.
    pub(crate) async fn relations(
        &self,
        dataset: DatasetId,
        profile: &Arc<Profile>,
        target: &str,
        problem_type: ProblemType,
        what: &'static str,
    ) -> Result<TargetRelations, ApiError> {
        let is_part = table::is_sampled_for_relations(profile);
        let key = if is_part { keys::sample_key(dataset) } else { keys::table_key(dataset) };
        let file = NamedTempFile::new().map_err(internal(what))?;
        match self.objects.download(&ObjectPath::new(&self.bucket, key), file.path()).await {
            Ok(()) => {}
            Err(CloudError::MissingObject { .. }) => return Ok(TargetRelations::default()),
            Err(error) => return Err(internal(what)(error)),
        }
        let (profile, target) = (Arc::clone(profile), target.to_owned());
        let look_up = if is_part { table::relations_of_sample } else { table::relations };
        let found = spawn_blocking(move || look_up(file.path(), &profile, &target, problem_type)).await;
        found.map_err(internal(what))?.map_err(internal(what))
    }
}
