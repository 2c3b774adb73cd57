//! Probes of sidecars, as a kubelet makes them.

use std::time::Duration;

use crate::sandbox::{Control, Probe};
use crate::spec::core::Probe as ProbeSpec;
use crate::spec::task::Sidecar;

/// Checks made in quick succession before the period of the probe is kept to.
const QUICK_CHECKS: u32 = 50;
/// The time between two quick checks.
const QUICK: Duration = Duration::from_millis(100);

/// A probe and its rhythm. Kubernetes' defaults: a period of 10 s, a timeout of 1 s, one success,
/// three failures.
#[derive(Debug, Clone)]
pub(crate) struct Check {
    probe: Probe,
    initial_delay: Duration,
    period: Duration,
    timeout: Duration,
    successes: u32,
    failures: u32,
}

impl Check {
    /// The check a sidecar asks for; `None` for a probe that checks nothing.
    pub(crate) fn new(spec: &ProbeSpec, sidecar: &Sidecar) -> Option<Self> {
        let positive = |value: i64, default: u32| {
            u32::try_from(value)
                .ok()
                .filter(|value| *value > 0)
                .unwrap_or(default)
        };
        let seconds =
            |value: i64, default: u32| Duration::from_secs(u64::from(positive(value, default)));
        Some(Self {
            probe: probe(spec, sidecar)?,
            initial_delay: seconds(spec.initial_delay_seconds, 0),
            period: seconds(spec.period_seconds, 10),
            timeout: seconds(spec.timeout_seconds, 1),
            successes: positive(spec.success_threshold, 1),
            failures: positive(spec.failure_threshold, 3),
        })
    }

    /// The time a startup probe gives before its container is killed.
    pub(crate) fn patience(&self) -> Duration {
        self.initial_delay + self.period * self.failures
    }

    async fn passes<C: Control>(&self, control: &C) -> bool {
        control.probe(self.probe.clone(), self.timeout).await
    }

    /// Ends when it has passed often enough. A kubelet would look again only after the period;
    /// nothing is lost by looking sooner while the sidecar is starting.
    pub(crate) async fn until_passed<C: Control>(&self, control: impl Fn() -> C + Send) {
        tokio::time::sleep(self.initial_delay).await;
        let mut passed = 0;
        let mut quick = QUICK_CHECKS;
        loop {
            let now = control();
            passed = if self.passes(&now).await {
                passed + 1
            } else {
                0
            };
            if passed >= self.successes {
                return;
            }
            let pause = if quick > 0 {
                QUICK.min(self.period)
            } else {
                self.period
            };
            quick = quick.saturating_sub(1);
            tokio::time::sleep(pause).await;
        }
    }

    /// Ends when it has failed too often in a row.
    pub(crate) async fn until_failed<C: Control>(&self, control: &C) {
        tokio::time::sleep(self.initial_delay).await;
        let mut failed = 0;
        loop {
            failed = if self.passes(control).await {
                0
            } else {
                failed + 1
            };
            if failed >= self.failures {
                return;
            }
            tokio::time::sleep(self.period).await;
        }
    }
}

fn probe(spec: &ProbeSpec, sidecar: &Sidecar) -> Option<Probe> {
    let port = |scalar: &crate::spec::Scalar| {
        let named = sidecar
            .ports
            .iter()
            .find(|port| port.name == scalar.0)
            .map(|port| port.container_port);
        scalar
            .0
            .parse::<u16>()
            .ok()
            .or_else(|| u16::try_from(named?).ok())
    };
    let host = |host: &String| {
        if host.is_empty() {
            "127.0.0.1".to_owned()
        } else {
            host.clone()
        }
    };
    if let Some(exec) = &spec.exec {
        return Some(Probe::Exec(exec.command.clone()));
    }
    if let Some(http) = &spec.http_get {
        let port = port(&http.port)?;
        if http.scheme.eq_ignore_ascii_case("https") {
            return Some(Probe::Tcp {
                host: host(&http.host),
                port,
            });
        }
        let path = if http.path.starts_with('/') {
            http.path.clone()
        } else {
            format!("/{}", http.path)
        };
        let headers = http
            .http_headers
            .iter()
            .map(|header| (header.name.clone(), header.value.clone()))
            .collect();
        return Some(Probe::Http {
            host: host(&http.host),
            port,
            path,
            headers,
        });
    }
    let tcp = spec.tcp_socket.as_ref()?;
    Some(Probe::Tcp {
        host: host(&tcp.host),
        port: port(&tcp.port)?,
    })
}
