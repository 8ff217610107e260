//! `Idempotency-Key`: a request that is sent again starts no second job.
//!
//! The table of jobs also keeps, for a day, which job a key of a user belongs to and a digest of the request: an item whose partition key
//! is no UUID and which is in no index. It is written in one transaction with the job.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use domain::{Job, JobId, UserId};
use sha2::{Digest, Sha256};

use crate::{
    CloudError, Jobs,
    error::failed,
    item::{Item, text},
};

/// How long a key is remembered.
const LIFETIME: Duration = Duration::from_hours(24);

/// A user's key and what was asked with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    record: String,
    request: String,
}

/// What became of a job that was to be created once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// It was created.
    Created,
    /// The same request created this one before.
    Repeated(JobId),
    /// Another request used the key.
    OtherRequest,
}

impl IdempotencyKey {
    /// A user's `key` for a request that `body` tells from others.
    pub fn new(user: &UserId, key: &str, body: &[u8]) -> Self {
        Self { record: format!("idempotency#{}", hex(format!("{:?}", (user.as_str(), key)).as_bytes())), request: hex(body) }
    }
}

impl Jobs {
    /// Stores a new job, unless the key has one.
    pub async fn create_once(&self, job: &Job, key: &IdempotencyKey) -> Result<Creation, CloudError> {
        if let Some(known) = self.created_with(key).await? {
            return Ok(known);
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = |moment: Duration| AttributeValue::N(moment.as_secs().to_string());
        let record = Put::builder()
            .table_name(&self.table)
            .item("job_id", AttributeValue::S(key.record.clone()))
            .item("job", AttributeValue::S(job.job_id.to_string()))
            .item("request", AttributeValue::S(key.request.clone()))
            .item("expires_at", seconds(now + LIFETIME))
            .condition_expression("attribute_not_exists(job_id) OR expires_at < :now")
            .expression_attribute_values(":now", seconds(now));
        let subject = format!("job {}", job.job_id);
        let puts =
            [record, self.creation(job)?].into_iter().map(|put| put.build().map(|put| TransactWriteItem::builder().put(put).build()));
        let puts = puts.collect::<Result<_, _>>().map_err(failed("TransactWriteItems", &subject))?;
        match self.client.transact_write_items().set_transact_items(Some(puts)).send().await {
            Ok(_) => Ok(Creation::Created),
            // Whoever was first at the same time has written the record.
            Err(error) => match self.created_with(key).await? {
                Some(known) => Ok(known),
                None => Err(failed("TransactWriteItems", &subject)(error)),
            },
        }
    }

    /// Forgets a key whose job did not start, so that it can be used again.
    pub async fn forget(&self, key: &IdempotencyKey) -> Result<(), CloudError> {
        let request = self.client.delete_item().table_name(&self.table).key("job_id", AttributeValue::S(key.record.clone()));
        request.send().await.map_err(failed("DeleteItem", "an idempotency key"))?;
        Ok(())
    }

    async fn created_with(&self, key: &IdempotencyKey) -> Result<Option<Creation>, CloudError> {
        let record = AttributeValue::S(key.record.clone());
        let request = self.client.get_item().table_name(&self.table).key("job_id", record).consistent_read(true);
        let item = request.send().await.map_err(failed("GetItem", "an idempotency key"))?.item;
        Ok(item.filter(is_current).map(|item| match text(&item, "job").and_then(|job| job.parse().ok()) {
            Some(job) if text(&item, "request") == Some(&key.request) => Creation::Repeated(job),
            _ => Creation::OtherRequest,
        }))
    }
}

/// DynamoDB deletes what has expired some time later.
fn is_current(item: &Item) -> bool {
    let expires: Option<u64> = item.get("expires_at").and_then(|expires| expires.as_n().ok()?.parse().ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    expires.is_none_or(|expires| expires >= now)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_share_no_keys() {
        let key = |user: &str, key: &str, body: &[u8]| IdempotencyKey::new(&UserId::new(user), key, body);
        assert_eq!(key("a", "1", b"x"), key("a", "1", b"x"));
        assert_ne!(key("a", "1", b"x").record, key("b", "1", b"x").record);
        assert_ne!(key("a", "b1", b"x").record, key("ab", "1", b"x").record);
        assert_eq!(key("a", "1", b"x").record, key("a", "1", b"y").record);
        assert_ne!(key("a", "1", b"x").request, key("a", "1", b"y").request);
    }
}
