//! The command.

use std::process::ExitCode;

fn main() -> ExitCode {
    tkn_local::cli::main()
}
