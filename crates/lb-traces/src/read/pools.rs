//! Groups views of load balancers into pools: views with common backends belong to one pool.

use super::error::TraceError;
use std::collections::BTreeSet;

/// Returns the backends of the only pool, or of the one with `backend`. `views` has the backends of each
/// view.
pub(super) fn choose<'a>(
    views: impl Iterator<Item = &'a Vec<String>>,
    backend: Option<&str>,
) -> Result<Vec<String>, TraceError> {
    let mut pools: Vec<BTreeSet<&str>> = Vec::new();
    for view in views {
        let mut joined: BTreeSet<&str> = view.iter().map(String::as_str).collect();
        // Merge all pools that have a backend of this view.
        pools.retain(|pool| {
            let apart = pool.is_disjoint(&joined);
            if !apart {
                joined.extend(pool);
            }
            apart
        });
        pools.push(joined);
    }
    let owned = |pool: &BTreeSet<&str>| -> Vec<String> { pool.iter().map(ToString::to_string).collect() };
    match (pools.as_slice(), backend) {
        ([only], None) => Ok(owned(only)),
        (_, None) => Err(TraceError::SeveralPools { pools: pools.iter().map(owned).collect() }),
        (_, Some(name)) => pools.iter().find(|pool| pool.contains(name)).map(owned).ok_or_else(|| {
            let known = pools.iter().flat_map(owned).collect();
            TraceError::UnknownBackend { name: name.to_owned(), known }
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn views(all: &[&[&str]]) -> Vec<Vec<String>> {
        all.iter().map(|view| view.iter().map(ToString::to_string).collect()).collect()
    }

    #[test]
    fn views_with_a_backend_in_common_are_one_pool() {
        let all = views(&[&["a", "b"], &["c", "d"], &["b", "c"]]);
        assert_eq!(choose(all.iter(), None).expect("one pool"), ["a", "b", "c", "d"]);
    }

    #[test]
    fn of_several_pools_one_is_chosen_by_a_backend() {
        let all = views(&[&["a", "b"], &["c"], &["a", "b"]]);
        let error = choose(all.iter(), None).expect_err("which one?").to_string();
        assert!(
            error.contains("2 pools that have no backend in common") && error.contains("name a backend"),
            "{error}"
        );
        assert_eq!(choose(all.iter(), Some("b")).expect("the first"), ["a", "b"]);
        let error = choose(all.iter(), Some("x")).expect_err("no such backend").to_string();
        assert!(error.contains("`x` is not a backend of the traces"), "{error}");
    }
}
