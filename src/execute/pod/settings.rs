//! What the pods of a run ask of the one sandbox that stands for all of them.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::Diagnostic;
use crate::execute::prestart::upcoming;
use crate::plan::{Body, Job, Plan, PlannedTask};
use crate::sandbox::SandboxSpec;
use crate::spec::PodTemplate;
use crate::spec::core::DnsConfig;
use crate::substitution::references;

const HOST_ALIASES: &str = "hostAliases";
const DNS_CONFIG: &str = "dnsConfig";
const HOST_NETWORK: &str = "hostNetwork";
const SYSCTLS: &str = "securityContext.sysctls";

/// What is to be said of a pod template, before the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodFinding {
    /// The task it is the template of.
    pub task: String,
    /// The field of the template.
    pub field: &'static str,
    /// What is to be said, without its place.
    pub diagnostic: Diagnostic,
}

/// The settings of a pod template that a sandbox has once.
#[derive(Debug, Clone, PartialEq, Default)]
struct PodSettings {
    hosts: BTreeMap<String, BTreeSet<String>>,
    dns: Option<DnsConfig>,
    host_network: bool,
    sysctls: BTreeMap<String, String>,
}

impl PodSettings {
    fn of(pod: &PodTemplate) -> Self {
        let mut hosts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for alias in &pod.host_aliases {
            for name in &alias.hostnames {
                let addresses = hosts.entry(name.clone()).or_default();
                addresses.insert(alias.ip.clone());
            }
        }
        let sysctls = pod.security_context.iter();
        Self {
            hosts,
            dns: pod.dns_config.clone(),
            host_network: pod.host_network,
            sysctls: sysctls
                .flat_map(|context| &context.sysctls)
                .map(|sysctl| (sysctl.name.clone(), sysctl.value.clone()))
                .collect(),
        }
    }

    /// The texts of each field, which may hold references.
    fn texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let hosts = self.hosts.iter().flat_map(|(name, addresses)| {
            let texts = addresses.iter().chain([name]);
            texts.map(|text| (HOST_ALIASES, text.as_str()))
        });
        let dns = self.dns.iter().flat_map(|dns| {
            let options = dns.options.iter();
            let options = options.flat_map(|option| option.value.iter().chain([&option.name]));
            let texts = dns.nameservers.iter().chain(&dns.searches).chain(options);
            texts.map(|text| (DNS_CONFIG, text.as_str()))
        });
        let sysctls = self.sysctls.iter();
        let sysctls =
            sysctls.flat_map(|(name, value)| [(SYSCTLS, name.as_str()), (SYSCTLS, value.as_str())]);
        hosts.chain(dns).chain(sysctls)
    }

    /// A reference that has no value yet, and its field.
    fn unsettled(&self) -> Option<(&'static str, String)> {
        let mut texts = self.texts();
        texts.find_map(|(field, text)| {
            let reference = references(text).into_iter().next()?;
            Some((field, reference.to_owned()))
        })
    }
}

/// What must or should be said of the pod templates of a run: the sandbox is made before the
/// first task starts, and once for all of them.
pub fn pod_findings(job: &Job) -> Vec<PodFinding> {
    let settings = settings(job);
    let mut found = Vec::new();
    for (task, settings) in &settings {
        if let Some((field, reference)) = settings.unsettled() {
            let message = format!(
                "{field} of task \"{task}\" depends on $({reference}), which is not known before \
                 the start, when the one sandbox of all tasks is made"
            );
            found.push(finding(task, field, Diagnostic::error(message)));
        }
    }
    found.extend(clashes(&settings));
    found.extend(shared_network(&settings));
    found
}

/// Puts into the specification of the sandbox what the pods ask for.
pub(crate) fn apply(job: &Job, spec: &mut SandboxSpec) {
    for (_, settings) in settings(job) {
        for (name, addresses) in settings.hosts {
            for address in addresses {
                let entry = (name.clone(), address);
                if !spec.hosts.contains(&entry) {
                    spec.hosts.push(entry);
                }
            }
        }
        if let Some(dns) = settings.dns {
            spec.dns = dns.nameservers;
            spec.dns_search = dns.searches;
            let options = dns.options.into_iter();
            spec.dns_options = options
                .map(|option| match option.value {
                    Some(value) => format!("{}:{value}", option.name),
                    None => option.name,
                })
                .collect();
        }
        spec.host_network |= settings.host_network;
        spec.sysctls.extend(settings.sysctls);
    }
}

fn finding(task: &str, field: &'static str, diagnostic: Diagnostic) -> PodFinding {
    PodFinding {
        task: task.to_owned(),
        field,
        diagnostic,
    }
}

/// What each task asks for, one that differs from TaskRun to TaskRun several times.
fn settings(job: &Job) -> Vec<(String, PodSettings)> {
    match job {
        Job::Task(request) => {
            let settings = PodSettings::of(&request.overrides.pod_template);
            vec![(request.pipeline_task.clone(), settings)]
        }
        Job::Pipeline(plan) => {
            let mut found: Vec<(String, PodSettings)> = Vec::new();
            for (index, task) in plan.tasks.iter().enumerate() {
                if plan.reuse.disabled(&task.name).is_some() {
                    continue;
                }
                for settings in of_task(plan, index, task) {
                    let entry = (task.name.clone(), settings);
                    if !found.contains(&entry) {
                        found.push(entry);
                    }
                }
            }
            found
        }
    }
}

/// What a task asks for, with the values its params have as far as they are known.
fn of_task(plan: &Plan, index: usize, task: &PlannedTask) -> Vec<PodSettings> {
    let written = PodSettings::of(&task.overrides.pod_template);
    let Body::Task(resolved) = &task.body else {
        return vec![written];
    };
    if written.unsettled().is_none() {
        return vec![written];
    }
    let drafts = upcoming::of_task(plan, index, resolved).into_iter();
    drafts
        .map(|draft| PodSettings::of(&draft.request.overrides.pod_template))
        .collect()
}

/// Different values for what there is once.
fn clashes(settings: &[(String, PodSettings)]) -> Vec<PodFinding> {
    let mut found = Vec::new();
    let mut dns: Option<(&str, &DnsConfig)> = None;
    let mut hosts: BTreeMap<&str, (&str, &BTreeSet<String>)> = BTreeMap::new();
    let mut sysctls: BTreeMap<&str, (&str, &String)> = BTreeMap::new();
    for (task, settings) in settings {
        if let Some(own) = &settings.dns {
            let (first, value) = *dns.get_or_insert((task, own));
            if value != own {
                let what = "different name servers, searches or options";
                found.push(clash(task, DNS_CONFIG, first, what));
            }
        }
        for (name, own) in &settings.hosts {
            let (first, value) = *hosts.entry(name).or_insert((task, own));
            if value != own {
                let what = format!("{name} at {}, and at {}", listed(value), listed(own));
                found.push(clash(task, HOST_ALIASES, first, &what));
            }
        }
        for (name, own) in &settings.sysctls {
            let (first, value) = *sysctls.entry(name).or_insert((task, own));
            if value != own {
                let what = format!("{name} to be {value}, and to be {own}");
                found.push(clash(task, SYSCTLS, first, &what));
            }
        }
    }
    found
}

fn listed(addresses: &BTreeSet<String>) -> String {
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    addresses.join(" and ")
}

fn clash(task: &str, field: &'static str, first: &str, what: &str) -> PodFinding {
    let who = if task == first {
        format!("the TaskRuns of task \"{task}\"")
    } else {
        format!("tasks \"{first}\" and \"{task}\"")
    };
    let message = format!("{who} need {what}, but all tasks of a run share one sandbox");
    let hint = "use the same value for both, or disable one of them with --disable";
    finding(task, field, Diagnostic::error(message).hint(hint))
}

/// Tasks that get the network of the host without asking for it.
fn shared_network(settings: &[(String, PodSettings)]) -> Option<PodFinding> {
    let (with, without): (Vec<_>, Vec<_>) = settings.iter().partition(|(_, own)| own.host_network);
    let (task, _) = with.first()?;
    let others: BTreeSet<&str> = without.iter().map(|(task, _)| task.as_str()).collect();
    let others: Vec<&str> = others.into_iter().collect();
    (!others.is_empty()).then(|| {
        let message = format!(
            "hostNetwork of task \"{task}\" also applies to these: {}",
            others.join(", ")
        );
        finding(task, HOST_NETWORK, Diagnostic::notice(message))
    })
}
