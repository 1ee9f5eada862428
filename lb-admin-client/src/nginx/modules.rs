//! The Lua modules that steer nginx's weights: where they are, and how to install them.

use super::names::NAMES;
use crate::error::ModulesError;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The modules, each listed after those that it needs.
const MODULES: [&str; 2] = ["ndk_http_module.so", "ngx_http_lua_module.so"];

/// Finds the modules that this nginx has to load: none if Lua is built in, as in OpenResty.
///
/// # Errors
/// When the modules are missing; the message says how to get them.
pub(super) fn modules(program: &Path) -> Result<Vec<PathBuf>, ModulesError> {
    let asked = Command::new(program).arg("-V").output();
    let output = asked.map_err(|source| ModulesError::Run { program: program.to_owned(), source })?;
    let said = String::from_utf8_lossy(&output.stderr);
    if built_in(&said) {
        return Ok(Vec::new());
    }
    let folder = folder(&said);
    let modules: Vec<PathBuf> = MODULES.iter().map(|module| folder.join(module)).collect();
    match modules.iter().find(|module| !module.is_file()) {
        None => Ok(modules),
        Some(missing) => Err(ModulesError::Missing {
            name: NAMES.name,
            by: "Lua",
            module: missing.clone(),
            way_out: "install it (`apt-get install libnginx-mod-http-lua`), name an nginx that has Lua with --program",
        }),
    }
}

/// Returns whether the output of `nginx -V` lists the module as compiled in.
fn built_in(said: &str) -> bool {
    said.split_whitespace().any(|word| {
        word.starts_with("--add-module=") && (word.contains("ngx_lua-") || word.contains("lua-nginx-module"))
    })
}

/// Returns the folder of its modules, according to the output of `nginx -V`.
fn folder(said: &str) -> PathBuf {
    let argument = |name: &str| said.split_whitespace().find_map(|word| word.strip_prefix(name));
    match argument("--modules-path=") {
        Some(path) => PathBuf::from(path),
        None => Path::new(argument("--prefix=").unwrap_or("/usr/local/nginx")).join("modules"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_where_nginx_says_unless_they_are_built_in() {
        let table = [
            ("--prefix=/usr/share/nginx --modules-path=/usr/lib/nginx/modules", "/usr/lib/nginx/modules"),
            ("configure arguments: --prefix=/opt/nginx --with-threads", "/opt/nginx/modules"),
            ("nginx version: nginx/1.22.1", "/usr/local/nginx/modules"),
        ];
        for (said, expected) in table {
            assert_eq!(folder(said), Path::new(expected), "{said}");
            assert!(!built_in(said), "{said}");
        }
        let openresty = "--prefix=/usr/local/openresty/nginx --add-module=../ngx_lua-0.10.25 --add-module=../set-misc-0.33";
        assert!(built_in(openresty));
        assert!(!built_in("--add-dynamic-module=/build/lua-nginx-module-0.10"), "which has to be loaded");
    }
}
