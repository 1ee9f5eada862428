//! A pool at `/`: which requests go there, and which to the services below `/proxy/` and to the admin API.

mod common;

use common::{Backend, Balancer, command, get, reply, send};
use serde_json::{Value, json};
use std::io::Read;

/// A pool at `/` whose backend is a shop, and one that is reached below `/proxy/` only.
fn pools(shop: &Backend, other: &Backend) -> Value {
    json!([
        { "name": "other", "services": ["svc"], "backends": [{ "id": "o0", "url": other.url() }] },
        { "name": "shop", "services": ["web", "api"], "at": "/",
          "backends": [{ "id": "w0", "url": shop.url() }] },
    ])
}

/// A shop that redirects and sets cookies as one does that knows nothing of a load balancer.
fn shop() -> Backend {
    Backend::start(|request, stream| match request.path.as_str() {
        "/login" => reply(stream, 302, "Location: /cart\r\nSet-Cookie: sid=1; Path=/cart\r\n", b""),
        path => {
            let service = request.field("x-service").unwrap_or_default();
            let text = format!("{service} {path} at {}", request.field("host").unwrap_or_default());
            reply(stream, 200, "", text.as_bytes())
        }
    })
}

#[test]
fn paths_redirects_and_cookies_are_those_of_the_backend() {
    let (shop, other) = (shop(), Backend::fixed("other"));
    let more = json!({ "pools": pools(&shop, &other) });
    let balancer = Balancer::with_backends("round-robin", &[], more);
    let at = |path: &str| format!("{}{path}", balancer.url);
    let login = send("POST", &at("/login"), &[("host", "shop.example")], b"x");
    assert_eq!((login.status, login.field("location").as_deref()), (302, Some("/cart")));
    assert_eq!(login.field("set-cookie").as_deref(), Some("sid=1; Path=/cart"));
    let cart = send("GET", &at("/cart?item=1"), &[("host", "shop.example")], b"");
    assert_eq!(cart.text(), "web /cart?item=1 at shop.example", "for the first service of the pool");
    assert_eq!(cart.field("x-backend").as_deref(), Some("w0"));
    for path in ["/", "/?q", "/proxy", "/proxyx/svc/", "/apix", "//x", "/api", "/rlx", "/actuatorx/y"] {
        assert_eq!(get(&at(path)).text().split(' ').nth(1), Some(path), "the path is the backend's");
    }
    assert_eq!(get(&at("/proxy/svc/x")).text(), "other", "a service below /proxy/ comes first");
    assert!(get(&at("/proxy/api/x")).text().starts_with("api /x at "), "the pool's own services too");
    assert_eq!(get(&at("/proxy/nobody/x")).status, 503, "an unknown service is no path");
    let seen = balancer.get("/actuator/prometheus").text();
    assert!(seen.contains("lb_proxy_requests_total{service=\"web\",status=\"302\"} 1"), "counted: {seen}");
}

#[test]
fn on_a_shared_port_the_admin_api_keeps_its_paths_and_on_its_own_it_has_no_others() {
    let backend = Backend::start(|request, stream| reply(stream, 200, "", request.path.as_bytes()));
    let pools = json!([{ "name": "all", "at": "/", "backends": [{ "id": "b0", "url": backend.url() }] }]);
    let admin =
        ["/api/lb/snapshot", "/actuator/health", "/api/benchmark/status", "/rl/status", "/api/services"];
    let shared = Balancer::with_backends("round-robin", &[], json!({ "pools": pools }));
    for path in admin {
        let reply = get(&format!("{}{path}", shared.url));
        assert!(reply.json().is_object() || reply.json().is_array(), "{path} is the admin API's");
        assert_eq!(reply.field("x-backend"), None, "{path}");
    }
    let own = json!({ "pools": pools, "admin_listen": "127.0.0.1:0" });
    let own = Balancer::with_backends("round-robin", &[], own);
    for path in admin {
        let reply = get(&format!("{}{path}", own.url));
        assert_eq!((reply.text().as_str(), reply.field("x-backend").as_deref()), (path, Some("b0")));
    }
    assert_eq!(own.get("/api/lb/snapshot").status, 200, "which is reached at its own address");
    assert_eq!(own.get("/anything").status, 404, "where no pool is mounted");
    let snapshot = own.get("/api/lb/snapshot").json();
    assert_eq!(
        snapshot["pools"][0]["services"],
        json!(["others"]),
        "a pool without services counts for `others`"
    );
}

#[test]
fn a_pool_can_be_at_one_place_only() {
    for (pools, fault) in [
        (json!([{ "name": "a", "at": "/shop" }]), "`pools[0].at` is `/shop`: must be `/`"),
        (
            json!([{ "name": "a", "services": ["a"], "at": "/" }, { "name": "b", "services": ["b"], "at": "/" }]),
            "`pools[1].at` is `/`, where pool `a` is already mounted",
        ),
    ] {
        let (mut command, _file) = command(&json!({ "listen": "127.0.0.1:0", "pools": pools }).to_string());
        let mut child = command.spawn().expect("the binary starts");
        let mut said = String::new();
        child.stderr.take().expect("it is piped").read_to_string(&mut said).expect("it is text");
        assert_eq!(child.wait().expect("it ends").code(), Some(2), "{said}");
        assert!(said.contains(fault), "{said}");
    }
}
