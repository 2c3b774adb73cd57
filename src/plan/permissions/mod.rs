//! What a Pod may ask for, in one table.
//!
//! The default is the *baseline* profile of Kubernetes' Pod Security Standards, as of v1.32. Each
//! exception has a flag of its own. `--restricted` enforces the *restricted* profile.

mod asked;
mod document;
mod granted;
mod restricted;
mod table;

pub use asked::Denied;
pub use document::permissions_table;
pub use granted::Permissions;
pub use table::{Flag, TABLE};
