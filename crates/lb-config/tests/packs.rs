//! Scenario packs: every mode of every bundled one has a plan, flags go before variables and those before the pack,
//! and mistakes in a pack are named.

use lb_config::{Engine, Overrides, Pack, Plan, Played, Selected, SuiteFile, pack_names, plan};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

fn pack(name: &str) -> Pack {
    Pack::load(name).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Flags that give a mode without an end one.
fn a_minute() -> Overrides {
    Overrides { duration: Some(Duration::from_secs(60).into()), ..Overrides::default() }
}

fn no_variable(_: &str) -> Option<String> {
    None
}

fn played(pack: &Pack, mode: &str, profile: Option<&str>, flags: &Overrides) -> Played {
    let name = pack.name();
    pack.play(mode, profile, flags, &no_variable).unwrap_or_else(|error| panic!("{name} {mode}: {error}"))
}

fn planned(played: &Played) -> Plan {
    plan(&played.loaded, &played.overrides).unwrap_or_else(|error| panic!("{error}"))
}

/// The think time of the first class of the first scenario.
fn think_time(plan: &Plan) -> [f64; 2] {
    plan.scenarios()[0].scenario().workload.classes()[0].think_time_s
}

/// The names of the classes of the first scenario.
fn classes(plan: &Plan) -> Vec<&str> {
    plan.scenarios()[0].scenario().workload.classes().iter().map(|class| class.name.as_str()).collect()
}

/// The weight of an action of the first class in the first stage, relative to the sum.
fn weight(plan: &Plan, action: &str) -> f64 {
    let actions = &plan.scenarios()[0].scenario().workload.stages()[0].classes[0].actions;
    actions.get(action).copied().unwrap_or(0.0) / actions.values().sum::<f64>()
}

#[test]
fn every_mode_of_every_pack_has_a_plan_with_every_profile() {
    for name in pack_names() {
        let pack = pack(name);
        assert_eq!(pack.name(), name, "the name of the folder is that of the pack");
        assert!(pack.answers().ends_with('?'), "{name} answers a question: {}", pack.answers());
        for mode in pack.modes() {
            let profiles: Vec<Option<&str>> =
                std::iter::once(None).chain(pack.profiles().map(|profile| Some(profile.name))).collect();
            for profile in profiles {
                for engine in [None, Some(Engine::Sim)] {
                    let flags = Overrides { engine, ..a_minute() };
                    let plan = planned(&played(&pack, mode.name, profile, &flags));
                    assert!(!plan.scenarios().is_empty(), "{name} {}", mode.name);
                }
            }
        }
        for suite in pack.suites() {
            assert_eq!(pack.select(Some(&suite.name)).ok(), Some(Selected::Suite(suite)));
        }
        assert!(pack.select(None).is_ok(), "{name} has a default");
    }
}

#[test]
fn modes_have_the_load_and_the_targets_that_they_promise() {
    let texts =
        |plan: &Plan| -> Vec<String> { plan.thresholds().iter().map(|one| one.text().to_owned()).collect() };
    for (name, mode, users, seconds, targets) in [
        (
            "fastapi-scaling",
            "basic",
            10,
            60.0,
            &["http_req_duration: avg<200", "http_req_failed: rate==0"][..],
        ),
        (
            "fastapi-scaling",
            "stress",
            50,
            300.0,
            &["http_req_duration: p(95)<500", "http_req_failed: rate<0.01", "backend_fairness: value>=0.9"],
        ),
        ("fastapi-scaling", "cache", 20, 120.0, &["http_req_failed: rate<0.01", "hit_gain: low>0"]),
        ("fastapi-scaling", "spike", 50, 180.0, &["http_req_failed: rate<0.05", "recovery: value<30s"]),
        ("model-api", "light", 10, 300.0, &["http_req_duration: p(95)<100", "http_req_failed: rate<0.01"]),
        ("model-api", "medium", 50, 600.0, &["http_req_duration: p(95)<200", "http_req_failed: rate<0.05"]),
        ("model-api", "heavy", 200, 900.0, &["http_req_duration: p(95)<500", "http_req_failed: rate<0.10"]),
        ("model-api", "spike", 500, 300.0, &["http_req_failed: rate<0.50", "recovery: value<30s"]),
        ("boutique", "smoke", 10, 300.0, &["http_req_failed: rate==0", "http_req_duration: p(95)<2000"]),
        ("boutique", "soak", 50, 14_400.0, &["http_req_failed: rate<0.01", "http_req_duration: p(95)<2000"]),
        ("api", "load", 70, 70.0, &["http_req_failed: rate<0.01"]),
    ] {
        let plan = planned(&played(&pack(name), mode, None, &Overrides::default()));
        let scenario = &plan.scenarios()[0];
        assert_eq!(scenario.peak_users(), users, "{name} {mode}");
        assert_eq!(scenario.scenario().duration.as_secs_f64(), seconds, "{name} {mode}");
        assert_eq!(texts(&plan), targets, "{name} {mode}");
    }
}

#[test]
fn a_spike_rises_from_one_user_to_fifty_and_falls_again() {
    let plan = planned(&played(&pack("fastapi-scaling"), "spike", None, &Overrides::default()));
    let stages = plan.scenarios()[0].scenario().workload.stages();
    let users_at = |second: f64| -> u32 {
        let there = stages.iter().filter(|stage| {
            let start = stage.start.as_secs_f64();
            (start..start + stage.duration.as_secs_f64()).contains(&second)
        });
        there.map(|stage| stage.users).sum()
    };
    assert_eq!([30.0, 90.0, 150.0].map(users_at), [1, 50, 1]);
}

#[test]
fn profiles_change_what_users_do_and_how_fast() {
    let boutique = pack("boutique");
    let normal = planned(&played(&boutique, "smoke", None, &Overrides::default()));
    assert_eq!(think_time(&normal), [1.0, 10.0]);
    assert!((weight(&normal, "browse_product") - 10.0 / 19.0).abs() < 1e-9, "10 of 1, 2, 10, 2, 3 and 1");
    assert!((weight(&normal, "check_out") - 1.0 / 19.0).abs() < 1e-9);
    assert_eq!(weight(&normal, "log_out"), 0.0, "the pack has six actions");
    for (profile, expected) in [("high-traffic", [0.1, 0.5]), ("slow", [5.0, 30.0]), ("fast", [0.5, 2.0])] {
        let plan = planned(&played(&boutique, "smoke", Some(profile), &Overrides::default()));
        assert_eq!(think_time(&plan), expected, "{profile}");
    }
    let buyers = planned(&played(&boutique, "smoke", Some("checkout-heavy"), &Overrides::default()));
    assert_eq!(think_time(&buyers), [1.0, 10.0], "what a profile does not change stays");
    assert!((weight(&buyers, "check_out") - 10.0 / 24.0).abs() < 1e-9);
    assert!((weight(&buyers, "add_to_cart") - 5.0 / 24.0).abs() < 1e-9);
    assert!((weight(&buyers, "browse_product") - 3.0 / 24.0).abs() < 1e-9);
}

#[test]
fn a_mode_selects_its_user_classes_and_flags_select_others() {
    let model_api = pack("model-api");
    let with = |flags: Overrides| planned(&played(&model_api, "light", None, &flags));
    assert_eq!(classes(&with(Overrides::default())), ["light"]);
    let named =
        Overrides { user_class: vec!["Heavy".to_owned(), "health".to_owned()], ..Overrides::default() };
    let plan = with(named);
    assert_eq!(classes(&plan), ["health", "heavy"], "flags go before the pack, in any case");
    let shares: Vec<f64> =
        plan.scenarios()[0].scenario().workload.stages()[0].classes.iter().map(|mix| mix.share).collect();
    assert_eq!(shares, [1.0, 50.0], "they keep their weights");
    let tagged =
        Overrides { tags: vec!["light_load".to_owned(), "metrics".to_owned()], ..Overrides::default() };
    assert_eq!(classes(&with(tagged)), ["health", "light"], "tags select from all that the pack has");
    let none = Overrides { user_class: vec!["mixed".to_owned()], ..Overrides::default() };
    assert_eq!(classes(&with(none)), ["mixed"], "a class without a weight runs if it is named");
    let custom = planned(&played(&model_api, "custom", None, &Overrides::default()));
    assert_eq!(classes(&custom), ["health", "light", "medium", "heavy"], "and not otherwise");
}

#[test]
fn flags_go_before_variables_and_those_before_the_pack() {
    let boutique = pack("boutique");
    let variable = |name: &str| match name {
        "USERS" => Some("25".to_owned()),
        "FRONTEND_ADDR" => Some("127.0.0.1:9".to_owned()),
        "LOCUST_RUN_TIME" => Some("90".to_owned()),
        "LOCUST_SPAWN_RATE" => Some("5".to_owned()),
        _ => None,
    };
    let play = |flags: &Overrides| boutique.play("smoke", None, flags, &variable).expect("a mode");
    let taken = play(&Overrides::default());
    assert_eq!(taken.overrides.users, Some(25), "not the 10 of the mode");
    assert_eq!(taken.overrides.spawn_rate, Some(5.0));
    assert_eq!(taken.overrides.duration, Some(Duration::from_secs(90).into()));
    assert_eq!(taken.overrides.url.as_deref(), Some("http://127.0.0.1:9"));
    assert_eq!(taken.ready.as_deref(), Some("http://127.0.0.1:9/_healthz"));
    let words = "--users 25 --spawn-rate 5 --url http://127.0.0.1:9 --duration 90s";
    assert_eq!(taken.from_environment.join(" "), words, "the command that repeats the run");
    let notes: Vec<String> = planned(&taken).notes().iter().map(ToString::to_string).collect();
    assert!(
        notes.iter().any(|note| note.starts_with("USERS = \"25\": taken from the environment")),
        "{notes:?}"
    );

    let flags = Overrides {
        users: Some(3),
        ramp_up: Some(Duration::from_secs(1)),
        duration: Some(Duration::from_secs(10).into()),
        url: Some("http://127.0.0.1:8".to_owned()),
        ..Overrides::default()
    };
    let flagged = play(&flags);
    assert_eq!((flagged.overrides.users, flagged.overrides.spawn_rate), (Some(3), None));
    assert_eq!(flagged.overrides.duration, flags.duration);
    assert_eq!(flagged.overrides.url, flags.url);
    assert!(flagged.from_environment.is_empty(), "{:?}", flagged.from_environment);

    let simulated = play(&Overrides { engine: Some(Engine::Sim), ..Overrides::default() });
    assert_eq!(simulated.overrides.url, None, "nothing is asked in virtual time");
    let open = play(&Overrides { arrivals: Some("constant:5".to_owned()), ..Overrides::default() });
    assert_eq!((open.overrides.users, open.overrides.spawn_rate), (None, None), "arrivals replace users");
    let nothing = played(&boutique, "smoke", None, &Overrides::default());
    assert_eq!((nothing.overrides.users, nothing.overrides.spawn_rate), (Some(10), Some(2.0)));
    let nonsense = boutique.play("smoke", None, &Overrides::default(), &|_| Some("abc".to_owned()));
    let error = nonsense.expect_err("no number").to_string();
    assert!(error.contains("the environment variable USERS is `abc`"), "{error}");
}

#[test]
fn a_pack_reads_only_the_variables_that_it_names() {
    let everything = |_: &str| Some("7".to_owned());
    let shop = pack("shop").play("quick", None, &Overrides::default(), &everything).expect("a mode");
    assert_eq!(shop.overrides.users, None);
    assert!(shop.from_environment.is_empty());
}

#[test]
fn time_scale_divides_the_length_of_a_mode_and_a_spawn_rate_sets_the_ramp_up() {
    let flags = Overrides { time_scale: Some(60.0), ..Overrides::default() };
    let plan = planned(&played(&pack("api"), "load", None, &flags));
    assert!((plan.scenarios()[0].scenario().duration.as_secs_f64() - 70.0 / 60.0).abs() < 1e-9);
    let plan = planned(&played(&pack("api"), "load", None, &Overrides::default()));
    let stage = &plan.scenarios()[0].scenario().workload.stages()[0];
    assert_eq!(stage.ramp_up.as_secs_f64(), 35.0, "70 users, two each second");
}

#[test]
fn the_config_of_a_mode_contains_everything() {
    let played = played(&pack("fastapi-scaling"), "basic", None, &Overrides::default());
    let document = played.loaded.document();
    for key in ["journey", "topology", "mock_api"] {
        assert!(document["bench"][key].is_object(), "bench.{key} is in the config");
    }
    let plan = planned(&played);
    let api = plan.mock_api().expect("the mock API of the pack");
    let text: Value = serde_json::from_str(&api.json).expect("JSON");
    assert_eq!(text, document["bench"]["mock_api"]);
    let again = lb_config::from_text("again.json", &document.to_string()).expect("a config");
    let again = lb_config::plan(&again, &played.overrides).expect("a plan without the pack");
    assert_eq!(again.scenarios()[0].peak_users(), plan.scenarios()[0].peak_users());
}

/// A folder with a small pack, to which changes are made.
fn folder(change: &Value) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut pack = json!({
        "name": "mine", "title": "mine", "answers": "Is it well?", "config": "config.json",
        "modes": { "one": { "users": 5, "duration": "10s" }, "two": { "users": 6 } },
        "suites": { "all": { "modes": ["one", "two"], "cool_down": "5s" } }
    });
    let (pack_keys, change) =
        (pack.as_object_mut().expect("an object"), change.as_object().expect("an object"));
    for (key, value) in change {
        pack_keys.insert(key.clone(), value.clone());
    }
    let config = json!({ "scenarios": [{ "name": "s", "duration_minutes": 1, "concurrent_users": 2 }] });
    std::fs::write(dir.path().join("pack.json"), pack.to_string()).expect("a file");
    std::fs::write(dir.path().join("config.json"), config.to_string()).expect("a file");
    dir
}

#[test]
fn a_pack_in_a_folder_is_played_like_a_bundled_one() {
    let dir = folder(&json!({}));
    let path = dir.path().to_string_lossy().into_owned();
    for name in [path.clone(), format!("{path}/pack.json")] {
        let pack = pack(&name);
        let plan = planned(&played(&pack, "one", None, &Overrides::default()));
        assert_eq!(plan.scenarios()[0].peak_users(), 5);
        assert_eq!(plan.source(), path);
        let files: Vec<String> = pack.all_files().expect("files").into_iter().map(|(name, _)| name).collect();
        assert_eq!(files, ["config.json", "pack.json"]);
    }
}

#[test]
fn mistakes_in_a_pack_are_named_with_key_value_and_way_out() {
    for (change, expected) in [
        (json!({"modes": {}}), "modes = \"\": has no modes; add at least one"),
        (json!({"modes": {"one": {"user": 5}}}), "modes.one.user: unknown key (did you mean `users`?)"),
        (json!({"modes": {"one": {"users": 0}}}), "modes.one.users = 0"),
        (
            json!({"modes": {"one": {"duration": "soon"}}}),
            "modes.one.duration = \"soon\": `soon` is not a duration",
        ),
        (
            json!({"modes": {"one": {"config": "no.json"}}}),
            "modes.one.config = \"no.json\": is neither a file of the pack",
        ),
        (json!({"config": "no.json"}), "config = \"no.json\""),
        (
            json!({"suites": {"all": {"modes": ["on"]}}}),
            "suites.all.modes[0] = \"on\": is not a mode (did you mean `one`?)",
        ),
        (json!({"suites": {"one": {"modes": ["one"]}}}), "suites.one = \"one\": is also the name of a mode"),
        (
            json!({"suites": {"all": {"modes": ["one"], "cool_down": "5"}}}),
            "suites.all.cool_down = \"5\": `5` has no unit",
        ),
        (json!({"default": "three"}), "default = \"three\": is neither a mode nor a suite"),
        (json!({"ready": "health"}), "ready = \"health\": must be a path that starts with `/`"),
        (json!({"mock_api": "api.json"}), "mock_api = \"api.json\": is not a file of the pack"),
        (json!({"environment": {"USERS": "user"}}), "environment.USERS = \"user\": must be one of"),
        (json!({"title": ""}), "title = \"\": must not be empty"),
    ] {
        let dir = folder(&change);
        let error = Pack::load(&dir.path().to_string_lossy()).expect_err(expected).to_string();
        assert!(error.contains(expected), "{change}: `{error}` should say `{expected}`");
    }
    let dir = folder(&json!({}));
    std::fs::write(dir.path().join("config.json"), "{").expect("a file");
    let pack = pack(&dir.path().to_string_lossy());
    let error = pack.play("one", None, &Overrides::default(), &no_variable).expect_err("half a config");
    assert!(error.to_string().contains("is not JSON"), "{error}");
}

#[test]
fn unknown_packs_modes_and_profiles_get_suggestions() {
    let error = Pack::load("boutiqe").expect_err("a typo").to_string();
    assert!(error.contains("no pack `boutiqe` (did you mean `boutique`?)"), "{error}");
    assert!(error.contains("`model-api`"), "the others are listed: {error}");
    let boutique = pack("boutique");
    let error = boutique.select(Some("smoek")).expect_err("a typo").to_string();
    assert!(error.contains("the pack `boutique` has no mode `smoek` (did you mean `smoke`?)"), "{error}");
    let flags = a_minute();
    let error =
        boutique.play("smoke", Some("checkout"), &flags, &no_variable).expect_err("no profile").to_string();
    assert!(error.contains("no such profile (did you mean `checkout-heavy`?)"), "{error}");
    let endless = played_error(&boutique, "smoke", &[("LOCUST_RUN_TIME", "soon")]);
    assert!(endless.contains("LOCUST_RUN_TIME is `soon`"), "{endless}");
}

fn played_error(pack: &Pack, mode: &str, variables: &[(&str, &str)]) -> String {
    let value =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    pack.play(mode, None, &Overrides::default(), &value).expect_err("nonsense").to_string()
}

#[test]
fn a_suite_file_lists_packs_and_configs() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("suite.json");
    let load = |suite: &Value| {
        std::fs::write(&path, suite.to_string()).expect("a file");
        SuiteFile::load(&path).map_err(|error| error.to_string())
    };
    std::fs::write(dir.path().join("own.json"), "{}").expect("a file");
    let suite = load(&json!({ "name": "nightly", "cool_down": "10s", "suite": [
        { "pack": "api", "mode": "smoke" }, { "config": "own.json", "name": "own" }
    ]}))
    .expect("a suite");
    assert_eq!(suite.pause(), Duration::from_secs(10));
    let own = suite.suite[1].config.clone().expect("a config");
    assert!(Path::new(&own).exists(), "found beside the suite: {own}");
    for (suite, expected) in [
        (json!({"name": "x", "suite": []}), "suite"),
        (json!({"name": "x", "suite": [{}]}), "suite[0]: names neither a `pack` nor a `config`"),
        (
            json!({"name": "x", "suite": [{"pack": "api", "config": "c"}]}),
            "suite[0]: names a `pack` and a `config`",
        ),
        (
            json!({"name": "x", "suite": [{"config": "c", "mode": "m"}]}),
            "suite[0].mode = \"m\": belongs to a `pack`",
        ),
        (json!({"name": "x", "suite": [{"pak": "api"}]}), "suite[0].pak: unknown key (did you mean `pack`?)"),
        (
            json!({"name": "x", "cool_down": "1", "suite": [{"pack": "api"}]}),
            "cool_down = \"1\": `1` has no unit",
        ),
    ] {
        let error = load(&suite).expect_err(expected);
        assert!(error.contains(expected), "{suite}: `{error}` should say `{expected}`");
    }
}

#[test]
fn a_pack_or_a_suite_that_is_given_as_a_config_is_told_apart() {
    for (text, expected) in [
        (r#"{"modes": {}, "answers": "?"}"#, "is a scenario pack; play it with `bench pack FOLDER`"),
        (r#"{"name": "x", "suite": []}"#, "is a suite; play it with `bench suite FILE`"),
    ] {
        let error = lb_config::from_text("x.json", text).expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn a_config_names_a_mock_api_as_a_pack_a_file_or_an_object() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(dir.path().join("own.json"), r#"{"name": "own", "routes": []}"#).expect("a file");
    std::fs::write(dir.path().join("half.json"), "{").expect("a file");
    let planned = |api: Value| {
        let config = json!({
            "scenarios": [{ "name": "s", "duration_minutes": 1, "concurrent_users": 2 }], "bench": { "mock_api": api }
        });
        let path = dir.path().join("config.json");
        std::fs::write(&path, config.to_string()).expect("a file");
        let loaded = lb_config::load(&path.to_string_lossy()).expect("a config");
        plan(&loaded, &Overrides::default()).map_err(|error| error.to_string())
    };
    for (api, name) in [
        (json!("model-api"), "model-api"),
        (json!("own.json"), "own.json"),
        (json!({ "name": "mine", "routes": [] }), "mine"),
        (json!({ "routes": [] }), "bench.mock_api"),
    ] {
        let plan = planned(api.clone()).expect("a plan");
        let found = plan.mock_api().expect("a mock API");
        assert_eq!(found.name, name, "{api}");
        assert!(serde_json::from_str::<Value>(&found.json).is_ok_and(|text| text.is_object()), "{api}");
    }
    for (api, expected) in [
        (json!("modle-api"), "bench.mock_api = \"modle-api\": is neither a pack with a mock API"),
        (json!("modle-api"), "did you mean `model-api`?"),
        (json!("half.json"), "bench.mock_api = \"half.json\": is not JSON"),
        (json!(5), "bench.mock_api = 5: must be"),
    ] {
        let error = planned(api).expect_err(expected);
        assert!(error.contains(expected), "`{error}` should say `{expected}`");
    }
}
