//! The flags that make exceptions from what a run may ask for.

use clap::Args;

use crate::plan::permissions::{Flag, Permissions};

/// What the YAML may ask for beyond Pod Security's baseline profile.
#[derive(Debug, Args)]
#[command(next_help_heading = "Permissions")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(crate) struct PermissionArgs {
    /// Let containers have all rights on the engine's machine; implies every other --allow flag
    /// of this group
    #[arg(long)]
    allow_privileged: bool,
    /// Let containers add a capability, such as NET_ADMIN
    #[arg(long, value_name = "NAME")]
    allow_capability: Vec<String>,
    /// Let the run share the network of the engine's machine
    #[arg(long)]
    allow_host_network: bool,
    /// Let the YAML mount directories of the engine's machine
    #[arg(long)]
    allow_host_path: bool,
    /// Let containers name ports of the engine's machine
    #[arg(long)]
    allow_host_port: bool,
    /// Let containers see the hidden parts of /proc and /sys
    #[arg(long)]
    allow_proc_mount: bool,
    /// Let containers choose SELinux types, users and roles
    #[arg(long)]
    allow_selinux: bool,
    /// Let the run change a kernel setting, such as kernel.sem
    #[arg(long, value_name = "NAME")]
    allow_sysctl: Vec<String>,
    /// Let containers run without a seccomp or AppArmor profile
    #[arg(long)]
    allow_unconfined: bool,
    /// Enforce Pod Security's restricted profile
    #[arg(long)]
    restricted: bool,
}

impl PermissionArgs {
    /// What the flags allow together.
    pub(crate) fn permissions(&self) -> Permissions {
        let mut permissions = Permissions::default();
        for (given, flag) in [
            (self.allow_privileged, Flag::Privileged),
            (self.allow_host_network, Flag::HostNetwork),
            (self.allow_host_path, Flag::HostPath),
            (self.allow_host_port, Flag::HostPort),
            (self.allow_proc_mount, Flag::ProcMount),
            (self.allow_selinux, Flag::SeLinux),
            (self.allow_unconfined, Flag::Unconfined),
        ] {
            if given {
                permissions.allow(flag);
            }
        }
        for name in &self.allow_capability {
            permissions.allow_capability(name);
        }
        for name in &self.allow_sysctl {
            permissions.allow_sysctl(name);
        }
        if self.restricted {
            permissions.restrict();
        }
        permissions
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches as _};
    use serde_json::json;

    use super::PermissionArgs;
    use crate::plan::permissions::{Flag, TABLE};

    fn parsed(args: &[&str]) -> PermissionArgs {
        let command = PermissionArgs::augment_args(Command::new("test").no_binary_name(true));
        PermissionArgs::from_arg_matches(&command.get_matches_from(args)).unwrap()
    }

    #[test]
    fn every_flag_of_the_table_can_be_typed_and_allows_what_it_says() {
        for row in TABLE {
            let flag = row.flag.name();
            let permissions = if row.flag.takes_name() {
                parsed(&[flag, "x"]).permissions()
            } else {
                parsed(&[flag]).permissions()
            };
            assert!(permissions.allows(row.flag, &json!("x")), "{flag}");
            let others = TABLE.iter().filter(|other| other.flag != row.flag);
            for other in others {
                let implied = row.flag == Flag::Privileged;
                assert_eq!(
                    permissions.allows(other.flag, &json!("y")),
                    implied,
                    "{flag}"
                );
            }
        }
    }
}
