//! What waits for what (`pkg/reconciler/pipeline/dag/dag.go`).

use std::collections::{BTreeSet, HashMap};

use petgraph::Direction;
use petgraph::algo::toposort;
use petgraph::graph::{DiGraph, NodeIndex};

/// Why tasks do not make a graph.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphFault {
    /// Tasks wait for each other.
    #[error("cycle detected; task \"{task}\" depends on {on}")]
    Cycle {
        /// The first task, by name, that can never start.
        task: String,
        /// What it waits for, quoted and sorted.
        on: String,
    },
    /// A task waits for one that is not there.
    #[error(
        "couldn't add link between {task} and {on}: task {task} depends on {on} but {on} wasn't present in Pipeline"
    )]
    Unknown {
        /// The task.
        task: String,
        /// What is not there.
        on: String,
    },
}

/// The order of the tasks: an edge leads from a task to one that waits for it.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    graph: DiGraph<(), ()>,
    order: Vec<usize>,
}

impl Graph {
    /// The graph of tasks with these names and dependencies.
    pub fn new(names: &[&str], dependencies: &[BTreeSet<String>]) -> Result<Self, GraphFault> {
        let mut graph = DiGraph::<(), ()>::new();
        for _ in names {
            graph.add_node(());
        }
        let mut places = HashMap::with_capacity(names.len());
        for (place, name) in names.iter().enumerate() {
            places.entry(*name).or_insert(place);
        }
        let mut unknown = None;
        for (task, on) in dependencies
            .iter()
            .enumerate()
            .flat_map(|(task, on)| on.iter().map(move |on| (task, on)))
        {
            match places.get(on.as_str()).copied() {
                Some(parent) => {
                    graph.add_edge(NodeIndex::new(parent), NodeIndex::new(task), ());
                }
                None => drop(unknown.get_or_insert_with(|| GraphFault::Unknown {
                    task: names[task].to_owned(),
                    on: on.clone(),
                })),
            }
        }
        let order = toposort(&graph, None)
            .map_err(|_| Self::cycle(&graph, names))?
            .into_iter()
            .map(NodeIndex::index)
            .collect();
        match unknown {
            Some(fault) => Err(fault),
            None => Ok(Self { graph, order }),
        }
    }

    /// Names the cycle as Tekton does: what Kahn's algorithm leaves, first by name.
    fn cycle(graph: &DiGraph<(), ()>, names: &[&str]) -> GraphFault {
        let mut left: BTreeSet<usize> = (0..names.len()).collect();
        let waits_for = |task: usize, left: &BTreeSet<usize>| -> BTreeSet<usize> {
            graph
                .neighbors_directed(NodeIndex::new(task), Direction::Incoming)
                .map(NodeIndex::index)
                .filter(|parent| left.contains(parent))
                .collect()
        };
        let mut free: Vec<usize> = left
            .iter()
            .copied()
            .filter(|task| waits_for(*task, &left).is_empty())
            .collect();
        while let Some(task) = free.pop() {
            left.remove(&task);
            let children = graph.neighbors_directed(NodeIndex::new(task), Direction::Outgoing);
            let freed = children
                .map(NodeIndex::index)
                .filter(|child| left.contains(child) && waits_for(*child, &left).is_empty());
            free.extend(freed);
        }
        let Some(task) = left.iter().copied().min_by_key(|task| names[*task]) else {
            return GraphFault::Cycle {
                task: String::new(),
                on: String::new(),
            };
        };
        let on: BTreeSet<String> = waits_for(task, &left)
            .into_iter()
            .map(|parent| format!("\"{}\"", names[parent]))
            .collect();
        GraphFault::Cycle {
            task: names[task].to_owned(),
            on: on.into_iter().collect::<Vec<_>>().join(", "),
        }
    }

    /// What a task waits for.
    pub fn parents(&self, task: usize) -> impl Iterator<Item = usize> + '_ {
        self.neighbors(task, Direction::Incoming)
    }

    /// What waits for a task.
    pub fn children(&self, task: usize) -> impl Iterator<Item = usize> + '_ {
        self.neighbors(task, Direction::Outgoing)
    }

    fn neighbors(&self, task: usize, direction: Direction) -> impl Iterator<Item = usize> + '_ {
        let node = NodeIndex::new(task);
        let known = task < self.graph.node_count();
        known
            .then(|| self.graph.neighbors_directed(node, direction))
            .into_iter()
            .flatten()
            .map(NodeIndex::index)
    }

    /// The tasks, each after all it waits for.
    pub fn order(&self) -> &[usize] {
        &self.order
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::Graph;

    fn graph(edges: &[(&str, &[&str])]) -> Result<Vec<usize>, String> {
        let names: Vec<&str> = edges.iter().map(|(name, _)| *name).collect();
        let on: Vec<BTreeSet<String>> = edges
            .iter()
            .map(|(_, on)| on.iter().map(|name| (*name).to_owned()).collect())
            .collect();
        Graph::new(&names, &on)
            .map(|graph| graph.order().to_vec())
            .map_err(|fault| fault.to_string())
    }

    #[test]
    fn pipeline_15_16_cycles_are_named() {
        assert_eq!(
            graph(&[("a", &["b"]), ("b", &["a"]), ("c", &[])]).unwrap_err(),
            "cycle detected; task \"a\" depends on \"b\""
        );
        assert_eq!(
            graph(&[("a", &["a"])]).unwrap_err(),
            "cycle detected; task \"a\" depends on \"a\""
        );
    }

    #[test]
    fn pipeline_17_18_unknown_dependencies_are_named() {
        assert_eq!(
            graph(&[("a", &["zzz"])]).unwrap_err(),
            "couldn't add link between a and zzz: task a depends on zzz but zzz wasn't present in Pipeline"
        );
    }

    #[test]
    fn order_puts_parents_first() {
        let order = graph(&[("d", &["b", "c"]), ("b", &["a"]), ("c", &["a"]), ("a", &[])]).unwrap();
        let at = |task: usize| order.iter().position(|each| *each == task).unwrap();
        assert!(at(3) < at(1) && at(3) < at(2) && at(1) < at(0) && at(2) < at(0));
    }
}
