//! Workspaces: declarations, uses and bindings.

use super::core::{
    ClaimVolume, ConfigMapVolume, CsiVolume, EmptyDir, PersistentVolumeClaim, ProjectedVolume,
    SecretVolume,
};
use super::schema::api_object;

api_object! {
    /// A workspace a Task needs.
    WorkspaceDeclaration = "WorkspaceDeclaration" {
        name: String = "name", Honoured;
        description: String = "description", NoEffect("text for people");
        mount_path: String = "mountPath", Honoured;
        read_only: bool = "readOnly", Honoured;
        optional: bool = "optional", Honoured;
    }

    /// A step or sidecar that alone gets a workspace.
    WorkspaceUsage = "WorkspaceUsage" {
        name: String = "name", Honoured;
        mount_path: String = "mountPath", Honoured;
    }

    /// A workspace a Pipeline needs.
    PipelineWorkspaceDeclaration = "PipelineWorkspaceDeclaration" {
        name: String = "name", Honoured;
        description: String = "description", NoEffect("text for people");
        optional: bool = "optional", Honoured;
    }

    /// What a Pipeline gives to a workspace of one of its tasks.
    WorkspacePipelineTaskBinding = "WorkspacePipelineTaskBinding" {
        name: String = "name", Honoured;
        workspace: String = "workspace", Honoured;
        sub_path: String = "subPath", Honoured;
    }

    /// What a run gives to a workspace.
    WorkspaceBinding = "WorkspaceBinding" {
        name: String = "name", Honoured;
        sub_path: String = "subPath", Honoured;
        volume_claim_template: Option<PersistentVolumeClaim> = "volumeClaimTemplate", Emulated("a directory of the run's volume");
        persistent_volume_claim: Option<ClaimVolume> = "persistentVolumeClaim", Emulated("a volume of the engine, kept under the claim's name");
        empty_dir: Option<EmptyDir> = "emptyDir", Honoured;
        config_map: Option<ConfigMapVolume> = "configMap", Honoured;
        secret: Option<SecretVolume> = "secret", Honoured;
        projected: Option<ProjectedVolume> = "projected", Honoured;
        csi: Option<CsiVolume> = "csi", Refused("a CSI driver needs a cluster");
    }
}

impl WorkspacePipelineTaskBinding {
    /// The workspace of the Pipeline that is given: one of the same name unless another is named.
    pub fn source(&self) -> &str {
        if self.workspace.is_empty() {
            &self.name
        } else {
            &self.workspace
        }
    }
}
