//! The metrics that are taken from a page of which nothing was chosen: use of the processor and of memory, of
//! containers and GPUs, queues of model servers, and what the reference load balancer says of itself and of its learned
//! policy.
//!
//! Names: Prometheus' client libraries (`process_*`), cAdvisor (`container_*`), NVIDIA's DCGM exporter (`DCGM_FI_*`),
//! node_exporter (`node_*`), Micrometer (`system_cpu_usage`, `jvm_*`, `http_server_*`), vLLM (`vllm:*`), Triton
//! (`nv_inference_*`), text-generation-inference (`tgi_*`), Ray Serve (`ray_serve_*`).

use crate::selector::Selector;
use crate::wanted::{Measure, Wanted};

/// The most series of a well-known quantity, such as the containers of a page.
const MOST: usize = 8;

/// A quantity by the selectors of its metrics.
enum Of {
    /// The sum of a gauge.
    Level(&'static str),
    /// The growth of a counter per second.
    Rate(&'static str),
    /// The growth of `.0` over that of `.1`.
    Share(&'static str, &'static str),
    /// The mean of a histogram or summary with this name, times a factor.
    Mean(&'static str, f64),
}

/// Name, source, unit, and the labels that tell series apart.
type Known = (&'static str, Of, &'static str, &'static [&'static str]);

const CONTAINER: &[&str] = &["namespace", "pod", "container", "name"];
const POD: &[&str] = &["pod_name"];
const GPU: &[&str] = &["gpu"];
const MODEL: &[&str] = &["model_name", "model"];

const KNOWN: [Known; 38] = [
    ("cpu", Of::Rate("process_cpu_seconds_total"), "cores", &[]),
    ("memory", Of::Level("process_resident_memory_bytes"), "bytes", &[]),
    ("cpu use", Of::Level("system_cpu_usage"), "share", &[]),
    ("heap", Of::Level("jvm_memory_used_bytes{area=\"heap\"}"), "bytes", &[]),
    ("container cpu", Of::Rate("container_cpu_usage_seconds_total"), "cores", CONTAINER),
    ("container memory", Of::Level("container_memory_working_set_bytes"), "bytes", CONTAINER),
    ("load", Of::Level("node_load1"), "", &[]),
    ("available memory", Of::Level("node_memory_MemAvailable_bytes"), "bytes", &[]),
    ("gpu memory", Of::Level("DCGM_FI_DEV_FB_USED"), "MiB", GPU),
    ("gpu use", Of::Level("DCGM_FI_DEV_GPU_UTIL"), "%", GPU),
    ("gpu memory", Of::Level("nv_gpu_memory_used_bytes"), "bytes", &["gpu_uuid"]),
    ("gpu use", Of::Level("nv_gpu_utilization"), "share", &["gpu_uuid"]),
    ("queue", Of::Level("vllm:num_requests_waiting"), "requests", MODEL),
    ("running", Of::Level("vllm:num_requests_running"), "requests", MODEL),
    ("inference", Of::Mean("vllm:e2e_request_latency_seconds", 1e3), "ms", MODEL),
    ("queue", Of::Level("nv_inference_pending_request_count"), "requests", MODEL),
    ("inference", Of::Share("nv_inference_request_duration_us", "nv_inference_request_success"), "µs", MODEL),
    ("queue", Of::Level("tgi_queue_size"), "requests", &[]),
    ("inference", Of::Mean("tgi_request_duration", 1e3), "ms", &[]),
    ("queue", Of::Level("ray_serve_deployment_queued_queries"), "requests", &["deployment"]),
    ("queue", Of::Level("model_queue_size"), "requests", MODEL),
    ("queue", Of::Level("inference_queue_size"), "requests", MODEL),
    ("queue", Of::Level("queue_size"), "requests", &[]),
    ("inference", Of::Mean("model_inference_duration_seconds", 1e3), "ms", MODEL),
    ("inference", Of::Mean("inference_latency_seconds", 1e3), "ms", MODEL),
    ("active requests", Of::Level("http_server_requests_active"), "requests", &[]),
    ("service time", Of::Mean("http_server_requests_seconds", 1e3), "ms", &[]),
    ("connections", Of::Level("lb_active_connections"), "", &[]),
    ("requests", Of::Rate("lb_proxy_requests_total"), "1/s", &[]),
    ("errors", Of::Rate("lb_proxy_errors_total"), "1/s", &[]),
    ("time in the load balancer", Of::Mean("lb_proxy_request_duration_seconds", 1e3), "ms", &[]),
    ("in flight", Of::Level("lb_pod_active_requests"), "requests", POD),
    ("fallback share of rl", Of::Share("rl_fallback_total", "rl_decisions_total"), "share", &[]),
    ("decisions of rl", Of::Rate("rl_decisions_total"), "1/s", &[]),
    ("time of a decision of rl", Of::Mean("rl_decision_duration_seconds", 1e6), "µs", &[]),
    ("health of rl", Of::Level("rl_agent_health"), "", &[]),
    ("confidence of rl", Of::Level("rl_confidence_score"), "", &[]),
    ("failed feedback of rl", Of::Rate("rl_feedback_failed_total"), "1/s", &[]),
];

/// Returns the quantities that are taken from a page of which nothing was chosen. `label` names the target and comes
/// before each name.
pub fn well_known(label: &str) -> Vec<Wanted> {
    let selector = |text: &str| text.parse::<Selector>().expect("the table holds selectors");
    let of = |(name, of, unit, by): &Known| {
        let measure = match *of {
            Of::Level(metric) => Measure::Sum { of: selector(metric), rate: Some(false) },
            Of::Rate(metric) => Measure::Sum { of: selector(metric), rate: Some(true) },
            Of::Share(part, whole) => {
                Measure::Quotient { part: selector(part), whole: selector(whole), factor: 1.0 }
            }
            Of::Mean(metric, factor) => Measure::Quotient {
                part: selector(&format!("{metric}_sum")),
                whole: selector(&format!("{metric}_count")),
                factor,
            },
        };
        Wanted {
            name: format!("{label} {name}"),
            unit: Some(unit),
            measure,
            by: by.iter().map(|&label| label.to_owned()).collect(),
            most: MOST,
            is_expected: false,
        }
    };
    KNOWN.iter().map(of).collect()
}
