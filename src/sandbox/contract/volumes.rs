//! Volumes: made once, kept, shared, copied, removed.

use super::subject::{Act, Opened, STATE_DIR, Subject, run_name};
use crate::sandbox::{Engine as _, Exit, Sandbox as _, SandboxSpec, VolumeOwner};

/// A volume is there until it is removed, with what was written to it.
pub async fn a_volume_outlives_its_sandbox<S: Subject>(subject: &S) {
    let engine = subject.engine();
    let opened = Opened::new(subject).await;
    let run = opened.run.clone();
    opened.ran(&[Act::Write("/shared/kept", "kept")]).await;
    opened.sandbox.close().await.expect("it closes");
    let volumes = engine.volumes().await.expect("it answers");
    let volume = volumes.iter().find(|volume| volume.is_of_run(&run));
    let volume = volume.expect("it is listed");
    assert_eq!(volume.state_dir, STATE_DIR);
    let again = Opened::over(subject, &run, run_name(), None).await;
    assert_eq!(
        again.ran(&[Act::Cat("/shared/kept")]).await.out.trim_end(),
        "kept"
    );
    again.sandbox.close().await.expect("it closes");

    let owner = VolumeOwner::Run(run.clone());
    engine.remove_volume(&owner).await.expect("it is removed");
    engine.remove_volume(&owner).await.expect("so it is again");
    let volumes = engine.volumes().await.expect("it answers");
    assert!(!volumes.iter().any(|volume| volume.is_of_run(&run)));
    let spec = SandboxSpec {
        run: run_name(),
        volume: run,
        ..SandboxSpec::default()
    };
    assert!(engine.open(spec).await.is_err(), "it is over no volume");
}

/// The volume of a run is never made again over that of another.
pub async fn a_volume_is_made_once<S: Subject>(subject: &S) {
    let opened = Opened::new(subject).await;
    let again = subject.engine().create_volume(&opened.run, STATE_DIR).await;
    assert!(again.is_err());
    opened.end().await;
}

/// Two sandboxes see the files of one volume.
pub async fn two_sandboxes_share_one_volume<S: Subject>(subject: &S) {
    let one = Opened::new(subject).await;
    let two = Opened::over(subject, &one.run, run_name(), None).await;
    one.ran(&[Act::Write("/shared/f", "from one")]).await;
    let ran = two.ran(&[Act::Cat("/shared/f")]).await;
    assert_eq!(ran.out.trim_end(), "from one");
    two.sandbox.close().await.expect("it closes");
    assert_eq!(one.ran(&[Act::Say("alive")]).await.out, "alive\n");
    one.end().await;
}

/// A copy is a copy: what is changed in it does not change what it was made of.
pub async fn paths_are_copied_from_another_volume<S: Subject>(subject: &S) {
    let source = Opened::new(subject).await;
    source.ran(&[Act::Write("/shared/f", "1234567")]).await;
    source.sandbox.close().await.expect("it closes");
    let run = run_name();
    let made = subject.engine().create_volume(&run, STATE_DIR).await;
    made.expect("the volume can be made");
    let clone = Opened::over(subject, &run.clone(), run, Some(source.run.clone())).await;
    let paths = vec!["shared".to_owned(), "missing".to_owned()];
    let copied = clone.sandbox.clone_paths(paths, |_| ()).await;
    assert_eq!(copied.expect("it is copied"), 7);
    assert_eq!(
        clone.ran(&[Act::Cat("/shared/f")]).await.out.trim_end(),
        "1234567"
    );
    let changed = clone.ran(&[Act::Write("/shared/f", "other")]).await;
    assert_eq!(changed.outcome.exit, Exit::Code(0));
    clone.end().await;
    let again = Opened::over(subject, &source.run, run_name(), None).await;
    assert_eq!(
        again.ran(&[Act::Cat("/shared/f")]).await.out.trim_end(),
        "1234567"
    );
    again.sandbox.close().await.expect("it closes");
    source.end().await;
}
