//! Stand-in until the module lands.
use super::sandbox::Credential;
pub fn credentials(
    _: Option<&crate::spec::ServiceAccount>,
    _: &crate::resolve::Library,
) -> Result<Vec<Credential>, String> {
    Ok(Vec::new())
}
pub fn pull_secrets(
    _: Option<&crate::spec::ServiceAccount>,
    _: &[crate::spec::core::LocalObjectReference],
    _: &crate::resolve::Library,
) -> Vec<Vec<u8>> {
    Vec::new()
}
