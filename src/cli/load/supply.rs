//! The values that the command line gives to Secrets and ConfigMaps.

use crate::cli::args::data_flag::{DataFlag, DataKind, ValueSource};
use crate::cli::args::run_settings::RunSettings;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::prompt;
use crate::cli::settings::variable_named;
use crate::manifest::RECORDED_SECRET;
use crate::resolve::Library;

/// Adds them to what the files hold. A resumed run must be given them again:
/// they are never recorded.
pub(crate) fn supply(
    library: &mut Library,
    settings: &RunSettings,
    context: &mut Context,
) -> Result<(), CliError> {
    for flag in &settings.data {
        let names: Vec<String> = match flag.kind {
            DataKind::Secret => library.secret_names().map(str::to_owned).collect(),
            DataKind::ConfigMap => library.config_map_names().map(str::to_owned).collect(),
        };
        let (name, key) = flag.split(names.iter().map(String::as_str));
        let value = if settings.dry_run && flag.source == ValueSource::Ask {
            Vec::new()
        } else {
            read(flag, name, key, context)?
        };
        match flag.kind {
            DataKind::Secret => library.set_secret_value(name, key, &value),
            DataKind::ConfigMap => library.set_config_map_value(name, key, &value),
        }
    }
    let mut lost = Vec::new();
    for secret in library.secrets() {
        let data = secret.data.iter().chain(&secret.string_data);
        let unknown = data.filter(|(_, value)| value.contains(RECORDED_SECRET));
        lost.extend(unknown.map(|(key, _)| (secret.metadata.name.clone(), key.clone())));
    }
    for (name, key) in lost {
        let value = again(DataKind::Secret, &name, &key, context)?;
        library.set_secret_value(&name, &key, &value);
    }
    Ok(())
}

fn read(
    flag: &DataFlag,
    name: &str,
    key: &str,
    context: &mut Context,
) -> Result<Vec<u8>, CliError> {
    let (option, target) = (flag.kind.flag(), &flag.target);
    match &flag.source {
        ValueSource::Literal(text) => Ok(text.clone().into_bytes()),
        ValueSource::File(path) => std::fs::read(path).map_err(|error| {
            CliError::usage(format!("{option} {target}: cannot read {}", path.display()))
                .cause(error.to_string())
        }),
        ValueSource::Variable(variable) => variable_named(variable)
            .map(String::into_bytes)
            .ok_or_else(|| {
                CliError::usage(format!("{option} {target}: {variable} is not set")).hint(format!(
                    "set it, or give the value with {option} {target}=@FILE"
                ))
            }),
        ValueSource::Ask if flag.is_own => {
            prompt::secret_value(&what(flag.kind, name, key), context)
        }
        ValueSource::Ask => again(flag.kind, name, key, context),
    }
}

/// A value that an earlier run was given.
fn again(
    kind: DataKind,
    name: &str,
    key: &str,
    context: &mut Context,
) -> Result<Vec<u8>, CliError> {
    if prompt::can_ask() {
        return prompt::secret_value(&what(kind, name, key), context);
    }
    Err(CliError::invalid(format!(
        "the value of {key} in {} {name} is not known: values of Secrets are never recorded",
        kind.name()
    ))
    .hint(format!(
        "give it again with {} {name}.{key}=env:VARIABLE, =@FILE or =-",
        kind.flag()
    )))
}

fn what(kind: DataKind, name: &str, key: &str) -> String {
    format!("{} {name}, key {key}", kind.name())
}
