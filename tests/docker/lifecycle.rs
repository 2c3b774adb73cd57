//! Sandboxes: side by side, closed, killed.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{CreateContainerOptions, KillContainerOptions, TagImageOptions};
use futures_util::FutureExt;
use tkn_local::sandbox::{
    Container, Engine, Exit, ImageRequest, PullPolicy, Sandbox, SandboxError, SandboxSpec,
};

use crate::support::{
    Bench, collect, containers, docker, engine, remove_run_volume, shell, until_gone, until_written,
};

#[tokio::test]
async fn two_sandboxes_do_not_see_each_other() {
    let (one, two) = tokio::join!(Bench::open("one"), Bench::open("two"));
    let server = shell("echo ready; nc -l -p 9000 -e echo hello");
    let (_control, running) = until_written(one.start().await, server, "ready").await;
    let greet = "for i in 1 2 3; do nc 127.0.0.1 9000 && exit; sleep 0.2; done; echo nobody";
    assert_eq!(two.shell(greet).await.out(), "nobody\n");
    assert_eq!(one.shell(greet).await.out(), "hello\n");
    assert_eq!(running.await.unwrap().exit, Exit::Code(0));
    tokio::join!(one.close(), two.close());
}

#[tokio::test]
async fn containers_start_side_by_side_and_wait() {
    let bench = Bench::open("ahead").await;
    let started = tokio::join!(bench.start(), bench.start(), bench.start());
    let (first, second, third) = started;
    assert_ne!(first.id(), second.id());
    assert_eq!(
        collect(second, shell("echo second")).await.out(),
        "second\n"
    );
    first.discard();
    assert_eq!(collect(third, shell("echo third")).await.out(), "third\n");
    bench.close().await;
}

#[tokio::test]
async fn closing_ends_what_runs_and_leaves_nothing() {
    let bench = Bench::open("close").await;
    let (_control, running) = until_written(
        bench.start().await,
        shell("echo ready; sleep 1000"),
        "ready",
    )
    .await;
    let _waiting = bench.start().await;
    let sandbox = bench.sandbox.clone();
    bench.close().await;
    assert!(running.await.is_err() || !sandbox.lost().await.is_empty());
    let error = sandbox.files(Vec::new()).await.unwrap_err();
    assert!(matches!(error, SandboxError::Engine(_)), "{error:?}");
}

#[tokio::test]
async fn everything_dies_with_the_command() {
    let bench = Bench::open("orphan").await;
    let (control, running) = until_written(
        bench.start().await,
        shell("trap '' TERM; echo ready; sleep 1000"),
        "ready",
    )
    .await;
    let waiting = bench.start().await;
    assert_eq!(containers(&bench.run).await.len(), 3);
    let (engine, run) = (bench.engine.clone(), bench.run.clone());
    // As when the process ends: all handles go, nobody says goodbye.
    running.abort();
    drop((bench, control, waiting));
    until_gone(&run).await;
    remove_run_volume(&engine, &run).await;
}

/// Not a test: what [`a_killed_command_leaves_no_container`] kills.
#[tokio::test]
#[ignore = "the other half of another test"]
async fn victim() {
    let bench = Bench::open("victim").await;
    let stubborn = shell("trap '' TERM; echo ready; sleep 1000");
    let (_control, running) = until_written(bench.start().await, stubborn, "ready").await;
    let _waiting = bench.start().await;
    println!("run={}", bench.run);
    running.await.unwrap();
}

#[tokio::test]
async fn a_killed_command_leaves_no_container() {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["lifecycle::victim", "--exact", "--ignored", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
    let run = lines.find_map(|line| line.unwrap().strip_prefix("run=").map(str::to_owned));
    let run = run.unwrap();
    assert_eq!(containers(&run).await.len(), 3);
    victim.kill().unwrap();
    victim.wait().unwrap();
    until_gone(&run).await;
    let engine = engine().await;
    let volumes = engine.volumes().await.unwrap();
    let volume = volumes
        .iter()
        .find(|volume| volume.is_of_run(&run))
        .unwrap();
    assert!(!volume.in_use);
    remove_run_volume(&engine, &run).await;
}

#[tokio::test]
async fn a_container_killed_from_outside_is_lost_and_the_sandbox_is_not() {
    let bench = Bench::open("lost").await;
    let container = bench.start().await;
    let id = container.id();
    let (_control, running) =
        until_written(container, shell("echo ready; sleep 1000"), "ready").await;
    // Podman answers with an error when the container is gone before it has looked twice.
    let docker = docker();
    let killed = docker.kill_container(&id, None::<KillContainerOptions>);
    drop(killed.await);
    assert!(matches!(running.await.unwrap().exit, Exit::Lost(_)));
    assert_eq!(bench.shell("echo alive").await.out(), "alive\n");
    bench.close().await;
}

#[tokio::test]
async fn a_killed_sandbox_is_reported_to_everybody() {
    let bench = Bench::open("killed").await;
    let container = bench.start().await;
    let (sender, _outputs) = tokio::sync::mpsc::channel(4);
    let running = tokio::spawn(container.run(shell("sleep 1000"), sender));
    let name = format!("tkn-local-run-{}", bench.run);
    docker()
        .kill_container(&name, None::<KillContainerOptions>)
        .await
        .unwrap();
    assert!(
        bench
            .sandbox
            .lost()
            .await
            .contains("the sandbox container ended")
    );
    let error = running.await.unwrap().unwrap_err();
    assert!(matches!(error, SandboxError::Engine(_)), "{error:?}");
    until_gone(&bench.run).await;
    bench.close().await;
}

#[tokio::test]
async fn a_container_that_cannot_start_says_why() {
    let bench = Bench::open("refused").await;
    let mut spec = bench.spec();
    spec.mounts.clear();
    spec.image = "tkn-local-test/no-such-image".to_owned();
    let error = bench
        .sandbox
        .start(spec)
        .await
        .expect_err("there is no such image");
    assert!(
        matches!(&error, SandboxError::Container(text) if text.contains("no-such-image")),
        "{error:?}"
    );
    let mut spec = bench.spec();
    spec.mounts.clear();
    spec.user = Some("no-such-user".to_owned());
    let error = bench
        .sandbox
        .start(spec)
        .await
        .expect_err("there is no such user");
    assert!(
        matches!(&error, SandboxError::Container(text) if text.contains("no-such-user")),
        "{error:?}"
    );
    bench.close().await;
}

#[tokio::test]
async fn live_runs_are_not_reaped() {
    let bench = Bench::open("reap").await;
    let swept = engine().await.sweep().await.unwrap();
    let own = format!("tkn-local-run-{}", bench.run);
    assert!(!swept.contains(&own), "{swept:?}");
    let volumes = bench.engine.volumes().await.unwrap();
    let volume = volumes.iter().find(|volume| volume.name == own).unwrap();
    assert!(volume.in_use);
    assert_eq!(bench.shell("echo alive").await.out(), "alive\n");
    bench.close().await;
}

#[tokio::test]
async fn containers_of_dead_runs_are_reaped() {
    let bench = Bench::open("dead").await;
    let own = format!("tkn-local-run-{}", bench.run);
    let found = docker().inspect_container(&own, None).await.unwrap();
    let mut labels = found.config.unwrap().labels.unwrap();
    // The same place, and a process that never was: ids end at 4194304.
    let owner = labels["dev.tekton.local/owner"].clone();
    let place = owner.splitn(3, ':').last().unwrap();
    labels.insert(
        "dev.tekton.local/owner".to_owned(),
        format!("4194305:1:{place}"),
    );
    let name = format!("{own}-dead");
    let options = CreateContainerOptions {
        name: Some(name.clone()),
        ..Default::default()
    };
    let body = ContainerCreateBody {
        image: Some(bench.image.id.clone()),
        cmd: Some(vec!["true".to_owned()]),
        labels: Some(labels),
        ..ContainerCreateBody::default()
    };
    docker()
        .create_container(Some(options), body)
        .await
        .unwrap();
    let left = bench.engine.leftovers().await.unwrap();
    assert!(left.contains(&name), "{left:?}");
    let swept = bench.engine.sweep().await.unwrap();
    assert!(swept.contains(&name), "{swept:?}");
    let left = containers(&bench.run).await;
    assert_eq!(left, [own]);
    bench.close().await;
}

/// Its own image is in use and stays.
#[tokio::test]
async fn images_of_other_versions_are_removed() {
    let bench = Bench::open("old").await;
    let (repository, tag) = ("tkn-local/agent", bench.run.as_str());
    let options = TagImageOptions {
        repo: Some(repository.to_owned()),
        tag: Some(tag.to_owned()),
    };
    let image = &bench.image.id;
    docker().tag_image(image, Some(options)).await.unwrap();
    bench.engine.remove_old_versions().await.unwrap();
    let old = format!("{repository}:{tag}");
    assert!(docker().inspect_image(&old).await.is_err());
    assert_eq!(bench.shell("echo alive").await.out(), "alive\n");
    bench.close().await;
}

#[tokio::test]
async fn the_sandbox_has_the_network_settings_of_its_spec() {
    let spec = SandboxSpec {
        hostname: "build-pod".to_owned(),
        hosts: vec![("db.test".to_owned(), "10.9.8.7".to_owned())],
        dns_search: vec!["search.test".to_owned()],
        ..SandboxSpec::default()
    };
    let bench = Bench::open_with("network", spec).await;
    let ran = bench
        .shell("hostname; grep db.test /etc/hosts; grep search /etc/resolv.conf")
        .await;
    assert_eq!(
        ran.out(),
        "build-pod\n10.9.8.7\tdb.test\nsearch search.test\n"
    );
    bench.close().await;
}

#[tokio::test]
async fn an_image_that_is_not_there_is_an_error_that_names_it() {
    let request = ImageRequest {
        requested: "tkn-local-test/none".to_owned(),
        reference: "127.0.0.1:1/tkn-local-test/none".to_owned(),
        pull: PullPolicy::Missing,
        pull_secrets: Vec::new(),
    };
    let error = engine().await.image(&request, |_| {}).await.unwrap_err();
    let SandboxError::Image { image, message } = &error else {
        panic!("{error:?}")
    };
    assert_eq!(image, "tkn-local-test/none");
    assert!(message.contains("127.0.0.1:1"), "{message}");
}

#[tokio::test]
async fn a_caller_that_gives_up_leaves_nothing() {
    let bench = Bench::open("impatient").await;
    let mut spec = bench.spec();
    spec.mounts.clear();
    assert!(bench.sandbox.start(spec).now_or_never().is_none());
    bench.close().await;
}
