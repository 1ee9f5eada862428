//! What an import makes of each format, and that any file at all is either refused or becomes a config that plans.

use lb_config::Overrides;
use lb_import::{Assets, Imported, Options, Secrets, import_text};
use serde_json::{Value, json};

const HAR: &str = include_str!("files/visit.har");
const YAML: &str = include_str!("files/shop.yaml");
const SWAGGER: &str = include_str!("files/swagger.json");
const COLLECTION: &str = include_str!("files/collection.json");

fn made(name: &str, text: &str, options: &Options) -> Imported {
    import_text(name, text.as_bytes(), options).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn step<'a>(made: &'a Imported, action: &str, number: usize) -> &'a Value {
    &made.config["bench"]["journey"]["actions"][action]["steps"][number]
}

/// Plans a config as `bench` does.
fn plan(made: &Imported) -> Result<(), String> {
    let text = made.config.to_string();
    let loaded = lb_config::from_text("imported.json", &text).map_err(|error| error.to_string())?;
    let flags = Overrides { url: Some("http://127.0.0.1".to_owned()), ..Overrides::default() };
    let variable = |name: &str| made.environment.get(name).cloned();
    lb_config::plan_with(&loaded, &flags, &variable).map(drop).map_err(|error| error.to_string())
}

#[test]
fn a_visit_with_a_form_keeps_its_token_and_the_number_in_its_redirect() {
    let made = made("visit.har", HAR, &Options::default());
    let journey = &made.config["bench"]["journey"];
    assert_eq!(journey["session"], json!({ "sequence": ["get_login", "post_login"] }));
    assert_eq!(
        journey["actions"]["post_login"]["think_time_s"],
        json!([4.98, 4.98]),
        "from the end of the logo"
    );
    assert_eq!(
        *step(&made, "get_login", 0),
        json!({
            "name": "/login", "path": "/login?next=%2F", "extract": { "csrf": { "input": "_csrf" } }, "required": true
        })
    );
    assert_eq!(
        *step(&made, "get_login", 1),
        json!({ "name": "/logo.png", "path": "/logo.png", "expect": [200, 304] })
    );
    assert_eq!(
        *step(&made, "post_login", 0),
        json!({
            "name": "/login 2", "method": "POST", "path": "/login",
            "headers": { "Content-Type": "application/x-www-form-urlencoded", "Origin": "https://shop.example" },
            "body": "user={{account.user}}&pwd={{account.pwd}}&_csrf={{csrf}}", "bind": { "account": "accounts" }, "expect": [302],
            "extract": { "order_id": { "header_matches": { "header": "Location", "pattern": "/orders/([^/?#]+)" } } },
            "required": true
        })
    );
    assert_eq!(step(&made, "post_login", 1)["path"], "/orders/{{order_id}}");
    assert_eq!(step(&made, "post_login", 1)["headers"], json!({ "X-Key": "{{braces.open}}x}}" }));
    assert_eq!(journey["feeds"]["accounts"], json!([{ "user": "ann", "pwd": "se&cret" }]));
    let notes = made.report.notes.join("\n");
    assert!(notes.contains("the cookies `lang` were sent before any recorded reply set them"), "{notes}");
    assert!(notes.contains("a run sends load to https://shop.example; give --url"), "{notes}");
    assert_eq!(plan(&made), Ok(()));
}

#[test]
fn another_address_moves_the_origin_and_assets_can_be_dropped() {
    let options =
        Options { url: Some("http://127.0.0.1:9".to_owned()), assets: Assets::Drop, ..Options::default() };
    let made = made("visit.har", HAR, &options);
    assert_eq!(step(&made, "post_login", 0)["headers"]["Origin"], "http://127.0.0.1:9");
    assert_eq!(*step(&made, "get_login", 1), Value::Null, "the logo is left out");
    assert_eq!(made.config["bench"]["load_balancer"]["url"], "http://127.0.0.1:9");
}

#[test]
fn a_description_registers_logs_in_and_takes_identifiers_from_lists() {
    let made = made("shop.yaml", YAML, &Options::default());
    let journey = &made.config["bench"]["journey"];
    assert_eq!(made.config["bench"]["load_balancer"]["url"], "https://shop.example");
    assert_eq!(journey["session"]["open"], json!(["post_register", "post_login", "set_up_get_items"]));
    assert_eq!(step(&made, "post_register", 0)["expect"], json!([201, 409]));
    assert_eq!(step(&made, "post_login", 0)["body"], "username={{user.email}}&password={{user.password}}");
    assert_eq!(step(&made, "post_login", 0)["extract"], json!({ "token": "/access_token" }));
    assert_eq!(step(&made, "set_up_get_items", 0)["extract"], json!({ "item_id": "/0/id" }));
    assert_eq!(step(&made, "get_items_id", 0)["path"], "/v1/items/{{item_id}}");
    assert_eq!(step(&made, "get_items_id", 0)["headers"], json!({ "Authorization": "Bearer {{token}}" }));
    assert_eq!(step(&made, "get_items_id", 0)["expect"], json!([200, 201, 202, 204]));
    let orders = step(&made, "get_users_user_id_orders_id_json", 0);
    assert_eq!(orders["path"], "/v1/users/{{uuid}}/orders/7.json?expand=lines");
    assert_eq!(orders["expect"], json!([200, 201, 202, 204, 404]), "nothing gives the user");
    assert_eq!(step(&made, "get_reports", 0)["headers"], json!({ "X-API-Key": "{{secret.x_api_key}}" }));
    let left_out = made.report.left_out();
    assert_eq!(
        left_out,
        [
            "operation DELETE /items/{id}, whose target no other operation creates",
            "operation POST /files, which uploads a file"
        ]
    );
    assert!(
        made.report.secrets[0].contains("the file holds no value; replace `change-me`"),
        "{:?}",
        made.report.secrets
    );
    assert_eq!(plan(&made), Ok(()));
}

#[test]
fn a_description_of_swagger_2_is_imported_too() {
    let made = made("pets.json", SWAGGER, &Options { secrets: Secrets::Env, ..Options::default() });
    assert_eq!(made.config["bench"]["load_balancer"]["url"], "https://pets.example");
    assert_eq!(step(&made, "add_pet", 0)["path"], "/v2/pet?api_key={{env.BENCH_API_KEY}}");
    assert_eq!(step(&made, "add_pet", 0)["body"], json!({ "name": "doggie" }));
    assert_eq!(step(&made, "get_pet", 0)["path"], "/v2/pet/{{pet_id}}");
    assert_eq!(
        step(&made, "get_pet", 0)["headers"],
        json!({ "Authorization": "Basic {{env.BENCH_BASIC_AUTHORIZATION}}" })
    );
    assert_eq!(step(&made, "rename_pet", 0)["body"], "name=Rex%20%26%20co&age={{int:1:9}}");
    assert_eq!(plan(&made), Ok(()));
}

#[test]
fn an_old_collection_keeps_forms_parts_and_keys() {
    let made = made("old.json", COLLECTION, &Options::default());
    assert_eq!(made.config["bench"]["load_balancer"]["url"], "https://api.example:8443");
    assert_eq!(step(&made, "form", 0)["body"], "a={{user.email}}");
    assert_eq!(step(&made, "form", 0)["headers"]["X-Key"], "{{secret.x_key}}");
    assert_eq!(step(&made, "parts", 0)["headers"]["Authorization"], "Basic {{secret.authorization}}");
    assert_eq!(step(&made, "parts", 0)["expect"], json!([202]));
    assert_eq!(step(&made, "graph", 0)["body"], json!({ "query": "{ me { id } }", "variables": { "n": 1 } }));
    assert!(made.report.notes.iter().any(|note| note == "Graph: the authorisation `hawk` is not imported"));
    assert_eq!(
        made.report.left_out(),
        [
            "requests that upload files, which are not in the collection: 1",
            "requests to another host, https://other.example; the first one goes to https://api.example:8443: 1"
        ]
    );
    assert_eq!(plan(&made), Ok(()));
}

/// Files that are tried for each format.
const ROUNDS: u64 = 1_000;

/// Returns other texts that are nearly this one: with bytes changed, cut out and repeated.
fn mutations(text: &str, count: u64) -> impl Iterator<Item = Vec<u8>> {
    let bytes = text.as_bytes().to_vec();
    let interesting = b"\"{}[]:,0-9$#/&*<>\\ \n\xff{{";
    (0..count).map(move |number| {
        let mut luck = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
        let mut draw = |below: usize| {
            luck ^= luck << 13;
            luck ^= luck >> 7;
            luck ^= luck << 17;
            (luck % below.max(1) as u64) as usize
        };
        let mut bytes = bytes.clone();
        for _ in 0..1 + draw(3) {
            let at = draw(bytes.len());
            match draw(8) {
                0..=2 => bytes[at] = interesting[draw(interesting.len())],
                3 => bytes.truncate(at + 1),
                4 | 5 => drop(bytes.drain(at..(at + draw(40)).min(bytes.len()))),
                _ => {
                    let part = bytes[at..(at + draw(60)).min(bytes.len())].to_vec();
                    bytes.splice(at..at, part);
                }
            }
            if bytes.is_empty() {
                break;
            }
        }
        bytes
    })
}

#[test]
fn any_file_is_refused_or_becomes_a_config_that_plans() {
    let files = [("a.har", HAR), ("a.yaml", YAML), ("a.json", SWAGGER), ("b.json", COLLECTION)];
    for (name, text) in files {
        let mut imported = 0;
        for bytes in mutations(text, ROUNDS) {
            let Ok(made) = import_text(name, &bytes, &Options::default()) else { continue };
            imported += 1;
            if let Err(problem) = plan(&made) {
                panic!("{name}: {problem}\n{}", String::from_utf8_lossy(&bytes));
            }
        }
        assert!(
            imported >= 50,
            "{name}: {imported} of {ROUNDS} are still imported, so that something is tested"
        );
    }
}
