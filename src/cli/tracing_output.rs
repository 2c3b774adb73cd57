//! Debug messages, for those who look for a bug in this program.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use super::settings::Settings;
use super::stream::OutStream;

struct Writer(OutStream);

impl<'a> MakeWriter<'a> for Writer {
    type Writer = OutStream;

    fn make_writer(&'a self) -> OutStream {
        self.0.clone()
    }
}

/// Starts to tell on `err` what `TKN_LOCAL_LOG` or else `-v` ask for. Once in a process; a second
/// call changes nothing.
pub(super) fn start(settings: &Settings, err: &OutStream) -> Result<(), io::Error> {
    let by_flag = match settings.verbose {
        0 => None,
        1 => Some("tkn_local=debug".to_owned()),
        _ => Some("trace".to_owned()),
    };
    let Some(wanted) = settings.environment.log.clone().or(by_flag) else {
        return Ok(());
    };
    let filter = EnvFilter::try_new(&wanted)
        .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error.to_string()))?;
    // A subscriber that is there already is another test's.
    let _already_there = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(settings.err.color)
        .with_writer(Writer(err.clone()))
        .try_init();
    Ok(())
}
