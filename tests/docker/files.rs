//! Files and volumes.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use tkn_local::sandbox::{
    ContainerSpec, Engine, FileOp, Mount, MountSource, Sandbox, SandboxError, SandboxSpec,
    VolumeOwner, VolumePath,
};

use crate::support::{Bench, STATE_DIR, collect, containers, remove_run_volume, run_name, shell};

fn run(path: &str) -> VolumePath {
    VolumePath::Run(path.to_owned())
}

#[tokio::test]
async fn operations_do_what_they_say() {
    let bench = Bench::open("files").await;
    let file = |path: &str, content: &'static str| FileOp::File {
        path: run(path),
        mode: 0o640,
        owner: Some((5, 6)),
        content: content.into(),
    };
    let ops = vec![
        FileOp::Directory {
            path: run("shared"),
            mode: 0o777,
            owner: None,
        },
        FileOp::Directory {
            path: run("shared/a/b"),
            mode: 0o2770,
            owner: Some((7, 8)),
        },
        FileOp::Directory {
            path: run("shared/a/b"),
            mode: 0o700,
            owner: None,
        },
        file("shared/c/file", "first and longer"),
        file("shared/c/file", "second"),
        FileOp::Symlink {
            path: run("shared/link"),
            target: "c/file".to_owned(),
        },
        FileOp::Symlink {
            path: run("shared/link"),
            target: "c/file".to_owned(),
        },
        file("shared/gone/x", ""),
        FileOp::Remove {
            path: run("shared/gone"),
        },
        FileOp::Remove {
            path: run("shared/never/was"),
        },
        file("shared/g/x", ""),
        FileOp::GroupOwned {
            path: run("shared/g"),
            gid: 9,
        },
    ];
    bench.sandbox.files(ops).await.unwrap();
    let look =
        "cd /shared; stat -c '%n %a %u:%g' a a/b c/file g g/x; cat link; echo; readlink link; ls";
    let expected = "a 755 0:0\na/b 2770 7:8\nc/file 640 5:6\ng 2775 0:9\ng/x 660 5:9\nsecond\nc/file\na\nc\ng\nlink\n";
    assert_eq!(bench.shell(look).await.out(), expected);
    bench.close().await;
}

#[tokio::test]
async fn the_first_failure_stops_the_rest() {
    let bench = Bench::open("failure").await;
    let directory = |path: &str| FileOp::Directory {
        path: run(path),
        mode: 0o755,
        owner: None,
    };
    let file = FileOp::File {
        path: run("shared/f"),
        mode: 0o644,
        owner: None,
        content: "".into(),
    };
    let ops = vec![
        directory("shared"),
        file,
        directory("shared/f/x"),
        directory("shared/later"),
    ];
    let error = bench.sandbox.files(ops).await.unwrap_err();
    assert!(matches!(error, SandboxError::File(_)), "{error:?}");
    assert!(error.to_string().contains("shared/f/x"), "{error}");
    assert_eq!(bench.shell("ls /shared").await.out(), "f\n");
    let escape = bench
        .sandbox
        .files(vec![directory("../x")])
        .await
        .unwrap_err();
    assert!(matches!(escape, SandboxError::File(_)), "{escape:?}");
    bench.close().await;
}

#[tokio::test]
async fn a_directory_is_uploaded_as_it_is() {
    let bench = Bench::open("upload").await;
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::create_dir_all(root.join("deep/empty")).unwrap();
    fs::write(root.join("deep/run.sh"), "#!/bin/sh\necho ran\n").unwrap();
    fs::set_permissions(root.join("deep/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("deep/run.sh", root.join("link")).unwrap();
    fs::write(root.join("big"), vec![7; 5 << 20]).unwrap();
    let bytes = bench
        .sandbox
        .upload(root.to_owned(), run("shared/up"))
        .await
        .unwrap();
    assert_eq!(bytes, (5 << 20) + 19);
    let look = "cd /shared/up; ./link; ls -d deep/empty; stat -c '%u:%g %s' big; cmp big /dev/zero | head -c 0";
    assert_eq!(
        bench.shell(look).await.out(),
        "ran\ndeep/empty\n0:0 5242880\n"
    );
    let error = bench
        .sandbox
        .upload("/no/such".into(), run("shared/no"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("/no/such"), "{error}");
    bench.close().await;
}

#[tokio::test]
async fn mounts_are_parts_of_volumes_read_only_or_not() {
    let claim = run_name("claim");
    let spec = SandboxSpec {
        claims: vec![claim.clone()],
        ..SandboxSpec::default()
    };
    let bench = Bench::open_with("mounts", spec).await;
    let mount = |source: MountSource, target: &str, read_only: bool| Mount {
        source,
        target: target.to_owned(),
        read_only,
        is_part: false,
    };
    let in_claim = VolumePath::Claim {
        claim: claim.clone(),
        path: String::new(),
    };
    let ops = vec![
        FileOp::Directory {
            path: run("tasks/one"),
            mode: 0o777,
            owner: None,
        },
        FileOp::Directory {
            path: run("tasks/two"),
            mode: 0o777,
            owner: None,
        },
    ];
    bench.sandbox.files(ops).await.unwrap();
    let mut spec = ContainerSpec {
        user: Some("1000".to_owned()),
        ..bench.spec()
    };
    spec.mounts.extend([
        mount(MountSource::Volume(run("tasks/one")), "/one", false),
        mount(MountSource::Volume(run("tasks/two")), "/two", true),
        mount(MountSource::Volume(in_claim), "/claim", false),
        mount(MountSource::Tmpfs, "/scratch", false),
    ]);
    let script =
        "for d in /one /two /claim /scratch; do touch $d/x 2>/dev/null && echo $d; done; ls /";
    let ran = collect(bench.start_with(spec).await, shell(script)).await;
    let out = ran.out();
    assert!(out.starts_with("/one\n/claim\n/scratch\n"), "{out}");
    assert!(!out.contains("tasks"), "{out}");
    let engine = bench.engine.clone();
    bench.close().await;
    let owner = VolumeOwner::Claim(claim);
    let volumes = engine.volumes().await.unwrap();
    assert!(volumes.iter().any(|volume| volume.owner == owner));
    engine.remove_volume(&owner).await.unwrap();
}

#[tokio::test]
async fn a_volume_outlives_its_run_and_can_be_cloned_or_taken() {
    let bench = Bench::open("source").await;
    let script =
        "cd /shared; echo kept >f; ln f twin; ln -s f soft; chown 12:34 f; mkdir d; chmod 2751 d";
    assert_eq!(bench.shell(script).await.code(), 0);
    bench.sandbox.close().await.unwrap();
    let source = bench.run.clone();

    let again = bench.engine.create_volume(&source, STATE_DIR).await;
    let error = again.expect_err("there is one");
    assert!(error.to_string().contains("already"), "{error}");

    let paths = vec!["shared".to_owned(), "missing".to_owned()];
    let clone_from = Some(source.clone());
    let clone = Bench::open_with(
        "clone",
        SandboxSpec {
            clone_from,
            ..SandboxSpec::default()
        },
    )
    .await;
    let told = std::sync::Mutex::new(Vec::new());
    let progress = |bytes| told.lock().unwrap().push(bytes);
    let copied = clone.sandbox.clone_paths(paths, progress).await.unwrap();
    assert_eq!(copied, 5, "a link is no copy");
    assert_eq!(told.into_inner().unwrap(), [5]);
    let look = "cd /shared; cat twin soft; stat -c '%h %u:%g' f; stat -c %a d";
    assert_eq!(clone.shell(look).await.out(), "kept\nkept\n2 12:34\n2751\n");
    clone.shell("echo changed >/shared/f").await;
    clone.close().await;

    let over_it = |test| {
        let spec = SandboxSpec {
            volume: source.clone(),
            ..SandboxSpec::default()
        };
        Bench::open_with(test, spec)
    };
    // Two sandboxes share one volume, and nothing else.
    let (one, two) = tokio::join!(over_it("take"), over_it("share"));
    assert_eq!(one.shell("cat /shared/f").await.out(), "kept\n");
    one.shell("echo seen >/shared/g").await;
    assert_eq!(two.shell("cat /shared/g").await.out(), "seen\n");
    tokio::join!(one.close(), two.close());
    remove_run_volume(&bench.engine, &source).await;

    let run = run_name("gone");
    let spec = SandboxSpec {
        run: run.clone(),
        volume: source,
        ..SandboxSpec::default()
    };
    let opened = bench.engine.open(spec).await;
    let error = opened.expect_err("the volume no longer exists");
    assert!(error.to_string().contains("no longer exists"), "{error}");
    assert_eq!(containers(&run).await, Vec::<String>::new());
}
