//! What the page of `bench ui` offers: packs, configs, algorithms and load balancers. The page and its server are `lb-web`.

mod choices;

pub use choices::choices;
