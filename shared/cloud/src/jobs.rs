//! The table of jobs. A status is written only from where [`JobStatus::entered_from`] allows, and only while the item exists: a
//! deleted or finished job is never rewritten, in whatever order things happen.
//!
//! A job that is not finished carries the attribute `open`, which an index of its own has as its key: so the sweep finds what is unfinished
//! without reading what is finished.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, ReturnValue, builders::PutBuilder},
};
use domain::{
    DatasetId, Job, JobFiles, JobId, JobStatus, Metrics, Prediction, PredictionSource, PreprocessingInfo, ProblemType, Progress, Timestamp,
    UserId,
};
use serde::Serialize;

use crate::{
    CloudError, Page,
    error::failed,
    item::{Item, from_item, text, to_item},
    keys,
    page::{Condition, Filter, NewestFirst},
};

/// The attribute of unfinished jobs, the key of the index that lists them.
const OPEN: &str = "open";
const YES: &str = "yes";
const OPEN_INDEX: &str = "open-created_at-index";

/// A DynamoDB table of jobs by `job_id`.
#[derive(Debug, Clone)]
pub struct Jobs {
    pub(crate) client: Client,
    pub(crate) table: String,
}

/// What a trained job adds to its item.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Completion {
    /// What was learned.
    pub problem_type: ProblemType,
    /// Hold-out metrics.
    pub metrics: Metrics,
    /// Where its files are.
    #[serde(flatten)]
    pub files: JobFiles,
    /// The model's inputs and outputs.
    pub preprocessing_info: PreprocessingInfo,
}

/// What a finished prediction adds to its item.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PredictionCompletion {
    /// What was asked, and what came of it.
    pub prediction: Prediction,
    /// How right the model was, where the table has the target.
    pub metrics: Option<Metrics>,
}

/// Which trainings a list has; `None` lets all pass.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobFilter {
    /// Those that stand there.
    pub status: Option<JobStatus>,
    /// Those that learn from this table.
    pub dataset_id: Option<DatasetId>,
    /// Those with this tag.
    pub tag: Option<String>,
}

/// What an owner changes; `None` leaves as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct JobPatch {
    /// The new tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// The new notes, or none any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<Option<String>>,
}

impl Jobs {
    /// The table of that name.
    pub fn new(config: &SdkConfig, table: impl Into<String>) -> Self {
        Self { client: Client::new(config), table: table.into() }
    }

    /// Opens the connection before the first request needs it. What fails here will fail there, and be told.
    pub async fn warm(&self) {
        let _ = self.find(JobId::random()).await;
    }

    /// Stores a new job.
    pub async fn create(&self, job: &Job) -> Result<(), CloudError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(new_item(job)?))
            .condition_expression("attribute_not_exists(job_id)");
        request.send().await.map_err(failed("PutItem", subject(job.job_id)))?;
        Ok(())
    }

    /// The same as a part of a transaction.
    pub(crate) fn creation(&self, job: &Job) -> Result<PutBuilder, CloudError> {
        let put = PutBuilder::default().table_name(&self.table).set_item(Some(new_item(job)?));
        Ok(put.condition_expression("attribute_not_exists(job_id)"))
    }

    /// The user's job.
    pub async fn get(&self, user: &UserId, job: JobId) -> Result<Option<Job>, CloudError> {
        Ok(self.find(job).await?.filter(|found| found.user_id == *user))
    }

    /// Anyone's job: for what acts on events.
    pub async fn find(&self, job: JobId) -> Result<Option<Job>, CloudError> {
        let key = AttributeValue::S(job.to_string());
        let request = self.client.get_item().table_name(&self.table).key("job_id", key).consistent_read(true);
        let item = request.send().await.map_err(failed("GetItem", subject(job)))?.item;
        item.map(|item| from_item(item, &subject(job))).transpose()
    }

    /// The user's trainings that pass the filter, newest first.
    pub async fn list(&self, user: &UserId, filter: &JobFilter, limit: u32, token: Option<&str>) -> Result<Page<Job>, CloudError> {
        self.page(user, &conditions(filter), limit, token).await
    }

    /// The user's predictions with the model of that job, newest first.
    pub async fn predictions(&self, user: &UserId, model: JobId, limit: u32, token: Option<&str>) -> Result<Page<Job>, CloudError> {
        self.page(user, &vec![("prediction.model_job_id", Condition::Is(model.to_string()))], limit, token).await
    }

    /// The user's jobs that a dataset must stay for: those that were or are trained on it, and predictions of it that are not finished. A
    /// finished prediction has its results. At most about `limit`, the newest of each.
    pub async fn jobs_of(&self, user: &UserId, dataset: DatasetId, limit: u32) -> Result<Vec<JobId>, CloudError> {
        let filter = JobFilter { dataset_id: Some(dataset), ..JobFilter::default() };
        let trained = self.list(user, &filter, limit, None).await?.items;
        let unfinished = vec![("dataset_id", Condition::Is(dataset.to_string())), (OPEN, Condition::Is(YES.to_owned()))];
        let unfinished = self.page(user, &unfinished, limit, None).await?.items;
        let predicted = unfinished.into_iter().filter(|job| job.prediction.as_ref().is_some_and(|asked| reads(asked, dataset)));
        Ok(trained.into_iter().chain(predicted).map(|job| job.job_id).collect())
    }

    async fn page(&self, user: &UserId, filter: &Filter, limit: u32, token: Option<&str>) -> Result<Page<Job>, CloudError> {
        let index =
            NewestFirst { client: &self.client, table: &self.table, index: "user_id-created_at-index", id: "job_id", at: "created_at" };
        let Page { items, next } = index.page(user, filter, limit, token).await?;
        let items = items.into_iter().map(|item| from_item(item, "a listed job")).collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }

    /// Every owner's unfinished jobs, oldest first.
    pub async fn open(&self) -> Result<Vec<Job>, CloudError> {
        let query = self.client.query().table_name(&self.table).index_name(OPEN_INDEX);
        let query = query.key_condition_expression("#open = :yes").expression_attribute_names("#open", OPEN);
        let mut items = query.expression_attribute_values(":yes", yes()).into_paginator().items().send();
        let mut open = Vec::new();
        while let Some(item) = items.next().await {
            open.push(from_item(item.map_err(failed("Query", OPEN_INDEX))?, "an unfinished job")?);
        }
        Ok(open)
    }

    /// Notes under which identifier Batch knows the job; `false` when the job is gone or finished, or has another one already.
    pub async fn set_batch_job_id(&self, job: JobId, batch_job_id: &str) -> Result<bool, CloudError> {
        #[derive(Serialize)]
        struct Submitted<'a> {
            batch_job_id: &'a str,
        }
        let from = [JobStatus::Pending, JobStatus::Running];
        self.update_one_of(job, &from, &Submitted { batch_job_id }, Some(batch_job_id)).await.map(|job| job.is_some())
    }

    /// The trainer begins as that job of Batch; the job as it is then, `None` when it is gone, finished, or another one of Batch's.
    pub async fn start(&self, job: JobId, batch_job_id: &str) -> Result<Option<Job>, CloudError> {
        #[derive(Serialize)]
        #[expect(clippy::struct_field_names, reason = "the item's names")]
        struct Started<'a> {
            status: JobStatus,
            started_at: Timestamp,
            batch_job_id: &'a str,
        }
        let started = Started { status: JobStatus::Running, started_at: Timestamp::now(), batch_job_id };
        self.update_one_of(job, JobStatus::Running.entered_from(), &started, Some(batch_job_id)).await
    }

    /// The trainer's latest news; `false` when the job does not run.
    pub async fn report_progress(&self, job: JobId, progress: &Progress) -> Result<bool, CloudError> {
        #[derive(Serialize)]
        struct News<'a> {
            progress: &'a Progress,
        }
        self.update(job, &[JobStatus::Running], &News { progress }).await.map(|job| job.is_some())
    }

    /// The trainer is done and its files are stored; `false` when the job is gone or finished.
    pub async fn complete(&self, job: JobId, completion: &Completion) -> Result<bool, CloudError> {
        self.complete_with(job, completion).await
    }

    /// The same for a prediction.
    pub async fn complete_prediction(&self, job: JobId, completion: &PredictionCompletion) -> Result<bool, CloudError> {
        self.complete_with(job, completion).await
    }

    async fn complete_with(&self, job: JobId, completion: &impl Serialize) -> Result<bool, CloudError> {
        #[derive(Serialize)]
        struct End<'a, T> {
            status: JobStatus,
            completed_at: Timestamp,
            #[serde(flatten)]
            completion: &'a T,
        }
        let end = End { status: JobStatus::Completed, completed_at: Timestamp::now(), completion };
        self.update(job, JobStatus::Completed.entered_from(), &end).await.map(|job| job.is_some())
    }

    /// The job ends without a result; `false` when it is gone or finished.
    pub async fn fail(&self, job: JobId, reason: &str) -> Result<bool, CloudError> {
        #[derive(Serialize)]
        struct End<'a> {
            status: JobStatus,
            completed_at: Timestamp,
            error_message: &'a str,
        }
        let end = End { status: JobStatus::Failed, completed_at: Timestamp::now(), error_message: reason };
        self.update(job, JobStatus::Failed.entered_from(), &end).await.map(|job| job.is_some())
    }

    /// The same for what that job of Batch did: one that has another changes nothing.
    pub async fn fail_as(&self, job: JobId, batch_job_id: &str, reason: &str) -> Result<bool, CloudError> {
        #[derive(Serialize)]
        struct End<'a> {
            status: JobStatus,
            completed_at: Timestamp,
            error_message: &'a str,
            batch_job_id: &'a str,
        }
        let end = End { status: JobStatus::Failed, completed_at: Timestamp::now(), error_message: reason, batch_job_id };
        self.update_one_of(job, JobStatus::Failed.entered_from(), &end, Some(batch_job_id)).await.map(|job| job.is_some())
    }

    /// Its owner ends the job; the job as it is then, `None` when it is gone or finished.
    pub async fn cancel(&self, job: &Job) -> Result<Option<Job>, CloudError> {
        #[derive(Serialize)]
        struct End {
            status: JobStatus,
            completed_at: Timestamp,
            error_message: String,
        }
        let error_message = format!("{} was cancelled", job.work());
        let end = End { status: JobStatus::Cancelled, completed_at: Timestamp::now(), error_message };
        self.update(job.job_id, JobStatus::Cancelled.entered_from(), &end).await
    }

    /// Lets the prediction endpoint answer for a completed job, or not; `None` when the job is gone.
    pub async fn set_deployed(&self, job: JobId, deployed: bool) -> Result<Option<Job>, CloudError> {
        #[derive(Serialize)]
        struct Deployed {
            deployed: bool,
            deployed_at: Option<Timestamp>,
        }
        let change = Deployed { deployed, deployed_at: deployed.then(Timestamp::now) };
        self.update(job, &[JobStatus::Completed], &change).await
    }

    /// Changes tags and notes; the job as it is then, `None` when it is gone.
    pub async fn patch(&self, job: JobId, patch: &JobPatch) -> Result<Option<Job>, CloudError> {
        self.update(job, &JobStatus::ALL, patch).await
    }

    /// Deletes the item, which the caller has found to be the user's; one that is not there is no error.
    pub async fn delete(&self, job: JobId) -> Result<(), CloudError> {
        let request = self.client.delete_item().table_name(&self.table).key("job_id", AttributeValue::S(job.to_string()));
        request.send().await.map_err(failed("DeleteItem", subject(job)))?;
        Ok(())
    }

    async fn update(&self, job: JobId, from: &[JobStatus], change: &impl Serialize) -> Result<Option<Job>, CloudError> {
        self.update_one_of(job, from, change, None).await
    }

    /// Sets the attributes of `change` and `updated_at` if the job exists with a status of `from` and, when an identifier of Batch is given,
    /// has no other; the job as it is then. A final status takes the job from the open ones.
    async fn update_one_of(
        &self,
        job: JobId,
        from: &[JobStatus],
        change: &impl Serialize,
        batch_job_id: Option<&str>,
    ) -> Result<Option<Job>, CloudError> {
        let mut attributes = to_item(change, &subject(job))?;
        attributes.insert("updated_at".to_owned(), AttributeValue::S(Timestamp::now().to_string()));
        let statuses: Vec<String> = from.iter().map(|status| format!(":from_{status}")).collect();
        let assignments: Vec<String> = attributes.keys().map(|name| format!("#{name} = :{name}")).collect();
        let mut names: HashMap<String, String> = attributes.keys().map(|name| (format!("#{name}"), name.clone())).collect();
        names.insert("#status".to_owned(), "status".to_owned());
        let mut expression = format!("SET {}", assignments.join(", "));
        if text(&attributes, "status").is_some_and(|status| JobStatus::ALL.iter().any(|known| known.is_final() && known.as_str() == status))
        {
            names.insert("#open".to_owned(), OPEN.to_owned());
            expression.push_str(" REMOVE #open");
        }
        let mut condition = format!("attribute_exists(job_id) AND #status IN ({})", statuses.join(", "));
        if batch_job_id.is_some() {
            // The new value is the one that is allowed to be there.
            condition.push_str(
                " AND (attribute_not_exists(#batch_job_id) OR attribute_type(#batch_job_id, :null) OR #batch_job_id = :batch_job_id)",
            );
            attributes.insert("null".to_owned(), AttributeValue::S("NULL".to_owned()));
        }
        let values = from.iter().map(|status| (format!(":from_{status}"), AttributeValue::S(status.to_string())));
        let values = values.chain(attributes.into_iter().map(|(name, value)| (format!(":{name}"), value))).collect();
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("job_id", AttributeValue::S(job.to_string()))
            .update_expression(expression)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values))
            .return_values(ReturnValue::AllNew);
        match request.send().await {
            Ok(answer) => answer.attributes.map(|item| from_item(item, &subject(job))).transpose(),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(aws_sdk_dynamodb::operation::update_item::UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(None)
            }
            Err(error) => Err(failed("UpdateItem", subject(job))(error)),
        }
    }
}

/// A new job's item, which is open.
fn new_item(job: &Job) -> Result<Item, CloudError> {
    let mut item = to_item(job, &subject(job.job_id))?;
    item.insert(OPEN.to_owned(), yes());
    Ok(item)
}

fn yes() -> AttributeValue {
    AttributeValue::S(YES.to_owned())
}

fn conditions(filter: &JobFilter) -> Filter {
    let JobFilter { status, dataset_id, tag } = filter;
    let trainings = Some(("prediction", Condition::Absent));
    let status = status.map(|status| ("status", Condition::Is(status.to_string())));
    let dataset = dataset_id.map(|dataset| ("dataset_id", Condition::Is(dataset.to_string())));
    let tag = tag.as_ref().map(|tag| ("tags", Condition::Has(tag.clone())));
    [trainings, status, dataset, tag].into_iter().flatten().collect()
}

/// Whether a prediction reads what a dataset consists of.
fn reads(asked: &Prediction, dataset: DatasetId) -> bool {
    match &asked.source {
        PredictionSource::Dataset(read) => *read == dataset,
        PredictionSource::Object(key) => keys::dataset_of_upload(key) == Some(dataset),
    }
}

fn subject(job: JobId) -> String {
    format!("job {job}")
}
