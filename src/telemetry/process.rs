//! What the system says of the process itself, asked for at each scrape. What it does not say is left out.
//!
//! The names are those that Prometheus's own clients use.

use std::fmt;

use procfs::process::{LimitValue, Process, Stat};
use procfs::{ProcResult, WithCurrentSystemInfo};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::{MetricType, TypedMetric};

/// Reads `/proc/self`.
#[derive(Debug)]
pub(super) struct ProcessCollector;

impl Collector for ProcessCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Ok(process) = Process::myself() else { return Ok(()) };
        if let Ok(stat) = process.stat() {
            gauge(&mut encoder, START, started_at(&stat).ok())?;
            counter(&mut encoder, CPU, cpu_seconds(&stat))?;
            gauge(&mut encoder, MEMORY, Some(stat.rss_bytes().get()))?;
        }
        gauge(&mut encoder, OPEN, process.fd_count().ok().map(|count| count as u64))?;
        gauge(&mut encoder, MAX_OPEN, max_open(&process))
    }
}

/// A name and its help.
type Described = (&'static str, &'static str);

const START: Described = ("process_start_time_seconds", "When the process started, since the epoch.");
const CPU: Described =
    ("process_cpu_seconds", "Time that the processors spent on it, in user and system mode.");
const MEMORY: Described = ("process_resident_memory_bytes", "Its resident memory.");
const OPEN: Described = ("process_open_fds", "File descriptors that it has open.");
const MAX_OPEN: Described = ("process_max_fds", "File descriptors that it may have open.");

fn started_at(stat: &Stat) -> ProcResult<f64> {
    let after_boot = stat.starttime as f64 / procfs::ticks_per_second() as f64;
    Ok(procfs::boot_time_secs()? as f64 + after_boot)
}

fn cpu_seconds(stat: &Stat) -> f64 {
    (stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64
}

fn max_open(process: &Process) -> Option<u64> {
    match process.limits().ok()?.max_open_files.soft_limit {
        LimitValue::Value(count) => Some(count),
        LimitValue::Unlimited => None,
    }
}

fn gauge<N: EncodeGaugeValue>(
    encoder: &mut DescriptorEncoder<'_>,
    described: Described,
    value: Option<N>,
) -> fmt::Result {
    let Some(value) = value else { return Ok(()) };
    let (name, help) = described;
    let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
    ConstGauge::new(value).encode(metric)
}

fn counter<N: EncodeCounterValue>(
    encoder: &mut DescriptorEncoder<'_>,
    described: Described,
    value: N,
) -> fmt::Result {
    let (name, help) = described;
    let metric = encoder.encode_descriptor(name, help, None, ConstCounter::<N>::TYPE)?;
    ConstCounter::new(value).encode(metric)
}
