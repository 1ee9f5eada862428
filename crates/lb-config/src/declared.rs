//! The declaration of a load balancer: in the config, or in a file that a flag or the config names.

use super::declaration_file::is_declaration;
use super::error::{Findings, Problem};
use super::said::Said;
use super::settings::TargetSettings;
use super::source::read_declaration;
use lb_admin_client::Declaration;
use std::path::Path;
use std::sync::Arc;

/// Returns the address in the file that `--load-balancer` names; `None` if it declares none or has a problem,
/// which the plan reports.
pub fn declared_url(name: &str) -> Option<String> {
    read_declaration(name, "", None, &mut Findings::default())?.url
}

/// Reads and checks the declaration of the load balancer under test. `None` if none is declared, or after a
/// problem. `folder` is that of the config.
pub(super) fn settle_declared(
    settings: &TargetSettings,
    folder: Option<&Path>,
    findings: &mut Findings,
) -> Option<Arc<Declaration>> {
    let (spec, place) = match (&settings.declared, &settings.name) {
        (Some(inline), _) => (inline.value.clone(), format!("{}.", inline.at)),
        (None, Some(Said { at, value: name, .. })) if is_declaration(name) => {
            // A path in a flag is only relative to the working directory.
            let folder = folder.filter(|_| !at.starts_with("--"));
            (read_declaration(name, at, folder, findings)?, format!("{at} ({name}): "))
        }
        _ => return None,
    };
    let faults = spec.faults();
    let sound = faults.is_empty();
    for fault in faults {
        findings.problem(Problem::at(format!("{place}{}", fault.path), &fault.value, fault.message));
    }
    sound.then(|| Arc::new(spec))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_is_told_by_the_ending_of_its_file() {
        for name in ["ingress.json", "configs/load-balancers/nginx-symlink.JSON", "./a.json"] {
            assert!(is_declaration(name), "{name}");
        }
        for name in ["haproxy", "http://host/a.json", "ingress", "json"] {
            assert!(!is_declaration(name), "{name}");
        }
    }
}
