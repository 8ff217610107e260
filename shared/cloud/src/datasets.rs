//! The table of datasets.
//!
//! An upload URL leaves a *reservation*: an item with the owner and nothing else, because the storage event that may be the first to find
//! the file does not say whose it is. A reservation reads as absent; the dataset's item replaces it, or it expires.
//!
//! A deleted dataset leaves a *tombstone* for a day, so that an ingest which was under way cannot bring it back. It reads as absent too.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use domain::{Dataset, DatasetId, UserId};

use crate::{
    CloudError, Page,
    error::failed,
    item::{Item, from_item, text, to_item},
    page::NewestFirst,
};

/// How much longer than its upload URL a reservation stays.
const RESERVATION_MARGIN: Duration = Duration::from_hours(24);
/// How long a tombstone stays: longer than any ingest takes.
const TOMBSTONE_LIFETIME: Duration = Duration::from_hours(24);
/// What of a dataset's item the columns may take: DynamoDB's items hold 400 KB in all.
const MAX_COLUMN_BYTES: usize = 300_000;

/// Who may fill a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// No upload URL was given for it: an object that was put by hand.
    Unknown,
    /// It was deleted a short while ago.
    Deleted,
    /// It is or will be this user's.
    Owned(UserId),
}

/// A DynamoDB table of datasets by `dataset_id`.
#[derive(Debug, Clone)]
pub struct Datasets {
    client: Client,
    table: String,
}

impl Datasets {
    /// The table of that name.
    pub fn new(config: &SdkConfig, table: impl Into<String>) -> Self {
        Self { client: Client::new(config), table: table.into() }
    }

    /// Opens the connection before the first request needs it. What fails here will fail there, and be told.
    pub async fn warm(&self) {
        let _ = self.item(DatasetId::random()).await;
    }

    /// Notes who may upload a dataset, for `lifetime` and a while.
    pub async fn reserve(&self, dataset: DatasetId, user: &UserId, lifetime: Duration) -> Result<(), CloudError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("dataset_id", AttributeValue::S(dataset.to_string()))
            .item("user_id", AttributeValue::S(user.as_str().to_owned()))
            .item("expires_at", after(lifetime + RESERVATION_MARGIN));
        request.send().await.map_err(failed("PutItem", subject(dataset)))?;
        Ok(())
    }

    /// What is known of a dataset that may not have been read yet.
    pub async fn claim(&self, dataset: DatasetId) -> Result<Claim, CloudError> {
        Ok(match self.item(dataset).await? {
            None => Claim::Unknown,
            Some(item) if item.contains_key("deleted") => Claim::Deleted,
            Some(item) => Claim::Owned(text(&item, "user_id").map_or_else(UserId::default, UserId::new)),
        })
    }

    /// The user's dataset.
    pub async fn get(&self, user: &UserId, dataset: DatasetId) -> Result<Option<Dataset>, CloudError> {
        Ok(self.find(dataset).await?.filter(|found| found.user_id == *user))
    }

    /// Anyone's dataset: for what acts on events.
    pub async fn find(&self, dataset: DatasetId) -> Result<Option<Dataset>, CloudError> {
        let item = self.item(dataset).await?.filter(|item| item.contains_key("uploaded_at"));
        item.map(|item| from_item(item, &subject(dataset))).transpose()
    }

    /// Stores what was learned of an object, unless the same object (by `ETag`) is stored already; what is stored afterwards, `None` when the
    /// dataset was deleted. The columns of a very wide table stay in its profile.
    pub async fn put(&self, mut dataset: Dataset) -> Result<Option<Dataset>, CloudError> {
        let id = dataset.dataset_id;
        if column_bytes(&dataset) > MAX_COLUMN_BYTES {
            dataset.leave_columns_in_profile();
        }
        let mut request = self.client.put_item().table_name(&self.table).set_item(Some(to_item(&dataset, &subject(id))?));
        request = match &dataset.object_etag {
            Some(etag) => request
                .condition_expression("attribute_not_exists(deleted) AND (attribute_not_exists(object_etag) OR object_etag <> :etag)")
                .expression_attribute_values(":etag", AttributeValue::S(etag.clone())),
            None => request.condition_expression("attribute_not_exists(deleted)"),
        };
        match request.send().await {
            Ok(_) => Ok(Some(dataset)),
            Err(error)
                if error
                    .as_service_error()
                    .is_some_and(aws_sdk_dynamodb::operation::put_item::PutItemError::is_conditional_check_failed_exception) =>
            {
                self.find(id).await
            }
            Err(error) => Err(failed("PutItem", subject(id))(error)),
        }
    }

    /// The user's datasets, newest first.
    pub async fn list(&self, user: &UserId, limit: u32, token: Option<&str>) -> Result<Page<Dataset>, CloudError> {
        let index = NewestFirst {
            client: &self.client,
            table: &self.table,
            index: "user_id-uploaded_at-index",
            id: "dataset_id",
            at: "uploaded_at",
        };
        let Page { items, next } = index.page(user, &Vec::new(), limit, token).await?;
        let items = items.into_iter().map(|item| from_item(item, "a listed dataset")).collect::<Result<_, _>>()?;
        Ok(Page { items, next })
    }

    /// Puts a tombstone in the place of the item, which the caller has found to be the user's.
    pub async fn delete(&self, dataset: DatasetId) -> Result<(), CloudError> {
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("dataset_id", AttributeValue::S(dataset.to_string()))
            .item("deleted", AttributeValue::Bool(true))
            .item("expires_at", after(TOMBSTONE_LIFETIME));
        request.send().await.map_err(failed("PutItem", subject(dataset)))?;
        Ok(())
    }

    async fn item(&self, dataset: DatasetId) -> Result<Option<Item>, CloudError> {
        let key = AttributeValue::S(dataset.to_string());
        let request = self.client.get_item().table_name(&self.table).key("dataset_id", key).consistent_read(true);
        Ok(request.send().await.map_err(failed("GetItem", subject(dataset)))?.item)
    }
}

/// The moment `lifetime` from now, as DynamoDB's time to live has it.
fn after(lifetime: Duration) -> AttributeValue {
    let expires = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + lifetime;
    AttributeValue::N(expires.as_secs().to_string())
}

/// What the item's names, types and counts of columns take, about: each name is there three times.
fn column_bytes(dataset: &Dataset) -> usize {
    const BESIDE_NAMES: usize = 60;
    dataset.columns.iter().map(|name| 3 * name.len() + BESIDE_NAMES).sum()
}

fn subject(dataset: DatasetId) -> String {
    format!("dataset {dataset}")
}
