//! The scenarios of a run, and how they are found.

use anyhow::anyhow;
use harness::exit::{ExitCode, Failure, OrExit};
use lb_config::{Loaded, Overrides, bundled_configs};
use serde_json::{Value, json};

/// The scenarios of the comprehensive mode, in order.
pub(super) const COMPREHENSIVE: [&str; 4] = [
    "comprehensive_rl_training",
    "flash_sale_simulation",
    "service_degradation_simulation",
    "mixed_load_chaos",
];

/// The name of the validation's config in `logs/`.
pub(super) const QUICK_CONFIG: &str = "quick_validation_config.json";

/// A scenario of a config.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) loaded: Loaded,
    /// The config's name.
    pub(super) config: String,
    /// The scenario's name, spelled as in the config.
    pub(super) name: String,
}

/// Finds a scenario by its name, ignoring case, in `config` or in all bundled configs.
pub(super) fn find(name: &str, config: Option<&str>) -> Result<Found, Failure> {
    let configs: Vec<String> = match config {
        Some(config) => vec![config.to_owned()],
        None => bundled_configs().map(|name| format!("{name}.json")).collect(),
    };
    let mut known = Vec::new();
    for config in configs {
        let loaded = lb_config::load(&config).or_exit(ExitCode::Usage)?;
        let plan = lb_config::plan(&loaded, &Overrides::default()).or_exit(ExitCode::Usage)?;
        for scenario in plan.scenarios() {
            let found = &scenario.scenario().name;
            if found.eq_ignore_ascii_case(name.trim()) {
                return Ok(Found { loaded, config, name: found.clone() });
            }
            known.push(format!("`{found}` ({config})"));
        }
    }
    let place = config.map_or_else(|| "the bundled configs".to_owned(), |config| format!("`{config}`"));
    Err(anyhow!("--scenario {name}: unknown scenario in {place}; use one of: {}", known.join(", ")))
        .or_exit(ExitCode::Usage)
}

/// Returns the config of the validation: five impatient users at once for two minutes.
pub(super) fn quick_config() -> Value {
    json!({
        "rl_training_scenarios": {
            "description": "Checks that everything works, with a few impatient users.",
            "version": "1.0",
            "base_config": {
                "base_url": "http://localhost:8080/proxy",
                "request_timeout": 10,
                "think_time_min": 0.5,
                "think_time_max": 1.0
            },
            "training_scenarios": {
                "quick_validation": {
                    "description": "Five visitors at once",
                    "total_users": 10,
                    "test_duration_minutes": 2,
                    "max_concurrent_users": 5,
                    "ramp_up_time_seconds": 30,
                    "traffic_patterns": [{
                        "name": "validation_pattern",
                        "start_minute": 0,
                        "duration_minutes": 2,
                        "intensity": "low",
                        "concurrent_users": 5,
                        "user_behavior_distribution": { "quick_browsers": 1.0 },
                        "scenario_weights": { "browse_weight": 40, "search_weight": 30, "cart_weight": 30 }
                    }]
                }
            },
            "user_behavior_profiles": {
                "quick_browsers": {
                    "description": "They look, search, and put something into the cart",
                    "session_duration_range": [1, 2],
                    "think_time_range": [0.5, 1.0],
                    "action_probabilities": { "browse": 0.4, "search": 0.3, "cart": 0.3 },
                    "conversion_rate": 0.7,
                    "pages_per_session": [3, 5],
                    "cart_abandonment_rate": 0.2
                }
            }
        }
    })
}

/// Returns the scenario of the validation.
pub(super) fn quick() -> Result<Found, Failure> {
    let text = quick_config().to_string();
    let loaded = lb_config::from_text(QUICK_CONFIG, &text).or_exit(ExitCode::Internal)?;
    Ok(Found { loaded, config: QUICK_CONFIG.to_owned(), name: "quick_validation".to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scenarios_of_every_mode_are_there() {
        for name in COMPREHENSIVE {
            let found = find(name, None).unwrap_or_else(|failure| panic!("{name}: {failure}"));
            assert_eq!(found.name, name);
        }
        let quick = quick().unwrap_or_else(|failure| panic!("{failure}"));
        let plan =
            lb_config::plan(&quick.loaded, &Overrides::default()).expect("the validation's config is sound");
        let planned = &plan.scenarios()[0];
        assert_eq!(planned.scenario().name, "quick_validation");
        assert_eq!((planned.peak_users(), planned.identities()), (5, 10), "five visitors, ten accounts");
        assert_eq!(planned.scenario().duration.as_secs_f64(), 120.0);
    }

    #[test]
    fn names_are_found_whatever_the_case_and_unknown_ones_list_what_there_is() {
        let found = find("Flash_SALE_simulation", None).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(
            (found.name.as_str(), found.config.as_str()),
            ("flash_sale_simulation", "stress_test_rl_config.json")
        );
        let error = find("flash", None).expect_err("no scenario has this name").to_string();
        for part in [
            "--scenario flash:",
            "`flash_sale_simulation` (stress_test_rl_config.json)",
            "`quick_validation`",
        ] {
            assert!(error.contains(part), "the message says {part}: {error}");
        }
        let error =
            find("flash_sale_simulation", Some("quick_test_config.json")).expect_err("in another config");
        assert!(
            error.to_string().contains("in `quick_test_config.json`; use one of: `quick_validation`"),
            "{error}"
        );
        assert_eq!(error.code, ExitCode::Usage);
    }
}
