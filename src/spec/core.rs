//! The slice of Kubernetes' `core/v1` that Tekton's types contain.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::schema::{ApiType, Schema, api_object};

/// A number or text kept as text: a quantity (`100m`, `2`) or a port (`8080`, `http`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize)]
pub struct Scalar(pub String);

impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Value::deserialize(deserializer).map(|value| match value {
            Value::String(text) => Self(text),
            other => Self(other.to_string()),
        })
    }
}

impl ApiType for Scalar {
    fn schema() -> Schema {
        Schema::IntOrString
    }
}

const NO_CLUSTER: &str = "there is no cluster";
const NO_STORAGE: &str = "a volume of the engine has no size, class or access mode";
const WHOLE_SANDBOX: &str = "applies to all tasks of the run, which share one sandbox";
const OF_SANDBOX: &str = "from the TaskRun and the sandbox";
const PROFILE: &str =
    "Unconfined as such, RuntimeDefault is the engine's own; Localhost profiles are not available";
const ONE_MACHINE: &str = "everything runs on one machine";

api_object! {
    /// Metadata of a document.
    ObjectMeta = "ObjectMeta" {
        name: String = "name", Honoured;
        generate_name: String = "generateName", Honoured;
        namespace: String = "namespace", Honoured;
        uid: String = "uid", NoEffect("every run gets a fresh one");
        labels: BTreeMap<String, String> = "labels", Honoured;
        annotations: BTreeMap<String, String> = "annotations", Honoured;
        resource_version: String = "resourceVersion", NoEffect(NO_CLUSTER);
        generation: i64 = "generation", NoEffect(NO_CLUSTER);
        creation_timestamp: Value = "creationTimestamp", NoEffect(NO_CLUSTER);
        deletion_timestamp: Value = "deletionTimestamp", NoEffect(NO_CLUSTER);
        deletion_grace_period_seconds: i64 = "deletionGracePeriodSeconds", NoEffect(NO_CLUSTER);
        self_link: String = "selfLink", NoEffect(NO_CLUSTER);
        finalizers: Vec<String> = "finalizers", NoEffect(NO_CLUSTER);
        owner_references: Vec<Value> = "ownerReferences", NoEffect(NO_CLUSTER);
        managed_fields: Vec<Value> = "managedFields", NoEffect(NO_CLUSTER);
    }

    /// An environment variable.
    EnvVar = "EnvVar" {
        name: String = "name", Honoured;
        value: String = "value", Honoured;
        value_from: Option<EnvVarSource> = "valueFrom", Honoured;
    }

    /// Where the value of a variable comes from.
    EnvVarSource = "EnvVarSource" {
        secret_key_ref: Option<KeySelector> = "secretKeyRef", Honoured;
        config_map_key_ref: Option<KeySelector> = "configMapKeyRef", Honoured;
        field_ref: Option<FieldSelector> = "fieldRef", Emulated(OF_SANDBOX);
        resource_field_ref: Option<ResourceFieldSelector> = "resourceFieldRef", Emulated("from the step's own limits and requests");
        file_key_ref: Option<Value> = "fileKeyRef", Refused("needs a kubelet that reads files of volumes");
    }

    /// One key of a ConfigMap or Secret.
    KeySelector = "KeySelector" {
        name: String = "name", Honoured;
        key: String = "key", Honoured;
        optional: bool = "optional", Honoured;
    }

    /// A field of the pod.
    FieldSelector = "ObjectFieldSelector" {
        api_version: String = "apiVersion", NoEffect("there is one version");
        field_path: String = "fieldPath", Honoured;
    }

    /// A resource of a container.
    ResourceFieldSelector = "ResourceFieldSelector" {
        container_name: String = "containerName", NoEffect("a step knows its own resources only");
        resource: String = "resource", Honoured;
        divisor: Scalar = "divisor", Honoured;
    }

    /// A whole ConfigMap or Secret as environment.
    EnvFromSource = "EnvFromSource" {
        prefix: String = "prefix", Honoured;
        config_map_ref: Option<EnvFromRef> = "configMapRef", Honoured;
        secret_ref: Option<EnvFromRef> = "secretRef", Honoured;
    }

    /// The name of a ConfigMap or Secret.
    EnvFromRef = "EnvFromRef" {
        name: String = "name", Honoured;
        optional: bool = "optional", Honoured;
    }

    /// Where a volume appears in a container.
    VolumeMount = "VolumeMount" {
        name: String = "name", Honoured;
        mount_path: String = "mountPath", Honoured;
        sub_path: String = "subPath", Honoured;
        sub_path_expr: String = "subPathExpr", Honoured;
        read_only: bool = "readOnly", Honoured;
        recursive_read_only: String = "recursiveReadOnly", NoEffect("nothing is mounted below a volume here");
        mount_propagation: String = "mountPropagation", NoEffect("nothing is mounted below a volume here");
    }

    /// A block device.
    VolumeDevice = "VolumeDevice" {
        name: String = "name", Refused("block devices have no local counterpart");
        device_path: String = "devicePath", Refused("block devices have no local counterpart");
    }

    /// Limits and requests.
    ResourceRequirements = "ResourceRequirements" {
        limits: BTreeMap<String, Scalar> = "limits", Emulated("cpu and memory become limits of the container; other resources have none");
        requests: BTreeMap<String, Scalar> = "requests", NoEffect("a request never delays a start on one machine");
        claims: Vec<Value> = "claims", Refused("resource claims need a cluster");
    }

    /// What a container may do, and as whom.
    SecurityContext = "SecurityContext" {
        run_as_user: Option<i64> = "runAsUser", Honoured;
        run_as_group: Option<i64> = "runAsGroup", Honoured;
        run_as_non_root: Option<bool> = "runAsNonRoot", Honoured;
        privileged: Option<bool> = "privileged", Honoured;
        read_only_root_filesystem: Option<bool> = "readOnlyRootFilesystem", Honoured;
        allow_privilege_escalation: Option<bool> = "allowPrivilegeEscalation", Honoured;
        capabilities: Option<Capabilities> = "capabilities", Honoured;
        seccomp_profile: Option<SeccompProfile> = "seccompProfile", Emulated(PROFILE);
        app_armor_profile: Option<SeccompProfile> = "appArmorProfile", Emulated(PROFILE);
        se_linux_options: Option<SeLinuxOptions> = "seLinuxOptions", Honoured;
        proc_mount: String = "procMount", Honoured;
        windows_options: Option<Value> = "windowsOptions", NoEffect("containers are Linux's here");
    }

    /// Linux capabilities.
    Capabilities = "Capabilities" {
        add: Vec<String> = "add", Honoured;
        drop: Vec<String> = "drop", Honoured;
    }

    /// A seccomp or AppArmor profile.
    SeccompProfile = "SeccompProfile" {
        profile_type: String = "type", Honoured;
        localhost_profile: String = "localhostProfile", NoEffect("the profile lies on a node of the cluster");
    }

    /// SELinux labels.
    SeLinuxOptions = "SELinuxOptions" {
        user: String = "user", Honoured;
        role: String = "role", Honoured;
        se_type: String = "type", Honoured;
        level: String = "level", Honoured;
    }

    /// A check of a sidecar.
    Probe = "Probe" {
        exec: Option<ExecAction> = "exec", Honoured;
        http_get: Option<HttpGetAction> = "httpGet", Honoured;
        tcp_socket: Option<TcpSocketAction> = "tcpSocket", Honoured;
        grpc: Option<Value> = "grpc", Refused("gRPC health checks are not spoken here; use exec, httpGet or tcpSocket");
        initial_delay_seconds: i64 = "initialDelaySeconds", Honoured;
        timeout_seconds: i64 = "timeoutSeconds", Honoured;
        period_seconds: i64 = "periodSeconds", Honoured;
        success_threshold: i64 = "successThreshold", Honoured;
        failure_threshold: i64 = "failureThreshold", Honoured;
        termination_grace_period_seconds: i64 = "terminationGracePeriodSeconds", NoEffect("every container gets the same time to end");
    }

    /// A command run inside the container.
    ExecAction = "ExecAction" {
        command: Vec<String> = "command", Honoured;
    }

    /// An HTTP request to the container.
    HttpGetAction = "HTTPGetAction" {
        path: String = "path", Honoured;
        port: Scalar = "port", Honoured;
        host: String = "host", Honoured;
        scheme: String = "scheme", Emulated("HTTPS: the port must accept a connection");
        http_headers: Vec<HttpHeader> = "httpHeaders", Honoured;
    }

    /// A header of a request.
    HttpHeader = "HTTPHeader" {
        name: String = "name", Honoured;
        value: String = "value", Honoured;
    }

    /// A connection to the container.
    TcpSocketAction = "TCPSocketAction" {
        port: Scalar = "port", Honoured;
        host: String = "host", Honoured;
    }

    /// A port a container names.
    ContainerPort = "ContainerPort" {
        name: String = "name", Honoured;
        container_port: i64 = "containerPort", Honoured;
        host_port: i64 = "hostPort", NoEffect("nothing is published to the host");
        host_ip: String = "hostIP", NoEffect("nothing is published to the host");
        protocol: String = "protocol", NoEffect("the sandbox shares one network namespace");
    }

    /// A volume of a Task.
    Volume = "Volume" {
        name: String = "name", Honoured;
        empty_dir: Option<EmptyDir> = "emptyDir", Honoured;
        host_path: Option<HostPath> = "hostPath", Emulated("bound with --allow-host-path, refused without");
        config_map: Option<ConfigMapVolume> = "configMap", Honoured;
        secret: Option<SecretVolume> = "secret", Honoured;
        projected: Option<ProjectedVolume> = "projected", Honoured;
        downward_api: Option<DownwardApiVolume> = "downwardAPI", Emulated(OF_SANDBOX);
        persistent_volume_claim: Option<ClaimVolume> = "persistentVolumeClaim", Emulated("a volume of the engine, kept under the claim's name");
        csi: Option<CsiVolume> = "csi", Refused("a CSI driver needs a cluster");
        ephemeral: Option<Value> = "ephemeral", Refused("generic ephemeral volumes need a storage class; use emptyDir");
        nfs: Option<Value> = "nfs", Refused("network volumes are not mounted locally");
        iscsi: Option<Value> = "iscsi", Refused("network volumes are not mounted locally");
        image: Option<Value> = "image", Refused("image volumes need a newer runtime");
        fc: Option<Value> = "fc", Refused("network volumes are not mounted locally");
        flex_volume: Option<Value> = "flexVolume", Refused("needs a cluster");
        git_repo: Option<Value> = "gitRepo", Refused("removed from Kubernetes");
        cephfs: Option<Value> = "cephfs", Refused("network volumes are not mounted locally");
        rbd: Option<Value> = "rbd", Refused("network volumes are not mounted locally");
        glusterfs: Option<Value> = "glusterfs", Refused("network volumes are not mounted locally");
        aws_elastic_block_store: Option<Value> = "awsElasticBlockStore", Refused("needs a cloud");
        azure_disk: Option<Value> = "azureDisk", Refused("needs a cloud");
        azure_file: Option<Value> = "azureFile", Refused("needs a cloud");
        cinder: Option<Value> = "cinder", Refused("needs a cloud");
        gce_persistent_disk: Option<Value> = "gcePersistentDisk", Refused("needs a cloud");
        flocker: Option<Value> = "flocker", Refused("needs a cluster");
        photon_persistent_disk: Option<Value> = "photonPersistentDisk", Refused("needs a cloud");
        portworx_volume: Option<Value> = "portworxVolume", Refused("needs a cluster");
        quobyte: Option<Value> = "quobyte", Refused("network volumes are not mounted locally");
        scale_io: Option<Value> = "scaleIO", Refused("needs a cluster");
        storageos: Option<Value> = "storageos", Refused("needs a cluster");
        vsphere_volume: Option<Value> = "vsphereVolume", Refused("needs a cluster");
    }

    /// A directory that starts empty.
    EmptyDir = "EmptyDirVolumeSource" {
        medium: String = "medium", NoEffect("the directory lies in the sandbox's volume");
        size_limit: Scalar = "sizeLimit", NoEffect("the volume has no quota");
    }

    /// A path of the host.
    HostPath = "HostPathVolumeSource" {
        path: String = "path", Honoured;
        path_type: String = "type", NoEffect("the path is bound as it is, and must exist");
    }

    /// One file of a ConfigMap or Secret volume.
    KeyToPath = "KeyToPath" {
        key: String = "key", Honoured;
        path: String = "path", Honoured;
        mode: Option<i64> = "mode", Honoured;
    }

    /// A ConfigMap as files.
    ConfigMapVolume = "ConfigMapVolumeSource" {
        name: String = "name", Honoured;
        items: Vec<KeyToPath> = "items", Honoured;
        default_mode: Option<i64> = "defaultMode", Honoured;
        optional: bool = "optional", Honoured;
    }

    /// A Secret as files.
    SecretVolume = "SecretVolumeSource" {
        secret_name: String = "secretName", Honoured;
        items: Vec<KeyToPath> = "items", Honoured;
        default_mode: Option<i64> = "defaultMode", Honoured;
        optional: bool = "optional", Honoured;
    }

    /// Several sources in one directory.
    ProjectedVolume = "ProjectedVolumeSource" {
        sources: Vec<ProjectedSource> = "sources", Honoured;
        default_mode: Option<i64> = "defaultMode", Honoured;
    }

    /// One source of a projected volume.
    ProjectedSource = "VolumeProjection" {
        config_map: Option<ConfigMapVolume> = "configMap", Honoured;
        secret: Option<SecretProjection> = "secret", Honoured;
        downward_api: Option<DownwardApiVolume> = "downwardAPI", Emulated(OF_SANDBOX);
        service_account_token: Option<ServiceAccountToken> = "serviceAccountToken", Emulated("an empty file: there is no API server to issue a token");
        cluster_trust_bundle: Option<Value> = "clusterTrustBundle", Refused("needs a cluster");
        pod_certificate: Option<Value> = "podCertificate", Refused("needs a cluster");
    }

    /// A Secret inside a projected volume.
    SecretProjection = "SecretProjection" {
        name: String = "name", Honoured;
        items: Vec<KeyToPath> = "items", Honoured;
        optional: bool = "optional", Honoured;
    }

    /// A token of the service account.
    ServiceAccountToken = "ServiceAccountTokenProjection" {
        audience: String = "audience", NoEffect("no token is issued");
        expiration_seconds: i64 = "expirationSeconds", NoEffect("no token is issued");
        path: String = "path", Honoured;
    }

    /// Fields of the pod as files.
    DownwardApiVolume = "DownwardAPIVolumeSource" {
        items: Vec<DownwardApiFile> = "items", Honoured;
        default_mode: Option<i64> = "defaultMode", Honoured;
    }

    /// One field of the pod as a file.
    DownwardApiFile = "DownwardAPIVolumeFile" {
        path: String = "path", Honoured;
        field_ref: Option<FieldSelector> = "fieldRef", Honoured;
        resource_field_ref: Option<ResourceFieldSelector> = "resourceFieldRef", Refused("a volume belongs to no single step; use env with resourceFieldRef");
        mode: Option<i64> = "mode", Honoured;
    }

    /// A claim by name.
    ClaimVolume = "PersistentVolumeClaimVolumeSource" {
        claim_name: String = "claimName", Honoured;
        read_only: bool = "readOnly", Honoured;
    }

    /// A volume of a CSI driver.
    CsiVolume = "CSIVolumeSource" {
        driver: String = "driver", Refused("a CSI driver needs a cluster");
        read_only: bool = "readOnly", Refused("a CSI driver needs a cluster");
        fs_type: String = "fsType", Refused("a CSI driver needs a cluster");
        volume_attributes: BTreeMap<String, String> = "volumeAttributes", Refused("a CSI driver needs a cluster");
        node_publish_secret_ref: Option<LocalObjectReference> = "nodePublishSecretRef", Refused("a CSI driver needs a cluster");
    }

    /// The name of an object beside this one.
    LocalObjectReference = "LocalObjectReference" {
        name: String = "name", Honoured;
    }

    /// What every pod of a run has in common.
    PodTemplate = "Template" {
        env: Vec<EnvVar> = "env", Honoured;
        volumes: Vec<Volume> = "volumes", Honoured;
        security_context: Option<PodSecurityContext> = "securityContext", Honoured;
        host_aliases: Vec<HostAlias> = "hostAliases", Emulated(WHOLE_SANDBOX);
        dns_policy: String = "dnsPolicy", NoEffect("names are resolved by the engine");
        dns_config: Option<DnsConfig> = "dnsConfig", Emulated(WHOLE_SANDBOX);
        host_network: bool = "hostNetwork", Emulated(WHOLE_SANDBOX);
        image_pull_secrets: Vec<LocalObjectReference> = "imagePullSecrets", Honoured;
        host_users: Option<bool> = "hostUsers", NoEffect("user namespaces are the engine's setting");
        node_selector: BTreeMap<String, String> = "nodeSelector", NoEffect(ONE_MACHINE);
        tolerations: Vec<Value> = "tolerations", NoEffect(ONE_MACHINE);
        affinity: Option<Value> = "affinity", NoEffect(ONE_MACHINE);
        runtime_class_name: String = "runtimeClassName", NoEffect("the engine's default runtime is used");
        automount_service_account_token: Option<bool> = "automountServiceAccountToken", NoEffect("no token is mounted");
        enable_service_links: Option<bool> = "enableServiceLinks", NoEffect("there are no services");
        priority_class_name: String = "priorityClassName", NoEffect(ONE_MACHINE);
        scheduler_name: String = "schedulerName", NoEffect(ONE_MACHINE);
        topology_spread_constraints: Vec<Value> = "topologySpreadConstraints", NoEffect(ONE_MACHINE);
    }

    /// Security settings of all containers of a pod.
    PodSecurityContext = "PodSecurityContext" {
        run_as_user: Option<i64> = "runAsUser", Honoured;
        run_as_group: Option<i64> = "runAsGroup", Honoured;
        run_as_non_root: Option<bool> = "runAsNonRoot", Honoured;
        supplemental_groups: Vec<i64> = "supplementalGroups", Honoured;
        supplemental_groups_policy: String = "supplementalGroupsPolicy", NoEffect("groups of the image are kept");
        fs_group: Option<i64> = "fsGroup", Honoured;
        fs_group_change_policy: String = "fsGroupChangePolicy", NoEffect("ownership is set when the directory is made");
        sysctls: Vec<Sysctl> = "sysctls", Emulated(WHOLE_SANDBOX);
        seccomp_profile: Option<SeccompProfile> = "seccompProfile", Emulated(PROFILE);
        app_armor_profile: Option<SeccompProfile> = "appArmorProfile", Emulated(PROFILE);
        se_linux_options: Option<SeLinuxOptions> = "seLinuxOptions", Honoured;
        se_linux_change_policy: String = "seLinuxChangePolicy", NoEffect("volumes are not relabelled");
        windows_options: Option<Value> = "windowsOptions", NoEffect("containers are Linux's here");
    }

    /// A kernel setting.
    Sysctl = "Sysctl" {
        name: String = "name", Honoured;
        value: String = "value", Honoured;
    }

    /// An entry of `/etc/hosts`.
    HostAlias = "HostAlias" {
        ip: String = "ip", Honoured;
        hostnames: Vec<String> = "hostnames", Honoured;
    }

    /// Name resolution.
    DnsConfig = "PodDNSConfig" {
        nameservers: Vec<String> = "nameservers", Honoured;
        searches: Vec<String> = "searches", Honoured;
        options: Vec<DnsOption> = "options", Honoured;
    }

    /// One option of the resolver.
    DnsOption = "PodDNSConfigOption" {
        name: String = "name", Honoured;
        value: Option<String> = "value", Honoured;
    }

    /// A PersistentVolumeClaim, as a document or as a template.
    PersistentVolumeClaim = "PersistentVolumeClaim" {
        api_version: String = "apiVersion", Honoured;
        kind: String = "kind", Honoured;
        metadata: ObjectMeta = "metadata", Honoured;
        spec: Option<ClaimSpec> = "spec", NoEffect(NO_STORAGE);
        status: Option<Value> = "status", NoEffect(NO_CLUSTER);
    }

    /// The storage a claim asks for.
    ClaimSpec = "PersistentVolumeClaimSpec" {
        access_modes: Vec<String> = "accessModes", NoEffect(NO_STORAGE);
        selector: Option<Value> = "selector", NoEffect(NO_STORAGE);
        resources: ClaimResources = "resources", NoEffect(NO_STORAGE);
        volume_name: String = "volumeName", NoEffect(NO_STORAGE);
        storage_class_name: Option<String> = "storageClassName", NoEffect(NO_STORAGE);
        volume_mode: String = "volumeMode", NoEffect(NO_STORAGE);
        data_source: Option<Value> = "dataSource", NoEffect(NO_STORAGE);
        data_source_ref: Option<Value> = "dataSourceRef", NoEffect(NO_STORAGE);
        volume_attributes_class_name: Option<String> = "volumeAttributesClassName", NoEffect(NO_STORAGE);
    }

    /// The size a claim asks for.
    ClaimResources = "VolumeResourceRequirements" {
        limits: BTreeMap<String, Scalar> = "limits", NoEffect(NO_STORAGE);
        requests: BTreeMap<String, Scalar> = "requests", NoEffect(NO_STORAGE);
    }

    /// Configuration as key and value.
    ConfigMap = "ConfigMap" {
        api_version: String = "apiVersion", Honoured;
        kind: String = "kind", Honoured;
        metadata: ObjectMeta = "metadata", Honoured;
        data: BTreeMap<String, String> = "data", Honoured;
        binary_data: BTreeMap<String, String> = "binaryData", Honoured;
        immutable: Option<bool> = "immutable", NoEffect(NO_CLUSTER);
    }

    /// Confidential key and value.
    Secret = "Secret" {
        api_version: String = "apiVersion", Honoured;
        kind: String = "kind", Honoured;
        metadata: ObjectMeta = "metadata", Honoured;
        secret_type: String = "type", Honoured;
        data: BTreeMap<String, String> = "data", Honoured;
        string_data: BTreeMap<String, String> = "stringData", Honoured;
        immutable: Option<bool> = "immutable", NoEffect(NO_CLUSTER);
    }

    /// The identity a run has.
    ServiceAccount = "ServiceAccount" {
        api_version: String = "apiVersion", Honoured;
        kind: String = "kind", Honoured;
        metadata: ObjectMeta = "metadata", Honoured;
        secrets: Vec<LocalObjectReference> = "secrets", Honoured;
        image_pull_secrets: Vec<LocalObjectReference> = "imagePullSecrets", Honoured;
        automount_service_account_token: Option<bool> = "automountServiceAccountToken", NoEffect("no token is mounted");
    }
}

impl ResourceRequirements {
    /// These, and those of `own` above them, resource by resource.
    #[must_use]
    pub fn overridden_by(&self, own: &Self) -> Self {
        let above = |base: &BTreeMap<String, Scalar>, own: &BTreeMap<String, Scalar>| {
            let mut all = base.clone();
            all.extend(own.clone());
            all
        };
        Self {
            limits: above(&self.limits, &own.limits),
            requests: above(&self.requests, &own.requests),
            claims: own.claims.clone(),
        }
    }
}
