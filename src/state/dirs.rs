//! Where state is kept when nobody says otherwise.

use std::path::PathBuf;

/// `$XDG_STATE_HOME/tkn-local`; where there is no such directory (macOS, Windows) the local data
/// directory. `None` without a home.
pub fn default_state_dir() -> Option<PathBuf> {
    let base = dirs::state_dir().or_else(dirs::data_local_dir)?;
    Some(base.join("tkn-local"))
}
