//! What a user can choose about an import.

use std::collections::BTreeMap;

/// Whether requests for static assets (images, styles, scripts, fonts) are imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Assets {
    /// They are imported like all others.
    #[default]
    Keep,
    /// They are left out.
    Drop,
}

/// Where passwords and keys go that no reply gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Secrets {
    /// Into a feed of the config, so that it runs at once.
    #[default]
    Feed,
    /// Nowhere: the config names environment variables.
    Env,
}

/// What a user can choose about an import. The default chooses nothing.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Hosts whose requests are imported. If empty, the host of the first request.
    pub hosts: Vec<String>,
    /// Whether static assets are imported.
    pub assets: Assets,
    /// Where passwords and keys go.
    pub secrets: Secrets,
    /// Address that requests are sent to, in place of the recorded one.
    pub url: Option<String>,
    /// Weights of actions, by method or by name of the action.
    pub weights: BTreeMap<String, f64>,
    /// Values of Postman variables, by name.
    pub variables: BTreeMap<String, String>,
}
