//! What earlier runs left in the engine.

use std::collections::HashMap;

use bollard::errors::Error;
use bollard::models::ContainerSummary;
use bollard::query_parameters::{
    ListContainersOptions, ListVolumesOptions, RemoveContainerOptions, RemoveVolumeOptions,
};
use serde::Deserialize;

use super::engine::DockerEngine;
use super::error::{engine, has_status, in_time};
use super::label;
use super::owner::{Life, OwnerProcess};
use crate::sandbox::{SandboxError, VolumeInfo, VolumeOwner};

impl DockerEngine {
    /// Removes the containers of runs whose process has died. A container of a live run is never
    /// touched, and neither is one of another machine that shares the engine.
    pub(super) async fn remove_dead(&self) -> Result<Vec<String>, SandboxError> {
        let mut removed = Vec::new();
        for dead in self.dead_containers().await? {
            self.remove_container(&dead.id).await?;
            removed.push(dead.name().to_owned());
        }
        self.reap_memory().await?;
        Ok(removed)
    }

    /// Removes the volumes in memory of runs whose process has died; they are empty by now.
    async fn reap_memory(&self) -> Result<(), SandboxError> {
        let options = ListVolumesOptions {
            filters: Some(with_label(label::SECRETS)),
        };
        let answer = in_time(self.docker().list_volumes(Some(options))).await;
        let answer = answer.map_err(engine("list volumes"))?;
        for volume in answer.volumes.unwrap_or_default() {
            if owner(&volume.labels).is_some_and(|owner| owner.life() == Life::Dead) {
                // One whose last container is still ending is removed the next time.
                self.remove_volume_named(&volume.name)
                    .await
                    .unwrap_or_default();
            }
        }
        Ok(())
    }

    pub(super) async fn dead_containers(&self) -> Result<Vec<Listed>, SandboxError> {
        let mut found = self.containers(label::RUN).await?;
        found.retain(|left| owner(&left.labels).is_some_and(|owner| owner.life() == Life::Dead));
        Ok(found)
    }

    pub(super) async fn list_volumes(&self) -> Result<Vec<VolumeInfo>, SandboxError> {
        let mut found = Vec::new();
        for key in [label::RUN, label::CLAIM] {
            let options = ListVolumesOptions {
                filters: Some(with_label(key)),
            };
            let answer = in_time(self.docker().list_volumes(Some(options))).await;
            let answer = answer.map_err(engine("list volumes"))?;
            let volumes = answer.volumes.into_iter().flatten();
            found.extend(volumes.filter_map(|volume| info(volume.name, &volume.labels)));
        }
        Ok(found)
    }

    pub(super) async fn remove_volume_of(&self, owner: &VolumeOwner) -> Result<(), SandboxError> {
        let name = match owner {
            VolumeOwner::Run(run) => label::run_name(run),
            VolumeOwner::Claim(claim) => label::claim_name(claim),
        };
        self.remove_volume_named(&name).await
    }

    /// Removes a volume of this name. None is fine.
    pub(super) async fn remove_volume_named(&self, name: &str) -> Result<(), SandboxError> {
        let options = RemoveVolumeOptions { force: true };
        match in_time(self.docker().remove_volume(name, Some(options))).await {
            Err(error) if !has_status(&error, 404) => Err(engine("remove a volume")(error)),
            _ => Ok(()),
        }
    }

    /// Kills and removes a container. That it is gone or going is fine.
    pub(super) async fn remove_container(&self, id: &str) -> Result<(), SandboxError> {
        let options = RemoveContainerOptions {
            v: true,
            force: true,
            link: false,
        };
        match in_time(self.docker().remove_container(id, Some(options))).await {
            Err(error) if !has_status(&error, 404) && !has_status(&error, 409) => {
                Err(engine("remove a container")(error))
            }
            _ => Ok(()),
        }
    }

    /// All containers with this label, which may have a value.
    pub(super) async fn containers(&self, label: &str) -> Result<Vec<Listed>, SandboxError> {
        let options = ListContainersOptions {
            all: true,
            filters: Some(with_label(label)),
            ..ListContainersOptions::default()
        };
        let error = match in_time(self.docker().list_containers(Some(options))).await {
            Ok(found) => return Ok(found.into_iter().filter_map(listed).collect()),
            Err(error) => error,
        };
        // Podman has states that bollard does not know. Nobody here looks at them.
        if let Error::JsonDataError { contents, .. } = &error
            && let Ok(found) = serde_json::from_str(contents)
        {
            return Ok(found);
        }
        Err(engine("list containers")(error))
    }
}

/// A container in the list of an engine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Listed {
    pub(super) id: String,
    /// With a slash before each.
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    labels: HashMap<String, String>,
}

impl Listed {
    /// Its name; empty when it has none.
    pub(super) fn name(&self) -> &str {
        let first = self.names.first().map(String::as_str);
        first.unwrap_or_default().trim_start_matches('/')
    }
}

fn listed(container: ContainerSummary) -> Option<Listed> {
    Some(Listed {
        id: container.id?,
        names: container.names.unwrap_or_default(),
        labels: container.labels.unwrap_or_default(),
    })
}

fn info(name: String, labels: &HashMap<String, String>) -> Option<VolumeInfo> {
    let run = labels.get(label::RUN).cloned().map(VolumeOwner::Run);
    let claim = || labels.get(label::CLAIM).cloned().map(VolumeOwner::Claim);
    Some(VolumeInfo {
        name,
        owner: run.or_else(claim)?,
        state_dir: labels.get(label::STATE_DIR).cloned().unwrap_or_default(),
        in_use: owner(labels).is_some_and(|owner| owner.life() == Life::Alive),
    })
}

fn owner(labels: &HashMap<String, String>) -> Option<OwnerProcess> {
    labels
        .get(label::OWNER)
        .and_then(|label| OwnerProcess::parse(label))
}

fn with_label(label: &str) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), vec![label.to_owned()])])
}

#[cfg(test)]
mod tests {
    use super::Listed;

    #[test]
    fn a_list_is_read_whatever_the_states_are() {
        let text = r#"[
            {"Id": "a1", "Names": ["/tkn-local-r"], "State": "stopped", "Labels": {"k": "v"}},
            {"Id": "b2", "State": "running"}
        ]"#;
        let found: Vec<Listed> = serde_json::from_str(text).unwrap();
        let seen: Vec<_> = found.iter().map(|c| (c.id.as_str(), c.name())).collect();
        assert_eq!(seen, [("a1", "tkn-local-r"), ("b2", "")]);
    }
}
