//! What a hostile step tries against its sandbox, the other containers and the engine's machine.

use std::fs;
use std::time::Duration;

use tkn_local::sandbox::{
    ContainerSpec, Credential, Exit, FileOp, Launch, Mount, MountSource, Sandbox, SandboxError,
    VolumePath, WantedFile,
};

use crate::support::{Bench, collect, shell, until_written};

/// A part of the directory that [`Bench::spec`] shares, at `/part`.
fn part(path: &str) -> Mount {
    Mount {
        source: MountSource::Volume(VolumePath::Run(format!("shared/{path}"))),
        target: "/part".to_owned(),
        read_only: false,
        is_part: true,
    }
}

fn with_mounts(bench: &Bench, mounts: Vec<Mount>) -> ContainerSpec {
    let mut spec = bench.spec();
    spec.mounts.extend(mounts);
    spec
}

fn directory(path: &str) -> FileOp {
    FileOp::Directory {
        path: VolumePath::Run(path.to_owned()),
        mode: 0o777,
        owner: None,
    }
}

#[tokio::test]
async fn a_part_of_a_volume_is_mounted_with_what_lies_in_it() {
    let bench = Bench::open("part").await;
    let ops = ["shared/a/b", "other"].map(directory).to_vec();
    bench.sandbox.files(ops).await.unwrap();
    bench.shell("echo content >/shared/a/b/file").await;
    let below = |source: MountSource, target: &str| Mount {
        source,
        target: target.to_owned(),
        read_only: false,
        is_part: false,
    };
    let other = MountSource::Volume(VolumePath::Run("other".to_owned()));
    let read_only = Mount {
        target: "/read-only".to_owned(),
        read_only: true,
        ..part("a/b")
    };
    let mounts = vec![
        below(MountSource::Tmpfs, "/part/deep/tmp"),
        part("a/b"),
        below(other, "/part/other"),
        read_only,
    ];
    let spec = ContainerSpec {
        user: Some("1000:1000".to_owned()),
        read_only_root: true,
        ..with_mounts(&bench, mounts)
    };
    let script = "cat /part/file; touch /part/other/x /part/deep/tmp/y && echo written
        touch /read-only/z 2>/dev/null || echo refused; ls /shared/a/b";
    let ran = collect(bench.start_with(spec).await, shell(script)).await;
    assert_eq!(
        ran.out(),
        "content\nwritten\nrefused\ndeep\nfile\nother\n",
        "{ran:?}"
    );
    bench.close().await;
}

#[tokio::test]
async fn a_link_leads_no_mount_out_of_its_volume() {
    let bench = Bench::open("escape").await;
    let outside = tempfile::tempdir().unwrap();
    let host = outside.path().display();
    let script =
        format!("ln -s {host} /shared/far; ln -s ../sockets /shared/near; mkdir /shared/d");
    collect(bench.start().await, shell(&script)).await;
    for path in ["far", "far/made", "near", "near/made"] {
        let nested = Mount {
            source: MountSource::Tmpfs,
            target: "/part/made/too".to_owned(),
            read_only: false,
            is_part: false,
        };
        let spec = with_mounts(&bench, vec![part(path), nested]);
        let error = bench.sandbox.start(spec).await.unwrap_err();
        assert!(matches!(error, SandboxError::Container(_)), "{error:?}");
        assert!(error.to_string().contains("symbolic link"), "{error}");
        let made = directory(&format!("shared/{path}/x"));
        let error = bench.sandbox.files(vec![made]).await.unwrap_err();
        assert!(error.to_string().contains("symbolic link"), "{error}");
    }
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);
    assert_eq!(bench.shell("ls /shared").await.out(), "d\nfar\nnear\n");
    bench.close().await;
}

#[tokio::test]
async fn a_directory_that_becomes_a_link_leads_no_mount_out_of_its_volume() {
    let bench = Bench::open("exchange").await;
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("secret"), "").unwrap();
    let script = format!(
        "cd /shared; mkdir real; ln -s {} link; echo ready
        while :; do mv -T real d; mv -T d real; mv -T link d; mv -T d link; done 2>/dev/null",
        outside.path().display()
    );
    let (_control, running) = until_written(bench.start().await, shell(&script), "ready").await;
    let mut mounted = 0;
    for _ in 0..8 {
        let spec = with_mounts(&bench, vec![part("d")]);
        // Whether it is a directory, a link or nothing just then is chance.
        if let Ok(container) = bench.sandbox.start(spec).await {
            let ran = collect(container, shell("ls -A /part; touch /part/x")).await;
            assert!(!ran.out().contains("secret"), "{ran:?}");
            mounted += 1;
        }
    }
    let left: Vec<_> = fs::read_dir(outside.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}, mounted {mounted} times");
    running.abort();
    bench.close().await;
}

#[tokio::test]
async fn the_agent_and_its_socket_are_out_of_reach() {
    let bench = Bench::open("reach").await;
    let script = "ls -A /tekton/agent; ls /tekton/bin
        touch /tekton/agent/x || cp /bin/busybox /tekton/bin/entrypoint || rm /tekton/bin/entrypoint
        head -c 1 /proc/1/mem; readlink /proc/1/fd/3 /proc/1/ns/mnt /proc/1/root; cat /proc/1/fd/3
        kill -9 1; kill -STOP 1; echo went on; exit 7";
    let ran = bench.shell(script).await;
    assert_eq!(
        (ran.out().as_str(), ran.code()),
        ("entrypoint\nwent on\n", 7)
    );
    bench.close().await;
}

#[tokio::test]
async fn a_container_has_a_limit_of_processes() {
    let bench = Bench::open("pids").await;
    let script = "cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null";
    assert_eq!(bench.shell(script).await.out(), "4096\n");
    bench.close().await;
}

#[tokio::test]
async fn named_pipes_in_place_of_files_hold_nothing_up() {
    let bench = Bench::open("pipes").await;
    let files = ["out", "out.err", "result"];
    let launch = |code: i32| Launch {
        run_dir: Some("/shared/run".to_owned()),
        timeout: Some(Duration::from_secs(20)),
        files: vec![WantedFile {
            key: "result".to_owned(),
            path: "/shared/run/result".to_owned(),
        }],
        ..shell(&format!(
            "cd /shared/run; mkfifo {} status/exitCode; exit {code}",
            files.join(" ")
        ))
    };
    for code in [0, 3] {
        let ran = bench.run(launch(code)).await;
        assert_eq!(ran.code(), code, "{ran:?}");
        assert!(ran.stderr.contains("not a regular file"), "{ran:?}");
        assert!(ran.outcome.file_error.is_some(), "{ran:?}");
        bench.shell("rm -r /shared/run").await;
    }

    bench.shell("mkfifo /shared/copy /shared/.secret").await;
    let copied = Launch {
        stdout_path: Some("/shared/copy".to_owned()),
        ..shell("echo never")
    };
    let ran = bench.run(copied).await;
    let Exit::NotStarted(reason) = &ran.outcome.exit else {
        panic!("{ran:?}");
    };
    assert!(reason.contains("not a regular file"), "{reason}");

    let with_credentials = Launch {
        env: vec![("HOME".to_owned(), "/shared".to_owned())],
        credentials: vec![Credential {
            path: ".secret".to_owned(),
            content: "x".into(),
        }],
        ..shell("echo went on")
    };
    let ran = bench.run(with_credentials).await;
    assert_eq!(ran.out(), "went on\n", "{ran:?}");
    bench.close().await;
}

#[tokio::test]
async fn a_timeout_kills_what_has_left_its_process_group() {
    let bench = Bench::open("session").await;
    let launch = Launch {
        timeout: Some(Duration::from_secs(1)),
        ..shell("setsid sh -c 'trap \"\" TERM; sleep 1000' & exec sleep 1000")
    };
    let ran = bench.run(launch).await;
    assert_eq!(ran.outcome.exit, Exit::TimedOut);
    bench.close().await;
}
