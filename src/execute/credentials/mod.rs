//! Credentials of the service account, as files a step finds in `/tekton/creds` and its home:
//! what Tekton's `creds-init` writes (`pkg/credentials`).
//!
//! In come a service account and the given Secrets; out come files to write before a step starts, and
//! logins for pulling images. Pure: nothing is read from this machine, and no secret is put into an
//! event or a message.

mod docker;
mod git;
mod go_url;
mod initializer;
mod pull;
mod select;
mod ssh;

pub(super) use initializer::{credentials, notices};
pub(super) use pull::pull_secrets;
