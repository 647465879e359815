//! Metrics in the format of Prometheus.

use std::{sync::OnceLock, time::Duration};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();
/// How often samples of histograms are summed up; they would pile up between two visits of a collector.
const UPKEEP: Duration = Duration::from_secs(5);

/// Keeps every metric of this process from now on, once.
pub(crate) fn keep() {
    let mut first = None;
    METRICS.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        first = Some(handle.clone());
        // A recorder that somebody else has set stays; then `/metrics` tells what it is told itself.
        let _ = metrics::set_global_recorder(recorder);
        handle
    });
    if let (Some(handle), Ok(runtime)) = (first, tokio::runtime::Handle::try_current()) {
        runtime.spawn(async move {
            let mut ticks = tokio::time::interval(UPKEEP);
            loop {
                ticks.tick().await;
                handle.run_upkeep();
            }
        });
    }
}

/// Everything that is known, as text.
pub(crate) fn render() -> String {
    METRICS.get().map(PrometheusHandle::render).unwrap_or_default()
}
