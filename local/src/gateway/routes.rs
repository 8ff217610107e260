//! Which function answers a request: the template's routes, matched segment by segment, and `$default` for the rest.

use std::{collections::BTreeMap, sync::Arc};

use percent_encoding::percent_decode_str;

use crate::template::Route;

/// Each method of each path with what answers it, and what answers everything else.
#[derive(Debug)]
pub(super) struct Routes<T> {
    routes: BTreeMap<(String, String), Arc<T>>,
    default: Option<Arc<T>>,
}

/// What answers a request.
#[derive(Debug)]
pub(super) struct Match<T> {
    /// The route, `GET /jobs/{job_id}` or `$default`.
    pub(super) route_key: String,
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) target: Arc<T>,
}

impl<T> Routes<T> {
    pub(super) fn new(routes: impl IntoIterator<Item = (Vec<Route>, Arc<T>)>) -> Self {
        let mut found = Self { routes: BTreeMap::new(), default: None };
        for (routes, target) in routes {
            for route in routes {
                match route {
                    Route::Default => found.default = Some(Arc::clone(&target)),
                    Route::Path { method, path } => drop(found.routes.insert((method, path), Arc::clone(&target))),
                }
            }
        }
        found
    }

    /// Looks a request up. Of two routes that fit, the one with fewer parameters counts.
    pub(super) fn find(&self, method: &str, path: &str) -> Option<Match<T>> {
        let of_method = self.routes.iter().filter(|((of_route, _), _)| of_route == method);
        let fitting = of_method.filter_map(|((_, route), target)| Some((route, target, parameters(route, path)?)));
        let best = fitting.min_by_key(|(_, _, parameters)| parameters.len());
        let default = || Some(("$default".to_owned(), self.default.as_ref()?, BTreeMap::new()));
        let best = best.map(|(route, target, parameters)| (format!("{method} {route}"), target, parameters)).or_else(default);
        best.map(|(route_key, target, parameters)| Match { route_key, parameters, target: Arc::clone(target) })
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
            Route::Path { method: method.to_owned(), path: path.to_owned() }
        };
        Routes::new([
            (
                vec![route("GET /jobs"), route("GET /jobs/{job_id}"), route("PATCH /jobs/{job_id}"), route("GET /jobs/newest")],
                Arc::new("jobs"),
            ),
            (vec![route("POST /jobs/{job_id}/deploy")], Arc::new("deploy")),
            (vec![Route::Default], Arc::new("front")),
        ])
    }

    #[test]
    fn a_path_is_matched_segment_by_segment() {
        let found = routes().find("POST", "/jobs/a%20b/deploy").unwrap();
        assert_eq!((found.route_key.as_str(), *found.target), ("POST /jobs/{job_id}/deploy", "deploy"));
        assert_eq!(found.parameters, [("job_id".to_owned(), "a b".to_owned())].into());
    }

    #[test]
    fn what_is_no_route_is_the_defaults() {
        for (method, path) in [
            ("POST", "/jobs//deploy"),
            ("POST", "/jobs/7/deploy/x"),
            ("GET", "/jobs/"),
            ("GET", "/"),
            ("HEAD", "/jobs"),
            ("GET", "/jobs/7/deploy"),
        ] {
            let found = routes().find(method, path).unwrap();
            assert_eq!((found.route_key.as_str(), *found.target), ("$default", "front"), "{method} {path}");
        }
    }

    #[test]
    fn a_literal_segment_wins_over_a_parameter() {
        assert_eq!(routes().find("GET", "/jobs/newest").unwrap().route_key, "GET /jobs/newest");
    }
}
