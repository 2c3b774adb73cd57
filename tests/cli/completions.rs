//! The stubs of `completions/` and the registration that the binary prints belong together.

use crate::harness::Scene;
use crate::runs::{Folder, pipeline_run};
use crate::sources::read;

/// What a shell is given when the stub asks for it.
fn registration(shell: &str) -> String {
    let output = Scene::new()
        .tkn_local::<&str>([])
        .env("COMPLETE", shell)
        .run()
        .exits(0);
    output.stdout
}

/// What bash is offered for the last of these words.
fn offered(folder: &Folder, words: &[&str]) -> Vec<String> {
    let line = ["--", "tkn-local"].iter().chain(words);
    let output = Scene::new()
        .tkn_local(line)
        .env("COMPLETE", "bash")
        .env("_CLAP_COMPLETE_INDEX", &words.len().to_string())
        .env("_CLAP_IFS", "\n")
        .env(
            "TKN_LOCAL_STATE_DIR",
            &folder.path().join("state").to_string_lossy(),
        )
        .run()
        .exits(0);
    output.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn runs_and_their_tasks_complete() {
    let folder = Folder::new();
    let file = folder.file("run.yaml", &pipeline_run("first", "exit 0"));
    folder.run(&["run", &file]);
    assert_eq!(offered(&folder, &["logs", "f"]), ["first"]);
    assert_eq!(offered(&folder, &["logs", "first", "g"]), ["greet"]);
    assert_eq!(
        offered(&folder, &["logs", "--sidecars", "latest", "e"]),
        ["end"]
    );
    assert_eq!(offered(&folder, &["logs", "other", "g"]), [""; 0]);
}

#[test]
fn every_stub_asks_the_binary_for_its_own_shell() {
    for (shell, stub) in [
        ("bash", "completions/tkn-local.bash"),
        ("zsh", "completions/_tkn-local"),
        ("fish", "completions/tkn-local.fish"),
    ] {
        let command = format!("COMPLETE={shell} tkn-local");
        assert!(read(stub).text.contains(&command), "{stub}");
        assert!(registration(shell).contains("tkn-local"), "{shell}");
    }
}

/// The stub of zsh is autoloaded as the completer itself, so it calls on what it has just defined.
#[test]
fn the_function_that_the_stub_of_zsh_calls_is_the_one_that_is_registered() {
    let function = "_clap_dynamic_completer_tkn_local";
    assert!(read("completions/_tkn-local").text.contains(function));
    assert!(registration("zsh").contains(&format!("function {function}()")));
}
