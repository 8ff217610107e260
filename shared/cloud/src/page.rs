//! Lists by an index of owner and time, newest first, a page at a time.
//!
//! A page's token says after which item the next page begins. It does not name the owner: whoever presents it sees their own items only.

use std::str::FromStr;

use aws_sdk_dynamodb::{Client, types::AttributeValue};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::UserId;
use serde::{Deserialize, Serialize};

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

/// The last item of a page. Its text form is opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageToken {
    id: String,
    at: String,
}

/// The text is not a token that a list gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not a token that a list gave")]
pub struct InvalidToken;

impl PageToken {
    /// The text for clients.
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::json!([self.id, self.at]).to_string())
    }
}

impl FromStr for PageToken {
    type Err = InvalidToken;

    fn from_str(text: &str) -> Result<Self, InvalidToken> {
        let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidToken)?;
        let (id, at): (String, String) = serde_json::from_slice(&json).map_err(|_| InvalidToken)?;
        if id.is_empty() || at.is_empty() { Err(InvalidToken) } else { Ok(Self { id, at }) }
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
    /// Up to `limit` items of `user` after `token`. One more is asked for than is given, so that a token always leads to an item.
    pub(crate) async fn page(&self, user: &UserId, limit: u32, token: Option<&PageToken>) -> Result<Page<Item>, CloudError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut start = token.map(|token| self.key(user, token));
        let mut items: Vec<Item> = Vec::new();
        while items.len() <= limit {
            let wanted = i32::try_from(limit + 1 - items.len()).unwrap_or(i32::MAX);
            let answer = self
                .client
                .query()
                .table_name(self.table)
                .index_name(self.index)
                .key_condition_expression("user_id = :user")
                .expression_attribute_values(":user", AttributeValue::S(user.as_str().to_owned()))
                .scan_index_forward(false)
                .limit(wanted)
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(failed("Query", self.index))?;
            items.extend(answer.items.unwrap_or_default());
            start = answer.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).and_then(|last| self.token(last));
        Ok(Page { items, next })
    }

    fn token(&self, item: &Item) -> Option<PageToken> {
        Some(PageToken { id: text(item, self.id)?.to_owned(), at: text(item, self.at)?.to_owned() })
    }

    fn key(&self, user: &UserId, token: &PageToken) -> Item {
        let attributes = [("user_id", user.as_str()), (self.id, &token.id), (self.at, &token.at)];
        attributes.into_iter().map(|(name, text)| (name.to_owned(), AttributeValue::S(text.to_owned()))).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_reads_back(id in ".+", at in ".+") {
            let token = PageToken { id, at };
            prop_assert_eq!(token.encode().parse::<PageToken>().unwrap(), token);
        }

        #[test]
        fn no_text_breaks_the_reader(text in ".*") {
            let _ = text.parse::<PageToken>();
        }
    }

    #[test]
    fn other_texts_are_no_tokens() {
        for text in ["", "x", "{}", "WyIiLCIiXQ", r#"{"job_id": "1"}"#] {
            assert_eq!(text.parse::<PageToken>(), Err(InvalidToken), "{text}");
        }
    }
}
