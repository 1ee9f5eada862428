//! Writes metrics as OpenTelemetry's OTLP over HTTP sends them in JSON: an `ExportMetricsServiceRequest`.
//!
//! Protobuf's JSON mapping writes 64-bit integers as strings, and enumerations as numbers (OpenTelemetry Protocol
//! Specification 1.5, "JSON Protobuf Encoding"). All sums and histograms are cumulative since the load began.

use crate::families::{Family, Kind, Point, Value};
use serde::Serialize;

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: u8 = 2;

/// What sends the metrics.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    /// The version of the program.
    pub version: &'a str,
    /// The name of the run, which distinguishes it from others.
    pub instance: &'a str,
}

/// The times of an export, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// When the load began.
    pub start: u64,
    /// When the metrics were read.
    pub now: u64,
}

/// Writes the families that have values as the body of a request to `/v1/metrics`.
pub fn export_request(families: &[Family], resource: Resource<'_>, times: Times) -> String {
    let metrics = families.iter().filter(|family| !family.points.is_empty());
    let request = Request {
        resource_metrics: [ResourceMetrics {
            resource: ResourceAttributes {
                attributes: vec![
                    Attribute::new("service.name", "lbbench"),
                    Attribute::new("service.version", resource.version),
                    Attribute::new("service.instance.id", resource.instance),
                ],
            },
            scope_metrics: [ScopeMetrics {
                scope: Scope { name: "lbbench", version: resource.version },
                metrics: metrics.map(|family| Metric::of(family, times)).collect(),
            }],
        }],
    };
    serde_json::to_string(&request).expect("strings and numbers can be written as JSON")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    resource_metrics: [ResourceMetrics<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceMetrics<'a> {
    resource: ResourceAttributes<'a>,
    scope_metrics: [ScopeMetrics<'a>; 1],
}

#[derive(Serialize)]
struct ResourceAttributes<'a> {
    attributes: Vec<Attribute<'a>>,
}

#[derive(Serialize)]
struct ScopeMetrics<'a> {
    scope: Scope<'a>,
    metrics: Vec<Metric<'a>>,
}

#[derive(Serialize)]
struct Scope<'a> {
    name: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct Attribute<'a> {
    key: &'a str,
    value: AnyValue<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AnyValue<'a> {
    string_value: &'a str,
}

#[derive(Serialize)]
struct Metric<'a> {
    name: &'a str,
    description: &'a str,
    unit: &'a str,
    #[serde(flatten)]
    data: Data<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Data<'a> {
    #[serde(rename_all = "camelCase")]
    Gauge { data_points: Vec<NumberPoint<'a>> },
    #[serde(rename_all = "camelCase")]
    Sum { data_points: Vec<NumberPoint<'a>>, aggregation_temporality: u8, is_monotonic: bool },
    #[serde(rename_all = "camelCase")]
    Histogram { data_points: Vec<HistogramPoint<'a>>, aggregation_temporality: u8 },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NumberPoint<'a> {
    attributes: Vec<Attribute<'a>>,
    start_time_unix_nano: String,
    time_unix_nano: String,
    #[serde(flatten)]
    value: Number,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Number {
    AsInt(String),
    AsDouble(f64),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HistogramPoint<'a> {
    attributes: Vec<Attribute<'a>>,
    start_time_unix_nano: String,
    time_unix_nano: String,
    count: String,
    sum: f64,
    bucket_counts: Vec<String>,
    explicit_bounds: &'a [f64],
}

impl<'a> Attribute<'a> {
    fn new(key: &'a str, value: &'a str) -> Self {
        Self { key, value: AnyValue { string_value: value } }
    }

    fn all(point: &'a Point) -> Vec<Self> {
        point.labels.iter().map(|(name, value)| Self::new(name, value)).collect()
    }
}

impl<'a> Metric<'a> {
    fn of(family: &'a Family, times: Times) -> Self {
        let numbers = || family.points.iter().filter_map(|point| NumberPoint::of(point, times)).collect();
        let data = match family.kind {
            Kind::Gauge => Data::Gauge { data_points: numbers() },
            Kind::Counter => {
                Data::Sum { data_points: numbers(), aggregation_temporality: CUMULATIVE, is_monotonic: true }
            }
            Kind::Histogram => Data::Histogram {
                data_points: family.points.iter().filter_map(|point| HistogramPoint::of(point, times)).collect(),
                aggregation_temporality: CUMULATIVE,
            },
        };
        Self { name: family.dotted, description: family.help, unit: family.unit, data }
    }
}

impl<'a> NumberPoint<'a> {
    fn of(point: &'a Point, times: Times) -> Option<Self> {
        let value = match point.value {
            Value::Count(count) => Number::AsInt(count.to_string()),
            Value::Number(number) => Number::AsDouble(number),
            Value::Histogram { .. } => return None,
        };
        Some(Self {
            attributes: Attribute::all(point),
            start_time_unix_nano: times.start.to_string(),
            time_unix_nano: times.now.to_string(),
            value,
        })
    }
}

impl<'a> HistogramPoint<'a> {
    fn of(point: &'a Point, times: Times) -> Option<Self> {
        let Value::Histogram { bounds, counts, sum } = &point.value else { return None };
        Some(Self {
            attributes: Attribute::all(point),
            start_time_unix_nano: times.start.to_string(),
            time_unix_nano: times.now.to_string(),
            count: counts.iter().sum::<u64>().to_string(),
            sum: *sum,
            bucket_counts: counts.iter().map(u64::to_string).collect(),
            explicit_bounds: bounds,
        })
    }
}
