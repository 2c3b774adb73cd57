//! All runs of a state directory.

use std::cmp::Reverse;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::StateError;
use super::header::{FORMAT, Header, NewRun, RecordedFile};
use super::owner::{self, OwnerProcess};
use super::private;
use super::reader::RunReader;
use super::recorder::Recorder;
use super::run_dir::{RunDir, file_name};
use crate::diagnostic::did_you_mean;
use crate::name;
use crate::status::Timestamp;

/// What stands for the newest run; no run has it as its id.
const LATEST: &str = "latest";
/// How the name of a directory begins that is being made.
const DRAFT: &str = ".draft-";
/// How the name of a directory begins that is being removed.
const GONE: &str = ".gone-";

/// The runs below a state directory.
#[derive(Debug, Clone)]
pub struct RunStore {
    runs: PathBuf,
}

/// What [`RunStore::list`] found.
#[derive(Debug, Default)]
pub struct Listing {
    /// The runs, newest first.
    pub runs: Vec<RunReader>,
    /// Those that cannot be read.
    pub broken: Vec<Broken>,
}

/// A run that cannot be read.
#[derive(Debug)]
pub struct Broken {
    /// Its id.
    pub id: String,
    /// Why.
    pub error: StateError,
}

/// Which runs [`RunStore::prune`] keeps. A run that has not ended is always kept.
#[derive(Debug, Clone, Copy, Default)]
pub struct PruneRule {
    /// The newest so many are kept.
    pub keep: usize,
    /// Runs made at or after this instant are kept.
    pub keep_since: Option<Timestamp>,
}

impl RunStore {
    /// The store in `state_dir`, made when it does not exist, closed to other users.
    pub fn open(state_dir: &Path) -> Result<Self, StateError> {
        let runs = state_dir.join("runs");
        private::create_dir_all(state_dir).map_err(|error| StateError::write(&runs, error))?;
        // What is there already may have been put there by others.
        check_owner(state_dir)?;
        if runs.exists() {
            check_owner(&runs)?;
        }
        private::close_dir(&runs).map_err(|error| StateError::write(&runs, error))?;
        Ok(Self { runs })
    }

    /// The store in `state_dir` for reading; it need not exist.
    pub fn open_existing(state_dir: &Path) -> Self {
        Self {
            runs: state_dir.join("runs"),
        }
    }

    /// The directory of a run.
    pub fn dir(&self, id: &str) -> RunDir {
        RunDir::new(self.runs.join(id))
    }

    /// Makes the directory of a new run and becomes its owner. Its id is its name, or when that is
    /// taken its name and five random characters.
    pub fn create_run(&self, new: &NewRun) -> Result<Recorder, StateError> {
        let base = file_name(&new.name);
        let mut id = base.clone();
        if base == LATEST {
            id = format!("{base}-{}", name::random_suffix());
        }
        loop {
            let dir = self.dir(&id);
            if !dir.path().exists()
                && let Some(recorder) = self.try_create(new, &id)?
            {
                return Ok(recorder);
            }
            id = format!("{base}-{}", name::random_suffix());
        }
    }

    /// `None` when another process took the id meanwhile.
    fn try_create(&self, new: &NewRun, id: &str) -> Result<Option<Recorder>, StateError> {
        let draft = tempfile::Builder::new()
            .prefix(DRAFT)
            .tempdir_in(&self.runs)
            .and_then(|draft| private::close_dir(draft.path()).map(|()| draft))
            .map_err(|error| StateError::write(&self.runs, error))?;
        let draft_dir = RunDir::new(draft.path());
        let lock = draft_dir.lock();
        let lock = owner::lock(&lock).map_err(|error| StateError::write(&lock, error))?;
        let header = fill(&draft_dir, new, id)?;
        let dir = self.dir(id);
        match fs::rename(draft.path(), dir.path()) {
            Ok(()) => {
                // It has moved: nothing is left to clean up.
                drop(draft.keep());
                Recorder::new(dir, header, lock).map(Some)
            }
            Err(error) if is_taken(&error) => Ok(None),
            Err(error) => Err(StateError::write(dir.path(), error)),
        }
    }

    /// The ids of all runs, sorted.
    pub fn ids(&self) -> Result<Vec<String>, StateError> {
        let mut ids = Vec::new();
        let entries = match fs::read_dir(&self.runs) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(ids),
            Err(error) => return Err(StateError::read(&self.runs, error)),
        };
        for entry in entries {
            let entry = entry.map_err(|error| StateError::read(&self.runs, error))?;
            let id = entry.file_name().to_string_lossy().into_owned();
            if !id.starts_with('.') && entry.path().is_dir() {
                ids.push(id);
            }
        }
        ids.sort();
        Ok(ids)
    }

    /// All runs, newest first.
    pub fn list(&self) -> Result<Listing, StateError> {
        let mut listing = Listing::default();
        for id in self.ids()? {
            match RunReader::open(self.dir(&id)) {
                Ok(run) => listing.runs.push(run),
                Err(error) => listing.broken.push(Broken { id, error }),
            }
        }
        listing
            .runs
            .sort_by_key(|run| Reverse(run.header().created_at));
        Ok(listing)
    }

    /// The run of this id, the only one whose id begins so, or for `latest` the newest.
    pub fn find(&self, wanted: &str) -> Result<RunReader, StateError> {
        if wanted == LATEST {
            let newest = self.list()?.runs.into_iter().next();
            return newest.ok_or(StateError::NoRuns);
        }
        let ids = self.ids()?;
        if ids.iter().any(|id| id == wanted) {
            return RunReader::open(self.dir(wanted));
        }
        let candidates: Vec<&String> = ids.iter().filter(|id| id.starts_with(wanted)).collect();
        match candidates.as_slice() {
            [id] if !wanted.is_empty() => RunReader::open(self.dir(id)),
            [] if ids.is_empty() => Err(StateError::NoRuns),
            [] => Err(StateError::NotFound {
                wanted: wanted.to_owned(),
                did_you_mean: did_you_mean(wanted, ids.iter().map(String::as_str))
                    .map(str::to_owned),
            }),
            _ => Err(StateError::Ambiguous {
                wanted: wanted.to_owned(),
                candidates: candidates.into_iter().cloned().collect(),
            }),
        }
    }

    /// Removes a run that does not go on.
    pub fn remove(&self, run: &RunReader) -> Result<(), StateError> {
        if run.is_running() {
            return Err(StateError::Running {
                run: run.id().to_owned(),
                pid: run.header().owner.pid,
            });
        }
        self.discard(run.dir().path())
    }

    /// The runs `rule` does not keep, newest first.
    pub fn prunable(&self, rule: PruneRule) -> Result<Vec<RunReader>, StateError> {
        let runs = self.list()?.runs;
        let old = runs.into_iter().skip(rule.keep);
        Ok(old
            .filter(|run| {
                rule.keep_since
                    .is_none_or(|since| run.header().created_at < since)
            })
            .filter(|run| !run.is_running())
            .collect())
    }

    /// Removes the runs `rule` does not keep, and what was left of runs half made or half removed.
    /// Returns their ids.
    pub fn prune(&self, rule: PruneRule) -> Result<Vec<String>, StateError> {
        let mut removed = Vec::new();
        for run in self.prunable(rule)? {
            self.remove(&run)?;
            removed.push(run.id().to_owned());
        }
        self.sweep();
        Ok(removed)
    }

    /// Removes leftovers whose lock no process holds. One that cannot be removed is skipped: it is
    /// not a run.
    fn sweep(&self) {
        let Ok(entries) = fs::read_dir(&self.runs) else {
            return;
        };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let lock = RunDir::new(entry.path()).lock();
            let orphan = name.starts_with(DRAFT)
                && lock.exists()
                && !owner::is_locked(&lock, &OwnerProcess::current());
            if orphan || name.starts_with(GONE) {
                drop(fs::remove_dir_all(entry.path()));
            }
        }
    }

    /// Renames first, so that nobody reads a run half removed.
    fn discard(&self, path: &Path) -> Result<(), StateError> {
        let hidden = self.runs.join(format!("{GONE}{}", name::random_suffix()));
        let failed = |error| StateError::Io {
            action: "remove",
            path: path.to_owned(),
            source: error,
        };
        fs::rename(path, &hidden).map_err(failed)?;
        fs::remove_dir_all(&hidden).map_err(failed)
    }
}

/// Refuses a directory of another user.
#[cfg(unix)]
fn check_owner(path: &Path) -> Result<(), StateError> {
    use std::os::unix::fs::MetadataExt as _;
    let owner = fs::metadata(path)
        .map_err(|error| StateError::read(path, error))?
        .uid();
    let user = rustix::process::geteuid().as_raw();
    if owner == user {
        return Ok(());
    }
    Err(StateError::OtherOwner {
        path: path.to_owned(),
        owner,
        user,
    })
}

#[cfg(not(unix))]
fn check_owner(_path: &Path) -> Result<(), StateError> {
    Ok(())
}

fn is_taken(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty
    )
}

/// Writes everything that is known before the run starts.
fn fill(dir: &RunDir, new: &NewRun, id: &str) -> Result<Header, StateError> {
    let mut inputs = Vec::new();
    for (index, manifest) in new.inputs.iter().enumerate() {
        let base = Path::new(&manifest.given).file_name().unwrap_or_default();
        let copy = format!("{index:03}-{}", file_name(&base.to_string_lossy()));
        write(&dir.manifests().join(&copy), &manifest.content)?;
        inputs.push(RecordedFile {
            given: manifest.given.clone(),
            path: manifest.path.clone(),
            copy,
        });
    }
    write_json(&dir.resolved(), &new.resolved)?;
    if !new.contents.is_empty() {
        write_json(&dir.contents(), &new.contents)?;
    }
    let header = Header {
        format: FORMAT,
        written_by: concat!("tkn-local ", env!("CARGO_PKG_VERSION")).to_owned(),
        id: id.to_owned(),
        name: new.name.clone(),
        kind: new.kind,
        definition: new.definition.clone(),
        created_at: new.created_at,
        owner: OwnerProcess::current(),
        argv: new.argv.clone(),
        cwd: new.cwd.clone(),
        inputs,
        resumed_from: new.resumed_from.clone(),
        settings: new.settings.clone(),
    };
    write_json(&dir.header(), &header)?;
    Ok(header)
}

fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), StateError> {
    let text = serde_json::to_vec_pretty(value)
        .map_err(|error| StateError::write(path, io::Error::other(error)))?;
    write(path, &text)
}

fn write(path: &Path, content: &[u8]) -> Result<(), StateError> {
    private::write(path, content).map_err(|error| StateError::write(path, error))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::Path;

    use serde_json::json;

    use super::{PruneRule, RunStore};
    use crate::event::RunKind;
    use crate::state::testing::log;
    use crate::state::{FORMAT, Manifest, NewRun, Recorder, RunReader, StateError};

    fn new_run(name: &str, second: u8) -> NewRun {
        NewRun {
            name: name.to_owned(),
            kind: RunKind::PipelineRun,
            definition: Some("p".to_owned()),
            created_at: format!("2026-01-01T00:00:{second:02}Z").parse().unwrap(),
            argv: vec!["tkn-local".to_owned(), "run".to_owned()],
            cwd: "/home/u".into(),
            inputs: vec![Manifest {
                given: "../dir/pipe line.yaml".to_owned(),
                path: Some("/home/dir/pipe line.yaml".into()),
                content: b"kind: Pipeline\n".to_vec(),
            }],
            resumed_from: None,
            settings: json!({"engine": "e"}),
            resolved: json!({"tasks": []}),
            contents: BTreeMap::new(),
        }
    }

    fn store() -> (tempfile::TempDir, RunStore) {
        let dir = tempfile::tempdir().unwrap();
        let store = RunStore::open(&dir.path().join("state")).unwrap();
        (dir, store)
    }

    fn ids(runs: &[RunReader]) -> Vec<&str> {
        runs.iter().map(RunReader::id).collect()
    }

    #[test]
    fn a_run_reads_back_as_it_was_made() {
        let (_dir, store) = store();
        let new = new_run("ci", 0);
        let recorder = store.create_run(&new).unwrap();
        let run = store.find("ci").unwrap();
        assert_eq!(run.header(), recorder.header());
        assert_eq!(run.header().format, FORMAT);
        assert_eq!(run.manifests().unwrap(), new.inputs);
        assert_eq!(run.resolved().unwrap(), new.resolved);
        assert_eq!(run.taken_by().unwrap(), None);
        assert!(run.set_taken_by("ci-2").unwrap());
        assert!(!run.set_taken_by("ci-3").unwrap());
        assert_eq!(run.taken_by().unwrap().as_deref(), Some("ci-2"));
        assert!(run.is_running());
        drop(recorder);
        assert!(!run.is_running());
    }

    #[test]
    fn the_same_name_runs_many_times() {
        let (_dir, store) = store();
        let recorders: Vec<Recorder> = (0..3)
            .map(|second| store.create_run(&new_run("ci", second)).unwrap())
            .collect();
        assert_eq!(recorders[0].header().id, "ci");
        for later in &recorders[1..] {
            let suffix = later.header().id.strip_prefix("ci-").unwrap();
            assert_eq!((suffix.len(), later.header().name.as_str()), (5, "ci"));
        }
        assert_eq!(store.find("latest").unwrap().id(), recorders[2].header().id);
        assert_eq!(store.find("ci").unwrap().id(), "ci");
    }

    #[test]
    fn names_that_are_no_file_names_and_latest_itself_get_an_id() {
        let (dir, store) = store();
        let hostile = store.create_run(&new_run("../../x", 0)).unwrap();
        assert_eq!(hostile.header().id, "_.._.._x");
        let latest = store.create_run(&new_run("latest", 1)).unwrap();
        assert_eq!(latest.header().id.len(), "latest-12345".len());
        assert!(!dir.path().join("x").exists());
    }

    #[test]
    fn a_prefix_finds_one_run_or_names_all_it_could_be() {
        let (_dir, store) = store();
        assert!(matches!(store.find("latest"), Err(StateError::NoRuns)));
        for name in ["build-1", "build-2", "release"] {
            store.create_run(&new_run(name, 0)).unwrap();
        }
        assert_eq!(store.find("rel").unwrap().id(), "release");
        assert_eq!(
            store.find("build").unwrap_err().to_string(),
            "\"build\" matches several runs: build-1, build-2"
        );
        assert!(matches!(
            store.find("relaese"),
            Err(StateError::NotFound { did_you_mean: Some(near), .. }) if near == "release"
        ));
    }

    #[test]
    fn a_newer_format_says_who_wrote_it() {
        let (_dir, store) = store();
        store.create_run(&new_run("ci", 0)).unwrap();
        let header = json!({"format": FORMAT + 1, "writtenBy": "tkn-local 9.0.0", "new": 1});
        fs::write(store.dir("ci").header(), header.to_string()).unwrap();
        assert_eq!(
            store.find("ci").unwrap_err().to_string(),
            "run ci has the state format 2; this version reads up to 1. It was written by tkn-local 9.0.0"
        );
        let listing = store.list().unwrap();
        assert!(listing.runs.is_empty());
        assert_eq!(listing.broken[0].id, "ci");
    }

    #[test]
    fn pruning_keeps_the_newest_and_what_runs() {
        let (dir, store) = store();
        let running = store.create_run(&new_run("a", 0)).unwrap();
        for (second, name) in [(1, "b"), (2, "c"), (3, "d")] {
            store.create_run(&new_run(name, second)).unwrap();
        }
        let leftover = dir.path().join("state/runs/.gone-x");
        fs::create_dir(&leftover).unwrap();
        let removed = store
            .prune(PruneRule {
                keep: 1,
                keep_since: Some("2026-01-01T00:00:02Z".parse().unwrap()),
            })
            .unwrap();
        assert_eq!(removed, ["b"]);
        assert_eq!(ids(&store.list().unwrap().runs), ["d", "c", "a"]);
        assert!(!leftover.exists());
        let error = store.remove(&store.find("a").unwrap()).unwrap_err();
        assert!(matches!(error, StateError::Running { .. }));
        drop(running);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_look() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_dir, store) = store();
        let mut recorder = store.create_run(&new_run("ci", 0)).unwrap();
        recorder.message(&log("x")).unwrap();
        let dir = recorder.dir().clone();
        for path in [
            dir.path().to_owned(),
            dir.header(),
            dir.events(),
            dir.logs(),
            dir.log("ci-t", "s", false, 0),
        ] {
            let mode = path.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{}", path.display());
        }
    }

    #[test]
    fn a_directory_of_another_user_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let theirs = if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(dir.path(), Some(12_345), None).unwrap();
            dir.path()
        } else {
            Path::new("/")
        };
        let error = RunStore::open(theirs).unwrap_err();
        assert!(matches!(error, StateError::OtherOwner { .. }), "{error}");
        assert!(!theirs.join("runs").exists());
    }

    #[test]
    fn a_state_directory_that_is_a_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "").unwrap();
        assert!(RunStore::open(&path).is_err());
        assert!(RunStore::open_existing(&path.join("none")).ids().is_err());
    }
}
