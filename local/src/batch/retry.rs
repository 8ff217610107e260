//! Which ends of an attempt are followed by another one. Source: the Batch user guide, "Automated job retries".

use serde::{Deserialize, Serialize};

/// A pattern of an end, and what follows: each part that it names must match, and the first rule that matches decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetryRule {
    /// Of Batch's reason.
    #[serde(default, alias = "OnStatusReason")]
    on_status_reason: Option<String>,
    /// Of the container's.
    #[serde(default, alias = "OnReason")]
    on_reason: Option<String>,
    /// Of its exit code.
    #[serde(default, alias = "OnExitCode")]
    on_exit_code: Option<String>,
    #[serde(alias = "Action")]
    action: Action,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Action {
    Retry,
    Exit,
}

/// Whether an attempt that ended so is followed by another one: also when no rule matches.
pub(super) fn is_retried(rules: &[RetryRule], status_reason: &str, reason: Option<&str>, exit_code: Option<i32>) -> bool {
    let exit_code = exit_code.map(|code| code.to_string());
    let matches = |pattern: Option<&String>, text: &str| pattern.is_none_or(|pattern| is_like(pattern, text));
    let decides = |rule: &&RetryRule| {
        matches(rule.on_status_reason.as_ref(), status_reason)
            && matches(rule.on_reason.as_ref(), reason.unwrap_or_default())
            && matches(rule.on_exit_code.as_ref(), exit_code.as_deref().unwrap_or_default())
    };
    rules.iter().find(decides).is_none_or(|rule| rule.action == Action::Retry)
}

/// A pattern may end with an asterisk; case does not matter.
fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    pattern.strip_suffix('*').map_or(text == pattern, |beginning| text.starts_with(beginning))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template::Template;

    #[test]
    fn what_the_machine_did_is_tried_again_and_what_the_program_did_is_not() {
        let rules = Template::read().unwrap().training.retries;
        let exited = "Essential container in task exited";
        for (status_reason, reason, exit_code, expected) in [
            ("Your Spot Task was interrupted.", None, Some(143), true),
            ("Task failed to start", Some("CannotPullContainerError: no such image"), None, true),
            ("Timeout waiting for network interface provisioning to complete.", None, None, true),
            ("Host EC2 (instance i-0123) terminated.", None, None, true),
            (exited, None, Some(1), false),
            (exited, Some("OutOfMemoryError: killed"), Some(137), false),
        ] {
            assert_eq!(is_retried(&rules, status_reason, reason, exit_code), expected, "{status_reason} {exit_code:?}");
        }
    }

    #[test]
    fn an_end_that_no_rule_names_is_tried_again() {
        assert!(is_retried(&[], "any", None, Some(1)));
    }
}
