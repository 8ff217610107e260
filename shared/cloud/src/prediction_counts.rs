//! How many predicted rows fell into which bin, by day: what drift is found from.
//!
//! The table of jobs also keeps, for as long as the longest window and some days, an item for each deployed job, day and process that
//! predicted: its partition key is no UUID, and in the index of owners and times it stands under the job, so that a window is one query.
//! A process writes its item again and again, with all that it has counted on that day: writing twice changes nothing.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{JobId, Timestamp};

use crate::{CloudError, Jobs, error::failed, item::text};

/// How long an item is kept after its day.
const LIFETIME: Duration = Duration::from_hours(24 * 40);
const SUBJECT: &str = "counts of predictions";

/// What one process has counted on a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayCounts {
    /// The day's begin, in UTC.
    pub day: Timestamp,
    /// Predicted rows.
    pub rows: u64,
    /// Rows in each bin of each distribution, one after the other.
    pub bins: Vec<u64>,
}

impl Jobs {
    /// Stores what the process of that name has counted, in place of what it stored before for the day.
    pub async fn store_counts(&self, job: JobId, process: &str, counts: &DayCounts) -> Result<(), CloudError> {
        let expires = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + LIFETIME;
        let day = counts.day.to_string();
        let bins = counts.bins.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("job_id", AttributeValue::S(format!("{}#{day}#{process}", owner(job))))
            .item("user_id", AttributeValue::S(owner(job)))
            .item("created_at", AttributeValue::S(day))
            .item("rows", AttributeValue::N(counts.rows.to_string()))
            .item("bins", AttributeValue::S(bins))
            .item("expires_at", AttributeValue::N(expires.as_secs().to_string()));
        request.send().await.map_err(failed("PutItem", SUBJECT))?;
        Ok(())
    }

    /// What all processes have counted since a day's begin.
    pub async fn counts_since(&self, job: JobId, day: Timestamp) -> Result<Vec<DayCounts>, CloudError> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .index_name("user_id-created_at-index")
            .key_condition_expression("user_id = :job AND created_at >= :day")
            .expression_attribute_values(":job", AttributeValue::S(owner(job)))
            .expression_attribute_values(":day", AttributeValue::S(day.to_string()));
        let mut items = query.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(item) = items.next().await {
            let item = item.map_err(failed("Query", SUBJECT))?;
            let day = text(&item, "created_at").and_then(|day| day.parse().ok());
            let rows = item.get("rows").and_then(|rows| rows.as_n().ok()?.parse().ok());
            let bins = text(&item, "bins").and_then(|bins| bins.split(' ').map(|count| count.parse().ok()).collect());
            if let (Some(day), Some(rows), Some(bins)) = (day, rows, bins) {
                found.push(DayCounts { day, rows, bins });
            }
        }
        Ok(found)
    }
}

/// Whom the index takes for the items' owner.
fn owner(job: JobId) -> String {
    format!("counts#{job}")
}
