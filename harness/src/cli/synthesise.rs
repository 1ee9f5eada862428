//! `bench synthesise`: writes synthetic requests that are drawn from a model.

use super::shared::{print, write_new};
use super::traffic_args::{SynthesisMethod, SynthesiseArgs};
use crate::exit::{ExitCode, Failure, OrExit};
use lb_io::complain;
use lb_synthesis::{Method, Order, read_model, synthesise};

pub(super) fn execute(args: &SynthesiseArgs) -> Result<ExitCode, Failure> {
    let model = read_model(&args.model).or_exit(ExitCode::Usage)?;
    let order = Order {
        method: match args.method {
            SynthesisMethod::Resample => Method::Resample,
            SynthesisMethod::Model => Method::Model,
        },
        day: args.day.clone(),
        length_s: Some(args.length.as_secs_f64()),
        scale: args.scale,
        seed: args.seed,
    };
    let list = synthesise(&model, &order).or_exit(ExitCode::Usage)?;
    write_new(&args.out, std::slice::from_ref(&args.model), &list.to_json())?;
    for note in &list.notes {
        complain(format_args!("note: {note}"));
    }
    print(&format!("requests: {} ({} requests)", args.out.display(), list.requests.len()));
    Ok(ExitCode::Ok)
}
