//! What reading a long log costs: time and peak memory, beside awk and goaccess in the same run.
//!
//! A combined log of a million lines is written to a temporary folder, plain and compressed by gzip. It is read and
//! grouped for a replay, and read entry by entry. awk counts requests by status in the same file, which is the least that
//! a reader has to do; goaccess is run if it is installed.
//!
//! Wanted: at most 3 s of CPU time and 100 MB for the replay, plain and compressed.
//!
//!     cargo bench -p lb-recording --bench read [-- --lines 1000000]

use flate2::Compression;
use flate2::write::GzEncoder;
use lb_recording::{Entries, Play, ReadOptions, load_all};
use std::fmt::Write as _;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Limits that are wanted.
const MOST_SECONDS: f64 = 3.0;
const MOST_MEMORY_MB: f64 = 100.0;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [child, what, path] = &args[..]
        && child == "--child"
    {
        return measure(what, Path::new(path));
    }
    if !args.iter().any(|arg| arg == "--bench") {
        lb_io::print("read: nothing to test; measure with `cargo bench`");
        return Ok(());
    }
    let lines = args.iter().skip_while(|arg| *arg != "--lines").nth(1);
    let lines: u32 = lines.map_or(Ok(1_000_000), |lines| lines.parse())?;
    let folder = tempfile::tempdir()?;
    let (plain, packed) = (folder.path().join("access.log"), folder.path().join("access.log.gz"));
    write_log(&plain, &packed, lines)?;
    lb_io::print(format!("{lines} lines, {} MB", std::fs::metadata(&plain)?.len() >> 20));
    for (what, path) in [("replay", &plain), ("replay", &packed), ("entries", &plain), ("entries", &packed)] {
        // A process of its own for each, because a peak never falls.
        let path = path.to_str().ok_or("a path is text")?;
        let ended = Command::new(std::env::current_exe()?).args(["--child", what, path]).status()?;
        if !ended.success() {
            return Err("a measurement failed".into());
        }
    }
    let plain = plain.to_str().ok_or("a path is text")?;
    floor("awk", &["{ count[$9] += 1 } END { for (status in count) print status, count[status] }", plain]);
    floor("goaccess", &["--log-format=COMBINED", "-o", "json", plain]);
    Ok(())
}

/// Reads a file, and prints the time and the peak of memory of this process.
fn measure(what: &str, path: &Path) -> Result<(), Failure> {
    let begin = Instant::now();
    let count = match what {
        "replay" => {
            let trace = load_all(&[path.to_owned()], ReadOptions::default())?;
            let (replay, _) = trace.play(Play::default());
            replay.len()
        }
        _ => Entries::open(&[path.to_owned()], ReadOptions::default())?.count(),
    };
    let wall = begin.elapsed().as_secs_f64();
    let seconds = cpu_seconds()?;
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak: f64 = peak.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0.0);
    let memory = peak / 1024.0;
    let met = if seconds <= MOST_SECONDS && memory <= MOST_MEMORY_MB { "met" } else { "not met" };
    let kind = path.extension().unwrap_or_default().to_string_lossy();
    lb_io::print(format!(
        "{what} ({kind}): {count} requests in {seconds:.2} s of CPU ({wall:.2} s passed), peak {memory:.0} MB ({met})"
    ));
    Ok(())
}

/// Returns the CPU time of this process, which is steadier than the time that passes on a machine with other work.
fn cpu_seconds() -> Result<f64, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("the name ends with a bracket")?;
    // User and system time, in hundredths of a second.
    let ticks = fields.split_ascii_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.collect::<Result<Vec<_>, _>>()?.iter().sum::<f64>() / 100.0)
}

fn floor(program: &str, args: &[&str]) {
    let begin = Instant::now();
    match Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).status() {
        Ok(status) if status.success() => {
            lb_io::print(format!("{program}: {:.2} s", begin.elapsed().as_secs_f64()));
        }
        _ => lb_io::print(format!("{program}: skipped, not installed")),
    }
}

/// Writes a log like that of a shop: 60 % items by number, 15 % searches, 20 % files, 5 % carts; 50,000 clients.
fn write_log(plain: &Path, packed: &Path, lines: u32) -> Result<(), Failure> {
    let mut out = BufWriter::new(std::fs::File::create(plain)?);
    let mut gz = GzEncoder::new(BufWriter::new(std::fs::File::create(packed)?), Compression::fast());
    let mut line = String::new();
    let mut state = 42_u64;
    for number in 0..lines {
        // A linear congruential generator (Knuth, MMIX).
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let luck = state >> 33;
        let (client, item) = (luck % 50_000, (luck / 7) % 100_000);
        let request = match luck % 100 {
            0..=59 => format!("GET /api/item/{item}"),
            60..=74 => format!("GET /search?q=word{}&page={}", item % 5_000, item % 9),
            75..=94 => format!("GET /static/file-{}.js", item % 300),
            _ => "POST /api/cart".to_owned(),
        };
        let (minute, second) = (number / 60_000 % 60, number / 1_000 % 60);
        line.clear();
        writeln!(
            line,
            "10.{}.{}.7 - - [10/Oct/2024:13:{minute:02}:{second:02} +0000] \"{request} HTTP/1.1\" {} {} \"https://shop.example/\" \"Mozilla/5.0 (X11; Linux x86_64) agent/{}\"",
            client / 250,
            client % 250,
            if luck.is_multiple_of(50) { 404 } else { 200 },
            luck % 90_000,
            client % 40
        )?;
        out.write_all(line.as_bytes())?;
        gz.write_all(line.as_bytes())?;
    }
    out.flush()?;
    gz.finish()?.flush()?;
    Ok(())
}
