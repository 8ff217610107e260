//! Lists by an index of owner and time, newest first, a page at a time.
//!
//! A page's token says after which item the next page begins. It is bound to its list by a digest: one of another owner, of other
//! filters or of another table is refused. It gives no access: whoever presents it sees their own items only.

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::UserId;
use sha2::{Digest, Sha256};

use crate::{
    CloudError,
    error::failed,
    item::{Item, text},
};

/// Some items and where the next ones begin.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// Newest first.
    pub items: Vec<T>,
    /// Gets the next page; `None` on the last one.
    pub next: Option<PageToken>,
}

/// The last item of a page, for one list of one owner. Its text form is opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageToken {
    id: String,
    at: String,
    list: String,
}

/// More than identifiers and timestamps of ours have: DynamoDB refuses keys beyond 1 KB.
const MAX_KEY_BYTES: usize = 64;

impl PageToken {
    /// The text for clients.
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::json!([self.id, self.at, self.list]).to_string())
    }

    fn decode(text: &str) -> Option<Self> {
        let json = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (id, at, list): (String, String, String) = serde_json::from_slice(&json).ok()?;
        let is_key = |text: &str| (1..=MAX_KEY_BYTES).contains(&text.len());
        (is_key(&id) && is_key(&at)).then_some(Self { id, at, list })
    }
}

/// Which items of a list are wanted: each attribute with a condition on it. One inside of another is named with a dot: `prediction.rows`.
pub(crate) type Filter = Vec<(&'static str, Condition)>;

/// What is asked of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It is this text.
    Is(String),
    /// It is a list that has this text.
    Has(String),
    /// The item does not have it. Nearly all items of a list are taken to be so.
    Absent,
}

impl Condition {
    fn value(&self) -> Option<&str> {
        match self {
            Self::Is(value) | Self::Has(value) => Some(value),
            Self::Absent => None,
        }
    }
}

/// A table's index of owner and time.
pub(crate) struct NewestFirst<'a> {
    pub(crate) client: &'a Client,
    pub(crate) table: &'a str,
    pub(crate) index: &'static str,
    /// The table's key attribute.
    pub(crate) id: &'static str,
    /// The index's sort attribute.
    pub(crate) at: &'static str,
}

impl NewestFirst<'_> {
    /// Up to `limit` items of `user` after the token of that text. One more is asked for than is given, so that a token always leads to an
    /// item. A token of another owner or of a list with another filter is none of this list's.
    pub(crate) async fn page(&self, user: &UserId, filter: &Filter, limit: u32, token: Option<&str>) -> Result<Page<Item>, CloudError> {
        let list = self.list(user, filter);
        let token = token.map(|text| PageToken::decode(text).filter(|token| token.list == list).ok_or(CloudError::InvalidToken));
        let mut start = token.transpose()?.map(|token| self.key(user, &token));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut items: Vec<Item> = Vec::new();
        // DynamoDB counts what it looks at, not what passes the filter: the second look is at as much as there is in one answer.
        let mut bounded = filter.iter().all(|(_, condition)| *condition == Condition::Absent);
        while items.len() <= limit {
            let wanted = bounded.then(|| i32::try_from(limit + 1 - items.len()).unwrap_or(i32::MAX));
            bounded = filter.is_empty();
            let steps = |name: &'static str| name.split('.').map(|step| (placeholder(step), step.to_owned()));
            let names = filter.iter().flat_map(|(name, _)| steps(name)).collect();
            let value = |(at, (_, condition)): (usize, &(_, Condition))| {
                Some((format!(":filter{at}"), AttributeValue::S(condition.value()?.to_owned())))
            };
            let values = filter.iter().enumerate().filter_map(value);
            let mut query = self
                .client
                .query()
                .table_name(self.table)
                .index_name(self.index)
                .key_condition_expression("user_id = :user")
                .set_expression_attribute_values(Some(values.collect()))
                .expression_attribute_values(":user", AttributeValue::S(user.as_str().to_owned()))
                .scan_index_forward(false)
                .set_limit(wanted)
                .set_exclusive_start_key(start);
            if !filter.is_empty() {
                query = query.set_expression_attribute_names(Some(names)).filter_expression(expression(filter));
            }
            let answer = query.send().await.map_err(failed("Query", self.index))?;
            items.extend(answer.items.unwrap_or_default());
            start = answer.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).and_then(|last| self.token(last, list));
        Ok(Page { items, next })
    }

    /// Names the list that a token belongs to, without saying whose it is.
    fn list(&self, user: &UserId, filter: &Filter) -> String {
        let digest = Sha256::digest(format!("{:?}", (self.index, user.as_str(), filter)));
        URL_SAFE_NO_PAD.encode(&digest[..8])
    }

    fn token(&self, item: &Item, list: String) -> Option<PageToken> {
        Some(PageToken { id: text(item, self.id)?.to_owned(), at: text(item, self.at)?.to_owned(), list })
    }

    fn key(&self, user: &UserId, token: &PageToken) -> Item {
        let attributes = [("user_id", user.as_str()), (self.id, &token.id), (self.at, &token.at)];
        attributes.into_iter().map(|(name, text)| (name.to_owned(), AttributeValue::S(text.to_owned()))).collect()
    }
}

fn expression(filter: &Filter) -> String {
    let condition = |(at, (name, condition)): (usize, &(&str, Condition))| {
        let path = name.split('.').map(placeholder).collect::<Vec<_>>().join(".");
        match condition {
            Condition::Is(_) => format!("{path} = :filter{at}"),
            Condition::Has(_) => format!("contains({path}, :filter{at})"),
            Condition::Absent => format!("attribute_not_exists({path})"),
        }
    };
    filter.iter().enumerate().map(condition).collect::<Vec<_>>().join(" AND ")
}

/// Stands for an attribute's name, which may be a word of DynamoDB's own.
fn placeholder(name: &str) -> String {
    format!("#{name}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_reads_back(id in "[!-~]{1,64}", at in "[!-~]{1,64}", list in ".*") {
            let token = PageToken { id, at, list };
            prop_assert_eq!(PageToken::decode(&token.encode()), Some(token));
        }

        #[test]
        fn no_text_breaks_the_reader(text in ".*") {
            let _ = PageToken::decode(&text);
        }
    }

    #[test]
    fn other_texts_are_no_tokens() {
        let too_long = PageToken { id: "7".repeat(65), at: "now".to_owned(), list: String::new() };
        for text in ["", "x", "{}", "WyIiLCIiLCIiXQ", r#"{"job_id": "1"}"#, &too_long.encode()] {
            assert_eq!(PageToken::decode(text), None, "{text}");
        }
    }

    #[test]
    fn a_filter_becomes_one_expression() {
        let filter =
            vec![("status", Condition::Is("failed".to_owned())), ("tags", Condition::Has("a".to_owned())), ("a.b", Condition::Absent)];
        assert_eq!(expression(&filter), "#status = :filter0 AND contains(#tags, :filter1) AND attribute_not_exists(#a.#b)");
    }
}
