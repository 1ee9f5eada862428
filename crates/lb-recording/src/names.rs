//! What programs call the parts of a request in JSON objects, in columns and in formats of logs.

use crate::row::{Draft, Upstream, with_unit};
use crate::stamp;
use std::borrow::Cow;

/// The meaning of a part of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field {
    /// A time; its text tells how it is written.
    Time,
    /// A date and a time of day in two parts.
    Date,
    TimeOfDay,
    Method,
    /// Path with query, or URL.
    Url,
    /// A path whose query, if there is one, is elsewhere.
    Path,
    Query,
    /// The whole request line.
    Request,
    Host,
    Client,
    Forwarded,
    User,
    Agent,
    Status,
    Bytes,
    /// A duration in units of so many nanoseconds, or [`UNSURE`]; a unit beside the number goes first.
    Duration(u64),
    Upstream(Upstream),
}

const SECOND: u64 = 1_000_000_000;
const MILLISECOND: u64 = 1_000_000;
/// Programs that count in whole numbers count milliseconds; those that write fractions write seconds.
const UNSURE: u64 = 0;

/// Returns the meaning of a name, whatever its case and separators: `$request_time`, `requestTime`, `request-time`.
pub(crate) fn field_of(name: &str) -> Option<Field> {
    let mut plain = String::with_capacity(name.len());
    plain.extend(name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()));
    Some(match plain.as_str() {
        "time" | "timestamp" | "ts" | "datetime" | "timelocal" | "timeiso8601" | "msec" | "starttime"
        | "startutc" | "startlocal" | "starteddatetime" | "requesttimestamp" | "timegenerated" => Field::Time,
        "method" | "requestmethod" | "httpmethod" | "verb" | "csmethod" | "requesttype" => Field::Method,
        "url" | "requesturl" | "requesturi" | "endpoint" | "target" | "httptarget" | "csuri" => Field::Url,
        "uri" | "path" | "requestpath" | "csuristem" | "documenturi" => Field::Path,
        "args" | "querystring" | "query" | "csuriquery" => Field::Query,
        "request" | "requestline" | "requestfirstline" => Field::Request,
        "host" | "httphost" | "requesthost" | "servername" | "vhost" | "authority" | "cshost"
        | "xhostheader" => Field::Host,
        "remoteaddr"
        | "clientip"
        | "remoteip"
        | "client"
        | "ip"
        | "clientaddr"
        | "clienthost"
        | "remotehost"
        | "cip"
        | "clientaddress"
        | "downstreamremoteaddress"
        | "realip"
        | "remote" => Field::Client,
        "xforwardedfor" | "httpxforwardedfor" | "forwardedfor" | "csxforwardedfor" => Field::Forwarded,
        "user" | "remoteuser" | "userid" | "username" | "csusername" | "clientusername" => Field::User,
        "useragent" | "httpuseragent" | "agent" | "csuseragent" => Field::Agent,
        "status" | "statuscode" | "code" | "responsecode" | "downstreamstatus" | "responsestatus"
        | "httpstatus" | "scstatus" => Field::Status,
        "bytes"
        | "bytessent"
        | "bodybytessent"
        | "size"
        | "responselength"
        | "responsesize"
        | "scbytes"
        | "downstreamcontentsize" => Field::Bytes,
        "requesttime" => Field::Duration(SECOND),
        "duration" | "elapsed" | "latency" => Field::Duration(UNSURE),
        "responsetime" | "durationms" | "latencyms" | "elapsedms" | "requestdurationms"
        | "responsetimems" | "timetaken" => Field::Duration(MILLISECOND),
        "durations" | "durationseconds" | "durationsec" => Field::Duration(SECOND),
        "durationus" | "latencyus" | "durationmicros" => Field::Duration(1_000),
        "durationns" | "latencyns" | "durationnanos" => Field::Duration(1),
        "upstreamaddr" => Field::Upstream(Upstream::Address),
        "upstreamstatus" => Field::Upstream(Upstream::Status),
        "upstreamresponsetime" => Field::Upstream(Upstream::Response),
        "upstreamconnecttime" => Field::Upstream(Upstream::Connect),
        "upstreamheadertime" => Field::Upstream(Upstream::Header),
        _ => return None,
    })
}

/// Returns the meaning that a user gives a field by name, as in `--fields method=verb`.
pub(crate) fn field_named(name: &str) -> Option<Field> {
    Some(match name {
        "time" => Field::Time,
        "method" => Field::Method,
        "path" | "url" => Field::Url,
        "query" => Field::Query,
        "request" => Field::Request,
        "host" => Field::Host,
        "client" => Field::Client,
        "forwarded_for" => Field::Forwarded,
        "user" => Field::User,
        "user_agent" => Field::Agent,
        "status" => Field::Status,
        "bytes" => Field::Bytes,
        "duration_s" => Field::Duration(SECOND),
        "duration_ms" => Field::Duration(MILLISECOND),
        "duration_us" => Field::Duration(1_000),
        "duration_ns" => Field::Duration(1),
        "upstream" => Field::Upstream(Upstream::Address),
        "upstream_status" => Field::Upstream(Upstream::Status),
        "upstream_time_s" => Field::Upstream(Upstream::Response),
        _ => return None,
    })
}

/// The names that [`field_named`] knows.
pub(crate) const NAMES: &str = "time, method, path, query, request, host, client, forwarded_for, user, user_agent, status, bytes, duration_s, duration_ms, duration_us, duration_ns, upstream, upstream_status and upstream_time_s";

/// Puts a text where it belongs. A time that cannot be read is an error, which says so.
pub(crate) fn put<'a>(draft: &mut Draft<'a>, field: Field, text: Cow<'a, str>) -> Result<(), String> {
    let slot = match field {
        Field::Time if matches!(text.trim(), "" | "-") => return Ok(()),
        Field::Time => {
            // A finer time goes before a coarser one.
            let stamp = stamp::of_text(text.trim().trim_start_matches('[').trim_end_matches(']'))?;
            if draft.stamp.is_none_or(|known| known.is_whole() && !stamp.is_whole()) {
                draft.stamp = Some(stamp);
            }
            return Ok(());
        }
        Field::Status => {
            draft.status = text.trim().parse().ok().or(draft.status);
            return Ok(());
        }
        Field::Bytes => {
            draft.bytes = text.trim().parse().ok().or(draft.bytes);
            return Ok(());
        }
        Field::Duration(unit) => {
            let unit = match unit {
                UNSURE if text.contains('.') => SECOND,
                UNSURE => MILLISECOND,
                known => known,
            };
            draft.duration = with_unit(&text, unit as f64 / 1e9).or(draft.duration);
            return Ok(());
        }
        Field::Date | Field::TimeOfDay => return Ok(()),
        Field::Method => &mut draft.method,
        Field::Url | Field::Path => &mut draft.url,
        Field::Query => &mut draft.query,
        Field::Request => &mut draft.request,
        Field::Host => &mut draft.host,
        Field::Client => &mut draft.client,
        Field::Forwarded => &mut draft.forwarded,
        Field::User => &mut draft.user,
        Field::Agent => &mut draft.agent,
        Field::Upstream(place) => &mut draft.upstream[place as usize],
    };
    *slot = Some(text);
    Ok(())
}
