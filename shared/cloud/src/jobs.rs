//! The table of training jobs. A status is written only from where [`JobStatus::entered_from`] allows, and only while the item exists: a
//! deleted or finished job is never rewritten, in whatever order things happen.

use std::collections::HashMap;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, ReturnValue},
};
use domain::{Job, JobFiles, JobId, JobStatus, Metrics, PreprocessingInfo, ProblemType, Progress, Timestamp, UserId};
use serde::Serialize;

use crate::{
    CloudError, Page, PageToken,
    error::failed,
    item::{from_item, to_item},
    page::NewestFirst,
};

/// A DynamoDB table of jobs by `job_id`.
#[derive(Debug, Clone)]
pub struct Jobs {
    client: Client,
    table: String,
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
            .set_item(Some(to_item(job, &subject(job.job_id))?))
            .condition_expression("attribute_not_exists(job_id)");
        request.send().await.map_err(failed("PutItem", subject(job.job_id)))?;
        Ok(())
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

    /// The user's jobs, newest first.
    pub async fn list(&self, user: &UserId, limit: u32, token: Option<&PageToken>) -> Result<Page<Job>, CloudError> {
        let index =
            NewestFirst { client: &self.client, table: &self.table, index: "user_id-created_at-index", id: "job_id", at: "created_at" };
        let Page { items, next } = index.page(user, limit, token).await?;
        let items = items.into_iter().map(|item| from_item(item, "a listed job")).collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }

    /// Notes under which identifier Batch knows the job; `false` when the job is gone.
    pub async fn set_batch_job_id(&self, job: JobId, batch_job_id: &str) -> Result<bool, CloudError> {
        #[derive(Serialize)]
        struct Submitted<'a> {
            batch_job_id: &'a str,
        }
        self.update(job, &JobStatus::ALL, &Submitted { batch_job_id }).await.map(|job| job.is_some())
    }

    /// The trainer begins; `false` when the job is gone or finished.
    pub async fn start(&self, job: JobId) -> Result<bool, CloudError> {
        #[derive(Serialize)]
        struct Started {
            status: JobStatus,
            started_at: Timestamp,
        }
        let started = Started { status: JobStatus::Running, started_at: Timestamp::now() };
        self.update(job, JobStatus::Running.entered_from(), &started).await.map(|job| job.is_some())
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
        #[derive(Serialize)]
        struct End<'a> {
            status: JobStatus,
            completed_at: Timestamp,
            #[serde(flatten)]
            completion: &'a Completion,
        }
        let end = End { status: JobStatus::Completed, completed_at: Timestamp::now(), completion };
        self.update(job, JobStatus::Completed.entered_from(), &end).await.map(|job| job.is_some())
    }

    /// The job ends without a model; `false` when it is gone or finished.
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

    /// Sets the attributes of `change` and `updated_at` if the job exists with a status of `from`; the job as it is then.
    async fn update(&self, job: JobId, from: &[JobStatus], change: &impl Serialize) -> Result<Option<Job>, CloudError> {
        let mut attributes = to_item(change, &subject(job))?;
        attributes.insert("updated_at".to_owned(), AttributeValue::S(Timestamp::now().to_string()));
        let statuses: Vec<String> = from.iter().map(|status| format!(":from_{status}")).collect();
        let assignments: Vec<String> = attributes.keys().map(|name| format!("#{name} = :{name}")).collect();
        let mut names: HashMap<String, String> = attributes.keys().map(|name| (format!("#{name}"), name.clone())).collect();
        names.insert("#status".to_owned(), "status".to_owned());
        let values = from.iter().map(|status| (format!(":from_{status}"), AttributeValue::S(status.to_string())));
        let values = values.chain(attributes.into_iter().map(|(name, value)| (format!(":{name}"), value))).collect();
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("job_id", AttributeValue::S(job.to_string()))
            .update_expression(format!("SET {}", assignments.join(", ")))
            .condition_expression(format!("attribute_exists(job_id) AND #status IN ({})", statuses.join(", ")))
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

fn subject(job: JobId) -> String {
    format!("job {job}")
}
