//! From secrets to files.

use std::collections::BTreeSet;

use bytes::Bytes;

use super::docker::DockerAuths;
use super::git::GitLogins;
use super::select::{Selected, Use, missing, selected};
use super::ssh::SshKeys;
use crate::resolve::Library;
use crate::sandbox::Credential;
use crate::spec::ServiceAccount;

/// The files the entrypoint writes to `/tekton/creds` and copies to `$HOME`. `service_account` is
/// the object of that name, if the files have one; without it every secret annotated for Tekton
/// is used.
///
/// The error is what the entrypoint says before it exits with 2: a secret without the keys of its
/// type, a second login for the same URL, a URL it cannot read.
pub(in crate::execute) fn credentials(
    service_account: Option<&ServiceAccount>,
    library: &Library,
) -> Result<Vec<Credential>, String> {
    let all = Collected::read(&selected(service_account, library))?;
    let mut files = Vec::new();
    if let Ok(Some(content)) = all.docker.config_json() {
        files.push(file(".docker/config.json", content));
    }
    let mut git_config = all.git.git_config();
    git_config.extend(all.ssh.git_config().into_bytes());
    if !git_config.is_empty() {
        files.push(file(".gitconfig", git_config));
    }
    if let Some(content) = all.git.git_credentials() {
        files.push(file(".git-credentials", content));
    }
    files.extend(
        all.ssh
            .files()
            .into_iter()
            .map(|(path, content)| file(path, content)),
    );
    Ok(files)
}

/// What is amiss with the credentials without stopping a step: secrets the service account lists
/// that are not there, and docker configurations that cannot be read (no `.docker/config.json` is
/// written then). Texts hold names, never contents.
fn warnings(service_account: Option<&ServiceAccount>, library: &Library) -> Vec<String> {
    let absent = service_account.map(|account| missing(account, library));
    let absent = absent.filter(|names| !names.is_empty()).map(|names| {
        format!(
            "Unable to retrieve some secrets ({}); attempting to use them may not succeed.",
            names.join(", ")
        )
    });
    let unreadable = Collected::read(&selected(service_account, library))
        .ok()
        .and_then(|all| all.docker.config_json().err())
        .map(|fault| format!("Error initializing credentials: {fault}"));
    absent.into_iter().chain(unreadable).collect()
}

/// The warnings of several service accounts, each once.
pub(in crate::execute) fn notices<'a>(
    accounts: impl IntoIterator<Item = &'a str>,
    library: &Library,
) -> Vec<String> {
    let named = |name: &'a str| if name.is_empty() { "default" } else { name };
    let accounts: BTreeSet<&str> = accounts.into_iter().map(named).collect();
    let mut told = Vec::new();
    for name in accounts {
        let account = library.service_account(name).map(AsRef::as_ref);
        for text in warnings(account, library) {
            if !told.contains(&text) {
                told.push(text);
            }
        }
    }
    told
}

#[derive(Default)]
struct Collected {
    docker: DockerAuths,
    git: GitLogins,
    ssh: SshKeys,
}

impl Collected {
    fn read(selected: &[Selected]) -> Result<Self, String> {
        let mut all = Self::default();
        for each in selected {
            all.add(each).map_err(|fault| {
                format!(
                    "invalid value \"{}={}\" for flag -{}: {fault}",
                    each.secret.name,
                    each.url,
                    each.used_as.flag()
                )
            })?;
        }
        Ok(all)
    }

    fn add(&mut self, each: &Selected) -> Result<(), String> {
        let (secret, url) = (&each.secret, &each.url);
        if url.contains('=') {
            return Err(format!(
                "expect entries of the form secret=url, got: {}={url}",
                secret.name
            ));
        }
        match each.used_as {
            Use::BasicDocker => self.docker.add_login(url, secret),
            Use::DockerConfig => {
                self.docker.add_config(secret);
                Ok(())
            }
            Use::DockerCfg => {
                self.docker.add_cfg(secret);
                Ok(())
            }
            Use::BasicGit => self.git.add(url, secret),
            Use::SshGit => self.ssh.add(url, secret),
        }
    }
}

fn file(path: impl Into<String>, content: impl Into<Bytes>) -> Credential {
    Credential {
        path: path.into(),
        content: content.into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{credentials, warnings};
    use crate::resolve::Library;
    use crate::spec::{Object, ServiceAccount};

    fn secret(name: &str, kind: &str, annotations: &Value, data: &Value) -> Object {
        let object = json!({
            "metadata": {"name": name, "annotations": annotations},
            "type": format!("kubernetes.io/{kind}"),
            "stringData": data,
        });
        Object::Secret(Box::new(serde_json::from_value(object).unwrap()))
    }

    fn login(name: &str, annotations: &Value, username: &str, password: &str) -> Object {
        let data = json!({"username": username, "password": password});
        secret(name, "basic-auth", annotations, &data)
    }

    fn account(names: &[&str]) -> ServiceAccount {
        let secrets: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
        serde_json::from_value(json!({"metadata": {"name": "bot"}, "secrets": secrets})).unwrap()
    }

    fn text(
        account: Option<&ServiceAccount>,
        secrets: &[Object],
    ) -> Result<Vec<(String, String)>, String> {
        let files = credentials(account, &Library::new(secrets))?;
        let file = |file: &crate::sandbox::Credential| {
            let content = String::from_utf8(file.content.to_vec()).unwrap();
            (file.path.clone(), content)
        };
        Ok(files.iter().map(file).collect())
    }

    fn written(names: &[&str], secrets: &[Object]) -> Vec<(String, String)> {
        text(Some(&account(names)), secrets).unwrap()
    }

    fn expected(files: &[(&str, &str)]) -> Vec<(String, String)> {
        files
            .iter()
            .map(|(path, content)| ((*path).to_owned(), (*content).to_owned()))
            .collect()
    }

    #[test]
    fn logins_of_git_by_the_order_of_urls() {
        let both = json!({"tekton.dev/git-0": "https://gitlab.com", "tekton.dev/git-1": "https://github.com"});
        assert_eq!(
            written(&["s"], &[login("s", &both, "corp\\me", "pw")]),
            expected(&[
                (
                    ".gitconfig",
                    "[credential]\n\thelper = store\n\
                     [credential \"https://github.com\"]\n\tusername = corp\\\\me\n\
                     [credential \"https://gitlab.com\"]\n\tusername = corp\\\\me\n"
                ),
                (
                    ".git-credentials",
                    "https://corp%5Cme:pw@github.com\nhttps://corp%5Cme:pw@gitlab.com\n"
                ),
            ])
        );
    }

    #[test]
    fn repositories_have_their_path_and_come_last() {
        let secrets = [
            login(
                "repo",
                &json!({"tekton.dev/git-0": "https://github.com/org/repo"}),
                "r",
                "1",
            ),
            login(
                "host",
                &json!({"tekton.dev/git-0": "https://github.com"}),
                "h",
                "2",
            ),
        ];
        assert_eq!(
            written(&["repo", "host"], &secrets),
            expected(&[
                (
                    ".gitconfig",
                    "[credential]\n\thelper = store\n\
                     [credential \"https://github.com/org/repo\"]\n\tusername = r\n\tuseHttpPath = true\n\
                     [credential \"https://github.com\"]\n\tusername = h\n"
                ),
                (
                    ".git-credentials",
                    "https://h:2@github.com\nhttps://r:1@github.com/org/repo\n"
                ),
            ])
        );
    }

    #[test]
    fn keys_for_hosts_ports_and_repositories() {
        let key = |name: &str, target: &str, hosts: Option<&str>| {
            let mut data = json!({"ssh-privatekey": format!("key of {name}\n")});
            if let Some(hosts) = hosts {
                data["known_hosts"] = json!(hosts);
            }
            secret(
                name,
                "ssh-auth",
                &json!({"tekton.dev/git-0": target}),
                &data,
            )
        };
        let secrets = [
            key("repo", "github.com:2222/org/repo", None),
            key("one", "github.com", Some("github.com ssh-rsa A")),
            key("two", "github.com", Some("github.com ssh-rsa B\n")),
            key("port", "gitlab.com:2222", None),
        ];
        assert_eq!(
            written(&["repo", "one", "two", "port"], &secrets),
            expected(&[
                (
                    ".gitconfig",
                    "[url \"git@github.com--org--repo:org/repo.git\"]\n\
                     \tinsteadOf = git@github.com:org/repo.git\n\
                     [url \"ssh://github.com--org--repo/org/repo.git\"]\n\
                     \tinsteadOf = ssh://github.com:2222/org/repo.git\n"
                ),
                (".ssh/id_one", "key of one\n"),
                (".ssh/id_two", "key of two\n"),
                (".ssh/id_port", "key of port\n"),
                (".ssh/id_repo", "key of repo\n"),
                (
                    ".ssh/config",
                    "Host github.com\n    HostName github.com\n    Port 22\n    \
                     IdentityFile /tekton/creds/.ssh/id_one\n    \
                     IdentityFile /tekton/creds/.ssh/id_two\n\
                     Host gitlab.com\n    HostName gitlab.com\n    Port 2222\n    \
                     IdentityFile /tekton/creds/.ssh/id_port\n\
                     Host github.com--org--repo\n    HostName github.com\n    Port 2222\n    \
                     IdentityFile /tekton/creds/.ssh/id_repo\n"
                ),
                (
                    ".ssh/known_hosts",
                    "github.com ssh-rsa A\ngithub.com ssh-rsa B\n"
                ),
            ])
        );
    }

    #[test]
    fn a_repository_at_the_default_port_follows_the_logins() {
        let secrets = [
            secret(
                "k",
                "ssh-auth",
                &json!({"tekton.dev/git-0": "h/o/r"}),
                &json!({"ssh-privatekey": "k"}),
            ),
            login("l", &json!({"tekton.dev/git-0": "https://h"}), "u", "p"),
        ];
        assert_eq!(
            written(&["k", "l"], &secrets)[0].1,
            "[credential]\n\thelper = store\n[credential \"https://h\"]\n\tusername = u\n\
             [url \"git@h--o--r:o/r.git\"]\n\tinsteadOf = git@h:o/r.git\n\
             [url \"ssh://h--o--r/o/r.git\"]\n\tinsteadOf = ssh://h/o/r.git\n"
        );
    }

    #[test]
    fn docker_configurations_need_no_annotation_and_lose_their_tokens() {
        let config = r#"{"auths": {"b.io": {"auth": "dTpw", "identitytoken": "t"}, "c.io": {}}, "credsStore": "x", "credHelpers": {"d.io": "y"}}"#;
        let secrets = [
            secret(
                "cfg",
                "dockercfg",
                &json!({}),
                &json!({".dockercfg": r#"{"a.io": {"username": "<a>", "password": "p&q", "email": "a@b"}, "b.io": {"auth": "old"}}"#}),
            ),
            secret(
                "config",
                "dockerconfigjson",
                &json!({}),
                &json!({".dockerconfigjson": config}),
            ),
            login("basic", &json!({"tekton.dev/docker-0": "c.io"}), "me", "pw"),
        ];
        assert_eq!(
            written(&["basic", "config", "cfg"], &secrets),
            expected(&[(
                ".docker/config.json",
                "{\"auths\":{\
                 \"a.io\":{\"username\":\"\\u003ca\\u003e\",\"password\":\"p\\u0026q\",\"auth\":\"\",\"email\":\"a@b\"},\
                 \"b.io\":{\"auth\":\"dTpw\"},\
                 \"c.io\":{\"username\":\"me\",\"password\":\"pw\",\"auth\":\"bWU6cHc=\",\"email\":\"not@val.id\"}}}"
            )])
        );
    }

    #[test]
    fn nothing_is_written_without_secrets() {
        let url = json!({"tekton.dev/git-0": "https://h"});
        let secrets = [
            login("plain", &json!({}), "u", "p"),
            secret(
                "opaque",
                "opaque",
                &url,
                &json!({"username": "u", "password": "p"}),
            ),
            login("elsewhere", &url, "u", "p"),
        ];
        assert!(written(&[], &secrets).is_empty());
        assert!(written(&["plain", "opaque", "gone", ""], &secrets).is_empty());
    }

    #[test]
    fn passwords_are_escaped_in_urls() {
        let url = json!({"tekton.dev/git-0": "https://h"});
        assert_eq!(
            written(&["s"], &[login("s", &url, "a@b", "p@/:?#ss")])[1].1,
            "https://a%40b:p%40%2F%3A%3F%23ss@h\n"
        );
    }

    #[test]
    fn without_an_account_every_annotated_secret_counts() {
        let secrets = [
            login("a", &json!({"tekton.dev/docker-0": "r.io"}), "u", "p"),
            secret(
                "b",
                "dockerconfigjson",
                &json!({}),
                &json!({".dockerconfigjson": "{\"auths\":{\"x\":{}}}"}),
            ),
            login("c", &json!({"tekton.dev/git-0": "https://h"}), "u", "p"),
        ];
        let files = text(None, &secrets).unwrap();
        let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(
            paths,
            [".docker/config.json", ".gitconfig", ".git-credentials"]
        );
        assert!(!files[0].1.contains("\"x\""), "{}", files[0].1);
    }

    #[test]
    fn what_the_entrypoint_refuses_is_said_in_its_words() {
        let git = json!({"tekton.dev/git-0": "https://h"});
        let docker = json!({"tekton.dev/docker-0": "r.io", "tekton.dev/docker-1": "r.io"});
        for (secrets, fault) in [
            (
                vec![secret("s", "basic-auth", &git, &json!({"password": "p"}))],
                "invalid value \"s=https://h\" for flag -basic-git: \
                 open /tekton/creds-secrets/s/username: no such file or directory",
            ),
            (
                vec![secret("s", "ssh-auth", &git, &json!({}))],
                "invalid value \"s=https://h\" for flag -ssh-git: \
                 open /tekton/creds-secrets/s/ssh-privatekey: no such file or directory",
            ),
            (
                vec![login("s", &git, "u", "p"), login("t", &git, "u", "p")],
                "invalid value \"t=https://h\" for flag -basic-git: multiple entries for url: https://h",
            ),
            (
                vec![login("s", &docker, "u", "p")],
                "invalid value \"s=r.io\" for flag -basic-docker: multiple entries for url: r.io",
            ),
            (
                vec![login(
                    "s",
                    &json!({"tekton.dev/git-0": "https://h?a=b"}),
                    "u",
                    "p",
                )],
                "invalid value \"s=https://h?a=b\" for flag -basic-git: \
                 expect entries of the form secret=url, got: s=https://h?a=b",
            ),
            (
                vec![login(
                    "s",
                    &json!({"tekton.dev/git-0": "10.0.0.1:80"}),
                    "u",
                    "p",
                )],
                "invalid value \"s=10.0.0.1:80\" for flag -basic-git: \
                 parse \"10.0.0.1:80\": first path segment in URL cannot contain colon",
            ),
        ] {
            assert_eq!(
                text(Some(&account(&["s", "t"])), &secrets),
                Err(fault.to_owned())
            );
        }
    }

    #[test]
    fn what_is_amiss_is_said_without_contents() {
        let bad = secret(
            "bad",
            "dockerconfigjson",
            &json!({}),
            &json!({".dockerconfigjson": "{\"auths\":{\"x\":\"hunter2\"}}"}),
        );
        let secrets = [
            bad,
            login("l", &json!({"tekton.dev/git-0": "https://h"}), "u", "p"),
        ];
        let account = account(&["gone", "bad", "l", "lost", "gone"]);
        assert_eq!(
            warnings(Some(&account), &Library::new(&secrets)),
            [
                "Unable to retrieve some secrets (gone, lost); attempting to use them may not succeed.",
                "Error initializing credentials: auths of secret \"bad\": \"x\" is not an object",
            ]
        );
        let files = text(Some(&account), &secrets).unwrap();
        assert_eq!(files[0].0, ".gitconfig");
    }
}
