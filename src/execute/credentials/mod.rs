//! Credentials of the service account, as files a step finds in `/tekton/creds` and its home:
//! what Tekton's `creds-init` writes (`pkg/credentials`).

mod docker;
mod git;
mod go_url;
mod initializer;
mod pull;
mod select;
mod ssh;

pub(super) use initializer::{credentials, notices};
pub(super) use pull::pull_secrets;
