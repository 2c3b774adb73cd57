//! From files to typed objects that know where they came from.
//!
//! [`loader::load`] reads inputs into a [`Catalog`]: text ([`source`]) → nodes with positions by
//! Kubernetes' YAML rules ([`yaml`]) → v1 shape ([`v1beta1`]) → objects ([`decode`]). Nothing
//! stops at the first fault: a broken document costs itself, not its neighbours.

mod advice;
pub mod catalog;
mod compose;
pub mod decode;
mod json;
mod kind;
mod leaf;
pub mod loader;
pub mod node;
pub mod render;
pub mod scalar;
mod secret_text;
pub mod source;
pub mod v1beta1;
pub mod yaml;

pub use self::catalog::{Catalog, Document, Location};
pub use self::loader::{ManifestInput, ReadOptions, load};
pub use self::node::{Node, Span};
pub use self::secret_text::{RECORDED_SECRET, without_secrets};
pub use self::source::SourceFile;
