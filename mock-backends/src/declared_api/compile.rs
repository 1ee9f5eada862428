//! From a file to an API: names become numbers, texts become templates, and everything that is wrong is said at once.

use super::api::DeclaredApi;
use super::compiler::Compiler;
use super::file::ApiFile;
use super::path::Pattern;
use super::routes::compile_route;
use super::scope::Scope;
use super::words::Words;
use lb_document::Problem;

/// Compiles a file with routes. The problems are at least one if there is no API.
pub(super) fn compile(file: &ApiFile) -> Result<DeclaredApi, Vec<Problem>> {
    let mut compiler = Compiler::new(file.session.is_some());
    let session = file.session.as_ref().and_then(|session| compiler.session(session));
    for (name, collection) in file.state.iter() {
        compiler.collection(name, collection);
    }
    compiler.words.service_time("service_time", file.service_time.as_ref());
    compiler.words.scope = Scope::of_every_request(compiler.has_session);
    let headers = compiler.words.headers("headers", &file.headers);
    let not_found = compiler.words.reply("not_found", file.not_found.as_ref(), 404, "no such resource");
    // Caches first: a route may invalidate the cache of one that follows.
    let mut caches = Vec::new();
    for (number, route) in file.routes.iter().enumerate() {
        let at = format!("routes[{number}].cache");
        caches.push(route.cache.as_ref().map(|cache| compiler.cache(&at, route, cache)));
    }
    let mut routes = Vec::new();
    for (number, (route, cache)) in file.routes.iter().zip(caches).enumerate() {
        let usual = file.service_time.clone();
        routes.extend(compile_route(&mut compiler, &format!("routes[{number}]"), route, cache, usual));
    }
    overlaps(file, &mut compiler.words.problems);
    if file.routes.is_empty() {
        let message = "missing; list at least one route, or name one of the APIs of the program as `builtin`";
        compiler.words.problems.push(Problem::of_key("routes", message));
    }
    let Compiler { words: Words { templates, problems, .. }, collections, caches, .. } = compiler;
    if !problems.is_empty() {
        return Err(problems);
    }
    routes.sort_by_key(|route| route.pattern.rank());
    let name = file.name.clone();
    Ok(DeclaredApi { name, templates, session, collections, caches, headers, routes, not_found })
}

/// Reports routes that take the same requests.
fn overlaps(file: &ApiFile, problems: &mut Vec<Problem>) {
    let patterns: Vec<Option<Pattern>> =
        file.routes.iter().map(|route| Pattern::parse(&route.path).ok()).collect();
    for (number, route) in file.routes.iter().enumerate() {
        let Some(pattern) = &patterns[number] else { continue };
        let earlier = file.routes[..number].iter().zip(&patterns).position(|(earlier, other)| {
            earlier.method == route.method && other.as_ref().is_some_and(|other| other.is_like(pattern))
        });
        if let Some(earlier) = earlier {
            let message = format!(
                "takes the same requests as routes[{earlier}] ({} {}); keep one of them",
                route.method.name(),
                file.routes[earlier].path
            );
            problems.push(Problem::at(
                format!("routes[{number}].path"),
                &route.path.as_str().into(),
                message,
            ));
        }
    }
}
