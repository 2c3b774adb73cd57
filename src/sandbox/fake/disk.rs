//! The volumes of fake sandboxes, in memory.

use std::collections::BTreeMap;

use bytes::Bytes;

use crate::language::paths::clean_absolute;
use crate::sandbox::{FileOp, Mount, MountSource, VolumeOwner, VolumePath};

/// Links followed before giving up.
const MAX_LINKS: usize = 8;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Directory,
    File(Bytes),
    Link(String),
}

/// Files by volume and path: `run/<run>/<path>` or `claim/<claim>/<path>`.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    nodes: BTreeMap<String, Node>,
}

fn key(run: &str, path: &VolumePath) -> String {
    let key = match path {
        VolumePath::Run(path) => format!("run/{run}/{path}"),
        VolumePath::Secret(path) => format!("secret/{run}/{path}"),
        VolumePath::Claim { claim, path } => format!("claim/{claim}/{path}"),
    };
    key.trim_end_matches('/').to_owned()
}

impl Disk {
    pub(crate) fn apply(&mut self, run: &str, op: &FileOp) {
        match op {
            FileOp::Directory { path, .. } => {
                self.nodes.entry(key(run, path)).or_insert(Node::Directory);
            }
            FileOp::File { path, content, .. } => {
                self.nodes
                    .insert(key(run, path), Node::File(content.clone()));
            }
            FileOp::Symlink { path, target } => {
                self.nodes
                    .insert(key(run, path), Node::Link(target.clone()));
            }
            FileOp::Remove { path } => {
                let gone = key(run, path);
                self.remove(&gone);
            }
            FileOp::GroupOwned { .. } => {}
        }
    }

    /// Copies a path from one run's volume to another's. Returns the bytes of the files.
    pub(crate) fn copy(&mut self, from: &str, to: &str, path: &str) -> u64 {
        let place = |run: &str| key(run, &VolumePath::Run(path.to_owned()));
        let (from, to) = (place(from), place(to));
        let below = format!("{from}/");
        let copied: Vec<(String, Node)> = self
            .nodes
            .iter()
            .filter(|(path, _)| **path == from || path.starts_with(&below))
            .map(|(path, node)| (format!("{to}{}", &path[from.len()..]), node.clone()))
            .collect();
        let bytes = copied.iter().map(|(_, node)| match node {
            Node::File(content) => content.len() as u64,
            Node::Directory | Node::Link(_) => 0,
        });
        let bytes = bytes.sum();
        self.nodes.extend(copied);
        bytes
    }

    fn remove(&mut self, gone: &str) {
        let below = format!("{gone}/");
        self.nodes
            .retain(|path, _| path != gone && !path.starts_with(&below));
    }

    pub(crate) fn drop_volume(&mut self, owner: &VolumeOwner) {
        match owner {
            VolumeOwner::Run(run) => {
                self.remove(&format!("run/{run}"));
                self.remove(&format!("secret/{run}"));
            }
            VolumeOwner::Claim(claim) => self.remove(&format!("claim/{claim}")),
        }
    }

    /// The content of a file as a container with these mounts sees it.
    pub(crate) fn read(&self, run: &str, mounts: &[Mount], path: &str) -> Option<Bytes> {
        match self.nodes.get(&self.place(run, mounts, path)?.0)? {
            Node::File(content) => Some(content.clone()),
            Node::Directory | Node::Link(_) => None,
        }
    }

    /// Writes a file as a container with these mounts would. False where it cannot.
    pub(crate) fn write(
        &mut self,
        run: &str,
        mounts: &[Mount],
        path: &str,
        content: &[u8],
        append: bool,
    ) -> bool {
        let Some((place, read_only)) = self.place(run, mounts, path) else {
            return false;
        };
        if read_only {
            return false;
        }
        let mut bytes = match self.nodes.get(&place) {
            Some(Node::File(old)) if append => old.to_vec(),
            _ => Vec::new(),
        };
        bytes.extend_from_slice(content);
        self.nodes.insert(place, Node::File(Bytes::from(bytes)));
        true
    }

    /// Where an absolute path of a container is, and whether it is mounted read-only.
    fn place(&self, run: &str, mounts: &[Mount], path: &str) -> Option<(String, bool)> {
        let mut path = clean_absolute(path);
        for _ in 0..MAX_LINKS {
            match self.step(run, mounts, &path)? {
                Step::At(place, read_only) => return Some((place, read_only)),
                Step::Go(next) => path = clean_absolute(&next),
            }
        }
        None
    }

    fn step(&self, run: &str, mounts: &[Mount], path: &str) -> Option<Step> {
        let (mount, rest) = mounts
            .iter()
            .filter_map(|mount| {
                let rest = path.strip_prefix(mount.target.trim_end_matches('/'))?;
                (rest.is_empty() || rest.starts_with('/')).then_some((mount, rest))
            })
            .max_by_key(|(mount, _)| mount.target.len())?;
        let MountSource::Volume(source) = &mount.source else {
            return None;
        };
        let base = key(run, source);
        let mut walked = base.clone();
        let mut parts = rest.split('/').filter(|part| !part.is_empty());
        while let Some(part) = parts.next() {
            walked = format!("{walked}/{part}");
            if let Some(Node::Link(target)) = self.nodes.get(&walked) {
                let left: Vec<&str> = parts.collect();
                return Some(Step::Go(format!("{target}/{}", left.join("/"))));
            }
        }
        Some(Step::At(walked, mount.read_only))
    }
}

enum Step {
    At(String, bool),
    Go(String),
}
