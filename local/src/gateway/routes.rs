//! Which function answers a request: the template's routes, matched segment by segment.

use std::{collections::BTreeMap, sync::Arc};

use percent_encoding::percent_decode_str;

use crate::template::Route;

/// Paths, each with what answers its methods.
#[derive(Debug)]
pub(super) struct Routes<T>(BTreeMap<String, BTreeMap<String, Arc<T>>>);

/// What was found for a path and a method.
#[derive(Debug)]
pub(super) enum Match<'a, T> {
    /// The route's path, its parameters, and what answers.
    Found { route: &'a str, parameters: BTreeMap<String, String>, target: Arc<T> },
    /// The path exists with these methods only.
    WrongMethod { allowed: String },
    /// There is no such path.
    Unknown,
}

impl<T> Routes<T> {
    pub(super) fn new(routes: impl IntoIterator<Item = (Vec<Route>, Arc<T>)>) -> Self {
        let mut paths: BTreeMap<String, BTreeMap<String, Arc<T>>> = BTreeMap::new();
        for (routes, target) in routes {
            for Route { method, path } in routes {
                paths.entry(path).or_default().insert(method, Arc::clone(&target));
            }
        }
        Self(paths)
    }

    /// Looks a request up. Of two routes that fit, the one with fewer parameters counts.
    pub(super) fn find(&self, method: &str, path: &str) -> Match<'_, T> {
        let fitting = self.0.iter().filter_map(|(route, methods)| Some((route, methods, parameters(route, path)?)));
        let Some((route, methods, parameters)) = fitting.min_by_key(|(_, _, parameters)| parameters.len()) else { return Match::Unknown };
        match methods.get(method) {
            Some(target) => Match::Found { route, parameters, target: Arc::clone(target) },
            None => Match::WrongMethod { allowed: methods.keys().map(String::as_str).collect::<Vec<_>>().join(", ") },
        }
    }
}

/// The path's parameters, if it is one of the route's.
fn parameters(route: &str, path: &str) -> Option<BTreeMap<String, String>> {
    let (mut of_route, mut of_path) = (route.split('/'), path.split('/'));
    let mut parameters = BTreeMap::new();
    loop {
        match (of_route.next(), of_path.next()) {
            (None, None) => return Some(parameters),
            (Some(known), Some(given)) => match known.strip_prefix('{').and_then(|known| known.strip_suffix('}')) {
                Some(name) if !given.is_empty() => {
                    parameters.insert(name.to_owned(), percent_decode_str(given).decode_utf8_lossy().into_owned());
                }
                None if known == given => {}
                _ => return None,
            },
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Routes<&'static str> {
        let route = |text: &str| {
            let (method, path) = text.split_once(' ').unwrap();
            Route { method: method.to_owned(), path: path.to_owned() }
        };
        Routes::new([
            (
                vec![route("GET /jobs"), route("GET /jobs/{job_id}"), route("PATCH /jobs/{job_id}"), route("GET /jobs/newest")],
                Arc::new("jobs"),
            ),
            (vec![route("POST /jobs/{job_id}/deploy")], Arc::new("deploy")),
        ])
    }

    #[test]
    fn a_path_is_matched_segment_by_segment() {
        let routes = routes();
        let Match::Found { route, parameters, target } = routes.find("POST", "/jobs/a%20b/deploy") else { panic!("not found") };
        assert_eq!((route, *target), ("/jobs/{job_id}/deploy", "deploy"));
        assert_eq!(parameters, [("job_id".to_owned(), "a b".to_owned())].into());
        for path in ["/jobs//deploy", "/jobs/7/deploy/x", "/job/7/deploy", "/jobs/", "/"] {
            assert!(matches!(routes.find("POST", path), Match::Unknown), "{path}");
        }
    }

    #[test]
    fn a_literal_segment_wins_over_a_parameter() {
        let routes = routes();
        let Match::Found { route, .. } = routes.find("GET", "/jobs/newest") else { panic!("not found") };
        assert_eq!(route, "/jobs/newest");
    }

    #[test]
    fn another_method_is_told_which_exist() {
        let routes = routes();
        let Match::WrongMethod { allowed } = routes.find("HEAD", "/jobs/7") else { panic!("it is allowed") };
        assert_eq!(allowed, "GET, PATCH");
    }
}
