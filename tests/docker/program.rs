//! Programs: how they start, what they write, how they end.

use std::time::Duration;

use tkn_local::sandbox::{
    Container, ContainerSpec, Control, Credential, Exit, Launch, Pauses, Probe, Sandbox, WantedFile,
};

use crate::support::{Bench, collect, shell, until_written};

#[tokio::test]
async fn output_arrives_in_order_and_whole() {
    let bench = Bench::open("output").await;
    let ran = bench
        .shell("echo one; echo two; echo three >&2; exit 3")
        .await;
    assert_eq!(ran.out(), "one\ntwo\n");
    assert_eq!(ran.stderr, "three\n");
    assert_eq!(ran.code(), 3);
    assert!(ran.outcome.finished_at >= ran.outcome.started_at);

    let ran = bench.shell("dd if=/dev/urandom of=/shared/big bs=1M count=20 2>/dev/null; md5sum </shared/big >&2; cat /shared/big").await;
    assert_eq!(ran.stdout.len(), 20 << 20);
    let sum = format!("{:032x}", u128::from_be_bytes(md5(&ran.stdout)));
    assert!(ran.stderr.starts_with(&sum), "{} is not {sum}", ran.stderr);
    bench.close().await;
}

fn md5(data: &[u8]) -> [u8; 16] {
    use md5::{Digest, Md5};
    Md5::digest(data).into()
}

#[tokio::test]
async fn a_slow_reader_of_one_step_does_not_stop_another() {
    let bench = Bench::open("slow").await;
    let (sender, outputs) = tokio::sync::mpsc::channel(1);
    let stuck = bench.start().await;
    let control = stuck.control();
    let stuck = tokio::spawn(stuck.run(shell("yes"), sender));
    for _ in 0..3 {
        assert_eq!(bench.shell("echo fine").await.out(), "fine\n");
    }
    drop(outputs);
    control.kill(Duration::ZERO);
    assert_eq!(stuck.await.unwrap().unwrap().exit, Exit::Cancelled);
    bench.close().await;
}

#[tokio::test]
async fn ends_are_reported_apart() {
    let bench = Bench::open("ends").await;
    let argv = |argv: &[&str]| Launch {
        argv: argv.iter().map(|&arg| arg.to_owned()).collect(),
        ..Launch::default()
    };
    assert_eq!(bench.run(argv(&[])).await.code(), 0);
    assert_eq!(
        bench.shell("kill -9 $$").await.outcome.exit,
        Exit::Signal(9)
    );

    let missing = bench.run(argv(&["no-such-program"])).await;
    let text =
        "Error executing command: exec: \"no-such-program\": executable file not found in $PATH";
    assert_eq!(missing.outcome.exit, Exit::NotStarted(text.to_owned()));
    assert!(
        missing.stderr.ends_with(&format!(" {text}\n")),
        "{}",
        missing.stderr
    );

    let directory = bench.run(argv(&["/tmp"])).await;
    let text = "Error executing command: fork/exec /tmp: permission denied";
    assert_eq!(directory.outcome.exit, Exit::NotStarted(text.to_owned()));

    let script = "printf 'echo no shebang' >/shared/x; chmod +x /shared/x";
    assert_eq!(bench.shell(script).await.code(), 0);
    let text = "Error executing command: fork/exec /shared/x: exec format error";
    assert_eq!(
        bench.run(argv(&["/shared/x"])).await.outcome.exit,
        Exit::NotStarted(text.to_owned())
    );
    bench.close().await;
}

#[tokio::test]
async fn a_timeout_kills_the_whole_group() {
    let bench = Bench::open("timeout").await;
    let launch = Launch {
        timeout: Some(Duration::from_millis(300)),
        run_dir: Some("/shared/run".to_owned()),
        on_error_continue: true,
        ..shell("trap '' TERM; sleep 1000 & sleep 1000")
    };
    let ran = bench.run(launch).await;
    assert_eq!(ran.outcome.exit, Exit::TimedOut);
    assert!(
        ran.stderr.contains("context deadline exceeded"),
        "{}",
        ran.stderr
    );
    let left = bench.shell("ls /shared/run /shared/run/status").await;
    assert_eq!(
        left.out(),
        "/shared/run:\nout.err\nstatus\n\n/shared/run/status:\nartifacts\nresults\n"
    );
    bench.close().await;
}

#[tokio::test]
async fn a_kill_asks_first_and_then_insists() {
    let bench = Bench::open("kill").await;
    let asked =
        "trap 'echo asked >/shared/asked; exit 0' TERM; echo ready; while :; do sleep 0.05; done";
    let (control, running) = until_written(bench.start().await, shell(asked), "ready").await;
    control.kill(Duration::from_secs(30));
    assert_eq!(running.await.unwrap().exit, Exit::Cancelled);
    assert_eq!(bench.shell("cat /shared/asked").await.out(), "asked\n");

    let deaf = "trap '' TERM; echo ready; while :; do sleep 0.05; done";
    let (control, running) = until_written(bench.start().await, shell(deaf), "ready").await;
    control.kill(Duration::from_millis(100));
    assert_eq!(running.await.unwrap().exit, Exit::Cancelled);
    bench.close().await;
}

#[tokio::test]
async fn what_a_program_leaves_behind_does_not_hold_the_step() {
    let bench = Bench::open("background").await;
    let ran = bench
        .shell("sleep 1000 & setsid sleep 1000 & yes >&2 & echo done")
        .await;
    assert_eq!((ran.code(), ran.out().as_str()), (0, "done\n"));
    bench.close().await;
}

#[tokio::test]
async fn the_files_of_the_protocol_are_left() {
    let bench = Bench::open("protocol").await;
    for (script, forgiven, post_file, exit_code) in [
        ("exit 0", false, "out", "0"),
        ("exit 7", true, "out", "7"),
        ("exit 7", false, "out.err", "none"),
        ("kill -15 $$", true, "out", "-1"),
    ] {
        let launch = Launch {
            run_dir: Some("/shared/run".to_owned()),
            on_error_continue: forgiven,
            ..shell(&format!(
                "[ -d /shared/run/status/results ] || exit 99; {script}"
            ))
        };
        bench.run(launch).await;
        let look =
            "cd /shared/run; echo out*; cat status/exitCode 2>/dev/null || echo none; rm -r ../run";
        let left = bench.shell(look).await.out();
        assert_eq!(left.trim(), format!("{post_file}\n{exit_code}"), "{script}");
    }
    bench.close().await;
}

#[tokio::test]
async fn wanted_files_credentials_copies_and_variables() {
    let bench = Bench::open("launch").await;
    let file = |key: &str, path: &str| WantedFile {
        key: key.to_owned(),
        path: path.to_owned(),
    };
    let launch = Launch {
        env: vec![
            ("HOME".to_owned(), "/shared/home".to_owned()),
            ("A".to_owned(), "1".to_owned()),
            ("A".to_owned(), "2".to_owned()),
        ],
        working_dir: "/shared/made/for/it".to_owned(),
        stdout_path: Some("/shared/copies/out".to_owned()),
        files: vec![
            file("result", "/shared/result"),
            file("missing", "/shared/missing"),
            file("broken", "/shared"),
            file("copy", "/shared/copies/out"),
        ],
        credentials: vec![Credential {
            path: ".docker/config.json".to_owned(),
            content: "{}".into(),
        }],
        ..shell(
            "pwd; echo $A; printf 'a\\0b' >/shared/result; cat $HOME/.docker/config.json; stat -c %a $HOME/.docker $HOME/.docker/config.json /tekton/creds/.docker",
        )
    };
    let ran = bench.run(launch).await;
    assert_eq!(
        ran.out(),
        "/shared/made/for/it\n2\n{}700\n600\n755\n",
        "{}",
        ran.stderr
    );
    assert_eq!(ran.file("result"), Some(&b"a\0b"[..]));
    assert_eq!(ran.file("missing"), None);
    assert_eq!(ran.file("copy"), Some(&ran.stdout[..]));
    let error = ran.outcome.file_error.unwrap();
    assert!(error.contains("/shared"), "{error}");
    bench.close().await;
}

#[tokio::test]
async fn a_named_pipe_in_place_of_a_result_does_not_hold_the_step() {
    let bench = Bench::open("pipe").await;
    let launch = Launch {
        files: vec![WantedFile {
            key: "result".to_owned(),
            path: "/shared/pipe".to_owned(),
        }],
        ..shell("mkfifo /shared/pipe")
    };
    let ran = bench.run(launch).await;
    assert_eq!((ran.code(), ran.file("result")), (0, None));
    let error = ran.outcome.file_error.unwrap();
    assert!(error.contains("not a regular file"), "{error}");
    bench.close().await;
}

#[tokio::test]
async fn a_container_has_the_user_groups_and_limits_it_was_given() {
    let bench = Bench::open("user").await;
    let spec = ContainerSpec {
        user: Some("1000:1001".to_owned()),
        groups: vec![1002],
        read_only_root: true,
        cap_drop: vec!["ALL".to_owned()],
        security_opt: vec!["no-new-privileges".to_owned()],
        ..bench.spec()
    };
    let launch = Launch {
        run_dir: Some("/shared/run".to_owned()),
        ..shell(
            "id -u; id -g; id -G; hostname; grep CapEff /proc/self/status; touch /x 2>/dev/null || echo read-only; stat -c %u /shared/run/status/results",
        )
    };
    let ran = collect(bench.start_with(spec).await, launch).await;
    let expected = "1000\n1001\n1001 1002\npod\nCapEff:\t0000000000000000\nread-only\n1000\n";
    assert_eq!(ran.out(), expected, "{}", ran.stderr);
    bench.close().await;
}

#[tokio::test]
async fn too_much_memory_is_noticed_even_if_the_program_copes() {
    let bench = Bench::open("memory").await;
    let spec = || ContainerSpec {
        memory: 32 << 20,
        ..bench.spec()
    };
    let greedy = "sh -c 'x=a; while :; do x=$x$x; done'; echo survived";
    let ran = collect(bench.start_with(spec()).await, shell(greedy)).await;
    assert_eq!((ran.code(), ran.out().as_str()), (0, "survived\n"));
    assert!(ran.outcome.oom_killed);
    let ran = collect(bench.start_with(spec()).await, shell("true")).await;
    assert!(!ran.outcome.oom_killed);
    bench.close().await;
}

#[tokio::test]
async fn a_hermetic_step_has_no_network_and_others_have() {
    let bench = Bench::open("hermetic").await;
    let server = shell("echo ready; httpd -f -p 127.0.0.1:8080 -h /shared");
    let (control, running) = until_written(bench.start().await, server, "ready").await;
    let fetch = "echo hello >/shared/page; for i in 1 2 3 4 5; do wget -q -O - http://127.0.0.1:8080/page && break; sleep 0.2; done";
    assert_eq!(bench.shell(fetch).await.out(), "hello\n");
    let launch = Launch {
        hermetic: true,
        ..shell("wget -q -O - http://127.0.0.1:8080/page")
    };
    let ran = bench.run(launch).await;
    assert_eq!(ran.code(), 1, "{ran:?}");
    assert_eq!(ran.out(), "");
    let launch = Launch {
        hermetic: true,
        ..shell("echo fine | cat")
    };
    assert_eq!(bench.run(launch).await.out(), "fine\n");
    control.kill(Duration::ZERO);
    running.await.unwrap();
    bench.close().await;
}

#[tokio::test]
async fn probes_look_into_a_running_container() {
    let bench = Bench::open("probes").await;
    let script =
        "mkdir -p /www; echo ok >/www/ok; httpd -p 127.0.0.1:8081 -h /www; echo ready; sleep 1000";
    let (control, running) = until_written(bench.start().await, shell(script), "ready").await;
    let exec = |script: &str| Probe::Exec(["sh", "-c", script].map(str::to_owned).to_vec());
    let http = |path: &str, port| Probe::Http {
        host: "127.0.0.1".to_owned(),
        port,
        path: path.to_owned(),
        headers: Vec::new(),
    };
    let tcp = |port| Probe::Tcp {
        host: "localhost".to_owned(),
        port,
    };
    let patient = Duration::from_secs(20);
    assert!(control.probe(exec("[ -e /www/ok ]"), patient).await);
    assert!(!control.probe(exec("exit 1"), patient).await);
    assert!(
        !control
            .probe(Probe::Exec(vec!["no-such-program".to_owned()]), patient)
            .await
    );
    assert!(
        !control
            .probe(exec("sleep 1000"), Duration::from_millis(200))
            .await
    );
    assert!(control.probe(http("/ok", 8081), patient).await);
    assert!(!control.probe(http("/missing", 8081), patient).await);
    assert!(!control.probe(http("/ok", 8082), patient).await);
    assert!(control.probe(tcp(8081), patient).await);
    assert!(!control.probe(tcp(8082), patient).await);
    control.kill(Duration::ZERO);
    assert_eq!(running.await.unwrap().exit, Exit::Cancelled);
    bench.close().await;
}

#[tokio::test]
async fn a_failed_program_waits_at_its_breakpoint() {
    let bench = Bench::open("breakpoint").await;
    let launch = || Launch {
        run_dir: Some("/shared/run".to_owned()),
        pauses: Pauses {
            on_failure: true,
            ..Pauses::default()
        },
        ..shell("exit 5")
    };
    let (mut control, running) = until_written(bench.start().await, launch(), "breakpoint").await;
    control.paused().await;
    assert_eq!(bench.shell("ls /shared/run").await.out(), "status\n");
    bench.shell("echo 0 >/shared/run/out.breakpointexit").await;
    assert_eq!(running.await.unwrap().exit, Exit::Code(0));
    bench.shell("rm /shared/run/out.breakpointexit").await;

    let (mut control, running) = until_written(bench.start().await, launch(), "breakpoint").await;
    control.paused().await;
    bench.shell("echo 1 >/shared/run/out.breakpointexit").await;
    assert_eq!(running.await.unwrap().exit, Exit::Code(1));
    bench.close().await;
}

#[tokio::test]
async fn a_program_waits_before_it_starts() {
    let bench = Bench::open("before").await;
    let launch = || Launch {
        run_dir: Some("/shared/run".to_owned()),
        pauses: Pauses {
            before: true,
            ..Pauses::default()
        },
        ..shell("echo started")
    };
    let (mut control, running) = until_written(bench.start().await, launch(), "breakpoint").await;
    control.paused().await;
    bench
        .shell("touch /shared/run/out.beforestepexit.err")
        .await;
    assert_eq!(running.await.unwrap().exit, Exit::Code(1));
    assert_eq!(
        bench
            .shell("rm /shared/run/out.before*; ls /shared/run")
            .await
            .out(),
        "out.err\nstatus\n"
    );

    let (mut control, running) = until_written(bench.start().await, launch(), "breakpoint").await;
    control.paused().await;
    bench.shell("touch /shared/run/out.beforestepexit").await;
    assert_eq!(running.await.unwrap().exit, Exit::Code(0));
    bench.close().await;
}

#[tokio::test]
async fn orphans_are_reaped_while_the_program_runs() {
    let bench = Bench::open("orphans").await;
    let script = "for i in 1 2 3; do (sh -c 'true &' &); done; sleep 0.5; ps -o stat | grep -c Z";
    assert_eq!(bench.shell(script).await.out(), "0\n");
    bench.sandbox.files(Vec::new()).await.unwrap();
    bench.close().await;
}
