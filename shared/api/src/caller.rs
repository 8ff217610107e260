//! Who is asking.

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{Extensions, request::Parts},
};
use domain::UserId;
use lambda_http::request::RequestContext;

/// The subject that the gateway's JWT authorizer vouches for, or the default user when there is no authorizer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller(pub UserId);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(subject(&parts.extensions).map_or_else(UserId::default, UserId::new)))
    }
}

fn subject(extensions: &Extensions) -> Option<&str> {
    let Some(RequestContext::ApiGatewayV2(context)) = extensions.get() else { return None };
    let claims = &context.authorizer.as_ref()?.jwt.as_ref()?.claims;
    claims.get("sub").map(String::as_str).filter(|subject| !subject.is_empty())
}

#[cfg(test)]
mod tests {
    use lambda_http::{RequestExt, request::from_str};

    use super::*;

    fn subject_of(authorizer: &str) -> Option<String> {
        let event = format!(
            r#"{{"version": "2.0", "routeKey": "$default", "rawPath": "/jobs", "rawQueryString": "", "headers": {{}},
                "requestContext": {{"http": {{"method": "GET", "path": "/jobs"}}, "timeEpoch": 0 {authorizer}}}, "isBase64Encoded": false}}"#
        );
        let request = from_str(&event).unwrap();
        assert!(request.request_context_ref().is_some());
        subject(request.extensions()).map(str::to_owned)
    }

    #[test]
    fn the_authorizers_subject_is_the_caller() {
        assert_eq!(subject_of(r#", "authorizer": {"jwt": {"claims": {"sub": "u-1"}, "scopes": null}}"#).as_deref(), Some("u-1"));
    }

    #[test]
    fn without_an_authorizer_there_is_no_subject() {
        assert_eq!(subject_of(""), None);
    }
}
