//! What waits for what (`pkg/reconciler/pipeline/dag/dag.go`).

use std::collections::{BTreeSet, HashMap, VecDeque};

/// Why tasks cannot be put in order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GraphError {
    /// Tasks wait for each other.
    #[error("cycle detected; task \"{task}\" depends on {}", quoted(.on))]
    Cycle {
        /// The first task, by name, that can never start.
        task: String,
        /// The tasks it waits for that can never start either, sorted.
        on: Vec<String>,
    },
    /// A task waits for one that the pipeline does not have.
    #[error(
        "couldn't add link between {task} and {on}: task {task} depends on {on} but {on} wasn't present in Pipeline"
    )]
    UnknownTask {
        /// The task.
        task: String,
        /// What it waits for.
        on: String,
    },
}

fn quoted(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    quoted.join(", ")
}

impl GraphError {
    /// The task that can never start.
    pub fn task(&self) -> &str {
        match self {
            Self::Cycle { task, .. } | Self::UnknownTask { task, .. } => task,
        }
    }
}

/// The order of the tasks: an edge leads from a task to one that waits for it.
#[derive(Debug, Clone, Default)]
pub struct Graph {
    parents: Vec<Vec<usize>>,
    children: Vec<Vec<usize>>,
    order: Vec<usize>,
}

impl Graph {
    /// The graph of tasks with these names and dependencies, or the first error.
    pub fn new(names: &[&str], dependencies: &[BTreeSet<String>]) -> Result<Self, GraphError> {
        let (graph, errors) = Self::link(names, dependencies);
        match errors.into_iter().next() {
            Some(error) => Err(error),
            None => Ok(graph),
        }
    }

    /// The graph as far as it can be made, and everything that is wrong with it: the cycle first,
    /// then every dependency on a task that is not there.
    pub fn link(names: &[&str], dependencies: &[BTreeSet<String>]) -> (Self, Vec<GraphError>) {
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (index, name) in names.iter().enumerate() {
            places.entry(name).or_insert(index);
        }
        let mut graph = Self {
            parents: vec![Vec::new(); names.len()],
            children: vec![Vec::new(); names.len()],
            order: Vec::with_capacity(names.len()),
        };
        let mut errors = Vec::new();
        for (index, (task, waits)) in names.iter().zip(dependencies).enumerate() {
            for on in waits {
                if let Some(&parent) = places.get(on.as_str()) {
                    graph.parents[index].push(parent);
                    graph.children[parent].push(index);
                } else {
                    errors.push(GraphError::UnknownTask {
                        task: (*task).to_owned(),
                        on: on.clone(),
                    });
                }
            }
        }
        graph.sort();
        let cycle = graph.cycle(names);
        (graph, cycle.into_iter().chain(errors).collect())
    }

    /// Kahn's algorithm: the tasks that can start, each after all it waits for.
    fn sort(&mut self) {
        let mut waits: Vec<usize> = self.parents.iter().map(Vec::len).collect();
        let mut free: VecDeque<usize> = (0..waits.len()).filter(|task| waits[*task] == 0).collect();
        while let Some(task) = free.pop_front() {
            self.order.push(task);
            for &child in &self.children[task] {
                waits[child] -= 1;
                if waits[child] == 0 {
                    free.push_back(child);
                }
            }
        }
    }

    /// Names the tasks without an order as Tekton does: the first of them by name.
    fn cycle(&self, names: &[&str]) -> Option<GraphError> {
        let ordered: BTreeSet<usize> = self.order.iter().copied().collect();
        let blocked = |task: &usize| !ordered.contains(task);
        let task = (0..names.len())
            .filter(blocked)
            .min_by_key(|task| names[*task])?;
        let parents = self.parents[task].iter().filter(|parent| blocked(parent));
        let on: BTreeSet<String> = parents.map(|parent| names[*parent].to_owned()).collect();
        Some(GraphError::Cycle {
            task: names[task].to_owned(),
            on: on.into_iter().collect(),
        })
    }

    /// What a task waits for.
    pub fn parents(&self, task: usize) -> impl Iterator<Item = usize> + '_ {
        self.parents.get(task).into_iter().flatten().copied()
    }

    /// What waits for a task.
    pub fn children(&self, task: usize) -> impl Iterator<Item = usize> + '_ {
        self.children.get(task).into_iter().flatten().copied()
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
            .map_err(|error| error.to_string())
    }

    #[test]
    fn cycles_are_named() {
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
    fn unknown_dependencies_are_named() {
        assert_eq!(
            graph(&[("a", &["zzz"])]).unwrap_err(),
            "couldn't add link between a and zzz: task a depends on zzz but zzz wasn't present in Pipeline"
        );
    }

    #[test]
    fn every_error_is_found_and_what_can_start_is_not_blamed() {
        let names = ["root", "x", "y", "z", "lost"];
        let on: Vec<BTreeSet<String>> = [&[][..], &["y", "root"], &["x"], &["y"], &["nope"]]
            .iter()
            .map(|on| on.iter().map(|name| (*name).to_owned()).collect())
            .collect();
        let (_, errors) = Graph::link(&names, &on);
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(told[0], "cycle detected; task \"x\" depends on \"y\"");
        assert!(told[1].starts_with("couldn't add link between lost and nope"));
        assert_eq!(told.len(), 2);
    }

    #[test]
    fn order_puts_parents_first() {
        let order = graph(&[("d", &["b", "c"]), ("b", &["a"]), ("c", &["a"]), ("a", &[])]).unwrap();
        let at = |task: usize| order.iter().position(|each| *each == task).unwrap();
        assert!(at(3) < at(1) && at(3) < at(2) && at(1) < at(0) && at(2) < at(0));
    }
}
