//! Git over HTTP: `.gitconfig` and `.git-credentials` (`pkg/credentials/gitcreds/basic.go`).

use super::go_url::{GoUrl, quoted};
use super::select::Mounted;

struct Login {
    url: String,
    parsed: GoUrl,
    username: Vec<u8>,
    password: Vec<u8>,
}

/// The logins to git servers, in the order given.
#[derive(Default)]
pub(super) struct GitLogins(Vec<Login>);

impl GitLogins {
    /// A user name and password for a URL.
    pub(super) fn add(&mut self, url: &str, secret: &Mounted) -> Result<(), String> {
        if self.0.iter().any(|login| login.url == url) {
            return Err(format!("multiple entries for url: {url}"));
        }
        self.0.push(Login {
            url: url.to_owned(),
            username: secret.read("username")?.to_vec(),
            password: secret.read("password")?.to_vec(),
            parsed: GoUrl::parse(url)?,
        });
        Ok(())
    }

    /// The sections for `.gitconfig`.
    pub(super) fn git_config(&self) -> Vec<u8> {
        let mut text = Vec::new();
        if self.0.is_empty() {
            return text;
        }
        text.extend(b"[credential]\n\thelper = store\n");
        for login in &self.0 {
            let head = format!("[credential {}]\n\tusername = ", quoted(&login.url));
            text.extend(head.into_bytes());
            for byte in &login.username {
                text.extend(std::iter::repeat_n(*byte, 1 + usize::from(*byte == b'\\')));
            }
            text.push(b'\n');
            // Without it git takes one login for all repositories of a host.
            if login.parsed.has_path() {
                text.extend(b"\tuseHttpPath = true\n");
            }
        }
        text
    }

    /// The content of `.git-credentials`: hosts before repositories, whose login git would
    /// otherwise take for the whole host.
    pub(super) fn git_credentials(&self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let (repositories, hosts): (Vec<&Login>, Vec<&Login>) =
            self.0.iter().partition(|login| login.parsed.has_path());
        let lines = hosts.into_iter().chain(repositories);
        Some(
            lines
                .map(|login| login.parsed.with_login(&login.username, &login.password) + "\n")
                .collect(),
        )
    }
}
