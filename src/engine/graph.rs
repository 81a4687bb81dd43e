//! Dependency order.

use std::collections::{BTreeMap, BTreeSet};

/// Every node after all that it waits for; among the ready ones in their own order. `Err` holds the nodes of a cycle.
pub fn order<N: Ord + Clone>(waits_for: &BTreeMap<N, BTreeSet<N>>) -> Result<Vec<N>, Vec<N>> {
    let mut open: BTreeMap<&N, BTreeSet<&N>> = waits_for
        .iter()
        .map(|(node, needs)| (node, needs.iter().filter(|need| waits_for.contains_key(need)).collect()))
        .collect();
    let mut ordered = Vec::with_capacity(open.len());
    while let Some(node) = open.iter().find(|(_, needs)| needs.is_empty()).map(|(node, _)| *node) {
        open.remove(node);
        for needs in open.values_mut() {
            needs.remove(node);
        }
        ordered.push(node.clone());
    }
    if open.is_empty() { Ok(ordered) } else { Err(open.into_keys().cloned().collect()) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn graph(edges: &[(&'static str, &[&'static str])]) -> BTreeMap<&'static str, BTreeSet<&'static str>> {
        edges.iter().map(|(node, needs)| (*node, needs.iter().copied().collect())).collect()
    }

    #[test]
    fn a_node_comes_after_all_that_it_waits_for() {
        let order = order(&graph(&[("a", &["c"]), ("b", &[]), ("c", &["b"])])).unwrap();
        assert_eq!(order, ["b", "c", "a"]);
    }

    #[test]
    fn a_need_outside_the_graph_is_met_already() {
        assert_eq!(order(&graph(&[("a", &["elsewhere"])])).unwrap(), ["a"]);
    }

    #[test]
    fn a_cycle_is_named() {
        assert_eq!(order(&graph(&[("a", &["b"]), ("b", &["a"]), ("c", &[])])), Err(vec!["a", "b"]));
    }
}
