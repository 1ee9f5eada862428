//! `bench packs`: lists the scenario packs.

use super::shared::print;
use crate::exit::{ExitCode, Failure, OrExit};
use crate::show::render_packs;
use lb_config::{Pack, pack_names};

pub(super) fn execute() -> Result<ExitCode, Failure> {
    let packs: Result<Vec<Pack>, _> = pack_names().map(Pack::load).collect();
    print(&render_packs(&packs.or_exit(ExitCode::Internal)?));
    Ok(ExitCode::Ok)
}
