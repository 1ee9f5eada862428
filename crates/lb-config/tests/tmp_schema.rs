#[test]
fn write() {
    let text = serde_json::to_string_pretty(&lb_config::schema()).unwrap() + "\n";
    std::fs::write("../../configs/schema/bench-config.schema.json", text).unwrap();
}
